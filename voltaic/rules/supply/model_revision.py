"""Are the weights those of one commit, whenever the server starts?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "model-revision"
_ANY_COMMIT: Final = "0" * 40
_SOURCES: Final = (
    Source("huggingface.co/docs/huggingface_hub, download: a revision is a branch, a tag or the hash of a commit"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where tomorrow's start may load other weights than today's."""
    spec, model = subject.spec, _server.repository(subject)
    if spec is None or model is None or not _takes_revision(subject):
        return
    revision = spec.option("revision")
    trusted = bool(spec.option("trust_remote_code"))  # then `trust-remote-code` says it
    if trusted or _server.is_commit(revision) or _server.unread(subject, "--revision", "REVISION"):
        return
    if not _server.loads_from_hub(_server.told(subject)):
        return
    found = f"with revision {revision}, a branch or a tag," if revision else "without a revision"
    yield Finding(
        rule=ID,
        message=f"{model} is loaded {found} on {spec.release}; wanted is the hash of a commit, 40 hexadecimal digits.",
        why="Its owner may replace weights, tokenizer and chat template at any time; the next start takes them.",
        fix=f"Add --revision with the newest commit of https://huggingface.co/{model}/commits/main",
        sources=_SOURCES,
        about="--revision" if revision else None,
        path=None if revision else subject.container.path,
    )


def _takes_revision(subject: Subject) -> bool:
    """Return whether the release has an option for it; where its options are not known, nothing is said."""
    release = subject.spec.release if subject.spec is not None else None
    engine = engines.engine(release.engine) if release is not None else None
    if release is None or engine is None:
        return False
    return engine.parse(release.version, ("--revision", _ANY_COMMIT), {}).options.get("revision") == _ANY_COMMIT


RULE: Final = Rule(
    id=ID,
    title="Are the weights those of one commit, whenever the server starts?",
    why="A model that is named without a commit is whatever its owner put there last, on a day when nobody looks.",
    check=check,
    level="advisory",
    about="server",
    fix="Name the commit: --revision with its hash.",
    sources=_SOURCES,
)

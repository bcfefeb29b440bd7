"""Has a server the token that its model is given out for?"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic import models
from voltaic.engines import data
from voltaic.engines.tgi import options as tgi
from voltaic.engines.versions import parse_version
from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, mapping, text
from voltaic.manifests.variables import variables
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.variables import Variables
    from voltaic.manifests.views import Pod, Subject
    from voltaic.spec import Release

ID: Final = "gated-model-token"
_WANTED: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_SOURCES: Final = (
    Source("huggingface.co/docs/hub, gated models: 401 without the token of an account that accepted the terms"),
    Source("https://github.com/huggingface/text-generation-inference/issues/827", "reported"),
)


@cache
def _facts() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("hub_tokens.toml"))


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the download of a gated model ends with 401."""
    spec, model = subject.spec, _server.repository(subject)
    known = None if model is None else models.known_model(model)
    if spec is None or known is None or not known.gated:
        return
    told = _server.told(subject)
    if not _server.loads_from_hub(told) or _server.unread(subject) or _elsewhere(subject):
        return
    facts = _facts()
    if any(spec.option(option) for option in facts["python"]["options"]):
        return
    read = _read_by(spec.release, facts)
    if told.sets(*read):
        return
    yield Finding(
        rule=ID,
        message=f"{model} is gated, and {_found(told, spec.release, facts)}; wanted is a token from a Secret under "
        f"{' and '.join(name for name in _WANTED if name in read)}.",
        why="The hub answers 401 to a download without the token of an account that was let in: nothing is loaded.",
        fix="Add under env: name: "
        f"{next(name for name in _WANTED if name in read)}, valueFrom: {{secretKeyRef: {{name: SECRET, key: KEY}}}}; "
        "a cache that holds the weights already needs none with HF_HUB_OFFLINE=1.",
        sources=_SOURCES,
        path=f"{subject.container.path}.env",
    )


def _read_by(release: Release, facts: dict[str, Any]) -> tuple[str, ...]:
    """Return the variables in which this release looks for a token."""
    names = tuple(facts["python"]["variables"])
    version = parse_version(release.version)
    if release.engine != "tgi" or version is None:
        return names
    router = {variable.name for variable in tgi.options().variables if variable.in_release(version)}
    return tuple(name for name in names if name in router or name == "HF_TOKEN_PATH")


def _found(told: Variables, release: Release, facts: dict[str, Any]) -> str:
    unread = [name for name in (*_WANTED, *facts["mistaken"]["variables"]) if told.sets(name)]
    return f"{release} does not read the token under {' and '.join(unread)}" if unread else "no token is given"


def _elsewhere(subject: Subject) -> bool:
    """Return whether a token, or the weights, may come another way: from a file, or by another container."""
    pod, own = subject.pod, subject.container
    if any(other.init for other in pod.containers) or any(_is_secret(pod, mount) for mount, _ in own.mounts()):
        return True
    others = (other for other in pod.containers if other is not own)
    return any(variables(other, subject.others, pod.namespace).sets(*_WANTED) for other in others)


def _is_secret(pod: Pod, mount: dict[str, Any]) -> bool:
    volume, _ = pod.volumes.get(text(mount.get("name")) or "", ({}, ""))
    sources = items(at(volume, "projected", "sources"))
    return "secret" in volume or "csi" in volume or any("secret" in mapping(source) for source in sources)


RULE: Final = Rule(
    id=ID,
    title="Has a server the token that its model is given out for?",
    why="A gated model is downloaded only with the token of an account that accepted its terms.",
    check=check,
    level="advisory",
    about="server",
    fix="Give the token from a Secret, under the name that this release reads.",
    sources=_SOURCES,
)

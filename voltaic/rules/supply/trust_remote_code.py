"""Does the server run code that came with the weights?"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voltaic import models
from voltaic.engines import data
from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "trust-remote-code"
_BUILT_IN: Final = frozenset({"bloom", "gpt2", "gpt_neox", "gptj", "llama", "mistral", "opt"})
"""Families that every release of an engine which is known here brings classes for (transformers 4.34.0, models)."""
_SOURCES: Final = (
    Source("huggingface.co/docs/transformers, custom models: trust_remote_code runs Python files of the repository"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where that code is not pinned, or not needed; pinned code that is needed is legal."""
    spec, model = subject.spec, _server.repository(subject)
    if spec is None or model is None or not spec.option("trust_remote_code"):
        return
    revision = spec.option("revision")
    pinned = _server.is_commit(revision) or _server.unread(subject, "--revision", "REVISION")
    needed = _needs_code(model)
    if pinned and needed is not False:
        return
    if pinned:
        found = f"--trust-remote-code is set, and {model} needs no code of its own; wanted is to leave it away."
        fix = "Take --trust-remote-code away: the classes of this model come with the engine."
    else:
        at = f"of {revision}, a branch or a tag" if revision else "of the newest commit"
        found = f"--trust-remote-code runs the Python files {at} of {model}; wanted is a commit that was read."
        fix = "Read the repository's .py files, then add --revision with the hash of that commit."
        if needed is False:
            fix = "Take --trust-remote-code away: the classes of this model come with the engine. Pin --revision too."
    yield Finding(
        rule=ID,
        message=found,
        why="Whoever may write to that repository runs code in the pod, with its keys, its network and its GPU.",
        fix=fix,
        sources=_SOURCES,
        about="--trust-remote-code",
    )


def _needs_code(model: str) -> bool | None:
    """Return whether a model's class comes with its weights; None where that is not known of every release."""
    known = models.known_model(model)
    if known is None:
        return None
    family = str(known.config.get("model_type"))
    return False if family in _BUILT_IN else True if family in _custom() else None


@cache
def _custom() -> frozenset[str]:
    """Return the families whose classes are in the repositories of their models."""
    folder = Path(models.__file__).parent / "families"
    rows = data.table(folder / "custom.toml").items()
    return frozenset(name for name, row in rows if isinstance(row, dict) and "fields" in row)


RULE: Final = Rule(
    id=ID,
    title="Does the server run code that came with the weights?",
    why="trust-remote-code turns a download of weights into a program of somebody else, in a pod that holds keys.",
    check=check,
    level="advisory",
    about="server",
    fix="Leave --trust-remote-code away; where the model needs it, pin the commit whose code was read.",
    sources=_SOURCES,
)

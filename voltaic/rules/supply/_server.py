"""What the rules of this family ask of a server beside its options."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voltaic.manifests.variables import Variables
    from voltaic.manifests.views import Subject

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
"""A repository of the Hugging Face hub: owner and name, nothing before and nothing behind."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_OF_FILES: Final = "llama.cpp"
"""Engine that loads one file, converted by somebody and given out under rights of its own."""
OTHER_HUBS: Final = ("VLLM_USE_MODELSCOPE", "LMDEPLOY_USE_MODELSCOPE", "SGLANG_USE_MODELSCOPE", "HF_ENDPOINT")
"""Variables with which models come from elsewhere, under revisions and rights of their own."""
_SOURCES_OF_VARIABLES: Final = frozenset({"command", "env", "envFrom"})
"""Where a fault stands with which variables may be set that are not known here."""
OFFLINE: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def repository(subject: Subject) -> str | None:
    """Return the repository on the hub that a server loads; None where it is a folder, a bucket, or cannot be read."""
    spec = subject.spec
    if spec is None or spec.release.engine == _OF_FILES:
        return None
    model = spec.model.id
    return model if model is not None and _HUB_ID.fullmatch(model) else None


def is_commit(revision: object) -> bool:
    """Return whether a revision is the hash of a commit, which never changes."""
    return isinstance(revision, str) and _COMMIT.fullmatch(revision) is not None


def told(subject: Subject) -> Variables:
    """Return the variables of a server, as far as the input tells: those of its container, and those of a script."""
    found = subject.variables
    if subject.spec is None:
        return found
    command = subject.spec.command
    hidden = any(fault.unreadable and fault.where in _SOURCES_OF_VARIABLES for fault in command.faults)
    return replace(found, values={**command.env, **found.values}, whole=found.whole and not hidden)


def loads_from_hub(told_here: Variables) -> bool:
    """Return whether a server fetches from the Hugging Face hub itself, for certain."""
    return told_here.whole and not told_here.sets(*OTHER_HUBS) and not told_here.sets(*OFFLINE)


def unread(subject: Subject, *about: str) -> bool:
    """Return whether the command line, or what these options are set to, cannot be read."""
    spec = subject.spec
    faults = spec.command.faults if spec is not None else ()
    return spec is None or any(fault.unreadable and fault.where in {"command", *about} for fault in faults)

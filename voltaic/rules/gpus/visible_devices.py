"""Is it left to the device plugin which GPUs a container sees?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, text, unfilled
from voltaic.rules.gpus._resources import gpus
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "visible-devices"
_GIVEN: Final = ("NVIDIA_VISIBLE_DEVICES", "AMD_VISIBLE_DEVICES")
"""Variables with which the container runtime is told which GPUs to give: the device plugin's own."""
_HIDING: Final = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
"""Variables with which a program hides GPUs that it was given."""
_NONE: Final = frozenset({"", "void", "none"})
_SOURCES: Final = (
    Source("https://github.com/NVIDIA/k8s-device-plugin/issues/87 and 1294: the variable gives GPUs beside the plugin"),
    Source("https://github.com/otwld/ollama-helm/issues/98: every pod saw all GPUs of the node", "reported"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for the first such variable, but for what takes no GPU away and adds none."""
    container = subject.container
    count = gpus(container)
    for name in (*_GIVEN, *_HIDING):
        entry, path = container.variables.get(name, (None, ""))
        value = text(at(entry, "value"))
        if value is None or unfilled(value) or "$(" in value:
            continue
        if name in _GIVEN:
            message = _given(name, value, count)
        else:
            # How many GPUs a server needs is known, so that the verdict says which it has to see.
            message = None if container.role == "server" else _hidden(name, value, count)
        if message is None:
            continue
        yield Finding(
            rule=ID,
            message=message,
            why="The device plugin gives the GPUs that are asked for; a value of one's own adds those of others, "
            "or hides one's own.",
            fix=f"Remove {name}."
            if count
            else f"Remove {name}, or write void; ask for GPUs under resources.limits where they are needed.",
            sources=_SOURCES,
            about=name,
            path=path,
        )
        return


def _given(name: str, value: str, count: int) -> str | None:
    if value.strip() in _NONE and not count:
        return None  # an image that would otherwise be given all GPUs is told not to be
    if count:
        return f"{name} is {value or 'empty'} beside the GPUs of the device plugin; wanted is that it is not set."
    return f"{name} is {value} in a container that asks for no GPU; wanted is void, or that it is not set."


def _hidden(name: str, value: str, count: int) -> str | None:
    listed = [entry.strip() for entry in value.split(",")]
    numbers = {entry for entry in listed if entry.isdecimal()}
    if not count or len(numbers) != len(listed) or {str(index) for index in range(count)} <= numbers:
        return None  # nothing to hide, devices by their names, or all of them
    seen = len([entry for entry in listed if int(entry) < count])
    return f"{name} is {value}, so that the program sees {seen} of the {count} GPUs that it holds."


RULE: Final = Rule(
    id=ID,
    title="Is it left to the device plugin which GPUs a container sees?",
    why="A container that is told to see all GPUs of a node takes those of others; one that hides its own wastes them.",
    check=check,
    about="container",
    foreign="advisory",
    fix="Remove NVIDIA_VISIBLE_DEVICES and CUDA_VISIBLE_DEVICES; the device plugin gives what is asked for.",
    sources=_SOURCES,
)

"""Does a container hold a GPU on which it computes nothing?"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines import data
from voltaic.findings import Finding
from voltaic.manifests.accelerators import resource_names
from voltaic.manifests.plain import items, text
from voltaic.rules.gpus._resources import asked, gpus
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Container, Pod, Subject

ID: Final = "gpu-without-engine"


@cache
def _facts() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("programs.toml"))


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a chat page, or a container that is known for something else, asks for a GPU."""
    container = subject.container
    held = next((one for one in asked(container, "limits") if one.count), None)
    what = _what(container)
    if container.role == "server" or held is None or what is None or _lent(subject.pod, container):
        return
    facts = _facts()
    yield Finding(
        rule=ID,
        message=f"The container {container.name} asks for {held.count} {held.name}, and {what} computes nothing there.",
        why="A GPU belongs to the container that asks for it as long as the pod lives, whether it is used or not.",
        fix=f"Remove {held.name} from the resources of {container.name}.",
        sources=(data.source(facts["source"], facts["confidence"]),),
        path=held.path,
    )


def _what(container: Container) -> str | None:
    """Return what a container is that computes nothing on a GPU; None where it may compute."""
    facts, image = _facts(), container.image
    if container.role == "page":
        flavours = re.split(r"[-_.]", image.tag or "") if image is not None else []
        return None if set(flavours) & set(facts["pages"]["computing"]) else "a chat page"
    words = [*items(container.content.get("command")), *items(container.content.get("args"))]
    program = (text(words[0]) or "").rpartition("/")[2] if words else ""
    if program in facts["programs"]:
        return program
    if image is not None and image.repository in facts["images"] and not items(container.content.get("command")):
        return image.repository
    return None


def _lent(pod: Pod, container: Container) -> bool:
    """Return whether an init container uses GPUs that the pod's other containers hold afterwards anyway."""
    afterwards = sum(gpus(one) for one in pod.containers if not one.init)
    names = {one.name for one in asked(container, "limits")}
    return container.init and names <= set(resource_names()) and gpus(container) <= afterwards


RULE: Final = Rule(
    id=ID,
    title="Does a container hold a GPU on which it computes nothing?",
    why="A GPU belongs to the container that asks for it, and nobody else gets it.",
    check=check,
    level="advisory",
    about="container",
    fix="Remove the GPU from the resources of containers that run no engine.",
)

"""Does the annotation that names the GPUs agree with the nodes that are selected and with the limit?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import hardware, kubernetes_names
from voltaic.findings import Finding, Source
from voltaic.manifests.documents import joined
from voltaic.rules.gpus._placement import choices, refused
from voltaic.rules.gpus._resources import gpus, of_pod
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.hardware import GpuModel
    from voltaic.manifests.views import Pod, Subject

ID: Final = "profile-annotation"
_NAME: Final = kubernetes_names.PROFILE_ANNOTATION
_SOURCES: Final = (Source("voltaic/manifests/accelerators.py: labels decide, then the annotation", "derived"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the annotation names another GPU model than the node labels, or another number of GPUs."""
    stated = subject.pod.annotation(_NAME)
    try:
        profile = hardware.profile(stated) if stated else None
    except hardware.UnknownProfile:
        return  # the verdict says so
    if profile is None:
        return
    asked, together = gpus(subject.container), of_pod(subject.pod)
    if _excluded(subject.pod, profile.gpu):
        message = f"The annotation {_NAME} says {stated}, and the nodes that are selected have another GPU."
        why = "Where labels name the GPU they decide, so that the annotation says what nobody judges."
    elif asked and profile.count not in {asked, together}:
        message = f"The annotation {_NAME} says {stated}, which is {profile.count}, and the limit is {asked}."
        why = "The limit decides, so that the annotation says what nobody judges."
    else:
        return
    yield Finding(
        rule=ID,
        message=message,
        why=why,
        fix="Write the profile that the pod gets, or remove the annotation.",
        sources=_SOURCES,
        path=joined(subject.pod.holder.template_path, "metadata", "annotations"),
    )


def _excluded(pod: Pod, gpu: GpuModel) -> bool:
    """Return whether no node that is selected has this GPU model."""
    placed = choices(pod)
    name = gpu.slice_of or gpu.name
    return bool(placed) and all(
        (choice.gpus is not None and name not in {one.slice_of or one.name for one in choice.gpus})
        or refused(gpu, choice) is not None
        for choice in placed
    )


RULE: Final = Rule(
    id=ID,
    title="Does the annotation that names the GPUs agree with nodes and limit?",
    why="Who reads the annotation believes in GPUs that the pod does not get.",
    check=check,
    level="advisory",
    about="server",
    fix="Write the profile that the pod gets, or remove the annotation.",
    sources=_SOURCES,
)

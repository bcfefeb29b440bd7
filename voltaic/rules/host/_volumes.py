"""What a directory of a container lies on: a volume of the pod, a claim, or the container's own layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voltaic.engines import pods
from voltaic.manifests.plain import at, items, mapping, text

if TYPE_CHECKING:
    from voltaic.manifests.documents import Object
    from voltaic.manifests.views import Container, Pod, Subject
    from voltaic.spec import ServingSpec

SHARED_MEMORY = "/dev/shm"  # noqa: S108  the directory itself
KEPT = ("persistentVolumeClaim", "hostPath", "nfs", "csi", "iscsi", "fc", "cephfs", "rbd", "glusterfs", "azureFile")
"""Volumes that outlive the pod."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a directory lies."""

    directory: str
    mount: dict[str, Any] | None
    """None: in the container's own layer."""
    volume: dict[str, Any] | None
    """None: in the container's own layer, or on a volume that cannot be read."""
    template: dict[str, Any] | None
    """The claim that the object makes for each pod, where the volume is one (volumeClaimTemplates)."""
    path: str
    """Field of the document that says so."""

    @property
    def empty_dir(self) -> dict[str, Any] | None:
        """The emptyDir that it is; None where it is none."""
        if self.volume is None or "emptyDir" not in self.volume:
            return None
        return mapping(self.volume["emptyDir"])

    @property
    def claim(self) -> str | None:
        """Name of the claim that it is; None where it is none."""
        return text(at(self.volume, "persistentVolumeClaim", "claimName"))

    @property
    def goes_with_the_pod(self) -> bool:
        """Whether it is gone when the pod is replaced."""
        return self.empty_dir is not None or at(self.volume, "ephemeral") is not None


def place(pod: Pod, container: Container, directory: str) -> Place:
    """Return what a directory of a container lies on."""
    mount = container.mounted_at(directory)
    if mount is None:
        return Place(directory, None, None, None, container.path)
    name = str(mount.get("name"))
    if name in pod.volumes:
        volume, path = pod.volumes[name]
        return Place(directory, mount, volume, None, path)
    for index, template in enumerate(items(at(pod.holder.content, "spec", "volumeClaimTemplates"))):
        if at(template, "metadata", "name") == name:
            path = f"{pod.object_path}.volumeClaimTemplates[{index}]"
            return Place(directory, mount, None, mapping(template), path)
    return Place(directory, mount, None, None, f"{container.path}.volumeMounts")


def runs_as_root(pod: Pod, container: Container) -> bool | None:
    """Return whether the container runs as root; None where the image decides, which its facts know."""
    for owner in (container.content, pod.spec):
        user = at(owner, "securityContext", "runAsUser")
        if user is not None:
            return bool(user == 0)
    if any(at(owner, "securityContext", "runAsNonRoot") is True for owner in (container.content, pod.spec)):
        return False
    return None


# The last server asked about, and the answer: several rules ask about one after the other. It is replaced as a whole.
_last: tuple[Container | None, ServingSpec | None, Place | None] = (None, None, None)


def weights(subject: Subject) -> Place | None:
    """Return where the server downloads its weights to; None where that is not known, or nothing is downloaded."""
    global _last  # noqa: PLW0603  the memory described above
    container, spec, answer = _last
    if container is not subject.container or spec is not subject.spec:
        answer = _weights(subject)
        _last = (subject.container, subject.spec, answer)
    return answer


def _weights(subject: Subject) -> Place | None:
    spec, container = subject.spec, subject.container
    if spec is None:
        return None
    repository = container.image.repository if container.image is not None else None
    root = runs_as_root(subject.pod, container)
    directory = pods.weights_directory(spec, repository, root=root is not False)
    return None if directory is None else place(subject.pod, container, directory)


def claim(subject: Subject, name: str | None) -> Object | None:
    """Return the claim that a volume of the pod names; None where the input does not have it, or several of them."""
    if name is None:
        return None
    pod = subject.pod
    others, document = subject.others, pod.holder.document
    return others.beside("PersistentVolumeClaim", name, namespace=pod.namespace, document=document)

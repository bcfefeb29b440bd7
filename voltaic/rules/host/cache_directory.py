"""Is the model downloaded to a volume?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs, units
from voltaic.findings import Finding, Source
from voltaic.rules.host import _volumes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "cache-directory"
_SOURCES: Final = (
    Source("huggingface_hub constants.py: HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, ~/.cache/huggingface/hub"),
    Source(
        "kubernetes.io, Local ephemeral storage: what containers write counts against the node's disk, pods "
        "above are evicted"
    ),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where weights are downloaded to the container's own layer."""
    place = _volumes.weights(subject)
    if place is None or place.mount is not None or subject.pod.holder.kind in {"Job", "CronJob"}:
        return
    size = None if subject.spec is None else host_needs.checkpoint(subject.spec)
    what = "the model" if size is None else f"{units.gib(size)} of weights"
    beside = _kept(subject)
    other = f"; the volume at {beside} is not where the engine looks" if beside else ""
    change = (
        f"mount it at {place.directory}, or name a directory below {beside} in HF_HOME"
        if beside
        else f"mount one at {place.directory}"
    )
    yield Finding(
        rule=ID,
        message=f"The model is downloaded to {place.directory}, where no volume is mounted{other}.",
        why=(
            f"Every restart of the container downloads {what} again, onto the node's own disk, from which pods "
            "are evicted."
        ),
        fix=f"Keep the model on a persistentVolumeClaim: {change}.",
        sources=_SOURCES,
        path=place.path,
    )


def _kept(subject: Subject) -> str | None:
    """Return where a volume is mounted that outlives the pod, and so may be meant for the model."""
    for mount, _ in subject.container.mounts():
        volume, _ = subject.pod.volumes.get(str(mount.get("name")), ({}, ""))
        if any(kind in volume for kind in _volumes.KEPT):
            return str(mount.get("mountPath"))
    return None


RULE: Final = Rule(
    id=ID,
    title="Is the model downloaded to a volume?",
    why=(
        "What is downloaded into the container's own layer is gone with every restart, and fills the node's "
        "system disk."
    ),
    check=check,
    about="server",
    foreign="advisory",
    fix="Mount a volume where the engine keeps models, or set HF_HOME to a directory on one.",
    sources=_SOURCES,
)

"""Is the model kept when the pod is replaced?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs, units
from voltaic.findings import Finding, Source
from voltaic.rules.host import _volumes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "cache-lost"
_SOURCES: Final = (Source("kubernetes.io, Volumes, emptyDir: deleted for ever when the pod is removed from its node"),)
_SHORT_LIVED: Final = frozenset({"Job", "CronJob"})


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where weights are downloaded to a volume that goes with the pod."""
    place = _volumes.weights(subject)
    if place is None or not place.goes_with_the_pod or subject.pod.holder.kind in _SHORT_LIVED:
        return
    size = None if subject.spec is None else host_needs.checkpoint(subject.spec)
    what = "the model" if size is None else f"{units.gib(size)} of weights"
    kind = "an emptyDir" if place.empty_dir is not None else "a volume of the pod's own"
    yield Finding(
        rule=ID,
        message=f"The model is kept in {place.directory}, on {kind}; wanted is a volume that outlives the pod.",
        why=f"Every new pod downloads {what} again, while its GPUs wait.",
        fix=f"Mount a persistentVolumeClaim at {place.directory} in place of it.",
        sources=_SOURCES,
        path=place.path,
    )


RULE: Final = Rule(
    id=ID,
    title="Is the model kept when the pod is replaced?",
    why="A cache that goes with the pod is downloaded again at every update and every eviction, while GPUs wait.",
    check=check,
    level="advisory",
    about="server",
    fix="Keep the model on a persistentVolumeClaim.",
    sources=_SOURCES,
)

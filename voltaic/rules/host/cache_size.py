"""Is the volume for the model as large as the model?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic import host_needs, units
from voltaic.findings import Finding, Source
from voltaic.manifests import views
from voltaic.manifests.plain import at, mapping
from voltaic.rules.host import _volumes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "cache-size"
_SOURCES: Final = (
    Source("kubernetes.io, Volumes, emptyDir: a pod that exceeds sizeLimit is evicted"),
    Source(
        "kubernetes.io, Local ephemeral storage: a pod that writes more than its limit is evicted; emptyDir "
        "volumes count"
    ),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where what keeps the weights is smaller than they are."""
    place = _volumes.weights(subject)
    size = None if subject.spec is None else host_needs.checkpoint(subject.spec)
    if place is None or size is None:
        return
    for what, bytes_, path, field in (*_volume(subject, place), *_node_disk(subject, place)):
        if bytes_ is None or bytes_ >= size:
            continue
        enough = units.quantity(units.round_up(size, units.GIB))
        yield Finding(
            rule=ID,
            message=(
                f"{what} of {units.gib(bytes_)} keeps {place.directory}; the weights of {_model(subject)} are "
                f"{units.gib(size)}."
            ),
            why="The download ends where the space does: with an error on a full volume, or the eviction of the pod.",
            fix=f"Set {field}: {enough} or more; twice that keeps the old model beside a new one.",
            sources=_SOURCES,
            path=path,
        )
        return


_Bound = tuple[str, int | None, str, str]
"""What bounds the space, bytes, field of the document, and the field's name for people."""


def _volume(subject: Subject, place: _volumes.Place) -> Iterator[_Bound]:
    if place.claim is not None:
        claim = _volumes.claim(subject, place.claim)
        if claim is not None:
            yield (
                f"The claim {place.claim}",
                _storage(claim.content),
                place.path,
                "spec.resources.requests.storage of the claim",
            )
    elif place.template is not None:
        yield (
            "A claim of volumeClaimTemplates",
            _storage(place.template),
            place.path,
            "spec.resources.requests.storage of the template",
        )
    elif at(place.volume, "ephemeral") is not None:
        template = mapping(at(place.volume, "ephemeral", "volumeClaimTemplate"))
        yield (
            "A volume of the pod's own",
            _storage(template),
            place.path,
            "spec.resources.requests.storage of its template",
        )
    elif place.empty_dir is not None:
        limit = views.size(place.empty_dir.get("sizeLimit"))
        yield "An emptyDir with a sizeLimit", limit, f"{place.path}.emptyDir.sizeLimit", "sizeLimit"


def _node_disk(subject: Subject, place: _volumes.Place) -> Iterator[_Bound]:
    """Yield the limit on what the pod writes to its node's disk, where the weights are part of that."""
    if place.mount is not None and (place.empty_dir is None or place.empty_dir.get("medium") == "Memory"):
        return
    name, field = "ephemeral-storage", "resources.limits.ephemeral-storage"
    stated = [views.size(one.limit(name)) for one in subject.pod.containers if not one.init]
    own = views.size(subject.container.limit(name))
    # Volumes count against the limits of all containers together, a container's layer against its own.
    known = [limit for limit in stated if limit is not None]
    bound = own if place.mount is None else sum(known) if known else None
    yield "A limit on ephemeral-storage", bound, f"{subject.container.path}.{field}", field


def _storage(claim: Any) -> int | None:
    return views.size(at(claim, "spec", "resources", "requests", "storage"))


def _model(subject: Subject) -> str:
    return (subject.spec.model.id if subject.spec is not None else None) or "the model"


RULE: Final = Rule(
    id=ID,
    title="Is the volume for the model as large as the model?",
    why="A download that does not fit ends with an error, or with the eviction of the pod, after minutes.",
    check=check,
    about="server",
    foreign="advisory",
    whole_input=True,
    fix="Make the volume as large as the checkpoint, better twice as large.",
    sources=_SOURCES,
)

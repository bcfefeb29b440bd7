"""What becomes of pods and of the data beside them, read from the steps of a preview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cli.pull_request.compare import facts, within
from cli.pull_request.model import Pods, Volume
from voltaic import kubernetes_names
from voltaic.manifests.documents import POD_TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.pull_request.model import Step

SERVER = "voltaic:index:TGIServer"
"""Type of the stack's own model server."""
VOLUMES: Final = ("PersistentVolumeClaim", "PersistentVolume", "Namespace")
"""Kinds whose deletion deletes data; a namespace takes all claims in it along."""
_WHOLE: Final = ("Pod", "PodTemplate")
_RUNS: Final = frozenset(POD_TEMPLATES) - {"PodTemplate", "CronJob"}


def pods(steps: Sequence[Step]) -> tuple[Pods, ...]:
    """Return what becomes of pods, where something does."""
    return tuple(found for step in steps if (found := _pods(step)) is not None)


def _pods(step: Step) -> Pods | None:
    if not step.is_kubernetes or step.kind not in _RUNS:
        return None
    count, before = _count(step.new, step.kind), _count(step.old, step.kind)
    fate: Any = None
    if step.op in {"create", "import"}:
        fate = "starts"
    elif step.op == "delete":
        fate = None if step.retained else "stops"
    elif step.op == "replace":
        fate = "restarts"
    elif step.op == "update":
        template = ".".join(POD_TEMPLATES[step.kind])
        if any(not template or within(path, template) for path in step.paths):
            fate = "restarts"
        elif count != before:
            fate = "scales"
    if fate is None:
        return None
    return Pods(
        kind=step.kind,
        name=object_name(step),
        fate=fate,
        count=count,
        before=before,
        all_at_once=step.op == "replace" or _all_at_once(step),
        is_server=f"{SERVER}$" in step.urn and step.kind == "Deployment",
    )


def _count(inputs: Mapping[str, Any] | None, kind: str) -> int | None:
    if inputs is None or kind in {"DaemonSet", "Job"}:
        return None
    count = _at(inputs, "spec", "replicas")
    if count is None or kind == "Pod":
        return 1
    return int(count) if isinstance(count, int | float) and not isinstance(count, bool) else None


def _all_at_once(step: Step) -> bool:
    """Return whether all pods end before a new one starts; a Deployment rolls unless it is told otherwise."""
    if step.kind == "Deployment":
        return bool(_at(step.inputs, "spec", "strategy", "type") == "Recreate")
    return step.kind in {"Pod", "Job"}


def volumes(steps: Sequence[Step]) -> tuple[Volume, ...]:
    """Return what becomes of volumes, the lost ones first."""
    found = [volume for step in steps if (volume := _volume(step)) is not None]
    order = ("lost", "released", "changes", "new", "stays")
    return tuple(sorted(found, key=lambda volume: order.index(volume.fate)))


def _volume(step: Step) -> Volume | None:
    if not step.is_kubernetes or step.kind not in VOLUMES:
        return None
    gone = "released" if step.retained else "lost"
    fates: Mapping[str, Any] = {
        "create": "new",
        "import": "new",
        "update": "changes" if any(within(path, "spec") for path in step.paths) else "stays",
        "replace": gone,
        "delete": gone,
        "same": "stays",
    }
    fate = fates.get(step.op)
    if fate is None or (step.kind == "Namespace" and fate not in {"lost", "released"}):
        return None
    role = _at(step.inputs, "metadata", "labels", kubernetes_names.OWN_LABELS[2])
    holds = facts()["holds"].get(role, "") if isinstance(role, str) and role in facts()["holds"] else ""
    return Volume(step.kind, object_name(step), fate, replaced=step.op == "replace", holds=holds)


def object_name(step: Step) -> str:
    """Return the name of an object in the cluster, or its logical name where that is not known."""
    name = _at(step.inputs, "metadata", "name")
    return name if isinstance(name, str) and name else step.name


def server_inputs(steps: Sequence[Step]) -> Iterator[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]:
    """Yield the properties of each of our own servers, before and after."""
    for step in steps:
        if step.type == SERVER:
            yield step.old, step.new


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value

"""From Kubernetes objects to serving specs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from voltaic import engines, kubernetes_names, models
from voltaic.manifests import accelerators
from voltaic.manifests.containers import command_line
from voltaic.manifests.controllers import completed, made
from voltaic.manifests.documents import joined, objects, pod_objects
from voltaic.manifests.kinds import kind_of
from voltaic.manifests.known_servers import is_page
from voltaic.manifests.links import links, services
from voltaic.manifests.plain import at, items, mapping, names_in, text
from voltaic.manifests.servers import NoServer, of_view
from voltaic.manifests.shapes import shaped
from voltaic.manifests.variables import variables
from voltaic.manifests.views import Container, Objects, Pod
from voltaic.manifests.workload import Workload
from voltaic.spec import Fault, Model, Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from voltaic.hardware import Profile
    from voltaic.manifests.documents import Document, Object, PodObject
    from voltaic.manifests.kinds import Kind
    from voltaic.manifests.links import Services
    from voltaic.manifests.servers import Server
    from voltaic.manifests.variables import Variables
    from voltaic.manifests.views import Role
    from voltaic.spec import CommandLine

__all__ = ["Workload", "containers_of", "workloads"]


_PATCH: Final = "a container without an image, which Kubernetes refuses, is a patch of something that stands elsewhere"


@dataclass(frozen=True, slots=True)
class _Input:
    """What all objects of an input are read with."""

    profile: Profile | None
    others: Objects
    linked: Services


def workloads(documents: Iterable[Document], *, profile: Profile | None = None) -> tuple[Workload, ...]:
    """Return the objects that hold pods, in order, each server container with its serving spec.

    Other objects are left out. Never raises, whatever the documents hold.

    Args:
        documents: parsed YAML or JSON, of any shape; of all files of an input, since some refer to others.
        profile: the GPUs to assume where neither node labels nor the annotation `voltaic/profile` name the GPU model.
    """
    every = tuple(objects(documents))
    given = _Input(profile, Objects(every), services(every))
    return tuple(workload for one in every for workload in _of_object(one, given))


def _of_object(one: Object, given: _Input) -> Iterator[Workload]:
    kind = kind_of(one.kind, text(one.content.get("apiVersion")))
    if kind is None:
        for holder in shaped(one):
            yield from (found for found in _of_pod(holder, given) if found.spec is not None)
        return
    pods = [list(_of_pod(holder, given)) for holder in pod_objects([one])]
    if kind.template:
        yield _template(kind, pods[0][0])
        return
    servers = [workload for found in pods for workload in found if workload.spec is not None]
    yield from servers or [_listed(kind, [workload for found in pods for workload in found])]


def _template(kind: Kind, first: Workload) -> Workload:
    """Return an object of which nothing runs alone: whatever its containers are, nothing is asked about them."""
    pod = first.pod
    if pod is not None:
        pod = replace(pod, containers=tuple(replace(view, role="other") for view in pod.containers))
    return replace(first, container=None, recognised=None, spec=None, reason=kind.listed, view=None, pod=pod)


def _listed(kind: Kind, found: list[Workload]) -> Workload:
    """Return an object that runs no server which can be judged, with all that its pods say about why."""
    said = [one.reason for one in found if one.reason and one.pod is not None and one.pod.containers]
    reason = "; ".join(dict.fromkeys(said)) or None
    if kind.listed is not None and reason is None:
        reason = kind.listed
    if reason is None and not any(one.pod is not None and one.pod.containers for one in found):
        reason = "no containers that can be read"
    if kind.first is not None:
        reason = kind.partial
    first = next((one for one in found if one.pod is not None and one.pod.containers), found[0])
    return replace(first, reason=reason, part=None)


def _of_pod(holder: PodObject, given: _Input) -> Iterator[Workload]:
    holder, extra = completed(holder, given.others)
    if holder.partial is None and any("image" not in mapping(entry) for entry in items(holder.spec.get("containers"))):
        holder = replace(holder, partial=_PATCH)
    views = [*extra, *containers_of(holder)]
    found: list[tuple[Container, Variables, Server | NoServer]] = []
    for view in views:
        if not view.init:
            own = variables(view, given.others, holder.namespace, document=holder.document, injected=holder.injected)
            found.append((view, own, _recognised(view, _values(holder, view, own))))
    served = [
        (view, own, server, _served(holder, view, server, own, given))
        for view, own, server in found
        if not isinstance(server, NoServer)
    ]
    judged = {view.path for view, _, _, workload in served if workload.recognised}
    pages = {view.path for view, _, server in found if isinstance(server, NoServer) and is_page(view)}
    pod = Pod(holder, tuple(replace(view, role=_role(view, judged, pages)) for view in views))
    if served:
        seen = {view.path: view for view in pod.containers}
        for view, own, server, workload in served:
            yield replace(workload, pod=pod, view=seen[view.path], part=holder.part, words=server.words, variables=own)
        return
    reasons = [server.reason for _, _, server in found if isinstance(server, NoServer) and server.reason]
    yield replace(_workload(holder, None, None, None, "; ".join(dict.fromkeys(reasons)) or None), pod=pod)


def _values(holder: PodObject, view: Container, own: Variables) -> dict[str, str | None]:
    """Return the variables of a container, with those that something which is not read may set as not known."""
    if own.whole and holder.partial is None:
        return own.values
    words = (word for word, _ in (*view.words, *view.given))
    return {**{name: None for word in words for name in names_in(word)}, **own.values}


def _recognised(view: Container, values: dict[str, str | None]) -> Server | NoServer:
    """Return what a container is, as far as its controller lets it be told."""
    found = of_view(view, values)
    if view.made is None or view.made.unread is None:
        return found
    if isinstance(found, NoServer) or view.made.partly:
        reason = found.reason if isinstance(found, NoServer) and view.reference else None
        return NoServer(reason or view.made.unread)
    return replace(found, words=(), unreadable=view.made.unread)


def _role(view: Container, servers: Collection[str], pages: Collection[str]) -> Role:
    return "server" if view.path in servers else "page" if view.path in pages else "other"


def containers_of(holder: PodObject) -> list[Container]:
    """Return the containers of a pod in order, then its init containers."""
    pod, path = holder.spec, holder.spec_path
    views = [
        Container(mapping(entry), joined(path, f"containers[{index}]"))
        for index, entry in enumerate(items(pod.get("containers")))
    ]
    for index, entry in enumerate(items(pod.get("initContainers"))):
        # A container that starts before the others and stays counts as one of them (restartPolicy Always).
        ends = at(entry, "restartPolicy") != "Always"
        views.append(Container(mapping(entry), joined(path, f"initContainers[{index}]"), init=ends))
    if holder.partial is None:
        return views
    return [replace(view, made=made(holder, view)) for view in views]


def _workload(
    holder: PodObject, container: str | None, engine: str | None, spec: ServingSpec | None, reason: str | None
) -> Workload:
    document = holder.document
    return Workload(document.file, document.number, holder.kind, holder.name, container, engine, spec, reason)


def _served(holder: PodObject, view: Container, server: Server, own: Variables, given: _Input) -> Workload:
    name = view.name
    count = accelerators.count(view.content)
    if count.foreign is not None:
        return _workload(holder, None, None, None, f"asks for {count.foreign}, another kind of accelerator")
    engine = engines.engine(server.engine)
    if engine is None:
        return _workload(holder, None, None, None, f"{server.engine} is not judged yet")
    if server.version is None and server.changed is None:
        server = replace(server, version=_stated_release(holder, view.content))
    starts = "command" if view.content.get("command") else "args" if view.content.get("args") else "image"
    where = joined(view.path, starts) if starts in view.content else view.path
    command = command_line(server, engine, own, links(holder, server.links, given.linked, own.values), where)
    count = _alone(holder, view, server, count)
    if count.gpus is None:
        message = f"how many GPUs the pod gets cannot be read: {count.reason}"
        if count.refused:
            message = f"{count.reason}, so that Kubernetes refuses the pod"
        fix = "set the limit to a whole number of GPUs"
        path = f"{view.path}.resources"
        fault = Fault("resources.limits", message, fix, unreadable=not count.refused, path=path)
        command = replace(command, faults=(*command.faults, fault))
    card = accelerators.slice_of(accelerators.card(holder, given.profile, count.resource), count.profile)
    part = f"/{holder.part}" if holder.part and not holder.part.startswith("spec") else ""
    spec = ServingSpec(
        release=Release(server.engine, server.version),
        gpu=card.gpu,
        gpus=count.gpus,
        model=_model(command, server, view),
        command=command,
        id=f"{holder.kind}/{holder.name or 'without-a-name'}{part}" + (f"/{name}" if name else ""),
        gpu_unknown_because=card.reason,
    )
    return _workload(holder, name, server.engine, spec, None)


def _alone(holder: PodObject, view: Container, server: Server, count: accelerators.Count) -> accelerators.Count:
    """Return the GPUs that a server has, which may stand in other pods too."""
    reason = view.made.gpus if view.made is not None else None
    if reason is None and holder.group is None:
        reason = (
            holder.partial
            if holder.partial and "not known" in holder.partial
            else "pods serve together, and how many is not read"
        )
    if reason is None and holder.group is not None and holder.group > 1:
        reason = f"{holder.group} pods serve together, so that GPUs of other pods count too"
    if reason is None and server.ray:
        reason = "it joins a Ray cluster, whose other GPUs count too"
    return count if reason is None else replace(count, gpus=None, reason=reason)


def _stated_release(holder: PodObject, container: dict[str, Any]) -> str | None:
    """Return the release that the annotation `voltaic/release` gives for this container's image."""
    for owner in (holder.template, holder.content):
        stated = text(at(owner, "metadata", "annotations", kubernetes_names.RELEASE_ANNOTATION)) or ""
        image, _, release = stated.partition(" ")
        if release and image == container.get("image"):
            return release
    return None


def _model(command: CommandLine, server: Server, view: Container) -> Model:
    name = command.options.get(server.model_option)
    put = view.made.models if view.made is not None else {}
    if isinstance(name, str) and name in put:
        repository, revision = put[name]
        return replace(models.resolve(repository, revision=revision), id=repository)
    if isinstance(name, str):
        revision = command.options.get("revision")
        return models.resolve(name, revision=revision if isinstance(revision, str) else None)
    if view.made is not None and view.made.serves is not None:
        return models.resolve(view.made.serves[0], revision=view.made.serves[1])
    unread = [fault for fault in command.faults if fault.unreadable and fault.where != "resources.limits"]
    if unread or server.unreadable:
        return Model(None, None, "which model is served cannot be read: " + "; ".join(f.message for f in unread))
    flag = server.model_option.replace("_", "-")
    return Model(None, None, f"no --{flag} is given, so that the launcher serves its own default")

"""From Kubernetes objects to serving specs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voltaic import engines, kubernetes_names, models
from voltaic.manifests import accelerators
from voltaic.manifests.containers import command_line, environment
from voltaic.manifests.documents import joined, pod_objects
from voltaic.manifests.links import links, services
from voltaic.manifests.plain import at, items, mapping, text
from voltaic.manifests.servers import NoServer, is_page, recognise
from voltaic.manifests.views import Container, Pod
from voltaic.spec import Fault, Model, Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from voltaic.hardware import Profile
    from voltaic.manifests.documents import Document, PodObject
    from voltaic.manifests.links import Services
    from voltaic.manifests.servers import Server
    from voltaic.manifests.views import Role
    from voltaic.spec import CommandLine


@dataclass(frozen=True, slots=True)
class Workload:
    """An object that holds a pod, and what it serves."""

    file: str
    document: int
    """Position of the document in its file, from 1."""
    kind: str
    name: str | None
    container: str | None
    """The container that serves; None where none does."""
    recognised: str | None
    """The engine; None where it is none that is known, or no server."""
    spec: ServingSpec | None
    """What is judged; None where `recognised` is None."""
    reason: str | None = None
    """Why it was not recognised, where that is not obvious."""
    pod: Pod | None = None
    """The pod as the rules read it; None for what is no Kubernetes object, such as a stack file."""
    view: Container | None = None
    """The container as the rules read it; None where `container` is None."""


def workloads(documents: Iterable[Document], *, profile: Profile | None = None) -> tuple[Workload, ...]:
    """Return the objects that hold pods, in order, each server container with its serving spec.

    Other objects are left out. Never raises, whatever the documents hold.

    Args:
        documents: parsed YAML or JSON, of any shape.
        profile: the GPUs to assume where neither node labels nor the annotation `voltaic/profile` name the GPU model.
    """
    documents = tuple(documents)
    found = services(documents)
    return tuple(workload for holder in pod_objects(documents) for workload in _of_object(holder, profile, found))


def _of_object(holder: PodObject, profile: Profile | None, linked: Services) -> list[Workload]:
    views = containers_of(holder)
    found = [(view, recognise(view.content)) for view in views if not view.init]
    servers = [
        _served(holder, view.content, server, profile, linked)
        for view, server in found
        if not isinstance(server, NoServer)
    ]
    seen = [view for view, server in found if not isinstance(server, NoServer)]
    judged = {view.path for view, workload in zip(seen, servers, strict=True) if workload.recognised}
    pages = {view.path for view, server in found if isinstance(server, NoServer) and is_page(view)}
    pod = Pod(holder, tuple(replace(view, role=_role(view, judged, pages)) for view in views))
    if servers:
        return [
            replace(workload, pod=pod, view=next(one for one in pod.containers if one.path == view.path))
            for view, workload in zip(seen, servers, strict=True)
        ]
    reasons = [server.reason for _, server in found if isinstance(server, NoServer) and server.reason]
    if not found:
        reasons = ["no containers that can be read"]
    return [replace(_workload(holder, None, None, None, "; ".join(reasons) or None), pod=pod)]


def _role(view: Container, servers: Collection[str], pages: Collection[str]) -> Role:
    return "server" if view.path in servers else "page" if view.path in pages else "other"


def containers_of(holder: PodObject) -> list[Container]:
    """Return the containers of a pod in order, then its init containers."""
    pod, path = mapping(holder.template.get("spec")), joined(holder.template_path, "spec")
    views = [
        Container(mapping(entry), f"{path}.containers[{index}]")
        for index, entry in enumerate(items(pod.get("containers")))
    ]
    for index, entry in enumerate(items(pod.get("initContainers"))):
        # A container that starts before the others and stays counts as one of them (restartPolicy Always).
        ends = at(entry, "restartPolicy") != "Always"
        views.append(Container(mapping(entry), f"{path}.initContainers[{index}]", init=ends))
    return views


def _workload(
    holder: PodObject, container: str | None, engine: str | None, spec: ServingSpec | None, reason: str | None
) -> Workload:
    document = holder.document
    return Workload(document.file, document.number, holder.kind, holder.name, container, engine, spec, reason)


def _served(
    holder: PodObject, container: dict[str, Any], server: Server, profile: Profile | None, linked: Services
) -> Workload:
    name = text(container.get("name"))
    count = accelerators.count(container)
    if count.foreign is not None:
        return _workload(holder, None, None, None, f"asks for {count.foreign}, another kind of accelerator")
    engine = engines.engine(server.engine)
    if engine is None:
        return _workload(holder, None, None, None, f"{server.engine} is not judged yet")
    if server.version is None:
        server = replace(server, version=_stated_release(holder, container))
    variables = environment(container)
    variables.values.update(links(holder, server.links, linked, variables.values))
    command = command_line(server, engine, variables)
    if count.gpus is None:
        message = f"how many GPUs the pod gets cannot be read: {count.reason}"
        fault = Fault("resources.limits", message, "set the limit to a whole number of GPUs", unreadable=True)
        command = replace(command, faults=(*command.faults, fault))
    card = accelerators.slice_of(accelerators.card(holder.template, holder.content, profile), count.profile)
    spec = ServingSpec(
        release=Release(server.engine, server.version),
        gpu=card.gpu,
        gpus=count.gpus,
        model=_model(command, server),
        command=command,
        id=f"{holder.kind}/{holder.name or 'without-a-name'}" + (f"/{name}" if name else ""),
        gpu_unknown_because=card.reason,
    )
    return _workload(holder, name, server.engine, spec, None)


def _stated_release(holder: PodObject, container: dict[str, Any]) -> str | None:
    """Return the release that the annotation `voltaic/release` gives for this container's image."""
    for owner in (holder.template, holder.content):
        stated = text(at(owner, "metadata", "annotations", kubernetes_names.RELEASE_ANNOTATION)) or ""
        image, _, release = stated.partition(" ")
        if release and image == container.get("image"):
            return release
    return None


def _model(command: CommandLine, server: Server) -> Model:
    name = command.options.get(server.model_option)
    if isinstance(name, str):
        revision = command.options.get("revision")
        return models.resolve(name, revision=revision if isinstance(revision, str) else None)
    unread = [fault for fault in command.faults if fault.unreadable and fault.where != "resources.limits"]
    if unread or server.unreadable:
        return Model(None, None, "which model is served cannot be read: " + "; ".join(f.message for f in unread))
    flag = server.model_option.replace("_", "-")
    return Model(None, None, f"no --{flag} is given, so that the launcher serves its own default")

"""Containers that a controller makes of an object's own fields: KServe's models, KubeAI's Models.

Each is read as far as the object and what stands beside it tell; what a controller's own configuration decides is said
to be unread (kserve/kserve pkg/controller/v1beta1/inferenceservice/utils/utils.go: MergeRuntimeContainers,
MergePodSpec, ReplacePlaceholders; substratusai/kubeai internal/modelcontroller/engine_vllm.go, engine_ollama.go).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from voltaic.manifests.plain import at, items, mapping, text
from voltaic.manifests.views import Container, Made

if TYPE_CHECKING:
    from voltaic.manifests.documents import Object, PodObject
    from voltaic.manifests.views import Objects

MOUNTED: Final = "/mnt/models"
"""Where KServe puts the model that `storageUri` names."""
KSERVE_CONTAINER: Final = "kserve-container"
_REPOSITORY = re.compile(r"hf://([\w.-]+/[\w.-]+)(?::([\w.-]+))?", re.ASCII)
_NAME = re.compile(r"\{\{\s*\.Name\s*\}\}")
_KUBEAI: Final = {
    "VLLM": ("python3", "-m", "vllm.entrypoints.openai.api_server"),
    "OLlama": ("ollama", "serve"),
}
"""What KubeAI starts for an engine."""


def completed(holder: PodObject, others: Objects) -> tuple[PodObject, list[Container]]:
    """Return a pod with what the objects beside it add, and the containers that stand in no list of containers."""
    if holder.kind == "InferenceService" and holder.part in {"predictor", "transformer"}:
        return _inference_service(holder, others)
    if holder.kind == "Model":
        return holder, _kubeai(holder)
    return holder, []


def made(holder: PodObject, view: Container) -> Made | None:
    """Return what a controller decides of a container that is written as one; None where nothing is known of it."""
    if holder.first is not None and view.path.endswith(".containers[0]"):
        return Made(unread=holder.first, partly=True)
    if holder.kind == "InferenceService" and holder.part == "predictor":
        entries = items(view.content.get("env"))
        uri = next((at(entry, "value") for entry in entries if at(entry, "name") == "STORAGE_URI"), None)
        return Made(models=_models(uri))
    if holder.kind != "LLMInferenceService":
        return None
    found = _models(at(holder.content, "spec", "model", "uri"))
    served = found.get(MOUNTED)
    if view.name != "main" or items(view.content.get("command")):
        return Made(models=found)
    unread = "an LLMInferenceServiceConfig gives the command line, which is not read"
    return Made(models=found, serves=served, unread=unread)


def _models(uri: Any) -> dict[str, tuple[str, str | None]]:
    match = _REPOSITORY.fullmatch(text(uri) or "")
    return {MOUNTED: (match[1], match[2])} if match else {}


def _inference_service(holder: PodObject, others: Objects) -> tuple[PodObject, list[Container]]:
    model = mapping(holder.spec.get("model"))
    group = None if mapping(holder.spec.get("workerSpec")) else holder.group
    if not model:
        return replace(holder, group=group), []
    runtime = _runtime(holder, text(model.get("runtime")), others)
    spec = mapping(None if runtime is None else runtime.content.get("spec"))
    own = next((entry for entry in items(spec.get("containers")) if at(entry, "name") == KSERVE_CONTAINER), None)
    content = _merged(mapping(own), model)
    if text(model.get("runtimeVersion")) and text(content.get("image")):
        content["image"] = (
            f"{content['image'].partition('@')[0].rpartition(':')[0] or content['image']}:{model['runtimeVersion']}"
        )
    name = holder.name or ""
    content = _named(content, name)
    path = f"{holder.spec_path}.model"
    given = tuple((_filled(word, name), f"{path}.runtime") for word in items(at(own, "args")))
    asked = text(model.get("runtime"))
    kind = text(at(model, "modelFormat", "name")) or "it is given"
    unread = None
    if own is None:
        unread = (
            f"the runtime {asked} is not in the input" if asked else f"KServe picks a runtime for the format {kind}"
        )
        unread += ", which decides what is started"
    template: dict[str, Any] = {
        **{key: spec[key] for key in ("affinity", "tolerations") if key in spec},
        **holder.template,
        "nodeSelector": {**mapping(spec.get("nodeSelector")), **mapping(holder.spec.get("nodeSelector"))},
    }
    if mapping(spec.get("workerSpec")):
        group = None
    view = Container(
        content,
        path,
        given=given,
        made=Made(models=_models(model.get("storageUri")), unread=unread, partly=own is None),
    )
    return replace(holder, template=template, group=group), [view]


def _runtime(holder: PodObject, name: str | None, others: Objects) -> Object | None:
    """Return the runtime of this name: one of the namespace before one of the cluster."""
    if name is None:
        return None
    own = others.beside("ServingRuntime", name, namespace=holder.namespace, document=holder.document)
    return own or others.beside("ClusterServingRuntime", name, namespace=None, document=holder.document)


def _merged(runtime: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """Return the runtime's container with what the model says instead of it."""
    said = {key: value for key, value in model.items() if key not in {"modelFormat", "runtime", "storageUri"}}
    found = {**runtime, **said}
    names = {at(entry, "name") for entry in items(said.get("env"))}
    kept = [entry for entry in items(runtime.get("env")) if at(entry, "name") not in names]
    found["env"] = [*kept, *items(said.get("env"))]
    asked, own = mapping(runtime.get("resources")), mapping(said.get("resources"))
    found["resources"] = {
        **asked,
        **own,
        **{key: {**mapping(asked.get(key)), **mapping(own.get(key))} for key in ("limits", "requests")},
    }
    found["args"] = items(said.get("args"))
    return found


def _named(content: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a container with the name of its InferenceService where a runtime leaves a place for it."""
    env = [
        {**entry, "value": _filled(entry["value"], name)} if isinstance(at(entry, "value"), str) else entry
        for entry in items(content.get("env"))
    ]
    command = [_filled(word, name) for word in items(content.get("command"))]
    return {**content, "env": env, "command": command, "image": _filled(content.get("image"), name)}


def _filled(word: Any, name: str) -> Any:
    return _NAME.sub(name, word) if isinstance(word, str) else word


def _kubeai(holder: PodObject) -> list[Container]:
    spec = mapping(holder.content.get("spec"))
    command = _KUBEAI.get(text(spec.get("engine")) or "")
    if command is None:
        return []
    path = f"{holder.path}.spec" if holder.path else "spec"
    url = text(spec.get("url")) or ""
    models: dict[str, tuple[str, str | None]] = {}
    given: tuple[tuple[Any, str], ...] = ()
    if command[0] != "ollama":
        repository = _REPOSITORY.match(url)
        model = url.removeprefix("hf://").partition("?")[0]
        models = {model: (repository[1], None)} if repository else {}
        given = ((f"--model={model}", f"{path}.url"), (f"--served-model-name={holder.name}", path))
    profile = text(spec.get("resourceProfile")) or "of this Model"
    gpus = f"the resource profile {profile} stands in KubeAI's own configuration, which is not read"
    content = {
        "name": "server",
        "image": spec.get("image"),
        "command": list(command),
        "args": items(spec.get("args")),
        "env": spec.get("env"),
    }
    return [Container(content, path, given=given, made=Made(models=models, gpus=gpus))]

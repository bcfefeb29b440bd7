"""What a manifest leaves to others: templates of OpenShift, patches, variables that a controller sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import hardware
from voltaic.checking import check
from voltaic.manifests import Document

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
VLLM = "vllm/vllm-openai:v0.8.5"
SHARDS = ["--model", MISTRAL, "--tensor-parallel-size", "$(SHARDS)"]


def certain(workload: Any) -> set[str]:
    """Return the places of the faults that are certainly wrong."""
    return {fault.where for fault in workload.spec.command.faults if not fault.unreadable}


def openshift(*held: Any) -> dict[str, Any]:
    """Return an OpenShift Template of these objects."""
    return {"apiVersion": "template.openshift.io/v1", "kind": "Template", "objects": list(held)}


def test_objects_of_an_openshift_template_are_objects(*, container: Make, deployment: Make, one: Make) -> None:
    """A Deployment within a Template is read as one that stands alone, under its own kind and field."""
    found = one(openshift(deployment(container())))
    assert (found.kind, found.recognised) == ("Deployment", "tgi")
    assert found.view.path == "objects[0].spec.template.spec.containers[0]"


def test_a_runtime_in_a_template_is_no_server(*, read: Make) -> None:
    """A ServingRuntime within a Template is listed as a runtime, and nothing is judged."""
    runtime = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": "runtime"},
        "spec": {"containers": [{"name": "kserve-container", "image": VLLM, "args": SHARDS}]},
    }
    (found,) = read(openshift(runtime))
    assert (found.recognised, found.spec) == (None, None)
    assert "a runtime that InferenceServices start from" in found.reason


def test_runtimes_are_not_asked_about() -> None:
    """A runtime is neither a server nor a chat page, so that nothing is said to be accepted."""
    runtime = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": "runtime"},
        "spec": {"containers": [{"name": "kserve-container", "image": VLLM, "args": SHARDS}]},
    }
    (found,) = check([Document("a.yaml", 1, runtime)])
    assert not found.asked


def test_a_controller_may_set_variables(*, container: Make, one: Make) -> None:
    """What `$(NAME)` stands for is not known where the controller of another kind of object may set it."""
    spec = {"template": {"spec": {"containers": [container(image=VLLM, args=SHARDS)]}}}
    found = one({"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "llm"}, "spec": spec})
    assert certain(found) == set()
    assert {fault.where for fault in found.spec.command.faults if fault.unreadable} >= {"--tensor-parallel-size"}


def test_a_source_that_is_not_read_may_set_variables(*, container: Make, deployment: Make, one: Make) -> None:
    """What `$(NAME)` stands for is not known where a ConfigMap that is not in the input may set it."""
    held = container(image=VLLM, args=SHARDS, envFrom=[{"configMapRef": {"name": "elsewhere"}}])
    assert certain(one(deployment(held))) == set()


def test_a_variable_that_nothing_sets_stays_as_it_is_written(*, container: Make, deployment: Make, one: Make) -> None:
    """In a pod that is as it is written, `$(NAME)` of a variable that is not set reaches the launcher as it is."""
    assert certain(one(deployment(container(image=VLLM, args=SHARDS)))) == {"--tensor-parallel-size"}


def test_a_container_without_an_image_is_a_patch(*, container: Make, deployment: Make, one: Make) -> None:
    """Kubernetes takes no container without an image, so that what is absent from a patch says nothing."""
    patch = container(image=VLLM, command=["vllm", "serve"], args=[MISTRAL])
    whole = one(deployment(patch))
    del patch["image"]
    found = one(deployment(patch))
    assert (found.recognised, found.pod.partial, whole.pod.partial) == ("vllm", True, False)
    (checked,) = check([Document("a.yaml", 1, deployment(patch))])
    assert {one.finding.rule for one in checked.said} <= {
        "engine-gpu-support",
        "engine-model-support",
        "launcher-arguments",
        "vram-budget",
    }


@pytest.mark.parametrize(("resource", "gpu"), [("nvidia.com/gpu", "v100-16gb"), ("amd.com/gpu", None)])
def test_the_given_profile_is_for_gpus_of_its_vendor(
    resource: str, gpu: str | None, *, container: Make, deployment: Make, one: Make
) -> None:
    """GPUs of another vendor than the profile's, which the pod asks for by name, are not those of the profile."""
    held = container(resources={"limits": {resource: 1}})
    found = one(deployment(held, nodeSelector={}), profile=hardware.profile("v100-1gpu"))
    assert (found.spec.gpu.name if found.spec.gpu else None) == gpu
    if resource == "amd.com/gpu":
        assert "amd.com/gpu" in found.spec.gpu_unknown_because


@pytest.mark.parametrize("program", ["lmcache_server", "/opt/venv/bin/lmcache_server"])
def test_a_cache_server_serves_no_model(program: str, *, container: Make, deployment: Make, one: Make) -> None:
    """The server of a cache in an engine's image is no model server."""
    held = container(image="lmcache/vllm-openai:v0.3.7", command=[program, "localhost", "8080"], args=[])
    assert one(deployment(held)).recognised is None


def test_builds_of_ollama_on_other_systems_are_ollama(*, container: Make, deployment: Make, one: Make) -> None:
    """The name of the system that an image is built on changes nothing."""
    found = one(deployment(container(image="registry.example/ollama-ubi9:0.2.8", args=[])))
    assert (found.recognised, found.spec.release.version) == ("ollama", "0.2.8")


@pytest.mark.parametrize(
    ("tag", "release"),
    [
        ("v0.6.1", "0.6.1"),
        ("v0.6.1.post2", "0.6.1"),
        ("v0.6.1-cu128", "0.6.1"),
        ("v0.6.1-20250118", "0.6.1"),
        ("v0.6.1-edb07092-20250118", None),
        ("v0.6.1-gedb07092", None),
        ("v0.6.1.dev12-edb07092f3", None),
    ],
)
def test_a_build_of_a_commit_is_no_release(
    tag: str, release: str | None, *, container: Make, deployment: Make, one: Make
) -> None:
    """What is built at a commit after a release has what came in between, so that its tag names no release."""
    found = one(deployment(container(image=f"registry.example/vllm-openai:{tag}", args=["--model", MISTRAL])))
    assert found.spec.release.version == release


@pytest.mark.parametrize(
    ("api_version", "kind", "words"),
    [
        ("ome.io/v1beta1", "ClusterServingRuntime", "a runtime that InferenceServices of OME start from"),
        ("ome.io/v1beta1", "ServingRuntime", "a runtime that InferenceServices of OME start from"),
        ("ome.io/v1beta1", "InferenceService", "OME starts it"),
        ("inference.llmaz.io/v1alpha1", "Playground", "llmaz starts it"),
        ("llm-d.ai/v1alpha1", "ModelService", "llm-d makes its pods"),
        ("apps.nvidia.com/v1alpha1", "NIMPipeline", "NVIDIA NIM"),
    ],
)
def test_servers_of_controllers_that_are_not_read_are_listed(
    api_version: str, kind: str, words: str, *, one: Make
) -> None:
    """An object whose controller makes servers of its own configuration is listed, with why it is not judged."""
    spec = {"model": {"name": "m"}, "engineConfig": {"runner": {"name": "c", "image": VLLM}}}
    found = one({"apiVersion": api_version, "kind": kind, "metadata": {"name": "llm"}, "spec": spec})
    assert found.recognised is None
    assert words in found.reason

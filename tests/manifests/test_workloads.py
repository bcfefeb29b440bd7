"""Which objects and containers are model servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import hardware

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

IMAGE = "ghcr.io/huggingface/text-generation-inference:3.0.1"
ARGS = ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2", "--num-shard", "1"]


def test_a_deployment_is_read_completely(container: Make, deployment: Make, one: Make) -> None:
    """Release, GPU, count, model, arguments and environment come out as the manifest has them."""
    env = [{"name": "USE_FLASH_ATTENTION", "value": "false"}, {"name": "MAX_BATCH_SIZE", "value": "2"}]
    found = one(deployment(container(args=[*ARGS, "--max-total-tokens=2048"], env=env)))
    assert (found.file, found.document, found.kind, found.name) == ("a.yaml", 1, "Deployment", "llm")
    assert (found.container, found.recognised, found.reason) == ("tgi", "tgi", None)
    assert found.spec is not None
    assert str(found.spec.release) == "tgi 3.0.1"
    assert found.spec.gpu is hardware.gpu_model("v100-16gb")
    assert found.spec.gpus == 1
    assert found.spec.model.id == "mistralai/Mistral-7B-Instruct-v0.2"
    assert found.spec.model.architecture is not None
    assert found.spec.command.args == (*ARGS, "--max-total-tokens=2048")
    assert found.spec.option("max_total_tokens") == 2048
    assert found.spec.option("max_batch_size") == 2
    assert found.spec.command.env == {"USE_FLASH_ATTENTION": "false", "MAX_BATCH_SIZE": "2"}
    assert found.spec.command.faults == ()


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"])
def test_every_kind_with_a_pod_template_is_read(kind: str, container: Make, deployment: Make, one: Make) -> None:
    """What holds a pod template is read alike."""
    found = one(deployment(container(), kind=kind))
    assert (found.kind, found.recognised) == (kind, "tgi")


@pytest.mark.parametrize("on_the_pod", [True, False])
def test_an_annotation_says_what_a_mirror_holds(container: Make, deployment: Make, one: Make, on_the_pod: bool) -> None:  # noqa: FBT001
    """`voltaic/release` gives the release of exactly the image that it names, on the pod template or on its owner."""
    mirror = "mirror.example/llm/server:prod"
    content = deployment(container(image=mirror))
    holder = content["spec"]["template"] if on_the_pod else content
    holder.setdefault("metadata", {})["annotations"] = {"voltaic/release": f"{mirror} 3.0.1"}
    assert str(one(content).spec.release) == "tgi 3.0.1"

    content["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror.example/llm/other:prod"
    assert str(one(content).spec.release) == "tgi (version unknown)"


def test_the_tag_says_more_than_an_annotation(container: Make, deployment: Make, one: Make) -> None:
    """Where the image tells its release, nothing else is asked."""
    content = deployment(container())
    content["metadata"]["annotations"] = {"voltaic/release": f"{IMAGE} 2.0.4"}
    assert str(one(content).spec.release) == "tgi 3.0.1"


def test_pods_and_cron_jobs_are_read(container: Make, deployment: Make, read: Make) -> None:
    """A pod is its own template, and a CronJob keeps it deeper."""
    whole = deployment(container())
    pod = {"kind": "Pod", "metadata": {"generateName": "llm-"}, **whole["spec"]["template"]}
    cron = {"kind": "CronJob", "metadata": {"name": "llm"}, "spec": {"jobTemplate": whole}}
    assert [(found.kind, found.name, found.recognised) for found in read(pod, cron)] == [
        ("Pod", "llm-", "tgi"),
        ("CronJob", "llm", "tgi"),
    ]


def test_lists_are_unpacked_and_other_kinds_left_out(container: Make, deployment: Make, read: Make) -> None:
    """`kubectl get` makes a List; a Service or a ConfigMap holds no pod."""
    items = [deployment(container()), {"kind": "Service"}, {"kind": "PodList", "items": [{"kind": "Pod"}]}]
    found = read({"kind": "ConfigMap"}, {"kind": "List", "items": items})
    assert [(workload.document, workload.kind, workload.recognised) for workload in found] == [
        (2, "Deployment", "tgi"),
        (2, "Pod", None),
    ]


def test_a_list_that_holds_itself_ends(read: Make) -> None:
    """A list within itself, as a YAML alias can make one, is followed a few steps and no more."""
    endless: dict[str, Any] = {"kind": "List"}
    endless["items"] = [endless]
    assert read(endless) == ()


def test_what_is_no_model_server_is_listed_and_not_judged(deployment: Make, one: Make) -> None:
    """A web page is listed without an engine."""
    found = one(deployment({"name": "web", "image": "nginx:1.29"}))
    assert (found.recognised, found.container, found.spec, found.reason) == (None, None, None, None)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (IMAGE, "3.0.1"),
        (f"{IMAGE}@sha256:{'a' * 64}", "3.0.1"),
        ("mirror.example:5000/proxy/huggingface/text-generation-inference:2.0.4", "2.0.4"),
        ("ghcr.io/huggingface/text-generation-inference:3.0.1-rocm", "3.0.1-rocm"),
        ("ghcr.io/huggingface/text-generation-inference:v3.0.1", "3.0.1"),
        ("ghcr.io/huggingface/text-generation-inference:latest", None),
        ("ghcr.io/huggingface/text-generation-inference:3.0", None),
        ("ghcr.io/huggingface/text-generation-inference:sha-293b812", None),
        (f"ghcr.io/huggingface/text-generation-inference@sha256:{'a' * 64}", None),
        ("ghcr.io/huggingface/text-generation-inference", None),
        ("registry.example/huggingface-pytorch-tgi-inference:2.4.0-tgi3.0.1-gpu-py311-cu124", "3.0.1"),
        ("registry.example/ml/tgi:1.7.2", None),
        ("registry.example/ml/our-server:1.7.2", None),
    ],
)
def test_the_release_comes_from_the_tag_where_the_tag_is_one(
    image: str, version: str | None, container: Make, deployment: Make, one: Make
) -> None:
    """Mirrors and digests keep the tag's meaning; a tag of somebody's own image means nothing."""
    found = one(deployment(container(image=image)))
    assert found.recognised == "tgi"
    assert found.spec is not None
    assert found.spec.release.version == version


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"image": "ghcr.io/huggingface/text-generation-inference:3.3.5-intel-cpu"},
            "3.3.5-intel-cpu is a build of tgi",
        ),
        (
            {"image": "ghcr.io/huggingface/text-generation-inference:3.3.5-gaudi"},
            "3.3.5-gaudi is a build of tgi for ano",
        ),
        (
            {"command": ["text-generation-server", "download-weights", "x"], "args": []},
            "runs text-generation-server, w",
        ),
        ({"command": ["sleep"], "args": ["infinity"]}, "runs sleep, which serves no model"),
        ({"resources": {"limits": {"habana.ai/gaudi": 1}}}, "asks for habana.ai/gaudi, another kind of accelerator"),
        ({"image": "${image}", "args": []}, "the image ${image} is not filled in yet"),
        ({"image": "ghcr.io/predibase/lorax:0.12.1"}, ""),
    ],
)
def test_what_only_looks_like_the_engine_is_not_judged(
    fields: dict[str, Any], reason: str, container: Make, deployment: Make, one: Make
) -> None:
    """Builds for other accelerators and other programs of the image are listed with the reason."""
    found = one(deployment(container(**fields)))
    assert found.recognised is None
    assert (found.reason or "").startswith(reason)


def test_the_engine_need_not_be_the_first_container(container: Make, deployment: Make, one: Make) -> None:
    """Sidecars before the server, and servers that start as sidecars, are looked through."""
    sidecar = {"name": "proxy", "image": "nginx:1.29"}
    assert one(deployment(sidecar, container())).container == "tgi"
    staying = container(restartPolicy="Always")
    assert one(deployment(sidecar, initContainers=[staying])).container == "tgi"
    assert one(deployment(sidecar, initContainers=[container()])).recognised is None


def test_two_servers_in_one_pod_are_two_workloads(container: Make, deployment: Make, read: Make) -> None:
    """Each server container is judged for itself."""
    found = read(deployment(container(name="a"), container(name="b")))
    assert [workload.spec.id for workload in found if workload.spec] == ["Deployment/llm/a", "Deployment/llm/b"]


def test_a_server_without_a_model_is_not_taken_for_the_default_one(
    container: Make, deployment: Make, one: Make
) -> None:
    """Without --model-id nothing is known about the model."""
    found = one(deployment(container(args=["--num-shard", "1"])))
    assert found.spec is not None
    assert found.spec.model.unknown_because == "no --model-id is given, so that the launcher serves its own default"


@pytest.mark.parametrize(
    "broken", [None, 7, "${unknown}", [], {}, {"template": 1}, {"template": {"spec": {"containers": 5}}}]
)
def test_an_object_that_cannot_be_read_is_listed(broken: Any, one: Make) -> None:
    """A Deployment without readable containers is listed with the reason."""
    found = one({"kind": "Deployment", "metadata": {"name": "llm"}, "spec": broken})
    assert (found.recognised, found.reason) == (None, "no containers that can be read")

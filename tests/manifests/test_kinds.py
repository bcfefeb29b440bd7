"""Objects of kinds that hold pods somewhere of their own, or leave their pods to a controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import hardware
from voltaic.manifests.documents import holds_pods
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

AWQ = "TheBloke/Mistral-7B-Instruct-v0.2-AWQ"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
IMAGE = "vllm/vllm-openai:v0.8.5"
V100 = {"nvidia.com/gpu.product": "Tesla-V100-SXM2-16GB"}
RAY = "ray.io/v1"
KSERVE = "serving.kserve.io/v1beta1"


def vllm(*args: str, gpus: int = 1, **fields: Any) -> dict[str, Any]:
    """Return a container of vLLM."""
    limits = {"limits": {"nvidia.com/gpu": gpus}}
    return {"name": "vllm", "image": IMAGE, "args": list(args or ("--model", MISTRAL)), "resources": limits} | fields


def pod(*containers: Any, **fields: Any) -> dict[str, Any]:
    """Return a pod's specification on V100s."""
    return {"nodeSelector": V100, "containers": list(containers or (vllm(),))} | fields


def made(api_version: str, kind: str, spec: Any, **fields: Any) -> dict[str, Any]:
    """Return an object."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "llm"}, "spec": spec} | fields


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (made("argoproj.io/v1alpha1", "Rollout", {"template": {"spec": pod()}}), "spec.template.spec.containers[0]"),
        (made("serving.knative.dev/v1", "Service", {"template": {"spec": pod()}}), "spec.template.spec.containers[0]"),
        (
            made("apps.kruise.io/v1alpha1", "CloneSet", {"template": {"spec": pod()}}),
            "spec.template.spec.containers[0]",
        ),
        (
            made("apps.openshift.io/v1", "DeploymentConfig", {"template": {"spec": pod()}}),
            "spec.template.spec.containers[0]",
        ),
        (made("apps/v1", "DaemonSet", {"template": {"spec": pod()}}), "spec.template.spec.containers[0]"),
        (
            made(
                "jobset.x-k8s.io/v1alpha2",
                "JobSet",
                {"replicatedJobs": [{}, {"template": {"spec": {"template": {"spec": pod()}}}}]},
            ),
            "spec.replicatedJobs[1].template.spec.template.spec.containers[0]",
        ),
        (
            made("batch.volcano.sh/v1alpha1", "Job", {"tasks": [{"name": "a", "template": {"spec": pod()}}]}),
            "spec.tasks[0].template.spec.containers[0]",
        ),
        (
            made("kubeflow.org/v1", "PyTorchJob", {"pytorchReplicaSpecs": {"Master": {"template": {"spec": pod()}}}}),
            "spec.pytorchReplicaSpecs.Master.template.spec.containers[0]",
        ),
        (made(KSERVE, "InferenceService", {"predictor": pod()}), "spec.predictor.containers[0]"),
        (
            made(KSERVE, "LLMInferenceService", {"template": pod(vllm(name="other"))}),
            "spec.template.containers[0]",
        ),
        (
            {
                "apiVersion": "kaito.sh/v1beta1",
                "kind": "Workspace",
                "metadata": {"name": "llm"},
                "inference": {"template": {"spec": pod()}},
            },
            "inference.template.spec.containers[0]",
        ),
    ],
)
def test_a_pod_is_found_where_its_kind_keeps_it(content: dict[str, Any], path: str, one: Make) -> None:
    """Kind and name stay those of the object, and the container knows its field."""
    found = one(content)
    assert (found.kind, found.name, found.recognised) == (content["kind"], "llm", "vllm")
    assert found.view.path == path
    assert found.spec.model.id == MISTRAL


def test_lists_keep_their_paths(read: Make) -> None:
    """A field of an object in a list begins with its place in the list."""
    inner = {"kind": "DeploymentList", "items": [made("apps/v1", "Deployment", {"template": {"spec": pod()}})]}
    (found,) = read({"apiVersion": "v1", "kind": "List", "items": [{"kind": "Service"}, inner]})
    assert found.view.path == "items[1].items[0].spec.template.spec.containers[0]"
    assert found.place("--model").path == "items[1].items[0].spec.template.spec.containers[0].args[0]"


@pytest.mark.parametrize(
    ("api_version", "kind", "holds"),
    [
        ("apps/v1", "Deployment", True),
        (None, "Deployment", True),
        ("extensions/v1beta1", "Deployment", True),
        ("serving.knative.dev/v1", "Service", True),
        ("v1", "Service", False),
        (None, "Service", False),
        ("kubeai.org/v1", "Model", True),
        ("example.org/v1", "Model", False),
        (None, "Model", False),
        ("kaito.sh/v1alpha1", "Workspace", True),
        ("app.terraform.io/v1alpha2", "Workspace", False),
    ],
)
def test_a_kind_is_one_of_its_own_group(api_version: str | None, kind: str, holds: bool) -> None:  # noqa: FBT001  a column
    """Other projects have kinds of the same names, which hold no pods."""
    assert holds_pods(kind, api_version) is holds


def group(leader: dict[str, Any], worker: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a LeaderWorkerSet."""
    templates = {"leaderTemplate": {"spec": leader}, "workerTemplate": {"spec": worker}} | fields
    return made("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", {"replicas": 2, "leaderWorkerTemplate": templates})


def test_pods_that_serve_together_share_their_gpus(one: Make, unreadable: Make) -> None:
    """Sixteen shards on eight GPUs of this pod and eight of the next are no fault, and no accept."""
    args = ("--model", MISTRAL, "--dtype", "half", "--tensor-parallel-size", "16")
    found = one(group(pod(vllm(*args, gpus=8)), pod(vllm(command=["ray", "start"])), size=2))
    assert (found.part, found.pod.replicas) == ("leader", 2)
    assert found.spec.gpus is None
    assert unreadable(found)["resources.limits"].endswith("2 pods serve together, so that GPUs of other pods count too")
    assert judge(found.spec).verdict == "unknown"


def test_a_group_of_one_is_judged(one: Make) -> None:
    """A leader without workers is a pod like any other."""
    found = one(group(pod(), {}, size=1))
    assert found.spec.gpus == 1


def test_leader_and_workers_that_serve_are_two_workloads(read: Make) -> None:
    """SGLang starts the same server in each pod of a group; what the controller sets is not known."""
    words = ["sglang.launch_server", "--model-path", MISTRAL, "--nnodes", "$(LWS_GROUP_SIZE)"]
    server = {"name": "s", "image": "lmsysorg/sglang:v0.4.9", "command": ["python3", "-m", *words]}
    found = read(group(pod(server), pod(server), size=2))
    assert [(one.part, one.recognised) for one in found] == [("leader", "sglang"), ("worker", "sglang")]
    assert next(fault.where for fault in found[0].spec.command.faults if fault.unreadable) == "--nnodes"


def ray(head: dict[str, Any], *workers: dict[str, Any]) -> dict[str, Any]:
    """Return the pods of a Ray cluster."""
    groups = [
        {"groupName": f"g{index}", "replicas": 3, "template": {"spec": spec}} for index, spec in enumerate(workers)
    ]
    return {"headGroupSpec": {"template": {"spec": head}}, "workerGroupSpecs": groups}


def test_what_ray_starts_is_listed_with_the_reason(one: Make) -> None:
    """The engine of a RayService stands in code that it names."""
    plain = pod({"name": "ray", "image": "rayproject/ray:2.49.0"})
    found = one(made(RAY, "RayService", {"rayClusterConfig": ray(plain, plain)}))
    assert found.recognised is None
    assert (
        found.reason
        == "Ray Serve starts the engine inside these pods, as spec.serveConfigV2 and the code that it names say"
    )


def test_a_server_in_a_ray_cluster_is_read(one: Make) -> None:
    """Beside the first container of a pod, in which KubeRay starts Ray, others start what they say."""
    plain = {"name": "ray", "image": "rayproject/ray:2.49.0"}
    found = one(made(RAY, "RayCluster", ray(pod(plain), pod(plain, vllm()))))
    assert (found.part, found.recognised, found.pod.replicas) == ("g0", "vllm", 3)
    assert (found.view.path, found.pod.partial) == ("spec.workerGroupSpecs[0].template.spec.containers[1]", True)
    found = one(made(RAY, "RayCluster", ray(pod(vllm()), pod(vllm()))))
    assert (found.recognised, found.reason) == (None, "Ray starts what runs in these pods")


RUNTIME = {
    "containers": [
        {
            "name": "kserve-container",
            "image": IMAGE,
            "command": ["python3", "-m", "vllm.entrypoints.openai.api_server"],
            "args": ["--model=/mnt/models", "--served-model-name={{.Name}}"],
            "env": [{"name": "A", "value": "runtime"}, {"name": "B", "value": "runtime"}],
        }
    ],
    "nodeSelector": V100,
}
MODEL = {
    "modelFormat": {"name": "vLLM"},
    "runtime": "vllm",
    "storageUri": f"hf://{MISTRAL}",
    "args": ["--dtype=half"],
    "env": [{"name": "B", "value": "model"}],
    "resources": {"limits": {"nvidia.com/gpu": 1}},
}


def test_a_model_of_kserve_is_read_with_its_runtime(read: Make) -> None:
    """Words of the runtime come first, variables of the model win, and storageUri says what is at /mnt/models."""
    service = made(KSERVE, "InferenceService", {"predictor": {"model": MODEL}})
    runtime, found = read(
        made("serving.kserve.io/v1alpha1", "ServingRuntime", RUNTIME, metadata={"name": "vllm"}), service
    )
    assert (runtime.recognised, runtime.reason is not None) == (None, True)
    assert found.spec.command.args == ("--model=/mnt/models", "--served-model-name=llm", "--dtype=half")
    assert found.spec.command.env == {"A": "runtime", "B": "model"}
    assert (found.spec.model.id, found.spec.gpus) == (MISTRAL, 1)
    assert found.spec.gpu is hardware.gpu_model("v100-16gb")
    assert str(found.spec.release) == "vllm 0.8.5"
    assert found.place("--dtype").path == "spec.predictor.model.args[0]"
    assert found.place("--model").path == "spec.predictor.model.runtime"
    assert found.pod.partial


@pytest.mark.parametrize(
    ("runtimes", "model", "reason"),
    [
        ([], MODEL, "the runtime vllm is not in the input, which decides what is started"),
        ([], MODEL | {"runtime": None}, "KServe picks a runtime for the format vLLM, which decides what is started"),
        (
            [RUNTIME, RUNTIME | {"nodeSelector": {}}],
            MODEL,
            "the runtime vllm is not in the input, which decides what is started",
        ),
    ],
)
def test_a_runtime_that_is_not_known_is_not_guessed(
    runtimes: list[Any], model: dict[str, Any], reason: str, read: Make
) -> None:
    """Neither one that is elsewhere, nor one that KServe picks, nor one of two."""
    objects = [
        made("serving.kserve.io/v1alpha1", "ClusterServingRuntime", spec, metadata={"name": "vllm"})
        for spec in runtimes
    ]
    found = read(*objects, made(KSERVE, "InferenceService", {"predictor": {"model": model}}))[-1]
    assert (found.recognised, found.reason) == (None, reason)


def test_a_predictor_of_several_pods_shares_its_gpus(one: Make) -> None:
    """KServe's workerSpec makes more pods of one server."""
    found = one(made(KSERVE, "InferenceService", {"predictor": pod() | {"workerSpec": {"size": 2, "containers": []}}}))
    assert found.spec.gpus is None


def test_a_configuration_of_kserve_gives_the_command_line(one: Make, unreadable: Make) -> None:
    """Of an LLMInferenceService the model is known and the release where its image is; its options are not."""
    spec = {"model": {"uri": f"hf://{MISTRAL}"}, "template": pod(vllm(name="main", args=None))}
    found = one(made(KSERVE, "LLMInferenceService", spec))
    assert (found.recognised, found.spec.model.id) == ("vllm", MISTRAL)
    assert unreadable(found)["command"] == "an LLMInferenceServiceConfig gives the command line, which is not read"
    spec["template"]["containers"][0].pop("image")
    found = one(made(KSERVE, "LLMInferenceService", spec))
    assert (found.recognised, found.reason) == (
        None,
        "an LLMInferenceServiceConfig gives the command line, which is not read",
    )


def test_a_model_of_kubeai_is_read_as_its_controller_starts_it(one: Make, unreadable: Make) -> None:
    """Engine, model, words and variables are known; image and GPUs are KubeAI's own configuration."""
    spec = {
        "engine": "VLLM",
        "url": f"hf://{MISTRAL}",
        "args": ["--max-model-len=4096"],
        "env": {"A": "b"},
        "resourceProfile": "nvidia-gpu-l4:1",
    }
    found = one(made("kubeai.org/v1", "Model", spec))
    assert found.spec.command.args == (f"--model={MISTRAL}", "--served-model-name=llm", "--max-model-len=4096")
    assert (found.spec.command.env, found.spec.model.id, found.spec.gpus) == ({"A": "b"}, MISTRAL, None)
    assert "the resource profile nvidia-gpu-l4:1" in unreadable(found)["resources.limits"]
    assert found.place("--max-model-len").path == "spec.args[0]"
    assert found.place("A").path == "spec.env.A"
    assert found.place("--model").path == "spec.url"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (made("kubeai.org/v1", "Model", {"engine": "Infinity"}), "an engine of KubeAI that is not judged here"),
        (
            {"apiVersion": "kaito.sh/v1beta1", "kind": "Workspace", "inference": {"preset": {"name": "phi-4"}}},
            "KAITO starts this preset with a command line from its own catalogue, which is not read",
        ),
        (
            made("apps.nvidia.com/v1alpha1", "NIMService", {"image": {"repository": "nvcr.io/nim/x"}}),
            "NVIDIA NIM, whose engine and options are made inside the image, is not judged here",
        ),
        (
            made("nvidia.com/v1alpha1", "DynamoGraphDeployment", {"services": {"Frontend": {"replicas": 1}}}),
            "NVIDIA Dynamo starts the engines of this graph, with options that are not read here",
        ),
        (
            made("serving.kserve.io/v1alpha1", "ClusterServingRuntime", RUNTIME),
            "a runtime that InferenceServices start from, judged with those that name it in the same input",
        ),
    ],
)
def test_what_a_controller_decides_is_listed_with_the_reason(content: dict[str, Any], reason: str, one: Make) -> None:
    """An object without a pod of its own is listed once, and not judged."""
    found = one(content)
    assert (found.recognised, found.spec, found.reason) == (None, None, reason)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"template": {"metadata": {}, "spec": pod()}}, "spec.template.spec.containers[0]"),
        ({"roles": [{}, {"podSpec": pod()}]}, "spec.roles[1].podSpec.containers[0]"),
        ({"a": {"b": {"c": pod()}}}, "spec.a.b.c.containers[0]"),
    ],
)
def test_a_pod_in_an_object_of_unknown_kind_is_found_by_its_shape(
    spec: Any, path: str, one: Make, unreadable: Make
) -> None:
    """What its controller makes of it is not known, so that nothing is accepted, and nothing refused for its GPUs."""
    found = one(made("example.org/v1", "Fleet", spec))
    assert (found.kind, found.recognised, found.view.path) == ("Fleet", "vllm", path)
    assert found.pod.partial
    assert unreadable(found)["resources.limits"].endswith("what its controller makes of a Fleet is not known here")


def test_objects_of_unknown_kinds_without_a_server_are_left_out(read: Make) -> None:
    """A policy with containers in its pattern, or an operator, is no workload."""
    web = pod({"name": "web", "image": "nginx:1.29"})
    assert read(made("example.org/v1", "Fleet", {"template": {"spec": web}}), made("v1", "ConfigMap", web)) == ()
    assert read(made("apiextensions.k8s.io/v1", "CustomResourceDefinition", {"x": pod()})) == ()


def test_an_object_of_unknown_kind_is_looked_through_in_bounded_time(read: Make) -> None:
    """A very large object is given up on."""
    assert read(made("example.org/v1", "Fleet", {"a": [{"b": index} for index in range(50_000)], "z": pod()})) == ()

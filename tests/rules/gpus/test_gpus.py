"""The arithmetic and the legal exceptions of rules about GPUs that no manifest alone shows."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic import checking
from voltaic.document import spec_from_line
from voltaic.manifests import Document
from voltaic.rules.gpus import gpus_unused


def _unused(engine: str, version: str, args: str, *, gpus: int = 4, **more: Any) -> list[str]:
    line = {
        "engine": engine,
        "engine_version": version,
        "model": "Qwen/Qwen2.5-7B-Instruct",
        "gpu": "a100-80gb",
        "gpus": gpus,
        "args": args.split(),
    }
    return [finding.message for finding in gpus_unused.RULE.ask(spec_from_line(line | more))]


@pytest.mark.parametrize(
    ("engine", "version", "args", "idle"),
    [
        ("vllm", "0.16.0", "--model m -tp 2 -pp 2", 0),
        ("vllm", "0.16.0", "--model m -tp 2 -dp 2 --enable-expert-parallel", 0),
        ("vllm", "0.16.0", "--model m -tp 2 --prefill-context-parallel-size 2", 0),
        ("vllm", "0.16.0", "--model m -tp 2 --decode-context-parallel-size 2", 2),
        ("vllm", "0.16.0", "--model m -tp 2 -dp 4 --data-parallel-size-local 2", 0),
        ("vllm", "0.16.0", "--model m -tp 2 -dp 4 --data-parallel-size-local 1", 2),
        ("vllm", "0.16.0", "--model m -tp 2 -dp 2 --data-parallel-rank 1", 0),
        ("vllm", "0.16.0", "--model m -tp 2 --nnodes 2", 0),
        ("vllm", "0.16.0", "--model m -tp 2 --distributed-executor-backend ray", 0),
        ("vllm", "0.16.0", "--model m -tp 2 --distributed-executor-backend mp", 2),
        ("vllm", "0.16.0", "--model m -tp two", 0),
        ("vllm", "0.16.0", "--model m", 3),
        ("lmdeploy", "0.16.0-cu12.8", "m --tp 2", 2),
        ("lmdeploy", "0.16.0-cu12.8", "m --tp 2 --dp 2", 0),
        ("llama.cpp", "cuda-b9000", "-hf m -ngl 999", 0),
        ("llama.cpp", "cuda-b9000", "-hf m -ngl 999 -sm none", 3),
        ("llama.cpp", "cuda-b9000", "-hf m -ngl 999 -dev CUDA0,CUDA1", 2),
        ("llama.cpp", "cuda-b9000", "-hf m -ngl 999 -ts 3,1", 2),
        ("llama.cpp", "cuda-b9000", "-hf m -ngl 999 -ts 1,0,0.5,0", 2),
        ("llama.cpp", "cuda-b9000", "-hf m -ngl 999 -sm none --frobnicate", 0),
        ("tgi", "3.3.7", "--num-shard 4", 0),
        ("tgi", "3.3.7", "--num-shard 2", 2),
        ("tgi", "3.0.1", "", 0),
        ("sglang", "0.5.0", "--model-path m", 0),
    ],
)
def test_gpus_that_no_process_uses(engine: str, version: str, args: str, idle: int) -> None:
    """Ranks of every kind count; where ranks may be elsewhere, or words cannot be read, nothing is said."""
    said = _unused(engine, version, args)
    assert [message.split(":")[0] for message in said] == (
        [f"The pod holds 4 GPUs and {4 - idle} of them compute{'s' if idle == 3 else ''}"] if idle else []
    )


@pytest.mark.parametrize(
    ("engine", "version", "args", "fix"),
    [
        ("tgi", "3.3.7", "--num-shard 2", "Write --num-shard 4, or run as many servers as there are GPUs, or set the"),
        (
            "vllm",
            "0.16.0",
            "--model m -tp 2",
            "Write --tensor-parallel-size 4, or run as many servers as there are GPUs",
        ),
        ("lmdeploy", "0.16.0-cu12.8", "m --tp 2", "Write --tp 4, or run as many servers as there are GPUs, or set the"),
        ("llama.cpp", "cuda-b9000", "-hf m -ngl 999 -sm none", "Write --split-mode layer and no --device or"),
    ],
)
def test_the_way_out_names_the_engines_own_option(engine: str, version: str, args: str, fix: str) -> None:
    """Each engine has an option of its own that makes all GPUs compute."""
    line = {"engine": engine, "engine_version": version, "model": "Qwen/Qwen2.5-7B-Instruct", "args": args.split()}
    (finding,) = gpus_unused.RULE.ask(spec_from_line(line | {"gpu": "a100-80gb", "gpus": 4}))
    assert finding.fix.startswith(fix)
    assert finding.level == "advisory"


def test_variables_that_hide_where_they_may_decide() -> None:
    """TGI reads its shards from variables, so that an unknown one leaves them open; vLLM reads its ranks from none."""
    assert _unused("tgi", "3.3.7", "", env={"NUM_SHARD": None}) == []
    assert len(_unused("vllm", "0.16.0", "--model m", env={"HF_HOME": None})) == 1


def _said(pod: dict[str, Any], **template: Any) -> list[str]:
    """Return the messages of rules about GPUs on a pod that holds one llama.cpp server."""
    container = {
        "name": "llama",
        "image": "ghcr.io/ggml-org/llama.cpp:server-cuda-b9000",
        "args": ["-hf", "TheBloke/Mistral-7B-Instruct-v0.2-GGUF:Q5_K_M", "-ngl", "999", "-c", "4096"],
        "resources": {"limits": {"nvidia.com/gpu": 1}},
    }
    spec = {"containers": [container | pod.pop("container", {})], **pod}
    metadata = {"metadata": template} if template else {}
    content = {"kind": "Deployment", "metadata": {"name": "x"}, "spec": {"template": {"spec": spec, **metadata}}}
    rules = {
        "visible-devices",
        "gpu-labels",
        "gpu-resource-name",
        "node-gpu-count",
        "profile-annotation",
        "gpu-steering",
        "gpu-shares",
    }
    checked = checking.check([Document("x.yaml", 1, content)])
    return [said.finding.message for one in checked for said in one.said if said.finding.rule in rules]


def _terms(*terms: list[tuple[str, str, list[str]]]) -> dict[str, Any]:
    matching = [
        {"matchExpressions": [{"key": key, "operator": operator, "values": values} for key, operator, values in term]}
        for term in terms
    ]
    required = {"nodeSelectorTerms": matching}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


_PRODUCT = "nvidia.com/gpu.product"
_A100 = (_PRODUCT, "In", ["NVIDIA-A100-SXM4-80GB"])
_V100 = (_PRODUCT, "In", ["Tesla-V100-SXM2-16GB"])


@pytest.mark.parametrize(
    ("label", "operator", "values", "found"),
    [
        ("nvidia.com/gpu.compute.major", "In", ["8", "9"], 0),
        ("nvidia.com/gpu.compute.major", "Lt", ["8"], 1),
        ("nvidia.com/gpu.compute.major", "NotIn", ["8"], 1),
        ("nvidia.com/gpu.compute.major", "Gt", ["9"], 1),
        ("nvidia.com/gpu.compute.major", "Gt", ["7"], 0),
        ("nvidia.com/gpu.compute.major", "Exists", [], 0),
        ("nvidia.com/gpu.compute.major", "DoesNotExist", [], 1),
        ("nvidia.com/gpu.compute.minor", "In", ["6"], 1),
        ("nvidia.com/gpu.compute.major", "In", ["${MAJOR}"], 0),
        ("nvidia.com/gpu.family", "In", ["ampere"], 0),
        ("nvidia.com/gpu.family", "In", ["hopper"], 1),
        ("nvidia.com/gpu.memory", "In", ["81920"], 0),
        ("nvidia.com/gpu.memory", "In", ["40960"], 1),
        ("nvidia.com/gpu.memory", "In", ["163840"], 1),
        ("nvidia.com/gpu.memory", "In", ["large"], 0),
        ("nvidia.com/gpu.memory", "NotIn", ["40960"], 0),
        ("nvidia.com/gpu.memory", "Gt", ["79000"], 0),
        ("nvidia.com/gpu.memory", "Lt", ["45000"], 1),
        ("nvidia.com/gpu.count", "In", ["8"], 0),
        ("nvidia.com/gpu.count", "In", ["many"], 0),
        ("nvidia.com/gpu.count", "Lt", ["1"], 1),
        ("example.org/rank", "In", ["0"], 0),
        ("example.org/pool", "In", ["volta"], 0),
    ],
)
def test_labels_that_follow_from_the_product(label: str, operator: str, values: list[str], found: int) -> None:
    """Labels of an A100 with 80 GB exclude what it has not, and leave open what nobody can read."""
    assert len(_said(_terms([_A100, (label, operator, values)]))) == found


def test_two_products() -> None:
    """Two products that have to hold at once are on no node; one of two is."""
    both = "No node meets both nvidia.com/gpu.product=Tesla-V100-SXM2-16GB and nvidia.com/gpu.product=NVIDIA-A100"
    (said,) = _said({"nodeSelector": {_PRODUCT: "Tesla-V100-SXM2-16GB"}, **_terms([_A100])})
    assert said.startswith(both)
    assert _said(_terms([_A100], [_V100])) == []
    assert _said(_terms([_A100, _V100], [_V100])) == []


@pytest.mark.parametrize(
    ("resource", "terms", "found"),
    [
        ("nvidia.com/gpu", [("amd.com/gpu.product-name", "In", ["AMD_Instinct_MI300X_OAM"])], 1),
        ("amd.com/gpu", [("amd.com/gpu.product-name", "In", ["AMD_Instinct_MI300X_OAM"])], 0),
        ("amd.com/gpu", [_A100], 1),
        ("amd.com/gpu", [(_PRODUCT, "In", ["NVIDIA-Something-New"])], 0),
        ("amd.com/gpu", [(_PRODUCT, "Exists", [])], 0),
    ],
)
def test_the_resource_of_the_vendor(resource: str, terms: list[tuple[str, str, list[str]]], found: int) -> None:
    """The resource is compared with the GPUs that the labels name, and with nothing where they name none."""
    said = _said({"container": {"resources": {"limits": {resource: 1}}}, **_terms(terms)})
    assert len(said) == found


def test_one_way_to_be_placed_may_have_any_gpu() -> None:
    """Where one of two ways leaves the GPU open, nothing is known of the resource that it offers."""
    container = {"resources": {"limits": {"amd.com/gpu": 1}}}
    assert _said({"container": container, **_terms([_A100], [("example.org/pool", "In", ["a"])])}) == []


def test_what_is_not_filled_in_yet_says_nothing() -> None:
    """A placeholder among the labels is left aside."""
    assert _said({"nodeSelector": {_PRODUCT: "Tesla-V100-SXM2-16GB", "nvidia.com/gpu.family": "${FAMILY}"}}) == []


def test_all_containers_of_a_pod_come_from_one_node() -> None:
    """GPUs of containers add up; an init container's do not, but where they are more."""
    more = {"name": "other", "image": "example.org/other:1", "resources": {"limits": {"nvidia.com/gpu": 2}}}
    node = {"nodeSelector": {"node.kubernetes.io/instance-type": "Standard_NC12s_v3"}}
    (said,) = _said({**node, "container": {"resources": {"limits": {"nvidia.com/gpu": 3}}}})
    assert said.startswith("The pod asks for 3 GPUs, and nodes with node.kubernetes.io/instance-type=Standard_NC12s_v3")
    assert _said({**node, "initContainers": [more]}) == []
    assert len(_said({**node, "initContainers": [more | {"restartPolicy": "Always"}]})) == 1


@pytest.mark.parametrize(
    ("profile", "terms", "found"),
    [
        ("a100-80gb-1gpu", [_A100], 0),
        ("v100-1gpu", [_A100], 1),
        ("a100-80gb-2gpu", [_A100], 1),
        ("v100-1gpu", [("nvidia.com/gpu.compute.major", "In", ["8"])], 1),
        ("v100-1gpu", [("nvidia.com/gpu.compute.major", "In", ["7"])], 0),
        ("v100-1gpu", [("example.org/pool", "In", ["ampere"])], 0),
        ("no-such-profile", [_A100], 0),
    ],
)
def test_the_annotation_beside_the_labels(profile: str, terms: list[tuple[str, str, list[str]]], found: int) -> None:
    """An annotation is compared with labels that name the GPU, or something that follows from it."""
    assert len(_said(_terms(terms), annotations={"voltaic/profile": profile})) == found


@pytest.mark.parametrize(
    ("toleration", "pod", "found"),
    [
        ({"key": "gpu-tesla-v100s"}, {}, 1),
        ({"key": "nvidia.com/gpu"}, {}, 0),
        ({"key": "gpu-tesla-v100"}, {"nodeName": "a"}, 0),
        ({"key": "gpu-tesla-v100"}, {"nodeSelector": {"kubernetes.io/hostname": "a"}}, 0),
        ({"key": "team", "value": "l40ads"}, {}, 0),
        ({"key": "gpu-tesla-v100"}, {"container": {"resources": {}}}, 0),
    ],
)
def test_tolerations_that_name_a_gpu(toleration: dict[str, str], pod: dict[str, Any], found: int) -> None:
    """A toleration of a GPU model stands in for a selector only where nothing at all selects nodes."""
    assert len(_said({"tolerations": [{"operator": "Exists", **toleration}], **pod})) == found


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("--gpu-memory-utilization=0.5", "--gpu-memory-utilization=0.5", 0),
        ("--gpu-memory-utilization=0.6", "--gpu_memory_utilization=0.5", 1),
        ("--gpu-memory-utilization=0.9", "--enforce-eager", 0),
        ("--gpu-memory-utilization=$(SHARE)", "--gpu-memory-utilization=0.9", 0),
    ],
)
def test_shares_of_one_gpu(first: str, second: str, found: int) -> None:
    """Shares of servers with the same claim add up where all of them are written."""
    server = {"image": "vllm/vllm-openai:v0.16.0", "resources": {"claims": [{"name": "gpu"}]}}
    model = ["--model=Qwen/Qwen2.5-1.5B-Instruct"]
    pod = {
        "container": {"name": "a", **server, "args": [*model, first]},
        "initContainers": [{"name": "b", "restartPolicy": "Always", **server, "args": [*model, second]}],
    }
    assert [message for message in _said(pod) if "share the claim gpu" in message] == (
        ["a and b share the claim gpu and take 0.6 + 0.5 = 1.1 of it; wanted is 1 at most, together."] if found else []
    )


@pytest.mark.parametrize(
    ("entry", "gpus", "found"),
    [
        ({"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}, 0, 0),
        ({"name": "NVIDIA_VISIBLE_DEVICES", "value": "none"}, 0, 0),
        ({"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}, 1, 1),
        ({"name": "NVIDIA_VISIBLE_DEVICES", "value": "0"}, 0, 1),
        ({"name": "NVIDIA_VISIBLE_DEVICES", "value": "${GPUS}"}, 1, 0),
        ({"name": "NVIDIA_VISIBLE_DEVICES", "value": "$(GPUS)"}, 1, 0),
        ({"name": "NVIDIA_VISIBLE_DEVICES", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}, 1, 0),
        ({"name": "CUDA_VISIBLE_DEVICES", "value": "0"}, 1, 0),
        ({"name": "CUDA_VISIBLE_DEVICES", "value": "1,0"}, 2, 0),
        ({"name": "CUDA_VISIBLE_DEVICES", "value": "1"}, 2, 1),
        ({"name": "CUDA_VISIBLE_DEVICES", "value": "GPU-5ebe9f43"}, 2, 0),
        ({"name": "HIP_VISIBLE_DEVICES", "value": "0"}, 2, 1),
    ],
)
def test_variables_about_devices(entry: dict[str, Any], gpus: int, found: int) -> None:
    """What the plugin sets is nobody's to set; what a program hides from itself counts where it hides something."""
    resources = {"limits": {"nvidia.com/gpu": gpus}} if gpus else {}
    other = {"name": "other", "image": "example.org/embeddings:1", "env": [entry], "resources": resources}
    assert len(_said({"initContainers": [other | {"restartPolicy": "Always"}]})) == found


def test_servers_with_gpus_of_their_own_share_nothing() -> None:
    """Two servers that ask for a GPU each may both take nearly all of it."""
    server = {
        "image": "vllm/vllm-openai:v0.16.0",
        "args": ["--model=Qwen/Qwen2.5-1.5B-Instruct", "--gpu-memory-utilization=0.9"],
        "resources": {"limits": {"nvidia.com/gpu": 1}},
    }
    pod = {
        "container": {"name": "a", **server},
        "initContainers": [{"name": "b", "restartPolicy": "Always", **server}],
    }
    assert _said(pod) == []

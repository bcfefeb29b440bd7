"""Writes manifests of model servers as people have them: many, and no two alike."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from pathlib import Path

MODELS: Final = (
    "mistralai/Mistral-7B-Instruct-v0.2",
    "meta-llama/Llama-2-13b-chat-hf",
    "microsoft/phi-2",
    "Qwen/Qwen2.5-7B-Instruct",
    "tiiuae/falcon-7b-instruct",
    "nobody/has-heard-of-it",
)
PRODUCTS: Final = ("Tesla-V100-SXM2-16GB", "NVIDIA-A100-SXM4-80GB", "Tesla-T4", "NVIDIA-A10G", "NVIDIA-L4", None)


def write(folder: Path, count: int, *, seed: int = 1) -> None:
    """Write `count` files: half of them servers of all engines, some with a Service, the rest what lies beside them."""
    choose = random.Random(seed)  # noqa: S311  varied, not secret
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        documents = _documents(choose, number)
        path = folder / f"{number:04}.yaml"
        path.write_text(yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False), "utf-8")


def _documents(choose: random.Random, number: int) -> list[dict[str, Any]]:
    name = f"llm-{number}"
    kind = choose.random()
    if kind < 0.1:  # noqa: PLR2004  a share
        return [_object("v1", "ConfigMap", name, data={f"KEY_{key}": "x" * key for key in range(30)})]
    if kind < 0.2:  # noqa: PLR2004
        return [_object("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, spec=_schema(5))]
    if kind < 0.3:  # noqa: PLR2004
        web = {"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}
        return [_workload(name, web, {}), _service(name)]
    if kind < 0.4:  # noqa: PLR2004
        page = {"name": "page", "image": "ghcr.io/open-webui/open-webui:v0.6.5", "ports": [{"containerPort": 8080}]}
        return [_workload(name, page, {}), _service(name)]
    return [_workload(name, *_server(choose)), _service(name)]


def _server(choose: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    model, gpus = choose.choice(MODELS), choose.choice((1, 1, 2, 4))
    length = choose.choice((1024, 2048, 4096, 8192))
    release = choose.choice(("1.4.0", "2.0.4", "3.0.1", "latest"))
    tgi = {
        "image": f"ghcr.io/huggingface/text-generation-inference:{release}",
        "args": [
            *("--model-id", model, "--num-shard", str(choose.choice((1, gpus)))),
            *("--max-input-tokens", str(length), "--max-total-tokens", str(length + 512)),
        ],
    }
    vllm = {
        "image": f"vllm/vllm-openai:{choose.choice(('v0.4.2', 'v0.8.5', 'latest'))}",
        "args": ["--model", model, "--tensor-parallel-size", str(gpus), "--max-model-len", str(length)],
    }
    llama = {
        "image": "ghcr.io/ggml-org/llama.cpp:server-cuda-b9000",
        "args": ["-m", "/models/model.gguf", "-c", str(length), "-ngl", "99"],
    }
    container = {
        "name": "server",
        **choose.choice((tgi, vllm, llama)),
        "env": [{"name": f"SETTING_{number}", "value": str(number)} for number in range(choose.randrange(8))],
        "resources": {"limits": {"nvidia.com/gpu": gpus, "memory": choose.choice(("16Gi", "64Gi"))}},
        "ports": [{"containerPort": 8080}],
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}},
    }
    product = choose.choice(PRODUCTS)
    return container, {} if product is None else {"nodeSelector": {"nvidia.com/gpu.product": product}}


def _object(version: str, kind: str, name: str, **content: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content}


def _workload(name: str, container: dict[str, Any], pod: dict[str, Any]) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {**pod, "containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return _object("apps/v1", "Deployment", name, spec=spec)


def _service(name: str) -> dict[str, Any]:
    return _object("v1", "Service", name, spec={"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]})


def _schema(depth: int) -> dict[str, Any]:
    if not depth:
        return {"type": "string", "description": "Some words about a field that nobody reads here."}
    return {"type": "object", "properties": {f"field{number}": _schema(depth - 1) for number in range(3)}}

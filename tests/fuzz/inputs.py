"""Makes inputs out of choices: lines of every engine, configurations of every family with faults, manifests.

The choices come from a seed (continuous integration) or from a fuzzer that watches which code they reach (the bench).
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from voltaic import engines, facts_files, hardware, models

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 64, 4096, 2**31, 2**63, 2**200, -(2**63), 0.5, 1.0, 1e308, -0.0),
    *(float("inf"), float("nan"), "", " ", "1", "x", "auto", "\0", "é" * 50, "llama", "float16", "bfloat16", "fp99"),
    *([], [0], [None], ["a", 1], [[[]]], {}, {"a": {}}, {"": None}, {"type": "linear", "factor": "x"}),
    *({"quant_method": "awq", "bits": 4}, {"quant_method": "gptq", "bits": "4", "group_size": -1}, {"quant_method": 4}),
)
"""Values that a configuration may hold by mistake or by malice."""
WORDS: Final = (
    *(
        "0",
        "1",
        "2",
        "3",
        "4",
        "7",
        "64",
        "512",
        "1024",
        "4096",
        "8192",
        "131072",
        "4294967296",
        "18446744073709551616",
    ),
    *(
        "-1",
        "0.5",
        "0.9",
        "1.0",
        "1.5",
        "nan",
        "1e9",
        "4K",
        "4k",
        "",
        " ",
        "x y",
        "true",
        "false",
        "True",
        "none",
        "auto",
    ),
    *("awq", "gptq", "bitsandbytes", "bitsandbytes-nf4", "eetq", "fp8", "marlin", "q8_0", "f16", "float16", "half"),
    *(
        "bfloat16",
        "float32",
        "fp16",
        "--",
        "-",
        "-p",
        "-c",
        "--help",
        "--nonsense",
        "{}",
        "[]",
        '{"a": 1}',
        "é",
        "\udcff",
    ),
)
"""Values that an argument or a variable may have."""
VARIABLES: Final = (
    *("USE_FLASH_ATTENTION", "ATTENTION", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "PYTORCH_CUDA_ALLOC_CONF"),
    *("HF_TOKEN", "MODEL_ID", "QUANTIZE", "NUM_SHARD", "SHARDED", "MAX_BATCH_SIZE", "MAX_TOTAL_TOKENS", "VLLM_USE_V1"),
    *("VLLM_ATTENTION_BACKEND", "VLLM_PORT", "LLAMA_ARG_CTX_SIZE", "LLAMA_ARG_N_GPU_LAYERS", "LLAMA_ARG_FIT"),
)
SETTINGS: Final = (
    *("false", "False", "true", "0", "1", "0,1", "all", "void", "tcp://10.0.0.1:80", "expandable_segments:True"),
    *("backend:cudaMallocAsync", "awq", "2", "99999", "", "x"),
)
IMAGES: Final = (
    *("ghcr.io/huggingface/text-generation-inference:3.0.1", "ghcr.io/huggingface/text-generation-inference:latest"),
    *("vllm/vllm-openai:v0.8.5", "vllm/vllm-openai", "openmmlab/lmdeploy:v0.16.0-cu12.8", "nginx:1.27", "", "a:b:c@d"),
    *("ghcr.io/ggml-org/llama.cpp:server-cuda-b6000", "ghcr.io/huggingface/text-generation-inference@sha256:0"),
)


class Choices(Protocol):
    """Where decisions come from."""

    def below(self, number: int) -> int:
        """Return a whole number from 0 to this one, without it."""
        ...


class Maker:
    """Makes one input after the other."""

    def __init__(self, choices: Choices) -> None:
        self.below = choices.below

    def pick(self, of: Sequence[Any]) -> Any:
        """Return one of these."""
        return of[self.below(len(of))]

    def line(self) -> dict[str, Any]:
        """Return a batch line that is right in most parts."""
        engine = self.pick(engines.names())
        known = engines.engine(engine)
        releases = known.releases() if known is not None else ()
        line: dict[str, Any] = {
            "gpu": self.pick(_gpus()),
            "gpus": self.pick((1, 1, 1, 2, 2, 3, 4, 8, 16, 2**40)),
            "engine": engine,
            "engine_version": self.pick((*releases, None, "9.9.9", "latest")),
            "args": self.arguments(engine),
            "env": {self.pick(VARIABLES): self.pick((*SETTINGS, None)) for _ in range(self.below(3))},
        }
        if engine == "tgi" and self.below(2):
            line["env"]["USE_FLASH_ATTENTION"] = "false"
        if self.below(3):
            line["config"] = self.config()
        else:
            line["model"] = self.pick(models.known_ids())
        if not self.below(6):
            line["weights_bytes"] = self.pick((1, 10**9, 2**62, None))
        if not self.below(40):
            line[self.pick((*line, "id", "runs", "x"))] = self.pick(ODD)
        return line

    def arguments(self, engine: str) -> list[str]:
        """Return arguments: options of the engine with values right and wrong, in both spellings, now and then junk."""
        words: list[str] = []
        for _ in range(self.below(7)):
            name = self.pick(_flags(engine) if self.below(8) else _all_flags())
            value = self.pick(WORDS) if self.below(3) else str(1 << self.below(16))
            kind = self.below(8)
            words += [f"{name}={value}"] if kind == 0 else [name] if kind == 1 else [name, value]
        return words

    def config(self) -> Any:
        """Return a configuration of one of the families, with up to three faults."""
        base = self.pick(_configs())
        changed = dict(base)
        for _ in range(self.below(4)):
            kind = self.below(5)
            key = self.pick(tuple(base)) if base else "model_type"
            if kind == 0:
                changed.pop(key, None)
            elif kind == 1:
                changed[self.pick(_all_keys())] = self.pick(ODD)
            elif kind == 2 and isinstance(changed.get(key), dict):
                inner = dict(changed[key])
                inner[self.pick((*inner, "x"))] = self.pick(ODD)
                changed[key] = inner
            elif kind == 3 and isinstance(changed.get(key), int):
                changed[key] = changed[key] * self.pick((2, 3, 1000)) + self.pick((0, 1, -1))
            else:
                changed[key] = self.pick(ODD)
        return changed

    def manifest(self) -> Any:
        """Return an object that may hold a server."""
        line = self.line()
        container: dict[str, Any] = {
            "name": "server",
            "image": self.pick(IMAGES),
            "args": line["args"] if isinstance(line.get("args"), list) else self.pick(ODD),
            "env": [{"name": self.pick(VARIABLES), "value": self.pick(SETTINGS)} for _ in range(self.below(3))],
            "resources": {"limits": {self.pick(("nvidia.com/gpu", "amd.com/gpu")): self.pick((1, "2", *ODD))}},
        }
        if not self.below(3):
            container["command"] = self.pick(
                (
                    ["sh", "-c", " ".join(map(str, line["args"] if isinstance(line.get("args"), list) else ()))],
                    ["vllm", "serve"],
                    *ODD,
                )
            )
        if not self.below(4):
            container[self.pick(tuple(container))] = self.pick(ODD)
        labels = {"nvidia.com/gpu.product": self.pick(("Tesla-V100-SXM2-16GB", "NVIDIA-A100-SXM4-40GB", *SETTINGS))}
        pod: dict[str, Any] = {"containers": [container], "nodeSelector": labels}
        if not self.below(6):
            pod[self.pick(tuple(pod))] = self.pick(ODD)
        if not self.below(3):
            container["envFrom"] = [{"configMapRef": {"name": "conf"}}]
        made = self._object(container, pod)
        if not self.below(3):
            data = {self.pick(VARIABLES): self.pick(SETTINGS)}
            beside = {"kind": "ConfigMap", "metadata": {"name": "conf"}, "data": data}
            made = {"kind": "List", "items": [beside, made, self._runtime(container)]}
        return made if self.below(8) else {"kind": "List", "items": [made, self.pick(ODD)]}

    def _object(self, container: dict[str, Any], pod: dict[str, Any]) -> dict[str, Any]:
        """Return an object that holds a pod in one of the places where kinds keep them."""
        template = {"spec": pod}
        model = {**container, "runtime": self.pick(("r", *ODD)), "storageUri": self.pick(("hf://gpt2/gpt2", *ODD))}
        shapes = {
            "apps/v1 Deployment": {"template": template},
            "apps/v1 StatefulSet": {"template": template},
            "batch/v1 Job": {"template": template},
            "v1 Service": {"template": template},
            "example.org/v1 Unknown": {"deep": [{"er": template}]},
            "leaderworkerset.x-k8s.io/v1 LeaderWorkerSet": {
                "leaderWorkerTemplate": {"size": self.pick((1, 2, *ODD)), "workerTemplate": template}
            },
            "ray.io/v1 RayService": {
                "rayClusterConfig": {"workerGroupSpecs": [{"template": template}, self.pick(ODD)]}
            },
            "serving.kserve.io/v1beta1 InferenceService": {"predictor": self.pick((pod, {"model": model}, *ODD))},
            "serving.kserve.io/v1alpha1 LLMInferenceService": {"template": pod, "model": {"uri": "hf://gpt2/gpt2"}},
            "kubeai.org/v1 Model": {"engine": self.pick(("VLLM", "OLlama", *ODD)), "url": "hf://a/b", **container},
        }
        version, kind = self.pick(tuple(shapes)).split()
        return {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, "spec": shapes[f"{version} {kind}"]}

    def _runtime(self, container: dict[str, Any]) -> dict[str, Any]:
        """Return a runtime that an InferenceService may name."""
        spec = {"containers": self.pick(([{**container, "name": "kserve-container"}], ODD))}
        return {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "ServingRuntime",
            "metadata": {"name": "r"},
            "spec": spec,
        }


@functools.cache
def _gpus() -> tuple[Any, ...]:
    return (*(gpu.name for gpu in hardware.gpu_models()), "v100-16gb", "v100-16gb", None, "gtx-1080")


@functools.cache
def _configs() -> tuple[dict[str, Any], ...]:
    return tuple(dict(model.config) for model in models.known_models())


@functools.cache
def _all_keys() -> tuple[str, ...]:
    return tuple(sorted({key for config in _configs() for key in config}))


@functools.cache
def _flags(engine: str) -> tuple[str, ...]:
    """Return the options of an engine, read from its data, the ones that decide memory several times."""
    folder = Path(engines.__file__).with_name(engine.replace(".", "_"))
    names = [name for path in sorted(folder.glob("options*.toml")) for name in _names(facts_files.table(path))]
    decisive = [name for name in names if any(word in name for word in _DECISIVE)]
    return tuple(f"--{name.replace('_', '-')}" for name in [*names, *decisive * 6]) or ("--model",)


_DECISIVE: Final = (
    "max_",
    "num_shard",
    "quant",
    "dtype",
    "parallel",
    "utilization",
    "ctx",
    "cache",
    "gpu_layers",
    "length",
)


def _names(table: Any) -> Iterator[str]:
    """Yield every name of an option, wherever the file keeps it."""
    if isinstance(table, dict):
        if isinstance(table.get("name"), str):
            yield table["name"]
        for value in table.values():
            yield from _names(value)
    elif isinstance(table, list):
        for value in table:
            yield from _names(value)


@functools.cache
def _all_flags() -> tuple[str, ...]:
    return tuple(flag for name in engines.names() for flag in _flags(name))

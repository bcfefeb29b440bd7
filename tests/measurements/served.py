"""TGI's own fallback with one model of true shapes and random weights, for `fallback.py`."""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import torch
import transformers
from accelerate import dispatch_model, infer_auto_device_map, init_empty_weights
from accelerate.utils import get_balanced_memory, set_module_tensor_to_device
from transformers.modeling_utils import no_init_weights

# Read when the first product is computed: workspaces as large as on a V100.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:2:16:8")
os.environ.setdefault("CUBLASLT_WORKSPACE_SIZE", "1024")
os.environ.setdefault("TORCH_CUBLASLT_UNIFIED_WORKSPACE", "0")

CATALOGUE = Path(__file__).parents[2] / "voltaic" / "models" / "catalogue"
SHAPES = Path(__file__).with_name("shapes.json")
V100_FREE = int(15.4 * 2**30)
"""Bytes that a V100 of 16 GB has free for tensors."""
WARM_UP = {
    "temperature": 0.9,
    "top_k": 10,
    "top_p": 0.9,
    "typical_p": 0.9,
    "repetition_penalty": 1.2,
    "frequency_penalty": 0.1,
    "watermark": True,
}


def gpus() -> range:
    """Return the GPUs that this process sees."""
    return range(max(1, torch.cuda.device_count()))


def settings_of(model: str) -> dict[str, Any]:
    """Return the configuration of a model: of one of `shapes.json` or of the catalogue."""
    known: dict[str, dict[str, Any]] = json.loads(SHAPES.read_text(encoding="utf-8"))
    if model in known:
        return dict(known[model])
    entry = json.loads((CATALOGUE / f"{model.replace('/', '--')}.json").read_text(encoding="utf-8"))
    return dict(entry["config"])


def spread(model: Any, dtype: torch.dtype) -> Any:
    """Return a model without weights with its layers on all GPUs, as `device_map="auto"` places them."""
    blocks = model._get_no_split_modules("auto")
    # The budget of a GPU is that of the V100; the one it runs on has more.
    room = dict.fromkeys(range(torch.cuda.device_count()), V100_FREE)
    room = get_balanced_memory(model, room, no_split_module_classes=blocks, dtype=dtype)
    places = infer_auto_device_map(model, room, no_split_module_classes=blocks, dtype=dtype)
    for name, parameter in list(model.named_parameters()):
        place = next(places[part] for part in _parents(name) if part in places)
        set_module_tensor_to_device(model, name, place, torch.empty_like(parameter, device=f"cuda:{place}"))
    model.tie_weights()
    return dispatch_model(model, places, skip_keys=model._skip_keys_device_placement)


def _parents(name: str) -> list[str]:
    """Return the name and those of all modules that it lies in."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), -1, -1)]


class Encoding(dict[str, Any]):
    """What a tokenizer returns."""

    def to(self, device: torch.device) -> Encoding:
        """Return the same on a device."""
        return Encoding({name: tensor.to(device) for name, tensor in self.items()})


class Tokenizer:
    """Turns a number into that many random tokens, padded on the left."""

    pad_token_id = 0
    eos_token_id = 2
    all_special_ids = (0,)
    added_tokens_decoder: dict[int, Any] = {}  # noqa: RUF012

    def __call__(self, inputs: list[str], *, max_length: int, **_: object) -> Encoding:
        """Return ids and mask."""
        lengths = [min(int(text), max_length) for text in inputs]
        longest = max(lengths)
        mask = torch.tensor([[0] * (longest - length) + [1] * length for length in lengths])
        return Encoding(input_ids=torch.randint(3, 30_000, (len(inputs), longest)) * mask, attention_mask=mask)

    def decode(self, *_: object, **__: object) -> str:
        """Return no text."""
        return ""

    def batch_decode(self, ids: Any, **_: object) -> list[str]:
        """Return no texts."""
        return [""] * len(ids)


def load_server(folder: Path) -> Any:
    """Return TGI's module `causal_lm`, with stand-ins for what it does not need here."""
    tracer = SimpleNamespace(start_as_current_span=lambda _: lambda function: function)
    base = "text_generation_server"
    for name in ("loguru", "outlines", "outlines.fsm", "outlines.fsm.guide", "opentelemetry"):
        sys.modules[name] = MagicMock()
    sys.modules["opentelemetry"].trace.get_tracer = lambda _: tracer
    inner = ("pb", "pb.generate_pb2", "models.globals", "adapters", "adapters.weights")
    tools = ("log", "prefill_chunking", "speculate", "import_utils", "quantization")
    for name in (*inner, *(f"utils.{tool}" for tool in tools)):
        sys.modules[f"{base}.{name}"] = MagicMock()
    sys.modules[f"{base}.pb"].generate_pb2 = sys.modules[f"{base}.pb.generate_pb2"]
    sys.modules[f"{base}.utils.speculate"].get_speculate = lambda: 0
    for name in (base, f"{base}.models", f"{base}.utils"):
        package = types.ModuleType(name)
        package.__path__ = [str(folder / Path(*name.split(".")[1:]))]
        sys.modules[name] = package
    from text_generation_server.models import model  # type: ignore[import-not-found]
    from text_generation_server.utils import tokens  # type: ignore[import-not-found]

    sys.modules[f"{base}.models"].Model = model.Model  # type: ignore[attr-defined]
    utils: Any = sys.modules[f"{base}.utils"]
    for name in ("NextTokenChooser", "StoppingCriteria", "Sampling"):
        setattr(utils, name, getattr(tokens, name))
    utils.initialize_torch_distributed = utils.weight_files = utils.Weights = None
    from text_generation_server.models import causal_lm

    return causal_lm


class Server:
    """TGI's fallback with one model, and the few calls that its server makes."""

    def __init__(self, folder: Path, model: str, *, eager: bool = False) -> None:
        settings = settings_of(model)
        config = transformers.AutoConfig.for_model(settings.pop("model_type"), **settings)

        def build(*_: object, torch_dtype: torch.dtype, device_map: str | None = None, **__: object) -> Any:
            how = {"attn_implementation": "eager"} if eager else {}
            empty = torch.device("cpu") if device_map is None else init_empty_weights()
            with no_init_weights(), empty:
                built = transformers.AutoModelForCausalLM.from_config(config, torch_dtype=torch_dtype, **how)
            built.tie_weights()
            return built if device_map is None else spread(built, torch_dtype)

        self.module = load_server(folder)
        self.module.NextTokenChooser.__init__.__globals__["static_warper"].cache_clear()  # as in a fresh process
        self.module.AutoTokenizer = SimpleNamespace(from_pretrained=lambda *_, **__: Tokenizer())
        self.module.AutoModelForCausalLM = SimpleNamespace(from_pretrained=build)
        for multiply in (torch.matmul, lambda a, b: torch.addmm(b[0], a, b)):  # workspaces of cuBLAS and cuBLASLt
            for gpu in gpus():
                multiply(*(torch.ones(8, 8, device=f"cuda:{gpu}", dtype=torch.float16) for _ in range(2)))
        self.workspaces = [torch.cuda.memory_allocated(gpu) for gpu in gpus()]
        before = [torch.cuda.memory_reserved(gpu) for gpu in gpus()]
        self.model = self.module.CausalLM.fallback(model)
        for parameter in self.model.model.parameters():
            parameter.data.normal_(0, 0.02)
        for gpu in gpus():
            torch.cuda.synchronize(gpu)
        self.loaded = [torch.cuda.memory_allocated(gpu) - self.workspaces[gpu] for gpu in gpus()]
        self.loaded_reserved = [torch.cuda.memory_reserved(gpu) - before[gpu] for gpu in gpus()]
        self.attention = self.model.model.config._attn_implementation
        self.number = 0

    def batch(self, lengths: list[int], new_tokens: list[int], parameters: dict[str, Any], *, warm_up: bool) -> Any:
        """Return a batch as the router sends it."""
        plain = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "typical_p": 1.0, "do_sample": False, "seed": 0}
        plain |= {"repetition_penalty": 1.0, "frequency_penalty": 0.0, "watermark": False, "grammar": ""}
        requests = []
        for length, new in zip(lengths, new_tokens, strict=True):
            self.number += 1
            chunk = SimpleNamespace(text=str(length), WhichOneof=lambda _: "text")
            stopping = SimpleNamespace(max_new_tokens=new, stop_sequences=[], ignore_eos_token=True)
            sampling = SimpleNamespace(**plain | parameters, grammar_type=0)
            requests.append(
                SimpleNamespace(
                    id=self.number,
                    input_chunks=SimpleNamespace(chunks=[chunk]),
                    truncate=length,
                    parameters=sampling,
                    stopping_parameters=stopping,
                    prefill_logprobs=warm_up,
                    top_n_tokens=20 if warm_up else 0,
                )
            )
        pb = SimpleNamespace(id=self.number, size=len(requests), requests=requests)
        return self.module.CausalLMBatch.from_pb(pb, self.model.tokenizer, self.model.dtype, self.model.device)

    def prefill(self, lengths: list[int], new_tokens: list[int], parameters: dict[str, Any] | None = None) -> Any:
        """Return a batch after its prefill."""
        _, batch, _ = self.model.generate_token(self.batch(lengths, new_tokens, parameters or {}, warm_up=False))
        return batch

    def warm_up(self, requests: int, tokens: int) -> None:
        """Run the router's warm-up."""
        self.model.warmup(self.batch([tokens] * requests, [16] * requests, WARM_UP, warm_up=True), tokens, tokens + 16)

    def decode(self, batch: Any) -> Any:
        """Return the batch after one step, without the requests that are done; None where all are."""
        generations, batch, _ = self.model.generate_token(batch)
        left = [generation.request_id for generation in generations if generation.generated_text is None]
        return batch if batch is None or len(left) == len(generations) else batch.filter(left)

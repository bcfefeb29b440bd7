"""Build every case with the classes of transformers on the meta device, and write what they hold to `shapes/`.

Needs torch and transformers, which the project itself does not: run it where they are, after each new case, once with
each release in `RELEASES`. Names of tensors are kept of the first release that has the
class; counts and caches of each.
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).parent))
import cases

RELEASES = ("4.57.6", "5.23.0")
"""Releases whose classes are asked: the last one that has every expert's weights by itself, and the newest."""
TOKENS = 3
SHAPES = Path(__file__).with_name("shapes")
# Old classes ask PyTorch for autocast on the meta device, which it no longer has; shapes do not depend on it.
torch.autocast = lambda *_args, **_kwargs: contextlib.nullcontext()  # type: ignore[assignment,misc]
warnings.simplefilter("ignore")


def _tensors(part: Any, seen: set[int]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors that a cache holds, each once, with the name that it has there."""
    if isinstance(part, torch.Tensor) or part is None or isinstance(part, (str, int, float, bool, torch.dtype)):
        return
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, dict):
        items = list(part.items())
    elif isinstance(part, (list, tuple)):
        items = [("", value) for value in part]
    elif type(part).__module__.startswith("transformers") and not isinstance(part, transformers.PretrainedConfig):
        items = list(vars(part).items())
    else:
        return
    for name, value in items:
        if isinstance(value, torch.Tensor):
            yield str(name), value
        else:
            for inner, tensor in _tensors(value, seen):
                yield inner or str(name), tensor


def _cache(model: Any) -> dict[str, int]:
    """Return the elements that one token adds to the cache, and those of states, on the cache that the class fills."""
    found = {}
    for tokens in (TOKENS, 2 * TOKENS):
        ids = torch.zeros((1, tokens), dtype=torch.long, device=model.device)
        more = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
        answer = model(input_ids=ids, use_cache=True, **more)
        cache = getattr(answer, "past_key_values", None)
        cache = getattr(answer, "cache_params", None) if cache is None else cache
        found[tokens] = sum(tensor.numel() for _, tensor in _tensors(cache, set()) if tensor.is_floating_point())
    grown = (found[2 * TOKENS] - found[TOKENS]) // TOKENS
    kept = _kept(model) if model.config.model_type == "recurrent_gemma" else {"kv_elements_per_token": 0}
    states = found[TOKENS] - TOKENS * grown + kept.get("state_elements", 0)
    return {"kv_elements_per_token": grown + kept["kv_elements_per_token"], "state_elements": states}


def _kept(model: Any) -> dict[str, int]:
    """Return what modules of a model keep themselves: a window of keys and values, and states."""
    keys = [module for module in model.modules() if getattr(module, "key_states", None) is not None]
    states = [
        getattr(module, name).numel()
        for module in model.modules()
        for name in ("conv1d_state", "recurrent_states")
        if getattr(module, name, None) is not None
    ]
    window = model.config.attention_window_size
    grown = sum(module.key_states.numel() + module.value_states.numel() for module in keys) // window
    return {"kv_elements_per_token": grown, "state_elements": sum(states)}


def _class(settings: Any) -> Any:
    names = transformers.models.auto.modeling_auto
    for mapping in (
        "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING",
        "MODEL_FOR_CAUSAL_LM_MAPPING",
        "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING",
    ):
        found = getattr(names, mapping)
        if type(settings) in found:
            return found[type(settings)]
    raise LookupError(type(settings).__name__)


def folded(named: dict[str, list[int]]) -> dict[str, list[str]]:
    """Fold the numbers of layers and experts: names with `{}` for each, and shapes with the numbers that have them."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, shape in named.items():
        numbers = re.findall(r"(?<=\.)\d+(?=\.)", name)
        by_shape = found.setdefault(re.sub(r"(?<=\.)\d+(?=\.)", "{}", name), {})
        by_shape.setdefault("x".join(map(str, shape)), []).append(".".join(numbers))
    return {
        name: [f"{shape} {' '.join(numbers)}".strip() for shape, numbers in by_shape.items()]
        for name, by_shape in found.items()
    }


def _model(config: dict[str, Any], device: str) -> Any:
    content = copy.deepcopy(config)
    settings = transformers.AutoConfig.for_model(content.pop("model_type"), **content)
    with torch.device(device):
        model = _class(settings)._from_config(settings, attn_implementation="eager")
    model.tie_weights()
    return model.eval()


def _without_mlps(model: Any) -> Any:
    """Take out what follows attention, whose routing cannot run without data and which caches nothing."""
    for name, module in model.named_modules():
        if name.rpartition(".")[2] in {"mlp", "feed_forward", "block_sparse_moe", "ffn"}:
            pair = name.endswith("block_sparse_moe") or "sparse" in type(module).__name__.lower()
            module.forward = (lambda x, *_a, **_k: (x, None)) if pair else (lambda x, *_a, **_k: x)
    return model


def _measured(config: dict[str, Any], model: Any, *, small: bool) -> dict[str, int]:
    """Measure the cache without data where the class can, else with the small model's own, else without its MLPs."""
    ways = [lambda: model, lambda: _model(config, "cpu") if small else _without_mlps(model)]
    for way in ways:
        try:
            return _cache(way())
        except Exception as error:  # noqa: BLE001  (a class that cannot run on the meta device still has its shapes)
            failed = error
    print(f"  no cache: {type(failed).__name__}: {str(failed)[:200]}")  # noqa: T201
    return {}


def _shapes(config: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    model = _model(config, "meta")
    named = {name: list(parameter.shape) for name, parameter in model.named_parameters()}
    found: dict[str, Any] = {"parameters": sum(parameter.numel() for parameter in model.parameters())}
    found |= _measured(config, model, small=whole)
    if whole:
        found["tensors"] = named
    return found


def _make(kin: str, configs: dict[str, dict[str, Any]], *, whole: bool, only: str = "") -> None:
    release = transformers.__version__
    target = SHAPES / f"{kin}.json"
    known = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    known = {name: row for name, row in known.items() if name in configs}
    for name, config in configs.items():
        if only and only not in name:
            continue
        row = known.setdefault(name, {})
        row.pop(release, None)
        try:
            found = _shapes(config, whole=whole)
        except Exception as error:  # noqa: BLE001  (a release may not have the class)
            print(f"{name}: {type(error).__name__}: {str(error)[:200]}")  # noqa: T201
            continue
        named = found.pop("tensors", None)
        row[release] = found
        if named is not None and row.get("names of") in {None, release, *RELEASES[RELEASES.index(release) :]}:
            row |= {"names of": release, "tensors": folded(named)}
    target.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """Write the shapes of every case, or of those whose file and name are given."""
    SHAPES.mkdir(exist_ok=True)
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    for kin, configs in {"catalogue": cases.catalogue(), **cases.KINS}.items():
        if wanted in {"", kin}:
            _make(kin, configs, whole=kin != "catalogue", only=only)


if __name__ == "__main__":
    main()

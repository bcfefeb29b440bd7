"""Build every case with the classes of transformers on the meta device, and write what they hold to `shapes.json`.

Needs torch and transformers, which the project itself does not: run it where they are, after each new case.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))
import cases

TOKENS = 3


def _kv_elements(model: Any) -> int | None:
    """Return the elements that one token adds to the cache, measured on the cache that the class itself fills."""
    ids = torch.zeros((1, TOKENS), dtype=torch.long, device="meta")
    cache = model(input_ids=ids, use_cache=True).past_key_values
    layers = [(layer.keys, layer.values) for layer in cache.layers] if hasattr(cache, "layers") else list(cache)
    return sum(part.numel() for layer in layers for part in layer[:2]) // TOKENS


def _shapes(config: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    content = dict(config)
    settings = transformers.AutoConfig.for_model(content.pop("model_type"), **content)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(settings, attn_implementation="eager")
    model.tie_weights()
    named = {name: list(parameter.shape) for name, parameter in model.named_parameters()}
    found: dict[str, Any] = {"parameters": sum(parameter.numel() for parameter in model.parameters())}
    try:
        found["kv_elements_per_token"] = _kv_elements(model)
    except Exception as error:  # noqa: BLE001  (a class that cannot run on the meta device still has its shapes)
        print(f"no cache: {type(error).__name__}: {error}")  # noqa: T201
    if whole:
        found["tensors"] = named
    return found


def main() -> None:
    """Write the shapes of every case."""
    found = {
        "transformers": transformers.__version__,
        "catalogue": {name: _shapes(config, whole=False) for name, config in cases.catalogue().items()},
        "variants": {name: _shapes(config, whole=True) for name, config in cases.VARIANTS.items()},
    }
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("shapes.json")
    target.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

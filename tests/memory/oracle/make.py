"""Ask accelerate how it spreads catalogue models over GPUs, and write the answers to `layer_split.json`.

Needs torch, transformers 4.46.3 and accelerate 0.34.2, which the project itself does not, and no GPU: the models are
built on the meta device and the free memory of each GPU is given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import accelerate
import torch
import transformers
from accelerate.utils import get_balanced_memory

HERE = Path(__file__).parent
CATALOGUE = HERE.parents[2] / "voltaic" / "models" / "catalogue"
FREE_GIB = (15.3, 31.3)
GPUS = (2, 3, 4, 8)
HOST_GIB = 200
LAYERS = ("model.layers", "transformer.h", "gpt_neox.layers")
EMBEDDINGS = ("model.embed_tokens", "transformer.wte", "transformer.word_embeddings", "gpt_neox.embed_in")


def _place(device_map: dict[str, Any], module: str) -> int:
    found = [name for name in device_map if name in {"", module} or module.startswith(f"{name}.")]
    device = device_map[max(found, key=len)]
    return device if isinstance(device, int) else -1


def _split(model: Any, free: int, gpus: int) -> dict[str, Any]:
    blocks = model._get_no_split_modules("auto")
    memory = dict.fromkeys(range(gpus), free) | {"cpu": HOST_GIB * 2**30}
    limits = get_balanced_memory(model, max_memory=memory, no_split_module_classes=blocks, dtype=torch.float16)
    device_map = accelerate.infer_auto_device_map(
        model, max_memory=limits, no_split_module_classes=blocks, dtype=torch.float16
    )
    modules = {name for name, _ in model.named_modules()}
    layers = next(name for name in LAYERS if name in modules)
    embedding = next(name for name in EMBEDDINGS if name in modules)
    places = [_place(device_map, f"{layers}.{index}") for index in range(model.config.num_hidden_layers)]
    return {
        "layers": [places.count(gpu) for gpu in range(gpus)],
        "in host memory": places.count(-1),
        "embedding": _place(device_map, embedding),
        "head": _place(device_map, "lm_head" if "lm_head" in modules else "embed_out"),
    }


def main() -> None:
    """Write the answers of every unquantized model of the catalogue that transformers runs for TGI."""
    found: dict[str, Any] = {}
    for path in sorted(CATALOGUE.glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        config = dict(entry["config"])
        if "quantization_config" in config or config["model_type"] == "bloom":
            continue
        settings = transformers.AutoConfig.for_model(config.pop("model_type"), **config)
        with accelerate.init_empty_weights():
            model = transformers.AutoModelForCausalLM.from_config(settings, torch_dtype=torch.float16)
        model.tie_weights()
        found[entry["id"]] = {
            f"{gpus} x {free} GiB": _split(model, int(free * 2**30), gpus) for free in FREE_GIB for gpus in GPUS
        }
    versions = {"accelerate": accelerate.__version__, "transformers": transformers.__version__}
    text = json.dumps({"made with": versions, "models": found}, indent=1)
    (HERE / "layer_split.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

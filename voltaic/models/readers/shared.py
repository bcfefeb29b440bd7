"""Layers that use the keys and values of an earlier layer, and so keep none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from voltaic.models.architecture import Cache
from voltaic.models.draft import Mixer, layer_types
from voltaic.models.families import bounds
from voltaic.models.readers import moe
from voltaic.models.readers.windows import FULL, SLIDING

if TYPE_CHECKING:
    from voltaic.models.draft import Draft


_MOST_WIDTHS = 64
"""Different widths of MLPs in one model; published ones have one or two."""


def read(draft: Draft) -> None:
    """Read which layers share, and what else is particular to each layer."""
    step = draft.family.absent["every"]
    faults = len(draft.fields.faults)
    types = layer_types(draft, (FULL, SLIDING))
    every = [SLIDING if (layer + 1) % step else FULL for layer in range(draft.layers)]
    shared = draft.fields.whole(["num_kv_shared_layers"], bounds()["layers"], absent=_shared(draft))
    newer = draft.family.model_type == "gemma4_text"
    types = types or every
    if newer:
        types = [*types[:-1], FULL]
    owners = draft.layers - shared
    if shared and len(draft.fields.faults) == faults and set(types[: max(0, owners)]) != set(types):
        draft.contradiction(
            "num_kv_shared_layers", f"{shared} of {draft.layers} layers leave none whose keys and values each could use"
        )
    if newer:
        _gemma4(draft, types, owners)
    else:
        _gemma3n(draft, types, owners)


def _shared(draft: Draft) -> int:
    """Return the layers that share where the configuration does not say it."""
    return 15 if draft.family.model_type == "gemma3n_text" else 0


def _gemma3n(draft: Draft, types: list[str], owners: int) -> None:
    draft.sizes["more_inputs"] = max(0, draft.sizes["inputs"] - 1)
    most = bounds()["intermediate"]
    stated = draft.fields.find(["intermediate_size"])[1]
    if isinstance(stated, list):
        widths = draft.fields.numbers(["intermediate_size"], most, least=1) or [1] * draft.layers
        if len(widths) != draft.layers:
            draft.contradiction(
                "intermediate_size", f"{len(widths)} items, allowed is one for each of {draft.layers} layers"
            )
            widths = [1] * draft.layers
        if len(set(widths)) > _MOST_WIDTHS:
            draft.fields.fault("intermediate_size", f"{len(set(widths))} different widths, allowed are {_MOST_WIDTHS}")
            widths = [1] * draft.layers
    else:
        widths = [draft.count("intermediate_size", most="intermediate")] * draft.layers
    draft.intermediate = max(widths)
    cache = {FULL: draft.full(), SLIDING: draft.sliding(draft.window)}
    names = []
    for layer, (kind, width) in enumerate(zip(types, widths, strict=True)):
        name = f"{kind if layer < owners else 'shared'} {width}"
        names.append(name)
        if name not in draft.mixers:
            caches = (cache[kind],) if layer < owners else ()
            draft.mixers[name] = Mixer("attention", caches, (("intermediate", width),))
    draft.mixer_of = names


def _gemma4(draft: Draft, types: list[str], owners: int) -> None:
    most = bounds()
    fields = draft.fields
    wide = fields.count(["global_head_dim"], most["head_dim"], absent=512) or 1
    one = draft.flag("attention_k_eq_v")
    heads = (
        fields.count(["num_global_key_value_heads"], most["heads"], absent=draft.kv_heads) if one else draft.kv_heads
    )
    narrow = fields.whole(["hidden_size_per_layer_input"], most["hidden"], absent=0 if _null(draft) else 256)
    draft.sizes["narrow"] = narrow
    if narrow:
        draft.flags.add("per_layer")
    if draft.flag("enable_moe_block"):
        draft.experts = replace(moe.experts_of(draft), layers=draft.layers)
    doubled = (("intermediate", 2 * draft.intermediate),) if draft.flag("use_double_wide_mlp") else ()
    full = (("head_dim", wide), ("kv_heads", heads or 1))
    block = "keys_as_values" if one else "attention"
    draft.mixers |= {
        SLIDING: Mixer("attention", (draft.sliding(draft.window),)),
        FULL: Mixer(block, (Cache("full", 1, heads or 1, wide, wide),), full),
        f"shared {SLIDING}": Mixer("queries_alone", (), doubled),
        f"shared {FULL}": Mixer("queries_alone", (), full + doubled),
    }
    draft.mixer_of = [kind if layer < owners else f"shared {kind}" for layer, kind in enumerate(types)]


def _null(draft: Draft) -> bool:
    return draft.fields.has("hidden_size_per_layer_input")

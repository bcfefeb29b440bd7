"""Composite models: a decoder with its own configuration, a tower with its own, and what joins them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voltaic.models.architecture import Cache, Experts, Tower
from voltaic.models.draft import Mixer, layer_types
from voltaic.models.errors import UnknownArchitecture
from voltaic.models.families import bounds, family_of, is_tower, known, names
from voltaic.models.fields import Fields, shown
from voltaic.models.readers import moe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.models.draft import Draft
    from voltaic.models.families import Family

CHUNKED, FULL = "chunked_attention", "full_attention"


def read(draft: Draft) -> Draft | None:
    """Read the decoder, the tower and what joins them; or a decoder that is only found within such a model."""
    if draft.family.model_type == "mllama_text_model":
        _mllama_text(draft)
        return None
    if draft.family.model_type == "llama4_text":
        _llama4_text(draft)
        return None
    return _composite(draft)


def _composite(draft: Draft) -> Draft:
    from voltaic.models.config import read_draft  # noqa: PLC0415  (which calls this reader)

    fields, what = draft.fields, draft.family.composite
    content = fields.object(["text_config"])
    if content is None and fields.find(["text_config"])[1] is None and not what.get("flat"):
        fields.fault("text_config", "missing, it says what decoder the model has")
    missing = content is None and not what.get("flat")
    inner = Fields({}) if missing else fields if content is None else Fields(content)
    decoder = _decoder(draft, what["text"] if content is None else inner.find(["model_type"])[1])
    text = read_draft(inner, decoder, nested=content is not None)
    text.decoder = decoder.model_type
    if missing:
        inner.faults.clear()
    vision = fields.object(["vision_config"])
    seen = Fields({} if vision is None else vision)
    if vision is None:
        fields.fault("vision_config", "missing, it says what tower the model has")
    tower, sizes = _tower(draft, seen)
    joint = {
        **draft.sizes,
        "text": text.hidden,
        "text_intermediate": text.intermediate,
        "vision": sizes.get("hidden", 1),
        "seen": sizes.get("hidden", 1) * _features(fields),
        "output": sizes.get("output", 1),
    }
    parts = tuple(_part(part, joint) for part in draft.family.parts or ("join",))
    join = Tower(draft.family.model_type, what["join"], parts, tuple(sorted(joint.items())), tuple(sorted(draft.flags)))
    text.towers = (tower, join)
    for name, other in (("text_config", inner), ("vision_config", seen)):
        if other is not fields:
            fields.faults.extend(f"{name}.{fault}" for fault in other.faults)
            other.faults = fields.faults
    return text


def _decoder(draft: Draft, named: Any) -> Family:
    what = draft.family.composite
    name = what["text"] if named is None else named
    name = what.get("texts", {}).get(name, name) if isinstance(name, str) else name
    if not isinstance(name, str):
        draft.fields.fault("text_config.model_type", f"found {shown(name)}, allowed is the name of a model family")
        return family_of(what["text"])
    if name != what["text"] and (not known(name) or family_of(name).composite):
        raise UnknownArchitecture(draft.family.model_type, names(), f"a decoder of the family {shown(name)}")
    return family_of(name)


def _tower(draft: Draft, seen: Fields) -> tuple[Tower, dict[str, int]]:
    what = draft.family.composite
    named = seen.find(["model_type"])[1]
    name = what["vision"] if named is None or what.get("fixed") else named
    if not isinstance(name, str) or not is_tower(name):
        raise UnknownArchitecture(draft.family.model_type, names(), f"a tower of the family {shown(name)}")
    family = family_of(name)
    sizes = {
        size: seen.count(keys, bounds()["layers" if "layers" in size else "size"], absent=family.absent[size]) or 1
        for size, keys in family.sizes.items()
    }
    if "image" in sizes:
        sizes["patches"] = (sizes["image"] // sizes["patch"]) ** 2
    if name == "mllama_vision_model":
        ratios = seen.find(["supported_aspect_ratios"])[1]
        sizes["ratios"] = len(ratios) if isinstance(ratios, list) else 8
    if name == "qwen3_vl_vision":
        deeps = seen.numbers(["deepstack_visual_indexes"], bounds()["layers"])
        sizes["deeps"] = 3 if deeps is None else len(deeps)
    flags = [flag for flag, keys in family.flags.items() if seen.flag(keys, absent=family.absent[flag])]
    if family.norm == "layer":
        flags.append("norm_bias")
    parts = tuple(_part(part, sizes) for part in family.parts)
    tower = Tower(name, what["prefix"] + family.layer_prefix, parts, tuple(sorted(sizes.items())), tuple(sorted(flags)))
    return tower, sizes


def _part(part: str, sizes: Mapping[str, int]) -> tuple[str, int]:
    name, _, repeats = part.partition("*")
    return name, sizes[repeats] if repeats else 1


def _features(fields: Fields) -> int:
    """Return how many layers of the tower the decoder is shown side by side."""
    value = fields.find(["vision_feature_layer"])[1]
    if not isinstance(value, list):
        return 1
    most = bounds()["layers"]
    fields.numbers(["vision_feature_layer"], most, least=-most)
    return min(len(value), most) or 1


def _mllama_text(draft: Draft) -> None:
    stated = draft.fields.numbers(["cross_attention_layers"], bounds()["layers"])
    crossing = {3, 8, 13, 18, 23, 28, 33, 38} if stated is None else set(stated)
    cross = Cache("cross", 1, draft.kv_heads, draft.head_dim, draft.head_dim)
    draft.mixers |= {"self": Mixer("attention", (draft.full(),)), "cross": Mixer("cross", (cross,))}
    draft.mixer_of = ["cross" if layer in crossing else "self" for layer in range(draft.layers)]


def _llama4_text(draft: Draft) -> None:
    fields, most = draft.fields, bounds()
    every = range(draft.layers)
    if draft.nested:
        stated = fields.count(["intermediate_size"], most["intermediate"], absent=8192)
    else:
        stated = draft.count("intermediate_size", most="intermediate")
    keys = {**draft.family.experts, "intermediate": ["intermediate_size"]}
    count = draft.count("experts", *keys["count"], most="experts", absent=keys["absent_count"])
    per_token = draft.count("per_token", *keys["per_token"], most="experts", absent=keys["absent_per_token"])
    draft.experts = Experts(count, per_token, stated or 1, stated or 1)
    step = fields.count(["interleave_moe_layer_step"], most["layers"], absent=1) or 1
    sparse = fields.numbers(["moe_layers"], most["layers"])
    chosen = set(range(step - 1, draft.layers, step) if sparse is None else sparse)
    moe.set_mlps(draft, [layer in chosen for layer in every])
    draft.mlp_of = draft.mlp_of or ["moe"] * draft.layers
    draft.window = None
    chunk = fields.count(["attention_chunk_size"], most["positions"], absent=8192)
    chunked = replace(draft.full(), kind="chunked", window=chunk) if chunk is not None else draft.full()
    draft.mixers |= {FULL: Mixer("attention", (draft.full(),)), CHUNKED: Mixer("attention", (chunked,))}
    types = layer_types(draft, (CHUNKED, FULL))
    if types is None:
        step = fields.count(["no_rope_layer_interval"], most["layers"], absent=4) or 1
        has_rope = fields.numbers(["no_rope_layers"], 1) or [int((layer + 1) % step != 0) for layer in every]
        if len(has_rope) != draft.layers:
            draft.contradiction(
                "no_rope_layers", f"{len(has_rope)} items, allowed is one for each of {draft.layers} layers"
            )
            has_rope = [1] * draft.layers
        types = [CHUNKED if rope else FULL for rope in has_rope]
    draft.mixer_of = types

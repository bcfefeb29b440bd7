"""Families from before llama, and encoder-decoders, each with a switch or two of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.models.architecture import Cache, Tower
from voltaic.models.draft import Mixer
from voltaic.models.errors import UnknownArchitecture
from voltaic.models.families import bounds, names

if TYPE_CHECKING:
    from voltaic.models.draft import Draft


def read(draft: Draft) -> None:
    """Read the switches of the family."""
    {"gptj": _gptj, "codegen": _gptj, "opt": _opt, "mpt": _mpt}.get(draft.family.model_type, _t5)(draft)


def _gptj(draft: Draft) -> None:
    stated = draft.fields.count(
        ["rotary_dim"], bounds()["head_dim"], absent=None if draft.fields.has("rotary_dim") else 64
    )
    rotated = draft.head_dim if stated is None else stated
    if rotated > draft.head_dim:
        draft.contradiction("rotary_dim", f"{rotated} is more than the {draft.head_dim} elements of a head")
        rotated = draft.head_dim
    draft.more["rotary_dim"] = rotated


def _opt(draft: Draft) -> None:
    width = draft.count("word_embed_proj_dim", most="hidden", absent=draft.hidden)
    draft.sizes["width"] = width
    before = draft.flag("do_layer_norm_before", absent=True)
    switches = {
        "projected": width != draft.hidden,
        "last_norm": before and not draft.flag("_remove_final_layer_norm"),
        "affine": draft.flag("layer_norm_elementwise_affine", absent=True),
    }
    draft.flags |= {name for name, on in switches.items() if on}


def _mpt(draft: Draft) -> None:
    fields = draft.fields
    kv_heads = fields.count(["attn_config.kv_n_heads"], bounds()["heads"], absent=draft.heads)
    kind = fields.text(["attn_config.attn_type"])
    if kv_heads != draft.heads or kind not in {None, "multihead_attention"}:
        raise UnknownArchitecture("mpt", names(), "a model with fewer K and V heads than query heads")
    if not fields.flag(["no_bias"], absent=True):
        raise UnknownArchitecture("mpt", names(), "a model with biases")
    if not fields.flag(["attn_config.alibi"], absent=True):
        raise UnknownArchitecture("mpt", names(), "a model without ALiBi")


def _t5(draft: Draft) -> None:
    """Read an encoder and a decoder."""
    every = draft.family.model_type == "umt5"
    encoder = draft.layers
    draft.layers = draft.fields.count(["num_decoder_layers"], bounds()["layers"], absent=encoder) or 1
    draft.encoder_layers = encoder
    default = "relu" if draft.family.model_type == "t5" else "gated-gelu"
    if (draft.fields.text(["feed_forward_proj"]) or default).startswith("gated-"):
        draft.flags.add("gated")
        draft.more["gated_mlp"] = True
    caches = (draft.full(), Cache("cross", 1, draft.heads, draft.head_dim, draft.head_dim))
    draft.mixers |= {"first": Mixer("self relative", caches), "other": Mixer("self", caches)}
    draft.mixer_of = ["first"] * draft.layers if every else ["first"] + ["other"] * (draft.layers - 1)
    sizes = {
        "hidden": draft.hidden,
        "heads": draft.heads,
        "queries": draft.heads * draft.head_dim,
        "keys": draft.heads * draft.head_dim,
        "intermediate": draft.intermediate,
        "buckets": draft.sizes["buckets"],
    }
    parts = (("encoder_relative", encoder if every else 1), ("encoder", encoder), ("encoder_end", 1))
    draft.towers = (
        Tower(draft.family.model_type, "encoder.", parts, tuple(sizes.items()), tuple(sorted(draft.flags))),
    )

"""Multi-head latent attention: keys and values are made of one narrow projection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.models.architecture import Cache, Latent
from voltaic.models.draft import Mixer
from voltaic.models.readers import moe

if TYPE_CHECKING:
    from voltaic.models.draft import Draft


def read(draft: Draft) -> None:
    """Read the widths of latent attention, and the experts where the family has them."""
    mixer = latent_of(draft)
    if draft.family.experts:
        moe.read(draft)
    draft.mixers["latent"] = mixer
    draft.mixer_of = ["latent"] * draft.layers


def latent_of(draft: Draft) -> Mixer:
    """Return what mixes tokens in a layer of latent attention; its widths are kept."""
    fields = draft.fields
    if not fields.has("q_lora_rank") and not draft.family.absent.get("queries_whole", False):
        fields.fault("q_lora_rank", "missing, null says that queries are not compressed")
    q_rank = draft.count("q_lora_rank") if fields.find(["q_lora_rank"])[1] is not None else None
    latent = Latent(
        kv_rank=draft.count("kv_lora_rank"),
        nope_dim=draft.count("qk_nope_head_dim", most="head_dim"),
        rope_dim=draft.count("qk_rope_head_dim", most="head_dim"),
        value_dim=draft.count("v_head_dim", most="head_dim"),
        q_rank=q_rank,
    )
    draft.latent = latent
    draft.kv_heads = draft.heads
    draft.head_dim = latent.nope_dim + latent.rope_dim
    draft.more["rotary_dim"] = latent.rope_dim
    cache = Cache(
        "latent",
        1,
        draft.heads,
        draft.head_dim,
        latent.value_dim,
        latent=latent.kv_rank + latent.rope_dim,
    )
    return Mixer(draft.family.layer.split()[0], (cache,))

"""Switches of one family by which the number of K and V heads, or of norms, is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.models.families import bounds

if TYPE_CHECKING:
    from voltaic.models.draft import Draft


def read(draft: Draft) -> None:
    """Read Falcon's and GPT-BigCode's switches."""
    if draft.family.model_type == "falcon":
        _falcon(draft)
    elif draft.flag("multi_query", absent=True):
        draft.kv_heads = 1


def _falcon(draft: Draft) -> None:
    fields = draft.fields
    new = draft.flag("new_decoder_architecture")
    if new:
        keys = ["num_kv_heads", "n_head_kv"]
        found = fields.count(keys, bounds()["heads"], absent=draft.heads)
        if found is not None and draft.heads % found:
            key = draft.family.fields["heads"][0]
            draft.contradiction(key, f"{draft.heads} is not a multiple of {fields.find(keys)[0]}, which is {found}")
        draft.kv_heads = found or 1
    elif draft.flag("multi_query", absent=True):
        draft.kv_heads = 1
    stated = fields.count(["num_ln_in_parallel_attn"], 2)
    parallel = draft.flag("parallel_attn", absent=True)
    norms = (stated or (2 if new else 1)) if parallel else 2
    if parallel and norms > 1:
        draft.flags.add("norm_each")
    # Read in transformers 4.46.3, FalconAttention._split_heads, and measured on its cache.
    draft.more |= {"norms_per_layer": norms, "repeats_kv": new}

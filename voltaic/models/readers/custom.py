"""Families whose class is in the repository of the model: what of their configuration data cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.models.errors import UnknownArchitecture
from voltaic.models.families import bounds, names

if TYPE_CHECKING:
    from voltaic.models.draft import Draft

ROTARY_WIDTH: Final = 4096
"""The one width of Baichuan's models whose positions are rotary; engines tell by it."""


def read(draft: Draft) -> None:
    """Read the switches of the family."""
    {
        "baichuan": _baichuan,
        "qwen": _qwen,
        "chatglm": _chatglm,
        "phi-msft": _phi,
        "minicpm": _minicpm,
    }[draft.family.model_type](draft)


def _baichuan(draft: Draft) -> None:
    if draft.hidden != ROTARY_WIDTH:
        draft.more |= {"positions": "alibi", "rotary_dim": 0, "max_positions": None}
    _states(draft, "max_position_embeddings", "model_max_length")


def _qwen(draft: Draft) -> None:
    both = draft.intermediate
    if both % 2:
        draft.contradiction("intermediate_size", f"{both} is odd, and counts gate and up together")
    draft.intermediate = max(1, both // 2)
    if not draft.flag("no_bias", absent=True):
        draft.flags.add("biases")
    _states(draft, "max_position_embeddings", "seq_length")


def _chatglm(draft: Draft) -> None:
    for key, what in (
        ("position_encoding_2d", "the first ChatGLM"),
        ("inner_hidden_size", "the first ChatGLM"),
        ("vision_config", "a model with a vision encoder"),
        ("pre_seq_len", "a model with a trained prefix"),
    ):
        if draft.fields.find([key])[1] is not None:
            _unknown(draft, what)
    if draft.fields.whole(["quantization_bit"], bounds()["size"]):
        _unknown(draft, "a checkpoint that its own code quantized")
    if not draft.flag("rmsnorm", absent=True):
        _unknown(draft, "a model without RMS norms")
    draft.kv_heads = draft.heads
    if draft.flag("multi_query_attention"):
        groups = draft.count("multi_query_group_num", most="heads", absent=1)
        if draft.heads % groups:
            message = f"{draft.heads} is not a multiple of multi_query_group_num, which is {groups}"
            draft.contradiction("num_attention_heads", message)
        draft.kv_heads = groups
    if draft.flags & {"linear_bias", "qkv_bias"}:
        draft.flags.add("qkv_or_linear_bias")
    if draft.flag("post_layer_norm", absent=True):
        draft.flags.add("last_norm")
    draft.more["rotary_dim"] = draft.head_dim // 2
    _states(draft, "seq_length")


def _phi(draft: Draft) -> None:
    groups = draft.fields.count(["n_head_kv"], bounds()["heads"], absent=draft.heads)
    if groups not in {None, draft.heads} or draft.flag("no_bias"):
        _unknown(draft, "a model with fewer K and V heads, or without biases")
    draft.more["rotary_dim"] = min(
        draft.fields.count(["rotary_dim"], bounds()["head_dim"], absent=32) or 1, draft.head_dim
    )


def _minicpm(draft: Draft) -> None:
    if draft.fields.find(["num_experts"])[1] is not None:
        _unknown(draft, "a model with experts")
    if draft.fields.find(["sparse_config"])[1] is not None:
        _unknown(draft, "a model with sparse attention")


def _unknown(draft: Draft, what: str) -> None:
    raise UnknownArchitecture(draft.family.model_type, names(), what)


def _states(draft: Draft, *keys: str) -> None:
    """Keep the shortest of the lengths that are stated, which is what engines take of several."""
    stated = [draft.fields.count([key], bounds()["positions"]) for key in keys]
    known = [length for length in stated if length is not None]
    draft.more["stated_positions"] = min(known, default=None)

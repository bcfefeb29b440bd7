"""Layers with experts, among layers with one MLP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from voltaic.models.architecture import Experts
from voltaic.models.families import bounds
from voltaic.models.readers import windows

if TYPE_CHECKING:
    from voltaic.models.draft import Draft

SPARSE = "moe"


def read(draft: Draft) -> None:
    """Read the experts, which layers have them, and which layers slide."""
    if draft.family.window is not None:
        windows.read(draft)
    draft.experts = experts_of(draft)
    sparse = sparse_layers(draft)
    if all(sparse):
        draft.experts = replace(draft.experts, layers=draft.layers)
    set_mlps(draft, sparse)


def set_mlps(draft: Draft, sparse: list[bool]) -> None:
    """Give every layer its experts or its one MLP."""
    if draft.experts is not None:
        draft.experts = replace(draft.experts, layers=sum(sparse))
    if not all(sparse):
        draft.mlp_of = [SPARSE if has else "mlp" for has in sparse]


def experts_of(draft: Draft) -> Experts:
    """Return the experts of a sparse layer."""
    keys, most = draft.family.experts, bounds()
    count = draft.count("experts", *keys["count"], most="experts", absent=keys.get("absent_count"))
    per_token = _per_token(draft, keys["per_token"], keys.get("absent_per_token"))
    width = draft.intermediate
    if "intermediate" in keys:
        width = draft.count("expert_intermediate", *keys["intermediate"], most="intermediate")
    shared = 0
    if "shared_count" in keys:
        absent = 0 if draft.fields.has(keys["shared_count"][0]) else keys.get("absent_shared", 0)
        shared = draft.fields.whole(keys["shared_count"], most["experts"], absent=absent) * width
    if "shared_intermediate" in keys:
        shared = draft.fields.whole(keys["shared_intermediate"], most["intermediate"])
    if per_token > count:
        draft.contradiction(keys["per_token"][0], f"{per_token} is more than {keys['count'][0]}, which is {count}")
    return Experts(count, per_token, width, shared)


def _per_token(draft: Draft, keys: list[str], absent: int | None) -> int:
    value = draft.fields.find(keys)[1]
    if isinstance(value, list):  # one number a layer
        found = draft.fields.numbers(keys, bounds()["experts"], least=1)
        if found is not None and len(set(found)) == 1:
            return found[0]
        if found is not None:
            draft.fields.fault(keys[0], "a list whose numbers differ, allowed is one number for all layers")
        return 1
    return draft.count("experts_per_token", *keys, most="experts", absent=absent)


def sparse_layers(draft: Draft) -> list[bool]:
    """Return of every layer whether it has experts, by the family's rule."""
    rule, fields, most = draft.family.experts.get("rule", "all"), draft.fields, bounds()["layers"]
    every = range(draft.layers)
    if rule == "first_dense":
        absent = draft.family.experts.get("absent_dense", 0)
        first = fields.whole(["first_k_dense_replace"], most, absent=absent)
        if fields.whole(["moe_layer_freq"], most, absent=1) != 1:
            fields.fault("moe_layer_freq", "the class knows 1 alone")
        return [layer >= first for layer in every]
    if rule == "step":
        step = fields.whole(["decoder_sparse_step"], most, absent=1) or 1
        dense = set(fields.numbers(["mlp_only_layers"], most) or ())
        return [layer not in dense and (layer + 1) % step == 0 for layer in every]
    if rule == "interval":
        first = fields.whole(["moe_layer_start_index"], most, absent=1)
        last = fields.find(["moe_layer_end_index"])[1]
        end = draft.layers - 1 if last is None or last == -1 else fields.whole(["moe_layer_end_index"], most)
        step = fields.count(["moe_layer_interval"], most, absent=1) or 1
        return [(layer + 1) % step == 0 and first <= layer <= end for layer in every]
    return [True] * draft.layers

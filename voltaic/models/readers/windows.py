"""Layers that attend within a window, among layers that attend to everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.models.draft import Mixer, layer_types
from voltaic.models.families import bounds

if TYPE_CHECKING:
    from voltaic.models.draft import Draft

FULL, SLIDING = "full_attention", "sliding_attention"


def read(draft: Draft) -> None:
    """Read which layers slide, from `layer_types` or by the family's own rule."""
    if draft.family.window == "stated":
        keys = draft.family.fields.get("window")
        draft.window = draft.fields.count(keys, bounds()["positions"]) if keys else None
        return
    if draft.family.window == "switched_all":
        draft.window = draft.window if draft.flag("use_sliding_window") else None
        return
    types = window_types(draft)
    if types is None:
        return
    if FULL not in types:
        return  # all alike, as the window itself says
    block = draft.family.layer.split()[0]
    draft.mixers |= {
        FULL: Mixer(block, (draft.full(),)),
        SLIDING: Mixer(block, (draft.sliding(draft.window),)),
    }
    if SLIDING in types and draft.window is not None:
        draft.mixer_of = types
    else:
        draft.window = None


def window_types(draft: Draft) -> list[str] | None:
    """Return the kind of attention of every layer; None where all slide or the list is a fault."""
    rule = draft.family.window or ""
    if rule in {"switched", "no_rope"} and not draft.flag("use_sliding_window"):
        draft.window = None
    faults = len(draft.fields.faults)
    stated = layer_types(draft, (FULL, SLIDING)) if rule != "all" else None
    if stated is not None or len(draft.fields.faults) > faults:
        return stated
    if draft.window is None:
        return [FULL] * draft.layers
    if rule == "every":
        return _every(draft)
    if rule == "first":
        step = draft.family.absent["every"]
        return [SLIDING if layer % step else FULL for layer in range(draft.layers)]
    if rule in {"switched", "above"}:
        first = draft.fields.whole(["max_window_layers"], bounds()["layers"], absent=28 if rule == "switched" else 62)
        return [SLIDING if layer >= first else FULL for layer in range(draft.layers)]
    if rule == "no_rope":
        return _no_rope(draft)
    return [SLIDING] * draft.layers


def _every(draft: Draft) -> list[str]:
    """Every so many-th layer attends to everything."""
    step = draft.family.absent["every"]
    key = ["sliding_window_pattern", "_sliding_window_pattern"]
    if draft.family.absent.get("every_stated", False):
        value = draft.fields.find(key)[1]
        if isinstance(value, str) and value:
            draft.fields.fault("layer_types", "missing, sliding_window_pattern as a text does not replace it")
        else:
            step = draft.fields.count(key, bounds()["layers"], absent=step) or step
    return [SLIDING if (layer + 1) % step else FULL for layer in range(draft.layers)]


def _no_rope(draft: Draft) -> list[str]:
    """Layers without rotary positions slide."""
    step = draft.fields.count(["no_rope_layer_interval"], bounds()["layers"], absent=4) or 1
    has_rope = draft.fields.numbers(["no_rope_layers"], 1)
    if has_rope is not None and len(has_rope) != draft.layers:
        draft.contradiction(
            "no_rope_layers", f"{len(has_rope)} items, allowed is one for each of {draft.layers} layers"
        )
        has_rope = None
    rotates = has_rope or [int((layer + 1) % step != 0) for layer in range(draft.layers)]
    return [FULL if rope else SLIDING for rope in rotates]

"""Delta attention among latent attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.models.architecture import Cache
from voltaic.models.draft import Mixer, layer_types
from voltaic.models.families import bounds
from voltaic.models.readers import latent, moe

if TYPE_CHECKING:
    from voltaic.models.draft import Draft

DELTA = "linear_attention"


def read(draft: Draft) -> None:
    """Read the widths of both kinds of attention, which layer has which, and the experts."""
    fields, sizes, most = draft.fields, draft.sizes, bounds()["layers"]
    full = latent.latent_of(draft)
    moe.read(draft)
    inner = sizes["linear_heads"] * sizes["linear_dim"]
    cache = Cache(
        "state",
        1,
        conv_state=3 * inner * sizes["conv"],
        recurrent_state=inner * sizes["linear_dim"],
        kernel=sizes["conv"],
    )
    draft.mixers |= {"full_attention": full, DELTA: Mixer("delta", (cache,))}
    types = layer_types(draft, (DELTA, "full_attention"))
    numbered = fields.numbers(["linear_attn_config.kda_layers"], most)
    if types is None and numbered is None:
        fields.fault("layer_types or linear_attn_config.kda_layers", "missing, they say what each layer is")
    deltas = {layer - 1 for layer in numbered or ()}  # numbered from 1
    draft.mixer_of = types or [DELTA if layer in deltas else "full_attention" for layer in range(draft.layers)]

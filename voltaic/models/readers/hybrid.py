"""Recurrent, convolutional and linear attention layers, alone and among attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.models.architecture import Cache, Experts
from voltaic.models.draft import Mixer, layer_types
from voltaic.models.errors import UnknownArchitecture
from voltaic.models.families import bounds, names
from voltaic.models.readers import moe

if TYPE_CHECKING:
    from voltaic.models.draft import Draft

ATTENTION, MAMBA = "attention", "mamba"
_NEMOTRON = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}
_NEMOTRON_NAMES = {
    **{name: name for name in _NEMOTRON.values()},
    "linear_attention": "mamba",
    "full_attention": "attention",
}


def read(draft: Draft) -> None:
    """Read what mixes tokens in each layer, and what it keeps."""
    draft.mixers[ATTENTION] = Mixer(draft.family.layer.split()[0], (draft.full(),))
    {
        "mamba": _mamba,
        "falcon_mamba": _mamba,
        "mamba2": _mamba,
        "jamba": _jamba,
        "bamba": _bamba,
        "falcon_h1": _falcon_h1,
        "granitemoehybrid": _granite,
        "nemotron_h": _nemotron,
        "lfm2": _lfm2,
        "lfm2_moe": _lfm2,
        "recurrent_gemma": _recurrent_gemma,
    }.get(draft.family.model_type, _linear)(draft)


def _one(draft: Draft, key: str) -> Mixer:
    """Return the first generation of Mamba: a state for every inner element."""
    sizes = draft.sizes
    sizes["inner"] = sizes["expand"] * draft.hidden
    absent = -(-draft.hidden // 16)
    stated = draft.fields.find([key])[1]
    sizes["rank"] = absent if stated == "auto" else draft.count("rank", key, absent=absent)
    inner, state, conv = sizes["inner"], sizes["state"], sizes["conv"]
    return Mixer("mamba", (Cache("state", 1, conv_state=inner * conv, recurrent_state=inner * state, kernel=conv),))


def _two(draft: Draft, block: str = "mamba2") -> Mixer:
    """Return the second generation of Mamba: a state for every head."""
    sizes = draft.sizes
    if "inner" not in sizes:
        sizes["inner"] = sizes["expand"] * draft.hidden if "expand" in sizes else 0
    heads, width = sizes["ssm_heads"], sizes["ssm_head_dim"]
    if not sizes["inner"]:
        sizes["inner"] = heads * width
    elif sizes["inner"] != heads * width:
        keys = draft.family.sizes["ssm_heads"]
        draft.contradiction(keys[0], f"{heads} heads of {width} elements are not the {sizes['inner']} of the mixer")
    sizes["conv_dim"] = sizes["inner"] + 2 * sizes["groups"] * sizes["state"]
    conv = sizes["conv"]
    state = heads * width * sizes["state"]
    cache = Cache("state", 1, conv_state=sizes["conv_dim"] * conv, recurrent_state=state, kernel=conv)
    return Mixer(block, (cache,))


def _head_dim(draft: Draft, key: str) -> None:
    """Read the width of a head of the mixer, which `auto` or absence derives."""
    inner = draft.sizes.get("inner") or draft.sizes["expand"] * draft.hidden
    stated = draft.fields.find([key])[1]
    derived = max(1, inner // draft.sizes["ssm_heads"])
    draft.sizes["ssm_head_dim"] = derived if stated in (None, "auto") else draft.count("ssm_head_dim", key)


def _mamba(draft: Draft) -> None:
    if draft.family.model_type == "mamba2":
        draft.mixers[MAMBA] = _two(draft, "mamba")
    else:
        draft.mixers[MAMBA] = _one(draft, "time_step_rank")
    draft.mixer_of, draft.mlp_of = [MAMBA] * draft.layers, ["none"] * draft.layers


def _jamba(draft: Draft) -> None:
    fields, most = draft.fields, bounds()["layers"]
    found = _one(draft, "mamba_dt_rank")
    draft.mixers[MAMBA] = Mixer("mamba mamba_norms", found.caches)
    types = None
    if fields.find(["layers_block_type"])[1] is not None and fields.find(["attn_layer_period"])[1] is None:
        types = layer_types(draft, (MAMBA, ATTENTION), "layers_block_type")
    if types is None:
        period = fields.count(["attn_layer_period"], most, absent=8) or 1
        offset = fields.whole(["attn_layer_offset"], most, absent=4)
        types = [ATTENTION if layer % period == offset else MAMBA for layer in range(draft.layers)]
    draft.mixer_of = types
    draft.experts = moe.experts_of(draft) if _count(draft, "num_experts", 16) > 1 else None
    if draft.experts is not None:
        period = fields.count(["expert_layer_period"], most, absent=2) or 1
        offset = fields.whole(["expert_layer_offset"], most, absent=1)
        moe.set_mlps(draft, [layer % period == offset for layer in range(draft.layers)])


def _count(draft: Draft, key: str, absent: int) -> int:
    return draft.fields.whole([key], bounds()["experts"], absent=absent)


def _bamba(draft: Draft) -> None:
    _head_dim(draft, "mamba_d_head")
    draft.mixers[MAMBA] = _two(draft)
    attends = set(draft.fields.numbers(["attn_layer_indices"], bounds()["layers"]) or ())
    draft.mixer_of = [ATTENTION if layer in attends else MAMBA for layer in range(draft.layers)]


def _falcon_h1(draft: Draft) -> None:
    """Every layer has attention and a mixer side by side."""
    if draft.fields.find(["mamba_d_ssm"])[1] is not None or not draft.fields.has("mamba_d_ssm"):
        draft.sizes["inner"] = draft.count("mamba_d_ssm", absent=1024)
    _head_dim(draft, "mamba_d_head")
    if draft.flag("projectors_bias"):
        draft.flags.add("projectors_bias")
    mixer = _two(draft)
    draft.mixers["both"] = Mixer("attention mamba2", (draft.full(), *mixer.caches))
    draft.mixer_of = ["both"] * draft.layers


def _granite(draft: Draft) -> None:
    _head_dim(draft, "mamba_d_head")
    draft.mixers[MAMBA] = _two(draft)
    types = layer_types(draft, (MAMBA, ATTENTION))
    draft.mixer_of = types or [MAMBA] * draft.layers
    draft.sizes["shared_width"] = draft.count("shared_intermediate_size", most="intermediate", absent=1024)
    experts = _count(draft, "num_local_experts", 8)
    per_token = _count(draft, "num_experts_per_tok", 2)
    if experts:
        shared = draft.sizes["shared_width"]
        draft.experts = Experts(experts, per_token, draft.intermediate, shared, draft.layers)
    if draft.fields.find(["position_embedding_type"])[1] != "rope":
        draft.more |= {"positions": "none", "rotary_dim": 0}


def _nemotron(draft: Draft) -> None:
    fields = draft.fields
    for key in ("moe_latent_size", "num_nextn_predict_layers"):
        if fields.find([key])[1]:
            raise UnknownArchitecture(draft.family.model_type, names(), f"a model with {key}")
    pattern = fields.find(["hybrid_override_pattern"])[1]
    kinds = None
    if isinstance(pattern, str) and set(pattern) <= set(_NEMOTRON) and len(pattern) == draft.layers:
        kinds = [_NEMOTRON[letter] for letter in pattern]
    elif pattern is not None:
        draft.contradiction(
            "hybrid_override_pattern", f"allowed is one of M, *, - and E for each of {draft.layers} layers"
        )
    else:
        stated = layer_types(draft, tuple(_NEMOTRON_NAMES), "layers_block_type")
        kinds = [_NEMOTRON_NAMES[name] for name in stated] if stated is not None else None
        if stated is None and fields.find(["layers_block_type"])[1] is None:
            fields.fault("hybrid_override_pattern or layers_block_type", "missing, they say what each layer is")
    kinds = kinds or [ATTENTION] * draft.layers
    draft.mixers |= {MAMBA: _two(draft), "mlp": Mixer("mlp"), "moe": Mixer("moe")}
    draft.mixer_of, draft.mlp_of = kinds, [""] * draft.layers
    if "moe" in kinds:
        found = moe.experts_of(draft)
        key = "moe_shared_expert_intermediate_size"
        shared = draft.count(key, most="intermediate") * _count(draft, "n_shared_experts", 1)
        draft.experts = Experts(found.count, found.per_token, found.intermediate, shared, kinds.count("moe"))


def _lfm2(draft: Draft) -> None:
    fields, conv = draft.fields, draft.sizes["conv"]
    draft.mixers["conv"] = Mixer("convolution", (Cache("state", 1, conv_state=draft.hidden * conv, kernel=conv),))
    draft.mixers["full_attention"] = draft.mixers[ATTENTION]
    types = layer_types(draft, ("conv", "full_attention"))
    if types is None:
        stated = fields.numbers(["full_attn_idxs"], bounds()["layers"])
        every = range(draft.layers)
        attends = set(every if stated is None else stated)
        types = ["full_attention" if layer in attends else "conv" for layer in every]
    draft.mixer_of = types
    if draft.family.model_type == "lfm2_moe":
        dense = fields.whole(["num_dense_layers"], bounds()["layers"], absent=2)
        width = draft.count("moe_intermediate_size", most="intermediate")
        draft.experts = Experts(
            draft.count("num_experts", most="experts"), draft.count("num_experts_per_tok", most="experts"), width
        )
        moe.set_mlps(draft, [layer >= dense for layer in range(draft.layers)])
    elif draft.flag("block_auto_adjust_ff_dim", absent=True):
        draft.intermediate = _adjusted(draft)


def _adjusted(draft: Draft) -> int:
    """Return the intermediate size that the class makes of the one stated: two thirds, widened, rounded up."""
    width = int(2 * draft.intermediate / 3)
    wider = draft.fields.find(["block_ffn_dim_multiplier"])
    if wider[1] is not None and (type(wider[1]) not in {int, float} or not 0 < wider[1] <= 16):  # noqa: PLR2004
        draft.fields.fault(wider[0], "allowed is a number above 0, at most 16")
        return draft.intermediate
    multiple = draft.count("block_multiple_of", absent=256)
    width = int((1.0 if wider[1] is None else wider[1]) * width)
    return max(1, multiple * -(-width // multiple))


def _recurrent_gemma(draft: Draft) -> None:
    most = bounds()
    width = draft.count("lru_width", most="hidden", absent=draft.hidden)
    conv = draft.sizes["conv"]
    draft.sizes |= {"width": width, "block": max(1, width // draft.heads)}
    draft.intermediate = max(1, draft.intermediate // 2)
    draft.window = draft.fields.count(["attention_window_size"], most["positions"], absent=2048)
    state = Cache("state", 1, conv_state=width * (conv - 1), recurrent_state=width, kernel=conv - 1)
    draft.mixers |= {
        "recurrent": Mixer("recurrent", (state,)),
        ATTENTION: Mixer("attention", (draft.sliding(draft.window),)),
    }
    types = draft.fields.names(["block_types", "_block_types"], ("recurrent", ATTENTION))
    cycle = types or ["recurrent", "recurrent", ATTENTION]
    draft.mixer_of = [cycle[layer % len(cycle)] for layer in range(draft.layers)]


def _linear(draft: Draft) -> None:
    """Gated delta nets among gated attention."""
    sizes = draft.sizes
    keys, values = sizes["linear_keys"] * sizes["linear_key_dim"], sizes["linear_values"] * sizes["linear_value_dim"]
    if sizes["linear_values"] % sizes["linear_keys"]:
        draft.contradiction("linear_num_value_heads", "is not a multiple of linear_num_key_heads")
    conv = (2 * keys + values) * sizes["conv"]
    state = values * sizes["linear_key_dim"]
    draft.mixers |= {
        "full_attention": draft.mixers[ATTENTION],
        "linear_attention": Mixer(
            "linear", (Cache("state", 1, conv_state=conv, recurrent_state=state, kernel=sizes["conv"]),)
        ),
    }
    types = layer_types(draft, ("linear_attention", "full_attention"))
    if types is None:
        every = draft.fields.count(["full_attention_interval"], bounds()["layers"], absent=4) or 1
        types = ["linear_attention" if (layer + 1) % every else "full_attention" for layer in range(draft.layers)]
    draft.mixer_of = types
    if draft.family.experts:
        draft.experts = moe.experts_of(draft)
        moe.set_mlps(draft, moe.sparse_layers(draft))
        draft.mlp_of = draft.mlp_of or ["moe"] * draft.layers

"""`config.json` to `Architecture`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from voltaic.models.architecture import Architecture
from voltaic.models.errors import InvalidConfig, UnknownArchitecture
from voltaic.models.families import Family, bounds, families
from voltaic.models.fields import MOST_SHOWN, Fields, shown
from voltaic.models.quantization import read_quantization

if TYPE_CHECKING:
    from voltaic.models.architecture import Quantization

DTYPES = ("float16", "bfloat16", "float32", "float64")
UNSTATED_DTYPE = "float32"
"""PyTorch's own default, in which checkpoints that state no data type are kept."""
SMALLEST = 1
"""Stands in for a size that is a fault already, so that the other fields still speak."""


def read_config(config: Mapping[str, Any], *, where: str = "config.json") -> Architecture:
    """Read what decides shapes and bytes from a parsed `config.json`.

    Args:
        config: the object as parsed; anything else is a fault too.
        where: what to call it in messages.

    Raises:
        UnknownArchitecture: a `model_type` whose shapes are not known; they are never guessed.
        InvalidConfig: malformed, contradictory or absurd; `faults` has all of it.
    """
    if not isinstance(config, Mapping):
        raise InvalidConfig([f"found {shown(config)}, allowed is an object"], where)
    model_type = config.get("model_type")
    if model_type is None:
        raise InvalidConfig(["model_type: missing, it names the model family"], where)
    if not isinstance(model_type, str) or not model_type or len(model_type) > MOST_SHOWN:
        raise InvalidConfig([f"model_type: found {shown(model_type)}, allowed is the name of a model family"], where)
    family = families().get(model_type)
    if family is None:
        raise UnknownArchitecture(model_type, sorted(families()))
    fields = Fields(config)
    architecture = _read(fields, family)
    if fields.faults:
        raise InvalidConfig(fields.faults, where)
    return architecture


def _read(fields: Fields, family: Family) -> Architecture:
    sizes = bounds()
    keys = family.fields
    needed = f"{family.model_type} models have no shape without it"
    hidden = fields.count(keys["hidden"], sizes["hidden"], needed=needed)
    heads = fields.count(keys["heads"], sizes["heads"], needed=needed)
    layers = fields.count(keys["layers"], sizes["layers"], needed=needed)
    vocab = fields.count(["vocab_size"], sizes["vocab"], needed=needed)
    head_dim = _head_dim(fields, family, hidden, heads)
    kv_heads = _kv_heads(fields, family, heads)
    alibi = family.positions == "alibi" or _flag(fields, family, "alibi")
    share = fields.share(keys["rotary_share"], absent=family.absent["rotary_share"]) if "rotary_share" in keys else 1.0
    rotary_dim = 0 if alibi or family.positions != "rotary" else int((head_dim or SMALLEST) * share)
    bias = family.attention_bias or _flag(fields, family, "attention_bias")
    return Architecture(
        model_type=family.model_type,
        layers=layers or SMALLEST,
        hidden=hidden or SMALLEST,
        heads=heads or SMALLEST,
        kv_heads=kv_heads or SMALLEST,
        head_dim=head_dim or SMALLEST,
        intermediate=_intermediate(fields, family, hidden) or SMALLEST,
        vocab=vocab or SMALLEST,
        max_positions=_max_positions(fields, family, alibi=alibi),
        gated_mlp=family.gated_mlp,
        tied_embeddings=fields.flag(["tie_word_embeddings"], absent=family.absent["tied_embeddings"]),
        positions="alibi" if alibi else family.positions,
        rotary_dim=rotary_dim,
        sliding_window=_sliding_window(fields, family),
        dtype=_dtype(fields),
        quantization=_quantization(fields),
        custom_code=fields.find(["auto_map"])[1] is not None,
        rope_scaling=_rope_scaling(fields),
        norm=family.norm,
        norms_per_layer=_norms(fields, family),
        qk_norm=_flag(fields, family, "qk_norm"),
        attention_bias=bias,
        # Falcon has one switch for the biases of all its layers.
        mlp_bias=bias if family.model_type == "falcon" else family.mlp_bias or _flag(fields, family, "mlp_bias"),
        head_bias=family.head_bias,
        embedding_norm=family.embedding_norm,
        # Read in transformers 4.46.3, FalconAttention._split_heads, and measured on its cache.
        repeats_kv=_flag(fields, family, "new_decoder_architecture"),
        parallel_block=family.parallel_block or _flag(fields, family, "parallel_block"),
        stated_positions=_stated_positions(fields),
    )


def _flag(fields: Fields, family: Family, name: str) -> bool:
    keys = family.fields.get(name)
    return fields.flag(keys, absent=family.absent[name]) if keys else False


def _head_dim(fields: Fields, family: Family, hidden: int | None, heads: int | None) -> int | None:
    keys = family.fields.get("head_dim")
    stated = fields.count(keys, bounds()["head_dim"], absent=family.absent.get("head_dim")) if keys else None
    if stated is not None or hidden is None or heads is None:
        return stated
    if keys and fields.find(keys)[1] is not None:  # stated, and a fault already
        return None
    if hidden % heads:
        fields.fault(
            family.fields["hidden"][0],
            f"{hidden} is not a multiple of {family.fields['heads'][0]}, which is {heads}"
            + (", and head_dim is not stated" if keys else ""),
        )
        return None
    return hidden // heads


def _kv_heads(fields: Fields, family: Family, heads: int | None) -> int | None:
    keys = family.fields.get("kv_heads")
    if keys is None:
        return heads
    if family.model_type == "falcon" and not _flag(fields, family, "new_decoder_architecture"):
        return 1 if _flag(fields, family, "multi_query") else heads
    needed = None if family.kv_absent == "heads" else "the number of K and V heads is never guessed"
    found = fields.count(keys, bounds()["heads"], absent=heads, needed=needed)
    if found is not None and heads is not None and heads % found:
        fields.fault(
            family.fields["heads"][0], f"{heads} is not a multiple of {fields.find(keys)[0]}, which is {found}"
        )
    return found


def _intermediate(fields: Fields, family: Family, hidden: int | None) -> int | None:
    keys = family.fields.get("intermediate")
    four_times = 4 * (hidden or SMALLEST)
    if keys is None:
        return four_times
    if family.model_type in {"falcon", "gpt2"}:
        return fields.count(keys, bounds()["intermediate"], absent=four_times)
    return fields.count(keys, bounds()["intermediate"], needed=f"{family.model_type} models have no shape without it")


def _max_positions(fields: Fields, family: Family, *, alibi: bool) -> int | None:
    keys = family.fields.get("max_positions")
    if keys is None:
        return None
    found = fields.count(keys, bounds()["positions"], absent=family.absent["max_positions"])
    return None if alibi else found


def _stated_positions(fields: Fields) -> int | None:
    """Return the longest context that the file states, under the names that serving engines read, in their order."""
    names = ("max_position_embeddings", "max_seq_len", "n_positions")
    stated = next((value for name in names if (value := fields.find([name])[1]) is not None), None)
    return stated if type(stated) is int and 1 <= stated <= bounds()["positions"] else None


def _sliding_window(fields: Fields, family: Family) -> int | None:
    if "sliding_window" not in family.fields:
        return None
    in_force = fields.flag(["use_sliding_window"], absent=True)
    # Absent is not null here: null switches the window off, absence leaves the class its own default.
    absent = None if fields.has("sliding_window") else family.absent["sliding_window"]
    window = fields.count(family.fields["sliding_window"], bounds()["positions"], absent=absent)
    return window if in_force else None


def _dtype(fields: Fields) -> str:
    key, value = fields.find(["torch_dtype", "dtype"])
    if value is None:
        return UNSTATED_DTYPE
    name = value.removeprefix("torch.") if isinstance(value, str) else value
    if name not in DTYPES:
        fields.fault(key, f"found {shown(value)}, allowed is one of {', '.join(DTYPES)}")
        return UNSTATED_DTYPE
    return str(name)


def _quantization(fields: Fields) -> Quantization | None:
    content = fields.object(["quantization_config"])
    if content is None:
        return None
    found, faults = read_quantization(content, where="quantization_config")
    fields.faults.extend(faults)
    return found


def _rope_scaling(fields: Fields) -> str | None:
    content = fields.object(["rope_scaling"])
    if content is None:
        return None
    inner = Fields(content)
    kind = inner.text(["rope_type", "type"])
    if kind is None and not inner.faults:
        inner.fault("rope_type", "missing, it names how positions are stretched")
    fields.faults.extend(f"rope_scaling.{fault}" for fault in inner.faults)
    return kind


def _norms(fields: Fields, family: Family) -> int:
    if family.model_type != "falcon":
        return family.norms_per_layer
    stated = fields.count(family.fields["parallel_norms"], 2)
    if not _flag(fields, family, "parallel_block"):
        return 2
    default = 2 if _flag(fields, family, "new_decoder_architecture") else 1
    return stated or default

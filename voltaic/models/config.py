"""`config.json` to `Architecture`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from voltaic.models.architecture import Architecture
from voltaic.models.draft import SMALLEST, Draft
from voltaic.models.errors import InvalidConfig, UnknownArchitecture
from voltaic.models.families import Family, bounds, family_of, known, names
from voltaic.models.fields import MOST_SHOWN, Fields, shown
from voltaic.models.quantization import read_quantization

if TYPE_CHECKING:
    from voltaic.models.architecture import Quantization

DTYPES = ("float16", "bfloat16", "float32", "float64")
UNSTATED_DTYPE = "float32"
"""PyTorch's own default, in which checkpoints that state no data type are kept."""


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
    fields = Fields(config)
    family = family_named(config.get("model_type"), where)
    draft = read_draft(fields, family)
    architecture = _built(draft, fields, family)
    if fields.faults:
        raise InvalidConfig(tuple(dict.fromkeys(fields.faults)), where)
    return architecture


def family_named(model_type: object, where: str) -> Family:
    """Return the family that a `model_type` names.

    Raises:
        UnknownArchitecture: no family is known by this name.
        InvalidConfig: it is no name.
    """
    if model_type is None:
        raise InvalidConfig(["model_type: missing, it names the model family"], where)
    if not isinstance(model_type, str) or not model_type or len(model_type) > MOST_SHOWN:
        raise InvalidConfig([f"model_type: found {shown(model_type)}, allowed is the name of a model family"], where)
    if not known(model_type):
        raise UnknownArchitecture(model_type, names())
    return family_of(model_type)


def read_draft(fields: Fields, family: Family, *, nested: bool = False) -> Draft:
    """Read what data says of a family, then have its reader complete it.

    Args:
        fields: the configuration; faults are kept there.
        family: whose it is.
        nested: True for the decoder of a composite model, whose class fills in what is left out.

    Raises:
        UnknownArchitecture: the model has a part whose shapes are not known.
    """
    draft = _sizes(fields, family, nested=nested) if "layers" in family.fields else Draft(fields, family, 1, 1, 1, 1)
    for name, keys in family.sizes.items():
        draft.sizes[name] = draft.count(name, *keys, absent=family.absent.get(name))
    draft.flags |= {name for name, keys in family.flags.items() if fields.flag(keys, absent=family.absent[name])}
    draft.flags |= set(family.always)
    if family.reader is not None:
        other: Draft | None = import_module(f"voltaic.models.readers.{family.reader}").read(draft)
        return draft if other is None else other
    return draft


def _sizes(fields: Fields, family: Family, *, nested: bool) -> Draft:
    most = bounds()
    sizes: dict[str, int | None] = {}
    for name in ("hidden", "heads", "layers", "vocab"):
        keys = family.fields.get(name) or (("vocab_size",) if name == "vocab" else ())
        if not keys:
            sizes[name] = SMALLEST
            continue
        absent = family.reference.get(name) if nested else None
        needed = None if absent is not None else f"{family.model_type} models have no shape without it"
        sizes[name] = fields.count(keys, most[name], absent=absent, needed=needed)
    hidden, heads = sizes["hidden"], sizes["heads"]
    draft = Draft(
        fields,
        family,
        layers=sizes["layers"] or SMALLEST,
        hidden=hidden or SMALLEST,
        heads=heads or SMALLEST,
        vocab=sizes["vocab"] or SMALLEST,
        nested=nested,
    )
    draft.head_dim = _head_dim(fields, family, hidden, heads) or SMALLEST
    draft.kv_heads = _kv_heads(draft, heads) or SMALLEST
    draft.intermediate = _intermediate(draft, hidden) or SMALLEST
    if "max_positions" in family.fields:
        absent = family.absent["max_positions"]
        draft.max_positions = fields.count(family.fields["max_positions"], most["positions"], absent=absent)
    draft.window = _sliding_window(fields, family)
    return draft


def _built(draft: Draft, fields: Fields, family: Family) -> Architecture:
    own = draft.family
    alibi = own.positions == "alibi" or _flag(draft, "alibi")
    share_of = own.fields.get("rotary_share")
    share = draft.fields.share(share_of, absent=own.absent["rotary_share"]) if share_of else 1.0
    rotated = 0 if alibi or own.positions != "rotary" else int(draft.head_dim * share)
    kinds, pattern = draft.patterned()
    values: dict[str, Any] = {
        "model_type": family.model_type,
        "layers": draft.layers,
        "hidden": draft.hidden,
        "heads": draft.heads,
        "kv_heads": draft.kv_heads,
        "head_dim": draft.head_dim,
        "intermediate": draft.intermediate,
        "vocab": draft.vocab,
        "max_positions": None if alibi else draft.max_positions,
        "gated_mlp": own.gated_mlp,
        "tied_embeddings": draft.fields.flag(["tie_word_embeddings"], absent=own.absent.get("tied_embeddings", True)),
        "positions": "alibi" if alibi else own.positions,
        "rotary_dim": rotated,
        "sliding_window": draft.window,
        "dtype": _dtype(fields, draft.fields),
        "quantization": _quantization(fields),
        "custom_code": fields.find(["auto_map"])[1] is not None,
        "rope_scaling": _rope_scaling(draft.fields),
        "norm": own.norm,
        "norms_per_layer": own.norms_per_layer,
        "qk_norm": own.switches["qk_norm"] or _flag(draft, "qk_norm"),
        "attention_bias": own.switches["attention_bias"] or _flag(draft, "attention_bias"),
        "mlp_bias": own.switches["mlp_bias"] or _flag(draft, "mlp_bias"),
        "head_bias": own.switches["head_bias"] or _flag(draft, "head_bias"),
        "embedding_norm": own.switches["embedding_norm"],
        "parallel_block": own.switches["parallel_block"] or _flag(draft, "parallel_block"),
        "stated_positions": _stated_positions(draft.fields),
        "decoder": draft.decoder,
        "experts": draft.experts,
        "latent": draft.latent,
        "kinds": kinds,
        "pattern": pattern,
        "encoder_layers": draft.encoder_layers,
        "towers": draft.towers,
        "sizes": tuple(sorted(draft.sizes.items())),
        "flags": tuple(sorted(draft.flags)),
    }
    return Architecture(**(values | draft.more))


def _flag(draft: Draft, name: str) -> bool:
    keys = draft.family.fields.get(name)
    return draft.fields.flag(keys, absent=draft.family.absent.get(name, False)) if keys else False


def _head_dim(fields: Fields, family: Family, hidden: int | None, heads: int | None) -> int | None:
    keys = family.fields.get("head_dim")
    stated = fields.count(keys, bounds()["head_dim"], absent=family.absent.get("head_dim")) if keys else None
    if stated is not None or hidden is None or heads is None or "heads" not in family.fields:
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


def _kv_heads(draft: Draft, heads: int | None) -> int | None:
    fields, family = draft.fields, draft.family
    keys = family.fields.get("kv_heads")
    if keys is None:
        return heads
    absent = heads
    needed = None if family.kv_absent == "heads" else "the number of K and V heads is never guessed"
    if draft.nested and "kv_heads" in family.reference:
        absent, needed = family.reference["kv_heads"], None
    found = fields.count(keys, bounds()["heads"], absent=absent, needed=needed)
    if found is not None and heads is not None and heads % found:
        fields.fault(
            family.fields["heads"][0], f"{heads} is not a multiple of {fields.find(keys)[0]}, which is {found}"
        )
    return found


def _intermediate(draft: Draft, hidden: int | None) -> int | None:
    fields, family = draft.fields, draft.family
    keys = family.fields.get("intermediate")
    times = family.absent.get("intermediate_times")
    absent = None if times is None else times * (hidden or SMALLEST)
    if keys is None:
        return absent
    if absent is None and draft.nested:
        absent = family.reference.get("intermediate")
    needed = None if absent is not None else f"{family.model_type} models have no shape without it"
    return fields.count(keys, bounds()["intermediate"], absent=absent, needed=needed)


def _stated_positions(fields: Fields) -> int | None:
    """Return the longest context that the file states, under the names that serving engines read, in their order."""
    named = ("max_position_embeddings", "max_seq_len", "n_positions")
    stated = next((value for name in named if (value := fields.find([name])[1]) is not None), None)
    return stated if type(stated) is int and 1 <= stated <= bounds()["positions"] else None


def _sliding_window(fields: Fields, family: Family) -> int | None:
    if "sliding_window" not in family.fields:
        return None
    in_force = fields.flag(["use_sliding_window"], absent=True)
    # Absent is not null here: null switches the window off, absence leaves the class its own default.
    absent = None if fields.has("sliding_window") else family.absent.get("sliding_window")
    window = fields.count(family.fields["sliding_window"], bounds()["positions"], absent=absent)
    return window if in_force else None


def _dtype(fields: Fields, inner: Fields) -> str:
    key, value = fields.find(["torch_dtype", "dtype"])
    if value is None and inner is not fields:
        fields = inner
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

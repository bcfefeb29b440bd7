"""How a checkpoint says that it is quantized."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from voltaic.models.architecture import Quantization
from voltaic.models.fields import Fields, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BITS = 16
"""Bits of a quantized weight: above, it is no quantization of a 16-bit model."""
MOST_GROUP = 1_048_576
"""Inputs that share a scale: no more than the widest layer that is accepted."""
_EXCLUDED = ("modules_to_not_convert", "ignored_layers", "ignore", "llm_int8_skip_modules", "exclude_modules")
"""Names under which transformers, fp8, compressed-tensors, bitsandbytes and modelopt list what stays unquantized."""

_USUAL_LAYOUT = {"gptq": "gptq", "awq": "gemm"}


def read_quantization(
    content: Mapping[str, Any], *, where: str, method: str | None = None
) -> tuple[Quantization | None, tuple[str, ...]]:
    """Read `quantization_config`, `quantize_config.json` (GPTQ) or `quant_config.json` (AWQ).

    Args:
        content: the object as parsed.
        where: what to call it in faults.
        method: the method that the file stands for, where it need not name it.

    Returns:
        What it says (None if it is not usable), and all faults, each beginning with `where`.
    """
    fields = Fields(content)
    named = (_method(fields) or method or "").lower()
    if not named and "quant_method" not in {fault.partition(":")[0] for fault in fields.faults}:
        fields.fault("quant_method", "missing, it names how the weights are stored (awq, gptq, bitsandbytes, …)")
    found = _READERS.get(named, _other)(fields, named, content)
    faults = tuple(f"{where}.{fault}" for fault in fields.faults)
    return (None if faults else found), faults


def _method(fields: Fields) -> str | None:
    named = fields.text(["quant_method"])
    if named is not None:
        return named
    loaded = [fields.flag([key], absent=False) for key in ("load_in_8bit", "load_in_4bit")]
    return "bitsandbytes" if any(loaded) else None


def _plain(fields: Fields, method: str, content: Mapping[str, Any]) -> Quantization:
    """Read the names that GPTQ, AWQ and most others share."""
    return Quantization(
        method=method,
        bits=fields.count(["bits", "w_bit"], MOST_BITS),
        group_size=_group(fields),
        act_order=fields.flag(["desc_act"], absent=False) if "desc_act" in content else None,
        symmetric=_symmetric(fields, content),
        excluded=_excluded(fields),
        layout=_layout(fields, method),
        head=fields.flag(["lm_head"], absent=False),
    )


def _layout(fields: Fields, method: str) -> str | None:
    """Return how a GPTQ or AWQ file packs its weights, where that is not the way of most."""
    if method not in _USUAL_LAYOUT:
        return None
    if fields.flag(["is_marlin_format"], absent=False):
        return "marlin"
    stated = (fields.text(["checkpoint_format"]) or fields.text(["version"]) or "").lower()
    return None if stated in {"", _USUAL_LAYOUT[method]} else stated


def _bitsandbytes(fields: Fields, method: str, content: Mapping[str, Any]) -> Quantization:
    bits = fields.count(["bits"], MOST_BITS)
    if bits is None:
        bits = 4 if fields.flag(["load_in_4bit", "_load_in_4bit"], absent=False) else 8
    four = bits == 4  # noqa: PLR2004
    return Quantization(
        method=method,
        bits=bits,
        excluded=_excluded(fields),
        number=(fields.text(["bnb_4bit_quant_type"], allowed=["nf4", "fp4"]) or "fp4") if four else "int",
        double=four and fields.flag(["bnb_4bit_use_double_quant"], absent=False),
        group_size=_group(fields),
        symmetric=_symmetric(fields, content),
    )


def _fp8(fields: Fields, method: str, content: Mapping[str, Any]) -> Quantization:
    key, stated = fields.find(["weight_block_size"])
    block = None
    if stated is not None:
        sizes = tuple(stated) if isinstance(stated, list) else ()
        if len(sizes) != 2 or any(type(size) is not int or not 1 <= size <= MOST_GROUP for size in sizes):  # noqa: PLR2004
            fields.fault(key, f"found {shown(stated)}, allowed is a list of two whole numbers from 1 to {MOST_GROUP}")
        else:
            block = (sizes[0], sizes[1])
    weight_only = fields.text(["activation_scheme"]) is None and "activation_scheme" in content
    return Quantization(
        method=method,
        bits=8,
        number="float",
        block=block,
        activations=None if weight_only else 8,
        excluded=_excluded(fields),
    )


def _compressed(fields: Fields, method: str, content: Mapping[str, Any]) -> Quantization:
    """Read compressed-tensors; groups of layers that are stored differently leave bits and layout open."""
    del content
    groups = fields.object(["config_groups"]) or {}
    found = {_scheme(fields, name, group) for name, group in groups.items()}
    bits, number, strategy, size, symmetric, activations = found.pop() if len(found) == 1 else (None,) * 6
    layout = fields.text(["format"])
    return Quantization(
        method=method,
        bits=bits,
        number=number,
        group_size=size if strategy == "group" else None,
        symmetric=symmetric,
        activations=activations,
        excluded=_excluded(fields),
        layout=None if strategy is None else f"{layout or 'unstated'} {strategy}",
    )


_Scheme = tuple[int | None, str | None, str | None, int | None, bool | None, int | None]


def _scheme(fields: Fields, name: str, group: object) -> _Scheme:
    if not isinstance(group, dict):
        fields.fault(f"config_groups.{name}", f"found {shown(group)}, allowed is an object")
        return (None,) * 6
    outer = Fields(group)
    weights = Fields(outer.object(["weights"]) or {})
    activations = Fields(outer.object(["input_activations"]) or {})
    found = (
        weights.count(["num_bits"], MOST_BITS),
        weights.text(["type"]),
        weights.text(["strategy"]),
        _group(weights),
        weights.flag(["symmetric"], absent=True),
        activations.count(["num_bits"], MOST_BITS),
    )
    inner = (*outer.faults, *(f"weights.{fault}" for fault in weights.faults))
    inner = (*inner, *(f"input_activations.{fault}" for fault in activations.faults))
    fields.faults.extend(f"config_groups.{name}.{fault}" for fault in inner)
    return found


def _exl2(fields: Fields, method: str, content: Mapping[str, Any]) -> Quantization:
    """Read ExLlamaV2, whose layers differ in their bits: what it states is their average."""
    del content
    key, stated = fields.find(["bits"])
    average = float(stated) if type(stated) in {int, float} and 0 < stated <= MOST_BITS else None
    if stated is not None and average is None:
        fields.fault(key, f"found {shown(stated)}, allowed is a number above 0, at most {MOST_BITS}")
    return Quantization(method=method, average_bits=average, head=True)


def _other(fields: Fields, method: str, content: Mapping[str, Any]) -> Quantization:
    """Read a method whose own words are not known: its name, and bits and group where they are plain numbers."""
    del fields
    bits, group = content.get("bits"), content.get("group_size")
    return Quantization(
        method=method,
        bits=bits if type(bits) is int and 1 <= bits <= MOST_BITS else None,
        group_size=group if type(group) is int and 1 <= group <= MOST_GROUP else None,
    )


_READERS = {
    "": _plain,
    "awq": _plain,
    "gptq": _plain,
    "marlin": _plain,
    "eetq": _plain,
    "fbgemm_fp8": _plain,
    "mxfp4": _plain,
    "bitsandbytes": _bitsandbytes,
    "fp8": _fp8,
    "compressed-tensors": _compressed,
    "exl2": _exl2,
    "exl3": _exl2,
}


def _group(fields: Fields) -> int | None:
    key, value = fields.find(["group_size", "q_group_size"])
    if value is None:
        return None
    if type(value) is not int or not (value == -1 or 1 <= value <= MOST_GROUP):
        fields.fault(key, f"found {shown(value)}, allowed is -1 (one group) or a whole number from 1 to {MOST_GROUP}")
        return None
    return value


def _symmetric(fields: Fields, content: Mapping[str, Any]) -> bool | None:
    if content.get("sym") is not None:
        return fields.flag(["sym"], absent=False)
    if content.get("zero_point") is not None:
        return not fields.flag(["zero_point"], absent=True)
    return None


def _excluded(fields: Fields) -> tuple[str, ...]:
    found: list[str] = []
    for name in _EXCLUDED:
        key, value = fields.find([name])
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(module, str) for module in value):
            fields.fault(key, f"found {shown(value)}, allowed is a list of names or null")
            continue
        found.extend(value)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def is_excluded(tensor: str, excluded: tuple[str, ...]) -> bool | None:
    """Return whether a tensor's module stays unquantized; None where a pattern is one that is not understood.

    A name excludes every module that has it in its own name; `*` and, behind `re:`, `.*` stand for anything.
    """
    patterns = _patterns(excluded)
    if any(parts is not None and _in_order(tensor, parts) for parts in patterns):
        return True
    return None if None in patterns else False


@lru_cache(maxsize=256)
def _patterns(excluded: tuple[str, ...]) -> tuple[tuple[str, ...] | None, ...]:
    return tuple(_parts(name) for name in excluded)


def _parts(name: str) -> tuple[str, ...] | None:
    """Return the texts that a pattern wants one after the other; None for what only a regular expression can say."""
    if name.startswith("re:"):
        name = name.removeprefix("re:").replace(".*", "*").replace("\\.", ".").strip("^$")
        if any(character in name for character in "\\[](){}|+?"):
            return None
    return tuple(part for part in name.split("*") if part)


def _in_order(text: str, parts: tuple[str, ...]) -> bool:
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True

"""How a checkpoint says that it is quantized."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.models.architecture import Quantization
from voltaic.models.fields import Fields, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BITS = 16
"""Bits of a quantized weight: above, it is no quantization of a 16-bit model."""
MOST_GROUP = 1_048_576
"""Inputs that share a scale: no more than the widest layer that is accepted."""


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
    named = fields.text(["quant_method"]) or method
    if named is None and fields.flag(["load_in_8bit"], absent=False):
        named = "bitsandbytes"
    if named is None and fields.flag(["load_in_4bit"], absent=False):
        named = "bitsandbytes"
    if named is None and "quant_method" not in {fault.partition(":")[0] for fault in fields.faults}:
        fields.fault("quant_method", "missing, it names how the weights are stored (awq, gptq, bitsandbytes, …)")
    bits = fields.count(["bits", "w_bit"], MOST_BITS)
    if named == "bitsandbytes" and bits is None:
        bits = 4 if fields.flag(["load_in_4bit", "_load_in_4bit"], absent=False) else 8
    found = Quantization(
        method=(named or "").lower(),
        bits=bits,
        group_size=_group(fields),
        act_order=fields.flag(["desc_act"], absent=False) if "desc_act" in content else None,
        symmetric=_symmetric(fields, content),
        excluded=_excluded(fields),
    )
    faults = tuple(f"{where}.{fault}" for fault in fields.faults)
    return (None if faults else found), faults


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
    key, value = fields.find(["modules_to_not_convert"])
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        fields.fault(key, f"found {shown(value)}, allowed is a list of names or null")
        return ()
    return tuple(value)

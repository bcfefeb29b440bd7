"""Bytes and Kubernetes quantities, as text and back."""

from __future__ import annotations

import re
from decimal import Decimal

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

_FACTORS = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "E": 10**18,
    "Ki": KIB,
    "Mi": MIB,
    "Gi": GIB,
    "Ti": 1024**4,
    "Pi": 1024**5,
    "Ei": 1024**6,
}
"""Suffixes of Kubernetes quantities (k8s.io/apimachinery pkg/api/resource), in bytes; `m` (thousandths) is no size."""
_QUANTITY = re.compile(r"\+?([0-9]{1,19}(?:\.[0-9]{1,18})?)(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?", re.ASCII)


def gib(size: int) -> str:
    """Return bytes as shown to people: `14.58 GiB`."""
    return f"{size / GIB:.2f} GiB"


def quantity(size: int) -> str:
    """Return bytes as a Kubernetes quantity, exactly: `29Gi`, `1536Mi`, `1000`."""
    for suffix, factor in (("Gi", GIB), ("Mi", MIB), ("Ki", KIB)):
        if size and size % factor == 0:
            return f"{size // factor}{suffix}"
    return str(size)


def size_of(text: str) -> int:
    """Return the bytes of a Kubernetes quantity such as `29Gi`, `1.5Gi` or `2G`.

    Raises:
        ValueError: not a quantity of bytes, or not a whole number of them.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is not a Kubernetes quantity such as 50Gi")
    size = Decimal(match.group(1)) * _FACTORS[match.group(2) or ""]
    if size != int(size):
        raise ValueError(f"{text} is not a whole number of bytes")
    return int(size)


def round_up(size: int, step: int) -> int:
    """Return the smallest multiple of `step` that is not below `size`."""
    return -(-size // step) * step

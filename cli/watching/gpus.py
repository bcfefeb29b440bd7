"""GPUs as the programs of their makers tell of them, asked within a container. Commands out, text in; pure."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voltaic.units import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

NVIDIA = (
    "nvidia-smi",
    "--query-gpu=index,name,memory.used,memory.total,utilization.gpu,temperature.gpu,power.draw",
    "--format=csv,noheader,nounits",
)
"""Sizes in MiB, use in percent, temperature in degrees Celsius, power in watts (nvidia-smi --help-query-gpu)."""
AMD = ("rocm-smi", "--showproductname", "--showmeminfo", "vram", "--showuse", "--showtemp", "--showpower", "--json")
"""Sizes in bytes, use in percent; names of fields differ a little between releases (rocm-smi --help)."""
COLUMNS = 7


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; None: its driver does not say."""

    index: int
    name: str
    used: int | None
    """Bytes."""
    total: int | None
    """Bytes."""
    busy: int | None
    """Percent of the last moment in which it worked."""
    celsius: int | None = None
    watts: float | None = None


def command(resources: Sequence[str]) -> tuple[str, ...] | None:
    """Return the command that tells of the GPUs of a container; None where it has none of a maker known here.

    Args:
        resources: resource names in its limits: `nvidia.com/gpu`.
    """
    for name in resources:
        maker = name.partition("/")[0].removeprefix("gpu.")
        if maker == "nvidia.com":
            return NVIDIA
        if maker == "amd.com":
            return AMD
    return None


def read(asked: Sequence[str], text: str) -> list[Gpu]:
    """Return the GPUs that a command told of; lines that are none are left out."""
    return _amd(text) if asked[0] == AMD[0] else _nvidia(text)


def _nvidia(text: str) -> list[Gpu]:
    found = []
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(row) != COLUMNS or not row[0].strip().isdecimal():
            continue  # "No devices were found", warnings of the driver
        used, total = (None if size is None else size * MIB for size in map(_whole, row[2:4]))
        found.append(
            Gpu(int(row[0]), row[1].strip(), used, total, _whole(row[4]), celsius=_whole(row[5]), watts=_number(row[6]))
        )
    return found


def _amd(text: str) -> list[Gpu]:
    start = text.find("{")  # warnings come before it
    try:
        cards: Any = json.loads(text[start:]) if start >= 0 else {}
    except ValueError:
        return []
    found = []
    for card, fields in sorted(cards.items()) if isinstance(cards, dict) else []:
        if not isinstance(fields, dict) or not card.removeprefix("card").isdecimal():
            continue
        name = _field(fields, "Card Series", "Card series", "Card Model", "Card model") or "AMD GPU"
        found.append(
            Gpu(
                int(card.removeprefix("card")),
                name,
                _whole(_field(fields, "VRAM Total Used Memory (B)")),
                _whole(_field(fields, "VRAM Total Memory (B)")),
                _whole(_field(fields, "GPU use (%)")),
                celsius=_whole(_field(fields, "Temperature (Sensor junction) (C)", "Temperature (Sensor edge) (C)")),
                watts=_number(
                    _field(
                        fields,
                        "Current Socket Graphics Package Power (W)",
                        "Average Graphics Package Power (W)",
                    )
                ),
            )
        )
    return found


def _field(fields: dict[str, Any], *names: str) -> str | None:
    return next((str(fields[name]) for name in names if name in fields), None)


def _number(text: str | None) -> float | None:
    """Return a number; None for `[N/A]`, `[Not Supported]`, `[Unknown Error]`."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 2.0**62 else None  # no inf and no nan


def _whole(text: str | None) -> int | None:
    value = _number(text)
    return None if value is None else round(value)

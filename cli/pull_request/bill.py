"""The VRAM bill before and after: a small table, and bars that need neither colour nor a picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

from cli.bill_lines import PARTS, name_of
from cli.pull_request.markdown import fence, table
from voltaic.units import GIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.memory.bill import Bill, GpuBill

    Pair = tuple[GpuBill | None, GpuBill | None]
    """One GPU before and after."""

MOST_COLUMNS = 4
"""Columns of GPUs side by side; where more differ, the fullest stands for all."""
WIDTH = 40
"""Characters of a bar up to the larger of budget and total."""
SIGNS = {"context": "▚", "weights": "█", "kv_cache": "▓", "activations": "▒", "other": "░"}
FREE, BUDGET = "·", "│"
NONE = "-"
_SUMS = ("total", "budget", "headroom")
_STRONG = ("total", "headroom")


@dataclass(frozen=True, slots=True)
class Columns:
    """GPUs that hold the same, before and after."""

    heading: str
    pair: Pair


def columns(before: Bill | None, after: Bill | None) -> tuple[list[Columns], str]:
    """Return the columns of the table, and what is to be said of those that are left out."""
    pairs = list(zip_longest(before.per_gpu if before else (), after.per_gpu if after else ()))
    runs = [(pair, [number for number, _ in run]) for pair, run in groupby(enumerate(pairs), key=lambda item: item[1])]
    if len(runs) <= MOST_COLUMNS:
        return [Columns(_heading(numbers, len(pairs)), pair) for pair, numbers in runs], ""
    fullest = (before.worst if before else None, after.worst if after else None)
    return [Columns("fullest GPU", fullest)], f"The fullest of {len(pairs)} GPUs that hold different amounts."


def _heading(numbers: list[int], count: int) -> str:
    if count == 1:
        return "GPU"
    if len(numbers) == count:
        return f"each of {count} GPUs"
    first, last = numbers[0], numbers[-1]
    return f"GPU {first}" if first == last else f"GPU {first} to {last}"


def tabled(before: Bill | None, after: Bill | None) -> str:
    """Return the table, in GiB; a value that changes as `6.81 → 12.19`. Empty where there is no bill at all."""
    known = after or before
    if known is None:
        return ""
    found, note = columns(before, after)
    other = after if known is before else before
    rows = [[name_of(part, known), *(_only(other, _cell(column.pair, part)) for column in found)] for part in PARTS]
    for name in _SUMS:
        cells = [_only(other, _cell(column.pair, name)) for column in found]
        rows.append([f"**{name}**", *(f"**{cell}**" for cell in cells)] if name in _STRONG else [name, *cells])
    text = table(["GiB", *(column.heading for column in found)], rows)
    return f"{text}\n\n{note}" if note else text


def in_gib(size: int) -> str:
    """Return bytes as a number of GiB."""
    return f"{size / GIB:.2f}"


def _cell(pair: Pair, name: str) -> str:
    before, after = (NONE if gpu is None else in_gib(getattr(gpu, name)) for gpu in pair)
    return after if before == after else f"{before} → {after}"


def _only(bill: Bill | None, text: str) -> str:
    """Return a cell of a stack that has no other side: without the arrow that leads nowhere."""
    return text if bill is not None else text.replace(f"{NONE} → ", "").replace(f" → {NONE}", "")


def bars(before: Bill | None, after: Bill | None) -> str:
    """Return bars of the fullest GPU before and after, in a fence; empty where there is no bill at all."""
    lines = drawn(before, after)
    return fence("\n".join(lines)) if lines else ""


def drawn(before: Bill | None, after: Bill | None) -> list[str]:
    """Return the lines of the bars, and what their signs mean."""
    fullest = [(word, bill.worst) for word, bill in (("before", before), ("after", after)) if bill is not None]
    known = after or before
    if known is None:
        return []
    whole = max(max(gpu.budget, gpu.total) for _, gpu in fullest)
    if len(fullest) > 1 and len({_key(gpu) for _, gpu in fullest}) == 1:
        fullest = [("unchanged", fullest[-1][1])]
    names = [f"{sign} {name_of(part, known)}" for part, sign in SIGNS.items()]
    return [*_lines(fullest, whole), "", "  ".join([*names, f"{FREE} free", f"{BUDGET} budget"])]


def _key(gpu: GpuBill) -> tuple[int, ...]:
    return (*(getattr(gpu, part) for part in PARTS), gpu.budget)


def _lines(fullest: list[tuple[str, GpuBill]], whole: int) -> Iterator[str]:
    drawn = [(word, bar(gpu, whole), gpu) for word, gpu in fullest]
    word_width = max(len(word) for word, _, _ in drawn)
    bar_width = max(len(text) for _, text, _ in drawn)
    for word, text, gpu in drawn:
        room = f"{gpu.headroom / GIB:.2f} free" if gpu.headroom >= 0 else f"{-gpu.headroom / GIB:.2f} TOO MUCH"
        numbers = f"{gpu.total / GIB:.2f} of {gpu.budget / GIB:.2f} GiB, {room}"
        yield f"{word:<{word_width}} {text:<{bar_width}} {numbers}"


def bar(gpu: GpuBill, whole: int) -> str:
    """Return a bar of `WIDTH` characters for `whole` bytes, with a mark where the budget ends."""
    cells = ""
    held = 0
    for part, sign in SIGNS.items():
        held += max(0, getattr(gpu, part))
        cells += sign * (_place(held, whole) - len(cells))
    limit = _place(gpu.budget, whole)
    cells += FREE * (limit - len(cells))
    return f"{cells[:limit]}{BUDGET}{cells[limit:]}"


def _place(size: int, whole: int) -> int:
    return min(WIDTH, round(size / whole * WIDTH)) if whole > 0 else 0

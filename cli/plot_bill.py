"""The bill of every GPU as a stacked bar against its budget: hatches and numbers, so that no colour is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.bill_lines import PARTS, POOL, columns, name_of
from voltaic.units import GIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from voltaic.memory.bill import Bill, GpuBill

FILLS: Final = {
    "context": ("#4a4a4a", ""),
    "weights": ("#cfe2f3", "//"),
    "kv_cache": ("#fbe3b4", "---"),
    "activations": ("#d5ead0", "\\\\"),
    "other": ("#ffffff", "xx"),
}
"""Colour and hatch of each part: told apart by the hatch alone, and by lightness besides."""
_BAR: Final = 0.5
_LABEL_GAP: Final = 0.034
"""Least distance of two numbers beside a bar, as a share of the axis."""


def width_of(bill: Bill) -> float:
    """Return the width of the panel, in inches."""
    return 3.0 + 1.3 * len(list(columns(bill.per_gpu)))


def draw(axes: Axes, bill: Bill) -> None:
    """Draw the bars, the budget, and what is left or too much."""
    found = list(columns(bill.per_gpu))
    top = max(max(gpu.total, gpu.budget) for _, gpu in found) / GIB * 1.13
    axes.set_ylim(0, top)
    axes.set_xlim(-0.55, len(found) - 1 + 0.95)
    for place, (_, gpu) in enumerate(found):
        _bar(axes, place, gpu, top)
    axes.set_xticks(range(len(found)), [heading for heading, _ in found])
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("GiB on one GPU")
    axes.set_title(f"Bill at the worst moment: {bill.peak_moment}", loc="left")
    pools = [size for _, gpu in found for name, size in gpu.terms if name == POOL]
    if pools:
        # What the limits need is in the bar; the engine takes more, and says so in its log.
        axes.set_xlabel(f"the engine's KV pool: {min(pools) / GIB:.2f} GiB a GPU, {bill.kv_cache_tokens:,} tokens")
    axes.spines[["top", "right"]].set_visible(False)
    _legend(axes, bill)


def _bar(axes: Axes, place: int, gpu: GpuBill, top: float) -> None:
    height = 0.0
    labels: list[tuple[float, str]] = []
    for part in PARTS:
        size = getattr(gpu, part) / GIB
        colour, hatch = FILLS[part]
        axes.bar(place, size, _BAR, bottom=height, color=colour, hatch=hatch, edgecolor="black", linewidth=0.8)
        labels.append((height + size / 2, f"{size:.2f}"))
        height += size
    edge = place + _BAR / 2
    for (middle, text), label in zip(labels, _spread([middle for middle, _ in labels], top), strict=True):
        axes.annotate(
            text,
            (edge, middle),
            (edge + 0.09, label),
            va="center",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0},
        )
    budget = gpu.budget / GIB
    axes.plot([place - 0.32, place + 0.32], [budget, budget], color="black", linewidth=2.2, linestyle=(0, (4, 1.5)))
    left = budget - height
    if left >= 0:
        told, above = f"headroom {left:.2f}", budget
    else:
        told, above = f"{-left:.2f} TOO MUCH", height
    axes.text(
        place, above + top * 0.012, f"{told}\ntotal {height:.2f} of {budget:.2f}", ha="center", va="bottom", fontsize=8
    )


def _spread(places: Sequence[float], top: float) -> list[float]:
    """Return heights for numbers beside a bar: as near to their parts as they can be without overlapping."""
    gap = top * _LABEL_GAP
    spread = list(places)
    highest = max(places[-1], gap * (len(places) - 0.5))
    for index in reversed(range(len(spread))):  # from the top down, so that none rises above the bar
        spread[index] = min(spread[index], highest)
        highest = spread[index] - gap
    lowest = gap / 2
    for index in range(len(spread)):
        spread[index] = max(spread[index], lowest)
        lowest = spread[index] + gap
    return spread


def _legend(axes: Axes, bill: Bill) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Patch | Line2D] = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="black", linewidth=0.8, label=name_of(part, bill))
        for part, (colour, hatch) in reversed(FILLS.items())
    ]
    handles.insert(0, Line2D([], [], color="black", linewidth=2.2, linestyle=(0, (4, 1.5)), label="budget"))
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8, handleheight=1.6
    )

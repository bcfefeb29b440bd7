"""Headroom over length and number of requests, as a map of cells: signs and hatches, so that no colour is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.engines.ways import ways_of
from voltaic.memory.bill import Bill
from voltaic.units import GIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from voltaic.verdict import Judgement, Verdict

MOST_CONTEXTS: Final = 9
MOST_SIZES: Final = 9
LEAST_CONTEXT: Final = 512
LONGEST: Final = 131_072
"""Tokens up to which lengths are chosen where the model has no bound."""
FILLS: Final = {
    "accept": ("#ffffff", ""),
    "tight": ("#eeeeee", "."),
    "refuse": ("#b8b8b8", "//"),
    "unknown": ("#ffffff", "xx"),
}
NAMES: Final = {
    "accept": "accepted",
    "tight": "~ tight",
    "refuse": "refused",
    "unknown": "? unknown",
}
_WHOLE_FROM: Final = 100
"""GiB from which on decimals say nothing more."""
_MOST_LEVEL: Final = 5
"""Columns whose numbers have room side by side."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One cell of the map."""

    verdict: Judgement
    tight: bool
    headroom: int | None
    """Bytes on the fullest GPU; None where there is no bill."""

    @property
    def kind(self) -> str:
        """How it is drawn."""
        return "tight" if self.tight else self.verdict

    @property
    def text(self) -> str:
        """What is written into it: headroom in GiB with its sign, or a sign alone."""
        if self.headroom is None:
            return {"accept": "+", "refuse": "x", "unknown": "?"}[self.verdict]
        mark = "~" if self.tight else "?" if self.verdict == "unknown" else ""
        size = self.headroom / GIB
        return f"{mark}{size:+.1f}" if abs(size) < _WHOLE_FROM else f"{mark}{size:+,.0f}"


@dataclass(frozen=True, slots=True)
class Headroom:
    """The map: rows by requests at once, columns by length."""

    contexts: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    spots: tuple[tuple[Spot, ...], ...]
    asked: tuple[int, int]
    """Length and number of requests that were asked about."""

    def in_words(self) -> str:
        """Return the largest accepted number of requests for each length."""
        told = []
        for column, context in enumerate(self.contexts):
            sizes = [size for size, row in zip(self.batch_sizes, self.spots, strict=True) if _ok(row[column])]
            told.append(f"{context} tokens: {f'up to {max(sizes)} at once' if sizes else 'none'}")
        return f"Accepted requests by length, among those on the map: {'; '.join(told)}."


def headroom_map(verdict: Verdict, contexts: Sequence[int], batch_sizes: Sequence[int]) -> Headroom | None:
    """Judge the lengths and numbers of requests around a spec; None where its limits are not known."""
    from voltaic.grid import with_limits
    from voltaic.verdict import judge

    spec, runs = verdict.spec, verdict.runs
    engine = ways_of(engines.engine(spec.release.engine))
    load = None if engine is None or runs is None else engine.load_of(spec, runs)
    if load is None:
        return None
    positions = None if spec.model.architecture is None else spec.model.architecture.max_positions
    columns = _with(contexts or _lengths(load.total, positions), load.total)
    rows = _with(batch_sizes or _sizes(load.requests), load.requests)
    spots = []
    for size in rows:
        row = []
        for context in columns:
            changed = with_limits(spec, total=context, requests=size)
            judged = verdict if (context, size) == (load.total, load.requests) else changed and judge(changed)
            row.append(_spot(judged or None))
        spots.append(tuple(row))
    return Headroom(columns, rows, tuple(spots), (load.total, load.requests))


def _spot(verdict: Verdict | None) -> Spot:
    if verdict is None:
        return Spot("unknown", tight=False, headroom=None)
    headroom = verdict.bill.worst.headroom if isinstance(verdict.bill, Bill) else None
    return Spot(verdict.verdict, tight=verdict.verdict == "accept" and verdict.tight, headroom=headroom)


def _ok(spot: Spot) -> bool:
    return spot.verdict == "accept"


def _with(values: Sequence[int], asked: int) -> tuple[int, ...]:
    return tuple(sorted({*values, asked}))


def _lengths(asked: int, positions: int | None) -> list[int]:
    """Return powers of two up to the model's context, those around the one that is asked where there are too many."""
    longest = max(positions or LONGEST, asked)
    lengths = [LEAST_CONTEXT << power for power in range(20) if LEAST_CONTEXT << power <= longest]
    return _around(asked, lengths, MOST_CONTEXTS - 1)


def _sizes(asked: int) -> list[int]:
    sizes = [1 << power for power in range(20) if 1 << power <= max(32, 4 * asked)]
    return _around(asked, sizes, MOST_SIZES - 1)


def _around(asked: int, values: list[int], most: int) -> list[int]:
    """Return the window of values around the asked one."""
    before = sum(value < asked for value in values)
    start = max(0, min(before - most // 2, len(values) - most))
    return values[start : start + most]


def width_of(found: Headroom) -> float:
    """Return the width of the panel, in inches."""
    return 1.2 + 0.68 * max(len(found.contexts), 6)


def draw(axes: Axes, found: Headroom) -> None:
    """Draw the cells, the line between what is accepted and what is not, and a frame around what was asked."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch, Rectangle

    for y, row in enumerate(found.spots):
        for x, spot in enumerate(row):
            colour, hatch = FILLS[spot.kind]
            axes.add_patch(
                Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, hatch=hatch, edgecolor="#999999", linewidth=0.4)
            )
            weight = "bold" if spot.verdict == "refuse" else "normal"
            box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
            axes.text(x, y, spot.text, ha="center", va="center", fontsize=7.5, fontweight=weight, bbox=box)
    _border(axes, found)
    x, y = found.contexts.index(found.asked[0]), found.batch_sizes.index(found.asked[1])
    axes.add_patch(Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, edgecolor="black", linewidth=2.4))
    axes.plot(x - 0.34, y + 0.34, marker="*", color="black", markersize=7, markeredgewidth=0)
    axes.set_xlim(-0.5, len(found.contexts) - 0.5)
    axes.set_ylim(-0.5, len(found.batch_sizes) - 0.5)
    axes.set_xticks(range(len(found.contexts)), [f"{value:,}" for value in found.contexts])
    if len(found.contexts) > _MOST_LEVEL:
        axes.tick_params(axis="x", rotation=40)
    axes.set_yticks(range(len(found.batch_sizes)), [f"{value:,}" for value in found.batch_sizes])
    axes.tick_params(length=0)
    axes.set_xlabel("tokens of the longest request")
    axes.set_ylabel("requests at once")
    axes.set_title("Headroom in GiB on the fullest GPU", loc="left")
    kinds = {spot.kind for row in found.spots for spot in row}
    handles: list[Patch | Line2D] = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="#666666", label=NAMES[kind])
        for kind, (colour, hatch) in FILLS.items()
        if kind in kinds
    ]
    handles.append(Line2D([], [], marker="*", markersize=8, color="black", linestyle="", label="asked"))
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.05),
        ncols=len(handles),
        frameon=False,
        fontsize=8,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def _border(axes: Axes, found: Headroom) -> None:
    """Draw a thick line wherever an accepted cell meets one that is not."""
    spots = found.spots
    for y, row in enumerate(spots):
        for x, spot in enumerate(row):
            if x + 1 < len(row) and _ok(spot) != _ok(row[x + 1]):
                axes.plot([x + 0.5, x + 0.5], [y - 0.5, y + 0.5], color="black", linewidth=2.2)
            if y + 1 < len(spots) and _ok(spot) != _ok(spots[y + 1][x]):
                axes.plot([x - 0.5, x + 0.5], [y + 0.5, y + 0.5], color="black", linewidth=2.2)

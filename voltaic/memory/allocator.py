"""What PyTorch's caching allocator reserves for tensors that stay: more than their bytes.

Small tensors share 2-MiB segments, middling ones share 20-MiB segments of which a rest stays empty, large ones get
segments of their own in multiples of 2 MiB. That rest is why a 7B model reserves more than its parameters.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from voltaic.memory import facts


@dataclass(frozen=True, slots=True)
class Allocator:
    """Sizes of the caching allocator, in bytes."""

    block: int
    small_up_to: int
    small_segment: int
    large_from: int
    medium_segment: int
    large_multiple: int


@cache
def allocator() -> Allocator:
    """Return the allocator's constants."""
    row = facts.table()["allocator"]
    return Allocator(**{name: row[name] for name in Allocator.__slots__})


def round_up(size: int, multiple: int) -> int:
    """Return the smallest multiple that holds `size`."""
    return -(-size // multiple) * multiple


def allocated(size: int) -> int:
    """Return the bytes that the allocator counts as allocated for one tensor of `size` bytes.

    A large one has a segment of its own, of which it splits off no remainder of up to a mebibyte.
    """
    rules = allocator()
    exact = round_up(size, rules.block)
    if size < rules.large_from:
        return exact
    segment = round_up(size, rules.large_multiple)
    return segment if segment - exact <= rules.small_up_to else exact


@dataclass(slots=True)
class Reservation:
    """Bytes reserved for a set of tensors; add them one kind at a time."""

    large: int = 0
    small: int = 0
    medium: Counter[int] = field(default_factory=Counter)
    near: Counter[int] = field(default_factory=Counter)
    """Large ones that fit into the rest of a middling one's segment."""

    def add(self, size: int, count: int = 1) -> None:
        """Add `count` tensors of `size` bytes each."""
        rules = allocator()
        if size <= rules.small_up_to:
            self.small += count * round_up(size, rules.block)
        elif size < rules.large_from:
            self.medium[round_up(size, rules.block)] += count
        else:
            self.large += count * round_up(size, rules.large_multiple)
            if size < rules.medium_segment:
                self.near[round_up(size, rules.block)] += count

    @property
    def total(self) -> int:
        """Bytes reserved. Middling tensors of different sizes are not mixed in one segment: an upper bound."""
        rules = allocator()
        medium = sum(-(-count // (rules.medium_segment // size)) for size, count in self.medium.items())
        own = self.large + medium * rules.medium_segment + round_up(self.small, rules.small_segment)
        return own + self._shared()

    def _shared(self) -> int:
        """Bytes lost where a large tensor takes the rest of a segment that would have held more middling ones."""
        rules, lost = allocator(), 0
        for large, larges in self.near.items():
            for size, count in self.medium.items():
                if size + large <= rules.medium_segment:
                    alone = rules.medium_segment // (rules.medium_segment // size)
                    alone += round_up(large, rules.large_multiple)
                    lost += min(larges, count) * max(0, rules.medium_segment - alone)
        return lost

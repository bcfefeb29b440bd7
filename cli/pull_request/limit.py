"""Keeps a comment below what a host takes: parts are left out in a stated order, and the comment says which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST: Final = 60_000
"""Characters of a comment, counted in UTF-16 as hosts do. GitHub takes 65,536 (api: `maximum is 65536 characters`)."""
SPARE: Final = 1_000
"""Characters kept for the line that says what was left out."""
CUT_ORDER: Final = (
    "messages of the run",
    "properties of the steps",
    "steps",
    "sources",
    "advice",
    "notes",
    "further ways out",
    "reasons",
    "settings",
    "bars",
    "bills",
    "restarts and volumes",
    "findings",
    "whole stacks",
)
"""What is left out where a comment would be too long, the first first; within a kind, the last stack first."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the comment."""

    text: str
    kind: str = ""
    """What it is among `CUT_ORDER`; empty: never left out."""
    shorter: str = ""
    """What stands in its place where it is left out."""
    then: str = ""
    """What that is among `CUT_ORDER`; empty: never left out."""
    stack: int = 0
    """Number of its stack, from 0."""


def within(blocks: Sequence[Block], longest: int = LONGEST) -> str:
    """Return the blocks as one text, without what does not fit, and with what that was."""
    left = list(blocks)
    total = sum(map(_size, left))
    left_out: dict[str, set[int]] = {}
    for kind in CUT_ORDER:
        for place in range(len(left) - 1, -1, -1):
            if total <= longest - SPARE:
                break
            block = left[place]
            if block.kind != kind or not block.text:
                continue
            left[place] = Block(block.shorter, block.then, stack=block.stack)
            total += _size(left[place]) - _size(block)
            left_out.setdefault(kind, set()).add(block.stack)
    text = "\n\n".join(block.text for block in left if block.text)
    if left_out:
        told = "; ".join(f"{kind} ({_stacks(len(stacks))})" for kind, stacks in left_out.items())
        text += f"\n\nLeft out to stay below {longest:,} characters: {told}. `voltaic preview --json` has all of it."
    return f"{text}\n"


def _stacks(count: int) -> str:
    return "1 stack" if count == 1 else f"{count:,} stacks"


def _size(block: Block) -> int:
    """Return the characters of a block with the break behind it."""
    return len(block.text.encode("utf-16-le", "surrogatepass")) // 2 + 2 if block.text else 0

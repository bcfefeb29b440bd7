"""Looks for patterns in facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voltaic.doctor.pattern import patterns

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence

    from voltaic.doctor.evidence import Fact
    from voltaic.doctor.pattern import Pattern, Sign

BEFORE: Final = 120
"""Lines before a hit that belong to it: the traceback of an exception, with the frames of its libraries."""
AFTER: Final = 25
"""Lines after a hit that belong to it: what a launcher says of a process that ended."""
MOST_HITS: Final = 40
"""Hits of one sign in one fact that are looked at."""


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern that was found."""

    pattern: Pattern
    fact: Fact
    quotes: tuple[str, ...]
    """Lines that show it, as they stand there."""
    values: dict[str, str]
    """What its groups hold."""


def matches(facts: Sequence[Fact]) -> list[Match]:
    """Return each pattern that is found, once for each object that it is about, in the order of the patterns."""
    found: list[Match] = []
    for pattern in patterns():
        seen: set[str] = set()
        for fact in facts:
            about = fact.about.name
            match = None if about in seen else _match(pattern, fact, facts)
            if match is not None:
                seen.add(about)
                found.append(match)
    return found


def _match(pattern: Pattern, fact: Fact, facts: Sequence[Fact]) -> Match | None:
    if fact.ready and not pattern.serving:
        return None
    for sign in pattern.signs:
        if (fact.where in sign.where or fact.where == "text") and _is_beside(sign, fact, facts):
            found = _found(sign, fact.text)
            if found is not None:
                return Match(pattern, fact, *found)
    return None


def _is_beside(sign: Sign, fact: Fact, facts: Iterable[Fact]) -> bool:
    if sign.beside is None:
        return True
    return any(sign.beside.search(each.text) for each in facts if each.about.name in {fact.about.name, ""})


def _found(sign: Sign, text: str) -> tuple[tuple[str, ...], dict[str, str]] | None:
    """Return the lines of the first hit that counts, and the values of its groups."""
    for number, hit in enumerate(sign.text.finditer(text)):
        if number == MOST_HITS:
            return None
        around, start = _around(text, hit.start(), hit.end())
        if sign.without is not None and sign.without.search(around):
            continue
        near = sign.near.search(around) if sign.near is not None else None
        if sign.near is not None and near is None:
            continue
        values = {**(near.groupdict() if near else {}), **hit.groupdict()}
        quotes = [_line(text, hit)]
        if near is not None and not start + near.start() <= hit.start() < start + near.end():
            quotes.insert(0, _line(around, near))
        return tuple(dict.fromkeys(quotes)), {name: value.strip() for name, value in values.items() if value}
    return None


def _around(text: str, start: int, end: int) -> tuple[str, int]:
    """Return the lines around a hit, and where they begin."""
    first = start
    for _ in range(BEFORE + 1):
        first = text.rfind("\n", 0, first)
        if first < 0:
            break
    last = end
    for _ in range(AFTER + 1):
        last = text.find("\n", last + 1)
        if last < 0:
            break
    return text[first + 1 : last if last >= 0 else len(text)], first + 1


def _line(text: str, hit: re.Match[str]) -> str:
    """Return the lines that a hit stands in."""
    start = text.rfind("\n", 0, hit.start()) + 1
    end = text.find("\n", max(hit.end() - 1, hit.start()))
    return text[start : end if end >= 0 else len(text)]

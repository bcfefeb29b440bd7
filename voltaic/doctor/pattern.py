"""What a failure looks like: patterns as data, read from `patterns/*.toml`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from voltaic.doctor.evidence import Where
from voltaic.engines import data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.findings import Source

FOLDER: Final = Path(__file__).with_name("patterns")
Depth = Literal["cause", "consequence", "symptom"]
"""How far down a pattern lies. Of what is found only the deepest is told: a symptom only where nothing explains it."""
DEPTHS: Final[tuple[Depth, ...]] = get_args(Depth)
Sure = Literal["certain", "likely"]
"""Whether the text can have one cause only, or mostly has this one."""
Remedy = Literal["", "smaller"]
"""`smaller`: where the judge accepts what is deployed, smaller limits that it accepts too are a way out."""

_KEYS: Final = frozenset(
    (
        *("id", "what", "why", "way_out", "details", "commands", "signs", "rules", "over", "depth", "sure", "serving"),
        *("remedy", "numbers", "engines", "releases", "examples", "counter", "source", "confidence"),
    )
)
_SIGN_KEYS: Final = frozenset({"in", "text", "near", "without", "beside"})
_EXAMPLE_KEYS: Final = frozenset({"in", "text", "source"})


@dataclass(frozen=True, slots=True)
class Sign:
    """One way in which a pattern shows itself."""

    where: frozenset[Where]
    text: re.Pattern[str]
    near: re.Pattern[str] | None = None
    """What must stand in the lines around, too."""
    without: re.Pattern[str] | None = None
    """What must not stand in the lines around."""
    beside: re.Pattern[str] | None = None
    """What must be found somewhere in the rest of the evidence about the same pod."""


@dataclass(frozen=True, slots=True)
class Example:
    """A real text, and where it comes from."""

    where: Where
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A failure that is known."""

    id: str
    """Stable kebab-case name."""
    subject: str
    """File that it stands in: `host`, `gpu`, `engine`, `model`, `kubernetes`, `network`, `webui`."""
    what: str
    """What happened, in one sentence."""
    why: str
    """What makes it happen."""
    way_out: str
    """What mends it, where nothing better can be proven."""
    signs: tuple[Sign, ...]
    source: Source
    """What the explanation rests on."""
    details: tuple[str, ...] = ()
    """Sentences with `{names}` of groups; told where all of them were found."""
    commands: tuple[str, ...] = ()
    """What to type, with `{stack}`, `{pod}`, `{name}`, `{workload}` and `{n}`; left out where one is not known."""
    rules: tuple[str, ...] = ()
    """Rules that say so before anything is applied."""
    over: tuple[str, ...] = ()
    """Patterns that it explains, or is a closer word for."""
    depth: Depth = "cause"
    sure: Sure = "certain"
    serving: bool = False
    """Whether it happens while a pod is ready."""
    remedy: Remedy = ""
    numbers: tuple[str, ...] = ()
    """What is read of the manifest to explain it: see voltaic.doctor.numbers."""
    engines: tuple[str, ...] = ()
    """Engines in whose logs it stands; empty: any, or none."""
    releases: str = ""
    """Releases of these engines, in words; empty: all that are known."""
    examples: tuple[Example, ...] = field(default=(), repr=False)
    counter: tuple[Example, ...] = field(default=(), repr=False)
    """Texts that look alike, and mean something else."""

    @property
    def rank(self) -> int:
        """Order in which patterns are told: what is deepest first."""
        return DEPTHS.index(self.depth)


@cache
def patterns() -> tuple[Pattern, ...]:
    """Return all patterns, by subject and in the order written.

    Raises:
        BadFactsError: a file contradicts its own rules.
    """
    found = tuple(pattern for path in sorted(FOLDER.glob("*.toml")) for pattern in _of_file(path))
    known = [pattern.id for pattern in found]
    for pattern in found:
        if known.count(pattern.id) > 1:
            raise data.BadFactsError(f"two patterns are called {pattern.id}")
        for other in pattern.over:
            if other not in known:
                raise data.BadFactsError(f"{pattern.id} is over {other}, which there is not")
    return found


def pattern(name: str) -> Pattern | None:
    """Return the pattern of a name; None where there is none."""
    return next((each for each in patterns() if each.id == name), None)


def _of_file(path: Path) -> Iterator[Pattern]:
    for row in data.table(path)["pattern"]:
        where = f"{path.name}, {row.get('id', 'a pattern without id')}"
        data.only(row, _KEYS, where)
        yield Pattern(
            id=row["id"],
            subject=path.stem,
            what=row["what"],
            why=row["why"],
            way_out=row["way_out"],
            signs=tuple(_sign(sign, where) for sign in row["signs"]),
            source=data.source(row["source"], row["confidence"]),
            details=tuple(row.get("details", ())),
            commands=tuple(row.get("commands", ())),
            rules=tuple(row.get("rules", ())),
            over=tuple(row.get("over", ())),
            depth=_one_of(row.get("depth", "cause"), Depth, where),
            sure=_one_of(row.get("sure", "certain"), Sure, where),
            serving=bool(row.get("serving", False)),
            remedy=_one_of(row.get("remedy", ""), Remedy, where),
            numbers=tuple(row.get("numbers", ())),
            engines=tuple(row.get("engines", ())),
            releases=row.get("releases", ""),
            examples=tuple(_example(each, where) for each in row["examples"]),
            counter=tuple(_example(each, where) for each in row["counter"]),
        )


def _sign(row: dict[str, Any], where: str) -> Sign:
    data.only(row, _SIGN_KEYS, where)
    places = row.get("in", "log")
    kinds = frozenset(_one_of(place, Where, where) for place in ([places] if isinstance(places, str) else places))
    try:
        parts = {key: re.compile(row[key], re.MULTILINE) for key in ("text", "near", "without", "beside") if key in row}
    except re.error as error:
        raise data.BadFactsError(f"{where}: {error}") from None
    return Sign(kinds, **parts)


def _example(row: dict[str, Any], where: str) -> Example:
    data.only(row, _EXAMPLE_KEYS, where)
    return Example(_one_of(row.get("in", "log"), Where, where), row["text"].strip("\n"), row["source"])


def _one_of(value: Any, kind: Any, where: str) -> Any:
    allowed = get_args(kind)
    if value not in allowed:
        raise data.BadFactsError(f"{where}: {value!r} is none of {', '.join(map(repr, allowed))}")
    return value

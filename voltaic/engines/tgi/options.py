"""Options of the TGI launcher, by release."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from voltaic.engines import data
from voltaic.engines.versions import parse_version, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.versions import Version
    from voltaic.findings import Source

Kind = Literal["text", "texts", "size", "sizes", "u16", "u32", "u64", "real", "truth", "flag", "choice"]
"""How the launcher reads a value. `size` is an unsigned integer of 64 bits, `real` a number, `truth` `true` or `false`,
`flag` takes no value on the command line, `texts` and `sizes` may be given more than once."""

Effect = Literal["always", "own", "flash"]
"""`own`: TGI's own models, with flash attention or without; `flash`: those with it."""

REPEATABLE = frozenset({"texts", "sizes"})


def _range(since: Version | None, until: Version | None) -> str:
    """Return a range for people: `1.4.1 to 1.4.5`, `1.4.1 and newer`, `every release`."""
    first = ".".join(map(str, since)) if since else None
    last = ".".join(map(str, until)) if until else None
    if first and last:
        return first if first == last else f"{first} to {last}"
    if last:
        return f"{last} and older"
    return f"{first} and newer" if first else "every release"


@dataclass(frozen=True, slots=True)
class Option:
    """One launcher option."""

    name: str
    """As written, in snake case: `max_input_length`."""
    kind: Kind
    since: Version | None
    until: Version | None
    short: str | None
    variable: str | None
    """Environment variable that sets it; None: none does."""
    canonical: str
    """Name under which its value is kept; differs from `name` for the older of two names."""
    defaults: tuple[tuple[str, Any], ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...]
    effect: Effect
    """Which implementations read it."""
    matters: bool
    """False: no value of it keeps a server from starting."""
    secret: bool
    """True: its value is never shown."""

    @property
    def flag(self) -> str:
        """The option as written on a command line: `--max-input-tokens`."""
        return "--" + self.name.replace("_", "-")

    def in_release(self, version: Version | None) -> bool:
        """Return whether a release has it; an unknown release (None) may have every option."""
        if version is None:
            return True
        return (self.since is None or version >= self.since) and (self.until is None or version <= self.until)

    def default(self, version: Version) -> Any:
        """Return the launcher's default in that release; None where it has none."""
        return next((value for releases, value in self.defaults if within(version, releases)), None)

    def values(self, version: Version | None) -> tuple[str, ...]:
        """Return the values allowed in that release, of all releases where it is not known; empty: not a choice."""
        allowed = [values for releases, values in self.choices if version is None or within(version, releases)]
        return tuple(dict.fromkeys(value for values in allowed for value in values))

    @property
    def releases(self) -> str:
        """The releases that have it, for people: `1.4.1 to 1.4.5`, `1.4.1 and newer`, `every release`."""
        return _range(self.since, self.until)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the launcher or the server reads by name, without an option."""

    name: str
    since: Version | None
    until: Version | None
    effect: Effect
    """Which implementations read it."""
    allowed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """By release: the values that do not end the server; empty: any."""
    between: tuple[float, float] | None = None
    """Two numbers that the value must lie between, ends excluded."""
    error: str = ""
    """What the log shows of another value."""
    shared: bool = False
    """True: read by the container or by libraries too; never named as doing nothing, and no verdict rests on it."""

    @property
    def releases(self) -> str:
        """The releases that read it, for people."""
        return _range(self.since, self.until)

    def values(self, version: Version) -> tuple[str, ...]:
        """Return the values that a release takes; empty: any."""
        return next((values for releases, values in self.allowed if within(version, releases)), ())

    def in_release(self, version: Version | None) -> bool:
        """Return whether a release reads it; an unknown release (None) may read every one."""
        if version is None:
            return True
        return (self.since is None or version >= self.since) and (self.until is None or version <= self.until)


@dataclass(frozen=True, slots=True)
class Foreign:
    """An option of another engine."""

    use: str | None
    """The option of TGI that does it, without dashes; None: none."""
    say: str


@dataclass(frozen=True, slots=True)
class Options:
    """Every option and variable, and the names that people mistake for them."""

    rows: tuple[Option, ...]
    by_name: Mapping[str, Option]
    variables: tuple[Variable, ...]
    foreign: Mapping[str, Foreign]
    mistaken_values: Mapping[str, Mapping[str, str]]
    """By option: values that other programs know, with the value to write instead (empty: leave the option away)."""
    mistaken_variables: Mapping[str, str]
    """Variables that look like TGI's own and do nothing, with what to set instead (empty: nothing)."""
    source: Source
    variables_source: Source

    def of_release(self, version: Version | None) -> tuple[Option, ...]:
        """Return the options that a release has; all of them where the release is not known."""
        return tuple(option for option in self.rows if option.in_release(version))

    def written_as(self, canonical: str, version: Version | None) -> Option | None:
        """Return the option that sets a canonical name in that release, the current name before the older one."""
        found = [o for o in self.rows if o.canonical == canonical and o.in_release(version)]
        return min(found, key=lambda o: o.name != canonical) if found else None


_KEYS = frozenset(
    {
        "name",
        "kind",
        "since",
        "until",
        "short",
        "variable",
        "same_as",
        "default",
        "choices",
        "effect",
        "matters",
        "secret",
    },
)


def _release(row: dict[str, Any], key: str) -> Version | None:
    if key not in row:
        return None
    version = parse_version(row[key])
    if version is None:
        raise data.BadFactsError(f"option {row['name']}: {key} = {row[key]!r} is not a release")
    return version


def _option(row: dict[str, Any]) -> Option:
    data.only(row, _KEYS, f"option {row.get('name')}")
    name: str = row["name"]
    if row["kind"] not in get_args(Kind):
        raise data.BadFactsError(f"option {name}: kind {row['kind']!r}; write one of {', '.join(get_args(Kind))}")
    return Option(
        name=name,
        kind=row["kind"],
        since=_release(row, "since"),
        until=_release(row, "until"),
        short=row.get("short"),
        variable=name.upper() if row.get("variable", True) else None,
        canonical=row.get("same_as", name),
        defaults=tuple((releases, value) for releases, value in row.get("default", [])),
        choices=tuple((releases, tuple(values)) for releases, values in row.get("choices", [])),
        effect=row.get("effect", "always"),
        matters=row.get("matters", True),
        secret=row.get("secret", False),
    )


_VARIABLE_KEYS = frozenset({"name", "since", "until", "effect", "values", "between", "error", "shared"})


def _variable(row: dict[str, Any]) -> Variable:
    data.only(row, _VARIABLE_KEYS, f"variable {row.get('name')}")
    between = row.get("between")
    return Variable(
        row["name"],
        _release(row, "since"),
        _release(row, "until"),
        row.get("effect", "always"),
        tuple((releases, tuple(values)) for releases, values in row.get("values", [])),
        (between[0], between[1]) if between is not None else None,
        row.get("error", ""),
        row.get("shared", False),
    )


@functools.cache
def options() -> Options:
    """Return every option of the launcher; read once."""
    facts = data.table(Path(__file__).with_name("options.toml"))
    rows = tuple(_option(row) for row in facts["option"])
    by_name = {option.name: option for option in rows}
    if len(by_name) != len(rows):
        raise data.BadFactsError("options.toml names an option twice")
    variables = tuple(_variable(row) for row in facts["variable"])
    return Options(
        rows=rows,
        by_name=by_name,
        variables=variables,
        foreign={name: Foreign(row.get("use"), row["say"]) for name, row in facts["foreign"].items()},
        mistaken_values=facts["mistaken_values"],
        mistaken_variables=facts["mistaken_variables"],
        source=data.source(facts["source"], facts["confidence"]),
        variables_source=data.source(facts["variables_source"], facts["confidence"]),
    )


@functools.cache
def flags_of(version: Version | None) -> Mapping[str, Option]:
    """Return the options that a release has by their flag without dashes; read once a release."""
    return MappingProxyType({option.flag[2:]: option for option in options().of_release(version)})


@functools.cache
def places_of(version: Version | None) -> tuple[tuple[Option, ...], Mapping[str, int]]:
    """Return the options that a release has, and the place of each by its name and by its variable."""
    found = tuple(flags_of(version).values())
    named = {option.name: place for place, option in enumerate(found)}
    spoken = {option.variable: place for place, option in enumerate(found) if option.variable is not None}
    return found, MappingProxyType(named | spoken)


@functools.lru_cache(maxsize=4096)
def written_as(canonical: str, version: Version | None) -> Option | None:
    """Return the option that sets a canonical name in that release; None where it has none."""
    return options().written_as(canonical, version)

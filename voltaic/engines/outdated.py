"""Options and variables under names that a release still takes and has another for, or takes and does nothing with.

What a release does not take any more is no matter of names: it ends with a usage error, which `parse` says.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from voltaic.engines import data
from voltaic.engines.base import Support
from voltaic.engines.versions import parse_version, within

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.findings import Source
    from voltaic.spec import ServingSpec

Does = Literal["same", "nothing"]
"""What the release does with it: the same as with the newer name, or nothing."""
_HERE: Final = Path(__file__).parent
_KEYS: Final = frozenset({"flags", "values", "variables", "unless", "engines", "releases", "use", "does", "source"})


@dataclass(frozen=True, slots=True)
class Old:
    """An outdated name."""

    flags: tuple[str, ...]
    """As written on a command line; `--no-…` is another spelling of the same."""
    values: tuple[str, ...]
    """Values of the flags that are outdated; empty: the flags are."""
    variables: tuple[str, ...]
    unless: tuple[str, ...]
    """Variables beside which it is no matter: the newer name is set, too, for releases that read only the old one."""
    releases: tuple[str, ...]
    use: str
    """What to write instead: `--max-input-tokens`; empty: nothing."""
    does: Does
    source: Source


@dataclass(frozen=True, slots=True)
class Written:
    """An outdated name in a command line or among variables."""

    where: str
    """As written."""
    old: Old


def outdated(spec: ServingSpec) -> tuple[Written, ...]:
    """Return the outdated names that a spec uses; empty for releases that are not known."""
    version = _version(spec)
    if version is None:
        return ()
    found = []
    for old in _table(spec.release.engine):
        if any(within(version, releases) for releases in old.releases) and spec.command.env.keys().isdisjoint(
            old.unless
        ):
            found += [Written(where, old) for where in _where(spec, old)]
    return tuple(found)


def without_effect(spec: ServingSpec, title: str) -> tuple[Support, ...]:
    """Return the outdated names of a spec with which the release does nothing, as answers: it starts all the same."""
    return tuple(
        Support(
            "ok",
            f"{written.where} is set and does nothing: {title} takes it without effect."
            + (f" Set {written.old.use} for what it names." if written.old.use else ""),
            sources=(written.old.source,),
            differs=True,
            where=written.where,
        )
        for written in outdated(spec)
        if written.old.does == "nothing"
    )


def _version(spec: ServingSpec) -> Version | None:
    if spec.release.engine == "llama.cpp":
        from voltaic.engines.llama_cpp.facts import build_of  # noqa: PLC0415  as engines are loaded: when asked about

        build = build_of(spec.release.version)
        return None if build is None else build.version
    return parse_version((spec.release.version or "").partition("-")[0])


def _where(spec: ServingSpec, old: Old) -> list[str]:
    """Return the words and variables of a spec that are written so, each once."""
    words = spec.command.args
    found = []
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        flag = name.replace("_", "-") if name.startswith("--") else name
        if flag.replace("--no-", "--", 1) not in old.flags and flag not in old.flags:
            continue
        if not old.values or (value if equals else next(iter(words[place + 1 :]), "")) in old.values:
            found.append(name)
    found += [name for name in old.variables if name in spec.command.env]
    return list(dict.fromkeys(found))


@functools.cache
def _table(engine: str) -> tuple[Old, ...]:
    """Return the outdated names of an engine: its own, and those that all who load models from the hub share."""
    own = _HERE / engine.replace(".", "_") / "outdated.toml"
    files = [path for path in (own, _HERE / "outdated.toml") if path.exists()]
    return tuple(old for path in files for old in _rows(path, engine))


def _rows(path: Path, engine: str) -> list[Old]:
    facts = data.table(path)
    rows = [row for row in facts["name"] if engine in row.get("engines", [engine])]
    return [_old(row, facts) for row in rows]


def _old(row: dict[str, Any], facts: dict[str, Any]) -> Old:
    where = f"outdated name {row.get('flags') or row.get('variables')}"
    data.only(row, _KEYS, where)
    does = next((known for known in get_args(Does) if known == row.get("does", "same")), None)
    if does is None or not (row.get("flags") or row.get("variables")):
        raise data.BadFactsError(
            f"{where}: name flags or variables, and write does as one of {', '.join(get_args(Does))}"
        )
    releases = row["releases"]
    return Old(
        flags=tuple(row.get("flags", ())),
        values=tuple(row.get("values", ())),
        variables=tuple(row.get("variables", ())),
        unless=tuple(row.get("unless", ())),
        releases=(releases,) if isinstance(releases, str) else tuple(releases),
        use=row.get("use", ""),
        does=does,
        source=data.source(row.get("source", facts["source"]), facts["confidence"]),
    )

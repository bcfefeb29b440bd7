"""Options and variables that are given and do nothing. They refuse nothing; people should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voltaic.engines.base import Support
from voltaic.engines.tgi.options import options
from voltaic.engines.tgi.releases import name_of, release
from voltaic.engines.tgi.run import runs

if TYPE_CHECKING:
    from voltaic.engines.base import Implementation
    from voltaic.engines.tgi.options import Effect
    from voltaic.spec import ServingSpec


@dataclass(frozen=True, slots=True)
class Ignored:
    """An option or variable that does nothing."""

    where: str
    """As written: `--cuda-memory-fraction`, `MAX_MODEL_LEN`."""
    because: str
    instead: str
    """What to set instead; empty: nothing does it."""


def ignored_options(spec: ServingSpec) -> tuple[Ignored, ...]:
    """Return what is set and does nothing, by release, implementation and name."""
    known = release(spec.release.version)
    if known is None:
        return ()
    facts, version, env = options(), known.version, spec.command.env
    found = [
        Ignored(name, f"{name_of(known.text)} has no variable of that name", instead)
        for name, instead in facts.mistaken_variables.items()
        if name in env
    ]
    found += [
        Ignored(option.variable, f"{name_of(known.text)} has no {option.flag}: it exists in {option.releases}", "")
        for option in facts.rows
        if option.variable is not None and option.variable in env and not option.in_release(version)
    ]
    found += [
        Ignored(variable.name, f"{name_of(known.text)} does not read {variable.name}: {variable.releases} does", "")
        for variable in facts.variables
        if variable.name in env and not variable.shared and not variable.in_release(version)
    ]
    runs_as = runs(spec)
    if runs_as is None:
        return tuple(found)
    because = f"the {runs_as.implementation} implementation does not read it"
    found += [
        Ignored(option.flag, because, "")
        for option in facts.of_release(version)
        if option.canonical in spec.command.options and not read_by(option.effect, runs_as.implementation)
    ]
    found += [
        Ignored(variable.name, because, "")
        for variable in facts.variables
        if variable.name in env
        and not variable.shared
        and variable.in_release(version)
        and not read_by(variable.effect, runs_as.implementation)
    ]
    return tuple(found)


def supports(spec: ServingSpec) -> tuple[Support, ...]:
    """Return what is set and does nothing as answers: the server starts all the same."""
    facts, names = options(), {option.flag for option in options().rows}
    found = []
    for item in ignored_options(spec):
        instead = f" Set {item.instead} for what it names." if item.instead else ""
        where = facts.source if item.where in names else facts.variables_source
        message = f"{item.where} is set and does nothing: {item.because}.{instead}"
        found.append(Support("ok", message, sources=(where,), differs=True, where=item.where))
    return tuple(found)


def read_by(effect: Effect, implementation: Implementation) -> bool:
    """Return whether an implementation reads an option or variable with that effect."""
    return (
        effect == "always"
        or implementation == "flash"
        or (effect == "own" and implementation == "native-tensor-parallel")
    )

"""Values offered by shell completion, read from the core when the shell asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def profiles(incomplete: str) -> list[str]:
    """Return profile names."""
    from voltaic import hardware

    return _continued(incomplete, (profile.name for profile in hardware.profiles()))


def gpus(incomplete: str) -> list[str]:
    """Return GPU model names."""
    from voltaic import hardware

    return _continued(incomplete, (gpu.name for gpu in hardware.gpu_models()))


def engines(incomplete: str) -> list[str]:
    """Return engine names; behind `NAME@` the releases of that engine."""
    from voltaic import engines as known

    name = incomplete.rpartition(",")[2].partition("@")[0]
    engine = known.engine(name) if "@" in incomplete.rpartition(",")[2] else None
    if engine is None:
        return _continued(incomplete, known.names())
    return _continued(incomplete, (f"{name}@{release}" for release in reversed(engine.releases())))


def releases(ctx: Any, incomplete: str) -> list[str]:
    """Return the releases of the engine that the line names, or of the default engine, newest first."""
    from voltaic import defaults
    from voltaic import engines as known

    named = (ctx.params.get("engine") or [defaults.engine_name()])[-1]
    engine = known.engine(named)
    return [] if engine is None else _continued(incomplete, reversed(engine.releases()))


def models(incomplete: str) -> list[str]:
    """Return repository ids of the catalogue."""
    from voltaic import models as known

    return _continued(incomplete, known.known_ids())


def _continued(incomplete: str, values: Iterable[str]) -> list[str]:
    """Return the values that continue what was typed, which may be a list with commas."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{value}" for value in values if value.startswith(last)]

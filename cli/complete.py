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


def stacks(incomplete: str) -> list[str]:
    """Return the stacks that have a file in the project of the working directory."""
    from pathlib import Path

    from cli.pull_request.project import Unreadable, find

    try:
        return [name for name in find(Path.cwd()).stacks_here() if name.startswith(incomplete)]
    except (Unreadable, OSError):
        return []


def _continued(incomplete: str, values: Iterable[str]) -> list[str]:
    """Return the values that continue what was typed, which may be a list with commas."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{value}" for value in values if value.startswith(last)]


def rules(incomplete: str) -> list[str]:
    """Return ids of rules."""
    from voltaic.rules import catalogue

    return [rule.id for rule in catalogue.catalogue() if rule.id.startswith(incomplete)]


def added_models(incomplete: str) -> list[str]:
    """Return ids of the models that a user added."""
    from voltaic.models import catalogue_files as files

    folders = (folder for folder in files.folders() if folder != files.SHIPPED)
    ids = {model for folder in folders for model in files.names(folder).values()}
    return sorted(model for model in ids if model.startswith(incomplete))


def families(incomplete: str) -> list[str]:
    """Return the model families of the catalogue."""
    from voltaic import models as known

    found = {model.architecture.model_type for model in known.known_models()}
    return sorted(name for name in found if name.startswith(incomplete))


def matrix_engines(incomplete: str) -> list[str]:
    """Return the engines that have a capability matrix."""
    from voltaic.engines import matrix

    return [name for name in matrix.matrices() if name.startswith(incomplete)]


def archs(incomplete: str) -> list[str]:
    """Return GPU models and the architectures that matrices cover."""
    from voltaic.engines import matrix

    return gpus(incomplete) + [arch for arch in matrix.archs_of(matrix.matrices()) if arch.startswith(incomplete)]


def model_families(incomplete: str) -> list[str]:
    """Return the model families of all engines."""
    from voltaic.engines import matrix

    found = dict.fromkeys(member for name in matrix.matrices() for member in matrix.families_of(name))
    return [member for member in found if member.startswith(incomplete)]

"""Applies changes of settings to a serving spec, as if the stack or the command line said so."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from voltaic import defaults, engines, hardware, models
from voltaic.engines.ways import ways_of
from voltaic.spec import NO_VALUES, Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from voltaic.engines.base import Engine
    from voltaic.engines.ways import HasWays

ON_THE_COMMAND_LINE: Final = frozenset(
    {
        *("quantization", "dtype", "shards", "model"),
        *("maxInputTokens", "maxTotalTokens", "maxBatchPrefillTokens", "maxBatchTotalTokens", "maxBatchSize"),
    }
)
"""Configuration keys that become options; `extraArgs` are arguments already, the others change the machine."""


def apply(
    spec: ServingSpec, settings: Mapping[str, Any], variables: Mapping[str, str] = NO_VALUES
) -> ServingSpec | None:
    """Return the spec with these settings changed; None where the release has no option for one of them.

    Keys are those of the configuration, None removes one; variables are set beside. A release that is changed to takes
    along what the launcher of the old one was told; options that voltaic adds by itself are left away where the new one
    lacks them, as a stack does. `extraArgs` join those that are there.
    """
    engine = engines.engine(spec.release.engine)
    ways = ways_of(engine)
    if engine is None or ways is None:
        return None
    changed = on_other_machine(spec, settings)
    told = options_of(ways, changed, settings)
    if told is None:
        return None
    version = changed.release.version
    if "extraArgs" in settings:
        told = {**told, **engine.parse(version, settings["extraArgs"], {}).options}
    options = {name: value for name, value in {**_said(engine, spec), **told}.items() if value is not None}
    args = _arguments(engine, version or "", options)
    if args is None:
        return None
    touched = ways.variables_for(told)
    env = {name: value for name, value in spec.command.env.items() if name not in touched}
    return changed.told(engine.parse(version, args, {**env, **variables}))


def options_of(ways: HasWays, spec: ServingSpec, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the canonical options that say these settings on the command line; None where one has none there."""
    told = {key: value for key, value in settings.items() if key in ON_THE_COMMAND_LINE}
    return ways.options_for(spec, told) if told else NO_VALUES


def on_other_machine(spec: ServingSpec, settings: Mapping[str, Any]) -> ServingSpec:
    """Return the spec with another profile, release or model; its command line stays as it is."""
    changed: dict[str, Any] = {}
    if "profile" in settings:
        profile = hardware.profile(settings["profile"])
        changed |= {"gpu": profile.gpu, "gpus": profile.count, "gpu_unknown_because": None}
    if "gpus" in settings:
        changed["gpus"] = settings["gpus"]
    if "engineVersion" in settings:
        changed["release"] = Release(spec.release.engine, settings["engineVersion"])
    if "model" in settings:
        changed["model"] = models.resolve(settings["model"])
    return replace(spec, **changed) if changed else spec


_last_said: tuple[ServingSpec | None, Mapping[str, Any]] = (None, {})


def _said(engine: Engine, spec: ServingSpec) -> Mapping[str, Any]:
    """Return the options that the arguments alone set; kept for the last spec, which is changed in many ways."""
    global _last_said  # noqa: PLW0603  replaced as a whole, so that threads see options with their own spec
    asked, said = _last_said
    if asked is not spec:
        said = engine.parse(spec.release.version, spec.command.args, {}).options
        _last_said = (spec, said)
    return said


def _arguments(engine: Engine, version: str, options: Mapping[str, Any]) -> tuple[str, ...] | None:
    words: list[str] = []
    for name, value in options.items():
        built = _built(engine.name, version, name, value)
        if built is None:
            return None
        words += built
    return tuple(words)


@lru_cache(maxsize=4096)
def _built(engine: str, version: str, name: str, value: Hashable) -> tuple[str, ...] | None:
    """Return the arguments that set one option; None where this release cannot be told, and has to be."""
    writer = engines.engine(engine)
    try:
        return () if writer is None else writer.build(version, {name: value})
    except ValueError:
        return () if name in defaults.server_options() else None

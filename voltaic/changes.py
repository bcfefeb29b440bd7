"""Applies changes of settings to a serving spec, as if the stack or the command line said so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from voltaic import defaults, engines, hardware, models
from voltaic.spec import NO_VALUES, Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.base import Engine

OPTIONS: Final = {
    "quantization": "quantize",
    "dtype": "dtype",
    "shards": "num_shard",
    "maxInputTokens": "max_input_tokens",
    "maxTotalTokens": "max_total_tokens",
    "maxBatchPrefillTokens": "max_batch_prefill_tokens",
    "maxBatchTotalTokens": "max_batch_total_tokens",
    "maxBatchSize": "max_batch_size",
}
"""Launcher options by configuration key."""


def apply(
    spec: ServingSpec, settings: Mapping[str, Any], variables: Mapping[str, str] = NO_VALUES
) -> ServingSpec | None:
    """Return the spec with these settings changed; None where the release has no option for one of them.

    Keys are those of the configuration, None removes one; variables are set beside. A release that is changed to takes
    along what the launcher of the old one was told; options that voltaic adds by itself are left away where the new one
    lacks them, as a stack does.
    """
    engine = engines.engine(spec.release.engine)
    if engine is None:
        return None
    changed = on_other_machine(spec, settings)
    version = changed.release.version
    args = _arguments(engine, version or "", _options(engine, spec, settings))
    if args is None:
        return None
    touched = {OPTIONS[key].upper() for key in settings if key in OPTIONS}
    touched |= {engine.batch_bound(version).upper()} if "maxBatchSize" in settings else set()
    touched |= {"MAX_INPUT_LENGTH"} if "maxInputTokens" in settings else set()
    touched |= {"SHARDED"} if "shards" in settings else set()
    touched |= {"MODEL_ID", "REVISION"} if "model" in settings else set()
    env = {name: value for name, value in spec.command.env.items() if name not in touched}
    return replace(changed, command=engine.parse(version, args, {**env, **variables}))


def on_other_machine(spec: ServingSpec, settings: Mapping[str, Any]) -> ServingSpec:
    """Return the spec with another profile, release or model; its command line stays as it is."""
    if "profile" in settings:
        profile = hardware.profile(settings["profile"])
        spec = replace(spec, gpu=profile.gpu, gpus=profile.count, gpu_unknown_because=None)
    if "gpus" in settings:
        spec = replace(spec, gpus=settings["gpus"])
    if "engineVersion" in settings:
        spec = replace(spec, release=Release(spec.release.engine, settings["engineVersion"]))
    if "model" in settings:
        spec = replace(spec, model=models.resolve(settings["model"]))
    return spec


def _options(engine: Engine, spec: ServingSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that the arguments set, with the changes; variables keep saying what they say."""
    options = dict(_said(engine, spec))
    if "model" in settings:
        options.pop("revision", None)
        options["model_id"] = settings["model"]
    if "shards" in settings:
        options.pop("sharded", None)
    bound = engine.batch_bound(settings.get("engineVersion", spec.release.version))
    for key, option in OPTIONS.items():
        if key not in settings:
            continue
        name = bound if key == "maxBatchSize" else option
        if settings[key] is None:
            options.pop(name, None)
        else:
            options[name] = settings[key]
    return options


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
        try:
            words += engine.build(version, {name: value})
        except ValueError:
            if name not in defaults.server_options():
                return None
    return tuple(words)

"""From settings to the serving spec that is judged and run."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voltaic import defaults, engines, hardware, images, models
from voltaic.memory.bill import Bill
from voltaic.settings.checks import of_image
from voltaic.settings.decisive import Decisive, decisive, keys
from voltaic.spec import CommandLine, Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voltaic.engines.base import Engine
    from voltaic.settings.model import Settings
    from voltaic.spec import Model

NO_COMMAND = CommandLine((), {})


def serving_spec(settings: Settings | Decisive, model: Model | None = None) -> ServingSpec:
    """Return everything that decides whether the server of these settings starts, with what was left out derived.

    `spec.command` holds exactly the arguments and the environment of the engine that the stack runs; the value of a
    variable that comes from a Secret is None. Never raises: what cannot run is for the judge to refuse, with a reason.
    `model` is what the name of the model stands for where the catalogue does not have it.
    """
    settings = decisive(settings)
    profile = hardware.profile(settings.profile)
    name = settings.engine or defaults.engine_name()
    spec = ServingSpec(
        release=Release(name, _version(settings, name)),
        gpu=profile.gpu,
        gpus=settings.gpus or profile.count,
        model=model or models.resolve(settings.model, revision=settings.model_revision),
        command=NO_COMMAND,
        origin=Stack(settings, model),
    )
    engine = engines.engine(name)
    return spec if engine is None else _Writer(settings, spec, engine).spec()


@dataclass(frozen=True, slots=True)
class Stack:
    """The settings that a spec was derived from."""

    settings: Decisive
    model: Model | None = None
    """What the name of the model stands for where the catalogue does not have it."""

    @classmethod
    def of(cls, settings: Settings) -> Stack:
        """Return the stack of these settings."""
        return cls(decisive(settings))

    def states(self, key: str) -> bool:
        """Return whether a value is stated for this key."""
        return getattr(self.settings, keys()[key]) is not None

    def changed(self, change: Mapping[str, Any]) -> ServingSpec | None:
        """Return the spec after `pulumi config set` and `rm` of these keys; None where they contradict others."""
        settings = self.settings.changed(change)
        if any(of_image(settings.image, settings.engine_version)):
            return None
        return serving_spec(settings, None if "model" in change else self.model)

    def values(self) -> dict[str, str]:
        """Return what is stated and decides whether the server starts, by key, as `pulumi config` holds it."""
        return {
            key: json.dumps(value) if isinstance(value, tuple) else str(value)
            for key, value in self.settings.stated().items()
            if key != "replicas"  # as many servers as there are start alike
        }


def _version(settings: Decisive, engine: str) -> str | None:
    image = images.image(settings.image) if settings.image else None
    held = image.version if image else None
    return settings.engine_version or held or defaults.engine_version(engine)


class _Writer:
    """Writes the command line of one stack."""

    def __init__(self, settings: Decisive, bare: ServingSpec, engine: Engine) -> None:
        self.settings = settings
        self.bare = bare
        """The spec without its command line."""
        self.engine = engine
        self.given = _given(settings)
        self.extra = engine.parse(bare.release.version, settings.extra_args, {}).options
        """Options that the extra arguments set. What is derived gives way to them."""

    def spec(self) -> ServingSpec:
        """Return the whole spec: shards first, since the bill depends on them, then the limits that fit."""
        shards = self.settings.shards or self.extra.get("num_shard") or self._shards()
        # With room first: what nobody stated must not be what the estimate's own error may end. Where something else is
        # in the way at any limit, the best that fits is what the judge speaks about.
        for accepted in (self._runs_with_room, self._runs_and_fits, self._fits):
            spec = self._written(shards, self._limits(shards, accepted))
            if accepted(spec):
                break
        return spec

    def _limits(self, shards: int, accepted: Callable[[ServingSpec], bool]) -> dict[str, int]:
        architecture = self.bare.model.architecture
        return defaults.limits(
            self.engine.name,
            {name: value for name, value in {**self.extra, **self.given}.items() if name in defaults.LIMITS},
            architecture.max_positions if architecture else None,
            lambda limits: accepted(self._written(shards, limits)),
        )

    def _runs_with_room(self, spec: ServingSpec) -> bool:
        bill = self.engine.bill(spec)
        return isinstance(bill, Bill) and bill.fits and not bill.tight and self._runs(spec)

    def _runs_and_fits(self, spec: ServingSpec) -> bool:
        return self._fits(spec) and self._runs(spec)

    def _runs(self, spec: ServingSpec) -> bool:
        return all(support.answer != "no" for support in self.engine.model_support(spec))

    def _shards(self) -> int:
        """Return one shard a GPU where the engine really shards this model there, else one for all of them."""
        gpus = self.bare.gpus or 1
        if gpus == 1:
            return 1
        runs = self.engine.runs(self._written(gpus, {}))
        return gpus if runs is not None and runs.shards == gpus else 1

    def _fits(self, spec: ServingSpec) -> bool:
        bill = self.engine.bill(spec)
        return isinstance(bill, Bill) and bill.fits

    def _written(self, shards: int, limits: Mapping[str, int]) -> ServingSpec:
        """Return the spec with these shards and limits and with what the engine needs besides."""
        options = self._options(shards, limits)
        spec = self._parsed(options, {})
        needed = dict(self.engine.required_options(spec))
        return self._parsed({**options, **needed}, {**self.engine.environment(spec), **self._secrets()})

    def _options(self, shards: int, limits: Mapping[str, int]) -> dict[str, Any]:
        settings = self.settings
        options: dict[str, Any] = {"model_id": settings.model}
        if settings.model_revision is not None:
            options["revision"] = settings.model_revision
        options["num_shard"] = shards
        if settings.quantization is not None:
            options["quantize"] = settings.quantization
        if settings.dtype is not None:
            options["dtype"] = settings.dtype
        elif settings.quantization is None and self.bare.gpu is not None and not self._quantized():
            # With most methods, the checkpoint's own included, the launcher refuses to be given both.
            options["dtype"] = defaults.dtype(self.bare.gpu, self.bare.model.architecture)
        bound = self.engine.batch_bound(self.bare.release.version)
        requests = {bound: limits["max_batch_size"]} if "max_batch_size" in limits else {}
        derived = {**options, **limits, **requests, **defaults.server_options()}
        # The port is the Service's as well: one of somebody's own is for the judge to refuse.
        kept = {"port", *self.given}
        return {name: value for name, value in derived.items() if name in kept or name not in self.extra}

    def _quantized(self) -> bool:
        """Return whether the checkpoint itself is quantized."""
        architecture = self.bare.model.architecture
        return architecture is not None and architecture.quantization is not None

    def _parsed(self, options: Mapping[str, Any], environment: Mapping[str, str | None]) -> ServingSpec:
        version = self.bare.release.version
        args = [word for name, value in options.items() for word in self._words(name, value)]
        command = self.engine.parse(version, (*args, *self.settings.extra_args), environment)
        return replace(self.bare, command=command)

    def _words(self, name: str, value: Any) -> tuple[str, ...]:
        """Return the arguments of one option.

        What was stated and cannot be said to this release is written all the same, so that the judge refuses it with
        the launcher's reason; what was derived is left away.
        """
        try:
            return self.engine.build(self.bare.release.version or "", {name: value})
        except ValueError:
            return ("--" + name.replace("_", "-"), str(value)) if name in self.given else ()

    def _secrets(self) -> dict[str, str | None]:
        """Return the variables that come from Secrets; their values are not known here."""
        variables = defaults.secret_variables(self.engine.name)
        names = variables["hf_token"] if self.settings.has_hf_token else ()
        # Every server of a release that can ask for a key does; the key is generated where none is stated.
        keys = variables["api_key"] if self._words("api_key", "key") else ()
        return dict.fromkeys((*names, *keys))


def _given(settings: Decisive) -> dict[str, Any]:
    """Return the options that the stack states, by canonical name."""
    stated = {
        "model_id": settings.model,
        "revision": settings.model_revision,
        "num_shard": settings.shards,
        "quantize": settings.quantization,
        "dtype": settings.dtype,
        **{name: getattr(settings, name) for name in defaults.LIMITS},
    }
    return {name: value for name, value in stated.items() if value is not None}

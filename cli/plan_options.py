"""The options of `voltaic plan`, and the serving spec that they mean."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from voltaic.spec import Model, ServingSpec

    Given = Sequence[str] | None
    """Values of an option that may be repeated; None: not given."""


class InvalidOptions(ValueError):  # noqa: N818  named for what it says
    """Options that mean no serving spec; `faults` has all that is wrong with them."""

    def __init__(self, faults: Sequence[str], *, usage: bool) -> None:
        self.faults = tuple(faults)
        self.usage = usage
        """True: the options themselves do not fit together."""
        super().__init__("; ".join(self.faults))


@dataclass(frozen=True, slots=True)
class Typed:
    """Options as they were typed, each perhaps several times; None: not given."""

    profile: Given
    gpu: Given
    gpus: Given
    engine: Given
    engine_version: Given
    env: Given
    model: Given
    model_dir: Given
    arguments: tuple[str, ...] | None
    """What follows `--`; None without it."""

    def _values(self) -> dict[str, Given]:
        return {
            "--profile": self.profile,
            "--gpu": self.gpu,
            "--gpus": self.gpus,
            "--engine": self.engine,
            "--engine-version": self.engine_version,
            "--model": self.model,
            "--model-dir": self.model_dir,
        }

    def given(self) -> list[str]:
        """Return the names of the options that were given."""
        names = {**self._values(), "--env": self.env}
        last = [] if self.arguments is None else ["-- ENGINE ARGUMENTS"]
        return [name for name, value in names.items() if value] + last

    def once(self, *, instead: str = "") -> Options:
        """Return the options where each is given once.

        Args:
            instead: what takes several values, as the end of a sentence.

        Raises:
            InvalidOptions: one of them is given twice.
        """
        faults = [
            f"{name}: given {len(found)} times ({', '.join(found)}); give one{instead}"
            for name, found in self._values().items()
            if found is not None and len(found) > 1
        ]
        if faults:
            raise InvalidOptions(faults, usage=True)
        return Options(
            profile=_first(self.profile),
            gpu=_first(self.gpu),
            gpus=_first(self.gpus),
            engine=_first(self.engine),
            engine_version=_first(self.engine_version),
            env=self.env or None,
            model=_first(self.model),
            model_dir=_first(self.model_dir),
            arguments=self.arguments,
        )


def _first(values: Given) -> str | None:
    return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one spec as they were typed; None: not given."""

    profile: str | None
    gpu: str | None
    gpus: str | None
    engine: str | None
    engine_version: str | None
    env: Sequence[str] | None
    model: str | None
    model_dir: str | None
    arguments: tuple[str, ...] | None
    """What follows `--`; None without it."""

    @property
    def is_stack(self) -> bool:
        """Whether they are what a stack file needs, and nothing more: the core derives the rest."""
        return self.profile is not None and self.model is not None and not self._others()

    def _others(self) -> bool:
        others = (self.gpu, self.gpus, self.engine, self.engine_version, self.env, self.model_dir, self.arguments)
        return any(value is not None for value in others)

    def spec(self) -> ServingSpec:
        """Return the serving spec.

        Raises:
            InvalidOptions: with all faults at once.
        """
        env, faults = variables(self.env or ())
        faults = [*_usage_faults(self), *faults]
        if faults:
            raise InvalidOptions([*faults, *engine_faults(self.engine)], usage=True)
        hardware = _hardware(self, faults)
        faults += engine_faults(self.engine)
        if self.is_stack and not faults:
            return _as_stack(self)
        line = {
            **hardware,
            **_release(self),
            **_model(self, env, faults),
            "args": list(self.arguments or ()),
            "env": env,
        }
        return _from_line(line, faults)


def _usage_faults(options: Options) -> Iterator[str]:
    named = {"--profile": options.profile, "--gpu": options.gpu, "--model": options.model}
    named |= {"--model-dir": options.model_dir, "--engine-version": options.engine_version}
    yield from (f"{name}: empty" for name, value in named.items() if value is not None and not value.strip())
    if "," in (options.profile or ""):
        yield f"--profile: {options.profile!r} is several; give one, or several with --grid"
    one_of_both = (options.gpu is None) != (options.gpus is None)
    if options.profile is not None and (options.gpu is not None or options.gpus is not None):
        yield "--profile: names GPU model and count; leave out --gpu and --gpus"
    elif options.profile is None and one_of_both:
        yield "--gpu, --gpus: belong together; give both"
    elif options.profile is None and options.gpu is None:
        yield "--profile: missing; give --profile NAME, or --gpu MODEL and --gpus N"
    count = options.gpus
    if count is not None and not (count.isdecimal() and count.isascii() and int(count[:9]) > 0):
        yield f"--gpus: {count!r} is not a number of GPUs; give a whole number from 1"
    if options.model is None and options.model_dir is None:
        yield "--model: missing; give --model ID, or --model-dir DIR with its config.json"
    if options.model is not None and options.model_dir is not None:
        yield "--model, --model-dir: give one of them"


def variables(pairs: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables of NAME=VALUE pairs, and what is wrong with them."""
    found: dict[str, str] = {}
    faults: list[str] = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            faults.append(f"--env: {pair!r} is no variable with a value; write it as NAME=VALUE")
        elif name in found:
            faults.append(f"--env: {name} is given twice")
        else:
            found[name] = value
    return found, faults


def engine_faults(name: str | None) -> list[str]:
    """Return what is wrong with the name of an engine, with the one that was perhaps meant."""
    from voltaic import engines

    known = engines.names()
    if name is None or engines.canonical(name) in known:
        return []
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return [f"--engine: unknown engine {name!r}; {hint}known: {', '.join(known)}"]


def _hardware(options: Options, faults: list[str]) -> dict[str, Any]:
    from voltaic import hardware

    try:
        if options.profile is not None:
            profile = hardware.profile(options.profile)
            return {"gpu": profile.gpu.name, "gpus": profile.count}
        return {"gpu": hardware.gpu_model(str(options.gpu)).name, "gpus": int(str(options.gpus))}
    except hardware.UnknownProfile as unknown:
        faults.append(f"--profile: {unknown}")
    except hardware.UnknownGpuModel as unknown:
        faults.append(f"--gpu: {unknown}")
    return {}


def _release(options: Options) -> dict[str, str | None]:
    from voltaic import defaults
    from voltaic.engines import canonical

    name = canonical(options.engine) if options.engine else defaults.engine_name()
    return {"engine": name, "engine_version": options.engine_version or defaults.engine_version(name)}


def _model(options: Options, env: Mapping[str, str], faults: list[str]) -> dict[str, Any]:
    if options.model_dir is None:
        return {"model": options.model}
    from voltaic import models

    try:
        found = folder(options.model_dir, _release(options), options.arguments or (), env)
    except models.InvalidConfig as invalid:
        faults.extend(f"--model-dir: {fault}" for fault in invalid.faults)
    except models.InvalidModelDir as invalid:
        faults.append(f"--model-dir: {invalid}")
    else:
        config = dict(found.config or {})
        line = {"config": config, "weights_bytes": found.weights_bytes, "model_id": options.model_dir}
        return line if found.gguf is None else {**line, "gguf": found.gguf.document()}
    return {"model": options.model_dir}


def folder(path: str, release: Mapping[str, str | None], args: Sequence[str], env: Mapping[str, str]) -> Model:
    """Read a folder for the engine that serves from it: llama.cpp takes a GGUF file, others a checkpoint.

    Raises:
        InvalidModelDir, InvalidConfig: as `models.model_dir`.
    """
    from voltaic import models

    if release["engine"] != "llama.cpp":
        return models.model_dir(path)
    from voltaic.engines.llama_cpp.command_line import served_file

    return models.gguf_dir(path, served_file(release["engine_version"], args, env))


def _from_line(line: dict[str, Any], faults: list[str]) -> ServingSpec:
    from voltaic import document

    try:
        spec = document.spec_from_line(line)
    except document.InvalidLine as invalid:
        raise InvalidOptions([*faults, *invalid.faults], usage=False) from invalid
    if faults:
        raise InvalidOptions(faults, usage=False)
    return spec


def _as_stack(options: Options) -> ServingSpec:
    from voltaic import settings

    plain = settings.of_profile_and_model(options.profile or "", options.model or "")
    if plain is not None:
        return settings.serving_spec(plain)
    try:
        return settings.serving_spec(
            settings.read({"profile": options.profile, "model": options.model}, where="voltaic plan")
        )
    except settings.InvalidSettings as invalid:
        raise InvalidOptions([f"--{fault}" for fault in invalid.faults], usage=False) from invalid

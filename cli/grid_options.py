"""The options of `voltaic plan --grid`, and the axes that they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.plan_options import InvalidOptions, engine_faults, variables
from cli.plan_options import folder as read_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.plan_options import Given, Typed
    from voltaic.grid import Axes, Told
    from voltaic.hardware import Profile
    from voltaic.spec import Model, Release

LARGEST = 2**31 - 1
"""Largest length or number of requests that any launcher holds."""


@dataclass(frozen=True, slots=True)
class GridOptions:
    """Options as they were typed; None: not given. Values of an option may be repeated or joined by commas."""

    typed: Typed
    context: Given
    batch_size: Given

    def grid(self) -> tuple[Axes, Told]:
        """Return the axes, and what the engine is told in every cell.

        Raises:
            InvalidOptions: with all faults at once.
        """
        from voltaic import grid

        faults: list[str] = []
        profiles = self._profiles(faults)
        releases = self._releases(faults)
        models = self._models(releases, faults)
        contexts = numbers("--context", self.context, "tokens", faults)
        sizes = numbers("--batch-size", self.batch_size, "requests", faults)
        env, wrong = variables(self.typed.env or ())
        faults += wrong
        if faults:
            raise InvalidOptions(faults, usage=False)
        axes = grid.Axes(models, releases, profiles, contexts or (None,), sizes or (None,))
        if len(axes) > grid.MOST_CELLS:
            counts = f"{len(models)} models x {len(releases)} releases x {len(profiles)} profiles x "
            counts += f"{len(axes.contexts)} contexts x {len(axes.batch_sizes)} batch sizes"
            fault = f"--grid: {counts} = {len(axes):,} cells; at most {grid.MOST_CELLS:,} in one grid: leave out values"
            raise InvalidOptions([fault], usage=False)
        return axes, grid.Told(self.typed.arguments or (), env)

    def _profiles(self, faults: list[str]) -> tuple[Profile, ...]:
        from voltaic import hardware

        if (self.typed.profile is None) == (self.typed.gpu is None) or (self.typed.gpu is None) != (
            self.typed.gpus is None
        ):
            faults.append("--profile: give --profile NAME, or --gpu MODEL with --gpus N; each may have several values")
            return ()
        found = []
        for name in split("--profile", self.typed.profile, faults):
            try:
                found.append(hardware.profile(name))
            except hardware.UnknownProfile as unknown:
                faults.append(f"--profile: {unknown}")
        counts = numbers("--gpus", self.typed.gpus, "GPUs", faults)
        for name in split("--gpu", self.typed.gpu, faults):
            try:
                gpu = hardware.gpu_model(name)
            except hardware.UnknownGpuModel as unknown:
                faults.append(f"--gpu: {unknown}")
            else:
                found += [hardware.profile_of(gpu, count) for count in counts]
        return tuple(dict.fromkeys(found))

    def _releases(self, faults: list[str]) -> tuple[Release, ...]:
        from voltaic import defaults, engines
        from voltaic.spec import Release

        named = split("--engine", self.typed.engine, faults) or (defaults.engine_name(),)
        versions = split("--engine-version", self.typed.engine_version, faults)
        if versions and (len(named) > 1 or "@" in named[0]):
            faults.append(
                "--engine-version: of which engine? With several engines write the release behind the name, as in "
                f"--engine {named[0].partition('@')[0]}@{versions[0]}"
            )
            return ()
        found = []
        for word in named:
            typed, at, version = word.partition("@")
            faults += engine_faults(typed)
            name = engines.canonical(typed)
            if at and not version:
                faults.append(f"--engine: {word!r} names no release behind @; write it as in tgi@3.0.1")
            found += [Release(name, each) for each in (versions or (version or defaults.engine_version(name),))]
        return tuple(dict.fromkeys(found))

    def _models(self, releases: Sequence[Release], faults: list[str]) -> tuple[Model, ...]:
        from dataclasses import replace

        from voltaic import models

        # Every engine is asked of the same folder: one that takes a GGUF file makes that part of what is judged.
        version = next((release.version for release in releases if release.engine == "llama.cpp"), None)
        takes = any(release.engine == "llama.cpp" for release in releases)
        release = {"engine": "llama.cpp" if takes else None, "engine_version": version}
        env = variables(self.typed.env or ())[0]

        found = [models.resolve(name) for name in split("--model", self.typed.model, faults)]
        for folder in self.typed.model_dir or ():
            try:
                read = read_folder(folder, release, self.typed.arguments or (), env)
                model = models.resolve(folder, dict(read.config or {}), read.weights_bytes)
                found.append(replace(model, gguf=read.gguf))
            except models.InvalidConfig as invalid:
                faults.extend(f"--model-dir {folder}: {fault}" for fault in invalid.faults)
            except models.InvalidModelDir as invalid:
                faults.append(f"--model-dir {folder}: {invalid}")
        if self.typed.model is None and self.typed.model_dir is None:
            faults.append("--model: missing; give --model ID, or --model-dir DIR with its config.json")
        unique = {model.id: model for model in found}
        return tuple(unique.values())


def split(option: str, values: Given, faults: list[str]) -> tuple[str, ...]:
    """Return the values of an option, each once, in the order given; commas separate them too."""
    words: Sequence[str] = [word.strip() for value in values or () for word in value.split(",")]
    if "" in words:
        faults.append(f"{option}: an empty value between commas; write it as in {option} A,B")
    return tuple(dict.fromkeys(word for word in words if word))


def numbers(option: str, values: Given, unit: str, faults: list[str]) -> tuple[int, ...]:
    """Return whole numbers from 1, each once, in ascending order."""
    found = set()
    for word in split(option, values, faults):
        if word.isdecimal() and word.isascii() and 1 <= int(word[:20]) <= LARGEST:
            found.add(int(word))
        else:
            faults.append(f"{option}: {word!r} is not a number of {unit}; allowed: whole numbers from 1 to {LARGEST}")
    return tuple(sorted(found))

"""Specs of TGI, made in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from voltaic.engines.tgi.command_line import parse
from voltaic.hardware import gpu_model
from voltaic.models import resolve
from voltaic.spec import Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class SpecOf(Protocol):
    """Makes a spec of TGI."""

    def __call__(  # noqa: PLR0917  read from left to right
        self,
        version: str | None,
        profile: str,
        model: str,
        args: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> ServingSpec:
        """Return the spec; the profile reads `v100-16gb x2`."""
        ...


@pytest.fixture(scope="session")
def spec_of() -> SpecOf:
    """A spec from release, GPUs, model and what follows on the command line."""

    def make(  # noqa: PLR0917  as above
        version: str | None,
        profile: str,
        model: str,
        args: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> ServingSpec:
        gpu, _, count = profile.partition(" x")
        return ServingSpec(
            release=Release("tgi", version),
            gpu=gpu_model(gpu),
            gpus=int(count or 1),
            model=resolve(model, config=config),
            command=parse(version, ["--model-id", model, *args], env or {}),
        )

    return make

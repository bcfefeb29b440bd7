"""Specs and ways of running that the tests of the bill share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from voltaic import hardware, models
from voltaic.engines.base import Runs
from voltaic.memory.estimate import estimate
from voltaic.spec import CommandLine, Model, Release, ServingSpec

if TYPE_CHECKING:
    from voltaic.memory.bill import Bill, NoBill

PINNED = (4, 46, 3)
"""transformers of TGI 3.0.1."""


@dataclass(frozen=True)
class Priced:
    """A serving spec on the Transformers fallback, whose limits are stated one by one."""

    model: str | Model = "mistralai/Mistral-7B-Instruct-v0.2"
    gpu: str = "v100-16gb"
    gpus: int = 1
    input: int = 1024
    total: int = 2048
    prefill: int = 1024
    size: int = 2
    weights: str = "float16"
    attention: str = "sdpa"
    transformers: tuple[int, int, int] | None = PINNED
    implementation: str = "transformers-fallback"
    env: dict[str, str | None] = field(default_factory=dict)

    @property
    def spec(self) -> ServingSpec:
        """The spec, with a command line that says nothing of its own."""
        model = models.resolve(self.model) if isinstance(self.model, str) else self.model
        return ServingSpec(
            Release("tgi", "3.0.1"), hardware.gpu_model(self.gpu), self.gpus, model, CommandLine((), self.env)
        )

    @property
    def runs(self) -> Runs:
        """What the engine would answer for these limits."""
        limits = {
            "max_input_tokens": self.input,
            "max_total_tokens": self.total,
            "max_batch_prefill_tokens": self.prefill,
            "max_batch_size": self.size,
            "max_concurrent_requests": 128,
            "warm_up_requests": min(self.size, -(-self.prefill // self.input)),
            "warm_up_tokens": self.input,
        }
        return Runs(
            implementation=self.implementation,  # type: ignore[arg-type]
            shards=1,
            layer_split=self.gpus > 1,
            dtype="float16",
            weights=self.weights,
            attention=self.attention,
            limits=limits,
            transformers=self.transformers,
        )

    def bill(self) -> Bill | NoBill:
        """Return the bill."""
        return estimate(self.spec, self.runs)


@pytest.fixture(scope="session")
def priced() -> type[Priced]:
    """The class of specs whose limits are stated one by one."""
    return Priced

"""What a layer split over several GPUs breaks."""

from __future__ import annotations

import pytest

from voltaic import engines, hardware, models
from voltaic.spec import Release, ServingSpec


def answers(model: str, gpus: int, version: str = "3.0.1") -> list[str]:
    """Return the answers of the engine for a model on V100s without flash attention."""
    engine = engines.engine("tgi")
    assert engine is not None
    command = engine.parse(version, ("--num-shard", "1", "--max-batch-size", "1"), {"USE_FLASH_ATTENTION": "false"})
    spec = ServingSpec(Release("tgi", version), hardware.gpu_model("v100-16gb"), gpus, models.resolve(model), command)
    return [found.message for found in engine.model_support(spec) if found.answer == "no"]


@pytest.mark.parametrize(("model", "gpus", "refused"), [("tiiuae/falcon-7b", 2, True), ("tiiuae/falcon-7b", 1, False)])
def test_falcon_is_not_spread_over_gpus(model: str, gpus: int, *, refused: bool) -> None:
    """On several GPUs falcon's cache comes back to the first, and its second token ends the request."""
    found = [message for message in answers(model, gpus) if "spread over" in message]
    assert bool(found) == refused


def test_other_families_are_spread() -> None:
    """A family whose class leaves its cache where it is, is not refused for being spread."""
    assert not [message for message in answers("meta-llama/Llama-2-7b-chat-hf", 2) if "spread over" in message]

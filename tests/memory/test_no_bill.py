"""Where there is no bill: what is not known is said, with what would settle it."""

from __future__ import annotations

import pytest

from voltaic import engines, hardware, models
from voltaic.memory.bill import Bill, NoBill
from voltaic.spec import Model, Release, ServingSpec

ARGUMENTS = ("--num-shard", "1", "--max-input-tokens", "1024", "--max-total-tokens", "1536", "--max-batch-size", "2")
MISTRAL = {
    "model_type": "mistral",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 32000,
    "max_position_embeddings": 32768,
    "sliding_window": None,
    "tie_word_embeddings": False,
}
FALLBACK = {"USE_FLASH_ATTENTION": "false"}


def bill(model: Model, gpu: str, env: dict[str, str | None]) -> Bill | NoBill:
    """Return the bill of a model with TGI 3.0.1."""
    engine = engines.engine("tgi")
    assert engine is not None
    command = engine.parse("3.0.1", (*ARGUMENTS, "--max-batch-prefill-tokens", "1024"), env)
    return engine.bill(ServingSpec(Release("tgi", "3.0.1"), hardware.gpu_model(gpu), 1, model, command))


@pytest.mark.parametrize(("gpu", "env"), [("v100-16gb", FALLBACK), ("a10g-24gb", {})], ids=["fallback", "flash"])
def test_whoever_has_no_bill_is_told_what_would_settle_it(gpu: str, env: dict[str, str | None]) -> None:
    """Every catalogue model has a bill, or a reason and a way to settle it."""
    billed = 0
    for name in models.known_ids():
        found = bill(models.resolve(name), gpu, env)
        if isinstance(found, NoBill):
            assert found.because
            assert found.settled_by
        billed += isinstance(found, Bill)
    assert billed >= 40


@pytest.mark.parametrize(("gpu", "env"), [("v100-16gb", FALLBACK), ("a10g-24gb", {})], ids=["fallback", "flash"])
def test_more_layers_never_cost_less(gpu: str, env: dict[str, str | None]) -> None:
    """A model with more layers of the same shape never needs less."""
    totals = []
    for layers in range(1, 33):
        arch = models.read_config({**MISTRAL, "num_hidden_layers": layers})
        found = bill(Model(None, arch), gpu, env)
        assert isinstance(found, Bill)
        totals.append(found.worst.total)
    assert totals == sorted(totals)

"""Which implementation serves a family: the table that was taken from the dispatchers themselves."""

from __future__ import annotations

import pytest

from voltaic.engines.tgi.case import dispatch
from voltaic.engines.tgi.families import families
from voltaic.engines.versions import parse_version

FLASH_ERROR = "requires Flash Attention enabled models."

# Taken from the dispatchers run with stub classes: release, model type, flash attention, several shards, outcome.
ROWS = [
    ("1.1.0", "llama", False, False, "fallback", ""),
    ("1.2.0", "llama", False, True, "error", f"Sharded Llama {FLASH_ERROR}"),
    ("2.3.1", "llama", False, True, "error", f"Sharded Llama {FLASH_ERROR}"),
    ("2.4.0", "llama", False, True, "error", f"Sharded llama {FLASH_ERROR}"),
    ("3.3.7", "llama", True, True, "flash", ""),
    ("1.2.0", "mistral", False, False, "error", "Mistral model requires flash attention v2"),
    ("1.3.3", "mistral", False, False, "error", "Mistral models requires flash attention v2"),
    ("1.3.4", "mistral", False, False, "fallback", ""),
    ("1.4.2", "mistral", False, True, "error", "sharded is not supported for AutoModel"),
    ("1.4.3", "mistral", False, True, "error", f"Sharded Mistral {FLASH_ERROR}"),
    ("1.2.0", "mixtral", False, False, "error", "Unsupported model type mixtral"),
    ("1.2.0", "phi", False, False, "error", "Unsupported model type phi"),
    ("1.3.4", "phi", False, False, "fallback", ""),
    ("1.3.4", "phi", False, True, "error", "sharded is not supported for AutoModel"),
    ("2.0.4", "phi", False, True, "trap", ""),
    ("3.0.1", "phi", False, True, "trap", ""),
    ("3.0.2", "phi", False, False, "error", "name 'TransformersFlashCausalLM' is not defined"),
    ("3.3.7", "phi", True, False, "flash", ""),
    ("1.4.0", "phi-msft", False, True, "native", ""),
    ("1.4.0", "phi-msft", True, True, "error", "Legacy phi-msft is not supported with Flash Attention"),
    ("1.4.1", "gemma", False, False, "error", "Unsupported model type gemma"),
    ("2.0.4", "gemma", False, False, "fallback", ""),
    ("2.0.4", "gemma2", False, False, "error", "Unsupported model type gemma2"),
    ("1.3.4", "qwen2", False, False, "error", "Unsupported model type qwen2"),
    ("1.4.0", "qwen2", False, False, "fallback", ""),
    ("2.0.2", "gpt2", False, True, "error", "sharded is not supported for AutoModel"),
    ("2.0.3", "gpt2", False, True, "error", f"Sharded GPT-2 {FLASH_ERROR}"),
    ("2.0.2", "gpt2", True, False, "fallback", ""),
    ("2.0.3", "gpt2", True, False, "flash", ""),
    ("3.1.0", "gpt_bigcode", False, False, "error", "name 'transformers_causal_lm_class' is not defined"),
    ("3.0.1", "gpt_neox", False, True, "native", ""),
    ("3.0.1", "gpt_neox", False, False, "fallback", ""),
    ("3.0.1", "bloom", False, True, "native", ""),
    ("3.0.1", "opt", True, False, "native", ""),
    ("3.0.1", "falcon", False, False, "fallback", ""),
    ("3.0.1", "falcon", False, True, "error", f"Sharded Falcon {FLASH_ERROR}"),
    ("3.0.1", "stablelm", False, False, "fallback", ""),
    ("3.1.0", "stablelm", False, False, "error", "Unsupported model type stablelm"),
    ("3.1.1", "stablelm", False, False, "fallback", ""),
    ("3.1.0", "stablelm", True, False, "error", "Unsupported model type stablelm"),
    ("3.1.1", "stablelm", True, False, "error", "type object has no attribute 'is_backend_compatible'"),
    ("3.3.0", "stablelm", True, False, "fallback", ""),
    ("3.3.0", "stablelm", True, True, "error", "sharded is not supported for AutoModel"),
    ("3.2.2", "qwen3", True, False, "error", "Unsupported model type qwen3"),
    ("3.2.3", "qwen3", True, True, "adapted", ""),
    ("3.2.3", "qwen3", False, False, "fallback", ""),
    ("3.0.2", "olmoe", True, False, "adapted", ""),
    ("3.2.0", "olmoe", True, False, "fallback", ""),
    ("3.3.7", "mamba", True, True, "error", "Mamba does not support Tensor Parallelism (TP)"),
    ("3.3.7", "mamba", True, False, "unknown", ""),
    ("3.3.7", "llava", True, False, "error", "Unsupported model type llava"),
    ("3.2.3", "llama4", True, False, "adapted", ""),
    ("3.0.1", "idefics2", False, False, "error", f"Idefics {FLASH_ERROR}"),
    ("2.4.1", "qwen2_vl", False, False, "error", "name 'VlmCausalLM' is not defined"),
    (
        "2.4.1",
        "ssm",
        False,
        False,
        "error",
        "`ssm` models have been deprecated in favor of `mamba` models, which follow standard HF formats.",
    ),
]


@pytest.mark.parametrize(("version", "model_type", "flash", "sharded", "way", "error"), ROWS)
def test_dispatch(version: str, model_type: str, *, flash: bool, sharded: bool, way: str, error: str) -> None:
    """The dispatcher of each release goes where it was seen to go, or ends with the error that was seen."""
    number = parse_version(version)
    assert number is not None
    outcome = dispatch(families().of(model_type, "org/model"), model_type, number, flash=flash, sharded=sharded)
    assert (outcome.way, outcome.error) == (way, error)


def test_families_outside_of_the_facts_are_unknown() -> None:
    """A model type that was never looked at is not guessed."""
    assert families().of("brand_new", "org/model") is None
    assert dispatch(None, "brand_new", (3, 0, 1), flash=False, sharded=False).way == "unknown"


def test_some_models_are_recognised_by_their_id() -> None:
    """Galactica is served as OPT and SantaCoder's GPT-2 as GPT BigCode, by the beginning of their ids."""
    assert families().of("opt", "facebook/galactica-6.7b") is families().by_type["opt"]
    assert families().of("gpt2", "bigcode/santacoder") is families().by_type["gpt_bigcode"]
    assert families().of("gpt2", "openai-community/gpt2") is families().by_type["gpt2"]

"""Ways out of a refusal, typed into the stack file."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic import settings
from voltaic.verdict import judge

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"


@pytest.mark.parametrize(
    "stack",
    [
        {"profile": "v100-1gpu", "model": "meta-llama/Llama-2-13b-chat-hf"},
        {"profile": "v100-1gpu", "model": "meta-llama/Meta-Llama-3-8B"},
        {"profile": "v100-1gpu", "model": "google/gemma-7b"},
        {"profile": "v100-1gpu", "model": MISTRAL, "shards": "2"},
        {"profile": "v100-2gpu", "model": MISTRAL, "shards": "2", "quantization": "awq", "engineVersion": "1.2.0"},
        {"profile": "v100-1gpu", "model": MISTRAL, "maxBatchSize": "16"},
        {"profile": "v100-1gpu", "model": MISTRAL, "maxTotalTokens": "8192"},
        {"profile": "v100-1gpu", "model": MISTRAL, "maxInputTokens": "4000", "maxTotalTokens": "8000"},
        {"profile": "v100-2gpu", "model": MISTRAL, "engineVersion": "2.0.0"},
        {"profile": "v100-2gpu", "model": MISTRAL, "quantization": "awq"},
    ],
)
def test_a_way_out_is_accepted_when_it_is_typed_into_the_stack_file(stack: dict[str, Any]) -> None:
    """Every fix of a refusal, set with `pulumi config set`, gives a stack that is accepted."""
    verdict = judge(settings.serving_spec(settings.read(stack, where="x")))
    assert verdict.verdict == "refuse"
    assert verdict.fixes
    for fix in verdict.fixes:
        changed = stack | {key: str(value) for key, value in fix.settings.items() if value is not None}
        for key in (key for key, value in fix.settings.items() if value is None):
            changed.pop(key, None)
        again = judge(settings.serving_spec(settings.read(changed, where="x")))
        assert (again.verdict, fix.settings) == ("accept", fix.settings)

"""Anything at all as a batch line: a verdict with its reasons or one clear error, never a traceback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic import models
from voltaic.document import InvalidLine, plan_document, spec_from_line
from voltaic.verdict import judge

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

WORDS = [
    *("--num-shard", "--sharded", "--quantize", "--dtype", "--max-input-tokens", "--max-input-length"),
    *("--max-total-tokens", "--max-batch-prefill-tokens", "--max-batch-total-tokens", "--max-batch-size"),
    *("--max-concurrent-requests", "--model-id", "--port", "-p", "-e", "--json-output", "--api-key", "--nonsense"),
    *("--cuda-memory-fraction", "--max-batch-size=0", "--num-shard=2", "--quantize=awq", "--speculate"),
    *("0", "1", "2", "3", "64", "1024", "2048", "4096", "18446744073709551615", "-1", "1.5", "", "true", "false"),
    *("awq", "gptq", "bitsandbytes", "bitsandbytes-nf4", "eetq", "fp8", "float16", "bfloat16", "float32", "x y"),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = SCALARS | st.lists(st.integers(), max_size=2)
KEYS = ["id", "gpu", "gpus", "engine", "model", "config", "args", "env", "x"]
CONFIGS = st.builds(
    lambda base, changes: {**base, **changes},
    st.sampled_from([dict(entry.config) for entry in models.known_models()]),
    st.dictionaries(
        st.sampled_from(
            ["num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "vocab_size", "head_dim",
             "intermediate_size", "max_position_embeddings", "model_type", "torch_dtype", "sliding_window", "n_layer",
             "multi_query", "alibi", "tie_word_embeddings", "rope_scaling", "quantization_config"]
        ),
        st.integers(-1, 4096) | st.sampled_from([10_000, 2**40, None, True, 1.0, "llama", "gpt2", "falcon", {}]),
        max_size=3,
    ),
)  # fmt: skip
MODELS = st.sampled_from([{"model": entry.id} for entry in models.known_models()]) | CONFIGS.map(
    lambda c: {"config": c}
)
LINES = st.builds(
    lambda model, rest: {**rest, **model},
    MODELS,
    st.fixed_dictionaries(
        {
            "gpu": st.sampled_from(["v100-16gb", "v100-32gb", "t4-16gb", "a100-80gb", "mi300x-192gb", "none", None]),
            "gpus": st.sampled_from([1, 2, 3, 4, 8, 16, 1000, 2**62, None]),
            "engine": st.sampled_from(["tgi", "vllm"]),
            "engine_version": st.sampled_from(["1.1.0", "1.2.0", "1.4.5", "2.0.2", "2.0.4", "2.3.0", "2.4.1", "3.0.1",
                                               "3.0.2", "3.3.7", "3.0.1-rocm", "9.9", None]),
            "args": st.lists(st.sampled_from(WORDS), max_size=12),
            "env": st.dictionaries(
                st.sampled_from(["USE_FLASH_ATTENTION", "QUANTIZE", "NUM_SHARD", "MAX_BATCH_SIZE", "MAX_TOTAL_TOKENS",
                                 "PYTORCH_CUDA_ALLOC_CONF", "HF_TOKEN", "CUDA_VISIBLE_DEVICES"]),
                st.sampled_from(["false", "true", "1", "2", "awq", "all", "expandable_segments:True", "0,1", None]),
                max_size=3,
            ),
        }
    ),
)  # fmt: skip


def read(line: dict[str, Any]) -> tuple[ServingSpec | None, tuple[str, ...]]:
    """Return the spec of a line, or its faults."""
    try:
        return spec_from_line(line), ()
    except InvalidLine as invalid:
        return None, invalid.faults


@given(line=LINES)
@settings(max_examples=600, deadline=None)
def test_any_plausible_line_has_a_verdict_with_reasons(line: dict[str, Any]) -> None:
    """Whatever the arguments and configurations: a verdict, its reasons and a document, or one error."""
    spec, faults = read(line)
    assert all(fault.startswith("config: ") for fault in faults)
    assert (spec is None) == bool(faults)
    if spec is None:
        return
    verdict = judge(spec)
    assert not any(finding.message.startswith("The rule ") for finding in verdict.answers)
    plan = plan_document(verdict)
    assert json.loads(json.dumps(plan)) == plan
    assert bool(plan["findings"]) == (plan["verdict"] != "accept")
    assert all(finding["message"] and finding["why"] and finding["fix"] for finding in plan["findings"])
    outcomes = {finding["outcome"] for finding in plan["findings"]}
    expected = "refuse" if "violation" in outcomes else "unknown" if outcomes else "accept"
    assert plan["verdict"] == expected


@given(line=st.dictionaries(st.sampled_from(KEYS), VALUES))
@settings(max_examples=300, deadline=None)
def test_any_line_is_read_or_named_faulty(line: dict[str, Any]) -> None:
    """Whatever the values: a spec that can be judged, or every fault with its key."""
    spec, faults = read(line)
    assert (spec is None) == bool(faults)
    assert all(": " in fault for fault in faults)
    if spec is not None:
        assert judge(spec).verdict in {"accept", "refuse", "unknown"}

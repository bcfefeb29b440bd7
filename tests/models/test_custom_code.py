"""Families whose class is in the repository of the model: shapes against those classes, and what stays unknown."""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from voltaic.document import spec_from_line
from voltaic.models import InvalidConfig, UnknownArchitecture, parameter_count, read_config, tensors
from voltaic.verdict import judge

ORACLE = Path(__file__).with_name("oracle")
_SPEC = importlib.util.spec_from_file_location("custom_code", ORACLE / "custom_code.py")
assert _SPEC is not None
assert _SPEC.loader is not None
CODE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(CODE)
CASES: dict[str, dict[str, Any]] = CODE.CASES
SHAPES: dict[str, dict[str, Any]] = json.loads((ORACLE / "custom_code.json").read_text(encoding="utf-8"))
BAICHUAN2_7B = {
    "model_type": "baichuan",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "vocab_size": 125696,
    "max_position_embeddings": 4096,
    "model_max_length": 4096,
}
GLM4_9B = CASES["chatglm2-6b"] | {"num_layers": 40, "padded_vocab_size": 151552, "seq_length": 131072}
# What the makers publish, in their own words or by the bytes of their checkpoints at two a parameter.
PUBLISHED = {
    "Baichuan-13B": (CASES["Baichuan-13B"], 13_264_901_120),
    "Baichuan2-7B": (BAICHUAN2_7B, 7_505_973_248),
    "Baichuan2-13B": (CASES["Baichuan2-13B"], 13_896_668_160),
    "internlm2-7b": (CASES["internlm2-7b"], 7_737_708_544),
    "Qwen-7B": (CASES["Qwen-7B"], 7_721_324_544),
    "phi-1.5": (CASES["phi-1.5"], 1_418_270_720),
}


def test_every_case_was_built() -> None:
    """Each case has the shapes of its class: `python tests/models/oracle/custom_code.py FOLDER` writes them."""
    assert set(SHAPES) == set(CASES)


@pytest.mark.parametrize("name", list(CASES))
def test_shapes_are_those_of_the_class(name: str) -> None:
    """Parameters are exact; names and shapes of tensors are those of the class."""
    arch = read_config(CASES[name])
    assert parameter_count(arch) == SHAPES[name]["parameters"]
    found: dict[str, Counter[str]] = {}
    for tensor in tensors(arch):
        folded = re.sub(r"(?<=\.)\d+(?=\.)", "{}", tensor.name)
        found.setdefault(folded, Counter())["x".join(map(str, tensor.shape))] += 1
    wanted = {key: Counter(counts) for key, counts in SHAPES[name]["tensors"].items()}
    if arch.model_type == "phi-msft":  # the class of its first weeks numbers what the later one names
        total = sum(found.values(), Counter())
        assert total == sum(wanted.values(), Counter())
    else:
        assert found == wanted


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_totals_are_the_published_ones(name: str) -> None:
    """The totals that are published are met to the parameter."""
    config, total = PUBLISHED[name]
    assert parameter_count(read_config(config)) == total


def test_glm4_is_its_checkpoint() -> None:
    """GLM-4-9B's index says 18,799,902,784 bytes: two a parameter, and 32 frequencies of rotary positions."""
    assert 2 * (parameter_count(read_config(GLM4_9B)) + 32) == 18_799_902_784


def test_positions_follow_the_width() -> None:
    """Baichuan's 7B models have rotary positions, the others ALiBi, with the length that the file states."""
    small, large = read_config(BAICHUAN2_7B), read_config(CASES["Baichuan2-13B"])
    assert (small.positions, small.rotary_dim, small.stated_positions) == ("rotary", 128, 4096)
    assert (large.positions, large.rotary_dim, large.max_positions, large.stated_positions) == ("alibi", 0, None, 4096)


def test_caches_of_grouped_heads() -> None:
    """ChatGLM keeps its groups of heads, InternLM 2 its K and V heads, the first Qwen all heads."""
    kept = {name: read_config(CASES[name]).kv_elements_per_token for name in ("chatglm2-6b", "internlm2-7b", "Qwen-7B")}
    assert kept == {
        "chatglm2-6b": 2 * 28 * 2 * 128,
        "internlm2-7b": 2 * 32 * 8 * 128,
        "Qwen-7B": 2 * 32 * 32 * 128,
    }
    assert read_config(CASES["chatglm2-6b"]).rotary_dim == 64
    assert read_config(CASES["Qwen-7B"]).stated_positions == 8192


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("chatglm2-6b", {"position_encoding_2d": True}, "the first ChatGLM"),
        ("chatglm2-6b", {"inner_hidden_size": 16384}, "the first ChatGLM"),
        ("chatglm2-6b", {"vision_config": {}}, "a vision encoder"),
        ("chatglm2-6b", {"pre_seq_len": 128}, "a trained prefix"),
        ("chatglm2-6b", {"quantization_bit": 4}, "its own code quantized"),
        ("chatglm2-6b", {"rmsnorm": False}, "without RMS norms"),
        ("phi-1.5", {"n_head_kv": 8}, "fewer K and V heads"),
        ("phi-1.5", {"no_bias": True}, "without biases"),
        ("MiniCPM-2B", {"num_experts": 8}, "experts"),
        ("MiniCPM-2B", {"sparse_config": {"kernel_size": 32}}, "sparse attention"),
    ],
)
def test_what_is_not_proven_stays_unknown(name: str, change: dict[str, Any], why: str) -> None:
    """Models of the same name and other shapes are unknown, with what they are."""
    with pytest.raises(UnknownArchitecture, match=why):
        read_config(CASES[name] | change)


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("Qwen-7B", {"intermediate_size": 22015}, "intermediate_size: 22015 is odd"),
        ("chatglm2-6b", {"multi_query_group_num": 3}, "num_attention_heads: 32 is not a multiple of multi_query_group"),
        ("chatglm2-6b", {"padded_vocab_size": None}, "padded_vocab_size: missing"),
        ("internlm2-7b", {"bias": "no"}, "bias: found the text 'no'"),
    ],
)
def test_what_cannot_be_is_a_fault(name: str, change: dict[str, Any], fault: str) -> None:
    """Contradictions are faults that name the key."""
    with pytest.raises(InvalidConfig) as found:
        read_config(CASES[name] | change)
    assert fault in str(found.value)


def verdict(engine: str, version: str, config: dict[str, Any], *args: str) -> Any:
    """Judge a configuration on an A100."""
    line = {"gpu": "a100-80gb", "gpus": 1, "engine": engine, "engine_version": version, "config": config}
    return judge(spec_from_line({**line, "model_id": "a/b", "args": list(args)}))


TGI = ("--num-shard", "1", "--max-input-tokens", "1024", "--max-total-tokens", "2048", "--trust-remote-code")


def test_tgi_doubts_alibi_in_its_rotary_model() -> None:
    """TGI's flash model of Baichuan computes rotary positions: what it makes of a 13B model is not known."""
    args = (*TGI, "--max-batch-prefill-tokens", "1024", "--dtype", "float16")
    assert verdict("tgi", "3.0.1", BAICHUAN2_7B, *args).verdict == "accept"
    found = verdict("tgi", "3.0.1", CASES["Baichuan2-13B"], *args)
    assert found.verdict == "unknown"
    assert any("computes rotary positions" in finding.message for finding in found.findings)


def test_turbomind_has_one_glm_of_its_own_code() -> None:
    """LMDeploy's gate lets in GLM-4-9B by its 40 layers, and no ChatGLM 2 or 3."""
    args = ("--dtype", "float16", "--session-len", "4096")
    assert verdict("lmdeploy", "0.13.0", GLM4_9B, *args).verdict == "accept"
    assert verdict("lmdeploy", "0.13.0", CASES["chatglm2-6b"], *args).verdict == "unknown"


def test_vllm_wants_trust_for_code_of_the_repository() -> None:
    """InternLM 2 starts in vLLM when it is told to trust the repository, and is refused otherwise."""
    config = CASES["internlm2-7b"] | {"auto_map": {"AutoConfig": "a.B"}, "max_position_embeddings": 32768}
    assert verdict("vllm", "0.8.5", config, "--dtype", "half", "--trust-remote-code").verdict == "accept"
    assert verdict("vllm", "0.8.5", config, "--dtype", "half").verdict == "refuse"


def test_the_biases_of_alibi_lie_beside_vllms_share() -> None:
    """Below compute capability 8.0 the biases of a long prompt need room that vLLM's first pass does not measure."""
    config = CASES["Baichuan2-13B"] | {"model_max_length": 8192}
    args = ["--dtype", "half", "-tp", "2", "--max-model-len", "8192", "--trust-remote-code"]
    line = {"gpus": 2, "engine": "vllm", "engine_version": "0.8.5", "config": config, "model_id": "a/b"}
    answers = {}
    for gpu, share in (("v100-32gb", "0.95"), ("v100-32gb", "0.8"), ("a100-40gb", "0.95")):
        words = [*args, "--gpu-memory-utilization", share]
        env = {"VLLM_USE_V1": "0"}
        found = judge(spec_from_line({**line, "gpu": gpu, "args": words, "env": env}))
        answers[gpu, share] = found.verdict
        if found.verdict == "unknown":
            assert any("matrix of ALiBi for each prompt, up to 2.50 GiB" in item.message for item in found.findings)
    assert answers == {
        ("v100-32gb", "0.95"): "unknown",
        ("v100-32gb", "0.8"): "accept",
        ("a100-40gb", "0.95"): "accept",
    }

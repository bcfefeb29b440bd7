"""Ways out of a refusal: each is accepted by the same judge, however it is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic import settings as stack
from voltaic.document import line_from_spec, spec_from_line
from voltaic.search import MOST_FIXES
from voltaic.verdict import Verdict, judge

if TYPE_CHECKING:
    from voltaic.fixes import Fix

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA_7B = "meta-llama/Llama-2-7b-chat-hf"
LLAMA_13B = "meta-llama/Llama-2-13b-chat-hf"
NAMES = ("input-tokens", "total-tokens", "batch-prefill-tokens", "batch-total-tokens", "batch-size")
WITHOUT_FLASH = {"USE_FLASH_ATTENTION": "false"}


def verdict_of(
    *limits: int,
    model: str = MISTRAL,
    gpus: int = 1,
    version: str = "3.0.1",
    more: tuple[str, ...] = ("--num-shard", "1"),
    env: dict[str, str] | None = None,
) -> Verdict:
    """Return the verdict on a command line; limits are input, total, prefill and batch total tokens, and batch size."""
    told = [word for name, limit in zip(NAMES, limits, strict=False) for word in (f"--max-{name}", str(limit))]
    line = {
        "gpu": "v100-16gb",
        "gpus": gpus,
        "engine": "tgi",
        "engine_version": version,
        "model": model,
        "args": [*more, *told],
        "env": WITHOUT_FLASH if env is None else env,
    }
    return judge(spec_from_line(line))


def changes(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the settings of every way out."""
    return [dict(fix.settings) for fix in verdict.fixes]


def test_fewer_requests_come_first() -> None:
    """What is too large by its batch is offered fewer requests, shorter ones, other GPUs, int8: in this order."""
    assert changes(verdict_of(1024, 1536, 1024, 3072, 2, model=LLAMA_7B)) == [
        {"maxBatchSize": 1},
        {"maxInputTokens": 640, "maxTotalTokens": 1024, "maxBatchPrefillTokens": 640},
        {"profile": "v100-2gpu"},
        {"profile": "v100-32gb-1gpu"},
        {"quantization": "bitsandbytes"},
    ]


def test_the_largest_batch_that_fits_is_offered() -> None:
    """A batch size that is left out is set to the largest that fits: one more does not."""
    verdict = verdict_of(1024, 2048, 1024, gpus=2)
    assert changes(verdict)[0] == {"maxBatchSize": 22}
    assert verdict_of(1024, 2048, 1024, 64000, 22, gpus=2).verdict == "accept"
    assert verdict_of(1024, 2048, 1024, 64000, 23, gpus=2).verdict == "refuse"


def test_too_heavy_a_model_is_offered_gpus_int8_and_a_smaller_one() -> None:
    """Llama-2-13B on one V100: more GPUs, larger ones, 8-bit weights, or the 7B of the same family and kind."""
    verdict = verdict_of(512, 1024, 512, 1024, 1, model=LLAMA_13B)
    assert changes(verdict) == [
        {"profile": "v100-2gpu"},
        {"profile": "v100-32gb-1gpu"},
        {"quantization": "bitsandbytes"},
        {"model": LLAMA_7B},
    ]
    (finding,) = verdict.findings
    assert finding.fix == (
        "Accepted by the same rules: profile v100-2gpu (13.71 GiB on the fullest GPU); or "
        "profile v100-32gb-1gpu (26.95 GiB on the fullest GPU); or "
        "quantization bitsandbytes (15.40 GiB on the fullest GPU)."
    )


def test_a_missing_variable_is_offered_alone() -> None:
    """A command line without USE_FLASH_ATTENTION=false is offered that variable, and nothing else."""
    verdict = verdict_of(1024, 2048, 1024, 4096, 2, env={})
    assert changes(verdict) == [{"env": WITHOUT_FLASH}]
    assert verdict.fixes[0].env == WITHOUT_FLASH
    assert str(verdict.fixes[0]) == "USE_FLASH_ATTENTION=false (15.55 GiB on the fullest GPU)"


def test_sharding_of_one_gpu_is_offered_one_shard() -> None:
    """More shards than GPUs: one shard, said behind the rule's own advice."""
    verdict = verdict_of(1024, 2048, 1024, 4096, 2, more=("--num-shard", "2"))
    assert changes(verdict) == [{"shards": 1}]
    assert verdict.findings[0].fix.endswith(" Accepted by the same rules: shards 1 (15.55 GiB on the fullest GPU).")
    assert verdict.findings[1].fix == verdict.answers[1].fix


def test_a_common_public_recipe_is_repaired_as_a_whole() -> None:
    """TGI 1.2.0 with Mistral, AWQ and two shards: release, shards, quantization, variable and batch size together."""
    verdict = verdict_of(version="1.2.0", gpus=2, more=("--num-shard", "2", "--quantize", "awq"), env={})
    assert changes(verdict) == [
        {"engineVersion": "3.0.1", "shards": 1, "quantization": None, "env": WITHOUT_FLASH, "maxBatchSize": 10}
    ]
    fix = verdict.fixes[0]
    assert fix.args == ("--num-shard", "1", "--max-batch-size", "10")
    assert str(fix).startswith("engineVersion 3.0.1, shards 1, no quantization, USE_FLASH_ATTENTION=false, maxBatch")


def test_a_release_that_cannot_run_is_replaced_by_the_proven_one() -> None:
    """TGI 3.3.7 has no code for the V100: the release that is proven there is offered, however far."""
    assert changes(verdict_of(1024, 2048, 1024, 4096, 2, version="3.3.7")) == [{"engineVersion": "3.0.1"}]


def test_one_request_at_a_time_or_another_release() -> None:
    """TGI 3.0.2 breaks when requests are joined: one at a time, or the proven release."""
    found = changes(verdict_of(512, 1024, 512, 2048, 2, version="3.0.2"))
    assert found == [{"maxBatchSize": 1}, {"engineVersion": "3.0.1"}]


def test_a_quantized_checkpoint_is_replaced_by_the_plain_one() -> None:
    """An AWQ checkpoint runs in no release on a V100: the plain checkpoint of the same family is offered."""
    verdict = verdict_of(512, 1024, 512, 1024, 1, model="TheBloke/Llama-2-7B-Chat-AWQ", more=("--num-shard", "1"))
    assert verdict.verdict == "refuse"
    assert {"model": LLAMA_7B} in changes(verdict)


def own_model(model_type: str, layers: int) -> Verdict:
    """Return the verdict on a model of one's own on one V100, with the smallest of limits."""
    config = {
        "model_type": model_type,
        "hidden_size": 6144,
        "intermediate_size": 16_384,
        "num_hidden_layers": layers,
        "num_attention_heads": 64,
        "vocab_size": 32_000,
    }
    args = ("--num-shard", "1", "--max-input-tokens", "512", "--max-total-tokens", "1024", "--max-batch-size", "1")
    line = {
        "gpu": "v100-16gb",
        "gpus": 1,
        "engine": "tgi",
        "engine_version": "3.0.1",
        "config": config,
        "args": [*args, "--max-batch-prefill-tokens", "512"],
        "env": WITHOUT_FLASH,
    }
    return judge(spec_from_line(line))


def test_nothing_on_this_gpu_is_said_when_true() -> None:
    """Where neither limits nor int8 help, the text says so, and offers other GPUs and models."""
    verdict = own_model("llama", 45)
    assert changes(verdict) == [{"profile": "v100-4gpu"}, {"model": "meta-llama/Llama-2-7b-hf"}]
    (finding,) = verdict.findings
    assert finding.fix.startswith(
        "Nothing makes requests of 512 tokens fit on 1 x NVIDIA V100 16 GB. Accepted instead: profile v100-4gpu ("
    )


def test_a_hopeless_spec_says_so() -> None:
    """Where nothing near is accepted, the text says that too: GPT-NeoX weighs too much, and its peak is not known."""
    verdict = own_model("gpt_neox", 44)
    assert verdict.verdict == "refuse"
    assert verdict.fixes == ()
    (finding,) = verdict.findings
    assert (
        finding.fix == "Nothing near it is accepted: no smaller limits, other release, larger profile or smaller model."
    )


def test_accepted_and_unknown_specs_have_none() -> None:
    """An accept needs no way out, and an unknown has none that could be proven."""
    assert verdict_of(1024, 2048, 1024, 4096, 2).fixes == ()
    assert verdict_of(1024, 2048, 1024, 4096, 2, version="9.9.9").fixes == ()


def test_arguments_that_the_launcher_refuses_come_first() -> None:
    """As long as arguments are wrong, nothing can be proven about the rest: each finding keeps its own advice."""
    verdict = verdict_of(512, 1024, 512, 1024, 1, model=LLAMA_13B, more=("--num-shard", "1", "--max-model-len", "9"))
    assert verdict.fixes == ()
    assert verdict.findings == verdict.answers
    assert {finding.rule for finding in verdict.findings} == {"launcher-arguments", "vram-budget"}


def test_another_model_has_other_revisions() -> None:
    """A way out to another model takes the revision of the old one away."""
    values = {"profile": "v100-1gpu", "model": LLAMA_13B, "modelRevision": "abc"}
    verdict = judge(stack.serving_spec(stack.read(values, where="stack")))
    assert {"model": LLAMA_7B, "modelRevision": None} in changes(verdict)


def test_only_what_is_accepted_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that the bill proposes and the judge refuses is not offered."""
    proposals = [{"maxBatchSize": 10**6}, {"maxInputTokens": 4096, "maxTotalTokens": 16}]
    monkeypatch.setattr("voltaic.search.smaller_limits", lambda *_: iter(proposals))
    found = changes(verdict_of(1024, 1536, 1024, 3072, 2, model=LLAMA_7B))
    assert found[0] == {"profile": "v100-2gpu"}
    assert not any(proposal in found for proposal in proposals)


# Every way out is a way out


def check_by_line(verdict: Verdict) -> None:
    """Hand every fix on as a line, and judge it again."""
    for fix in verdict.fixes:
        again = judge(spec_from_line(line_from_spec(fix.spec)))
        assert again.verdict == "accept"
        assert fix.verdict == "accept"
        assert fix.document() == {"settings": dict(fix.settings), "total": fix.total, "verdict": "accept"}


@given(
    limits=st.tuples(
        st.integers(1, 8192), st.integers(2, 16384), st.integers(1, 16384), st.integers(1, 65536), st.integers(1, 256)
    ),
    told=st.integers(0, 5),
    model=st.sampled_from([MISTRAL, LLAMA_7B, LLAMA_13B, "microsoft/phi-2", "google/gemma-7b-it", "tiiuae/falcon-7b"]),
    gpus=st.sampled_from([1, 2, 4]),
    version=st.sampled_from(["1.2.0", "1.4.5", "2.0.4", "2.3.0", "3.0.1", "3.0.2", "3.3.7"]),
    more=st.sampled_from(
        [(), ("--num-shard", "2"), ("--quantize", "awq"), ("--quantize", "bitsandbytes"), ("--dtype", "bfloat16")]
    ),
    env=st.sampled_from([{}, WITHOUT_FLASH]),
)
@settings(max_examples=150, deadline=None)
def test_every_way_out_is_accepted(  # noqa: PLR0917  one argument for each strategy
    limits: tuple[int, ...],
    told: int,
    model: str,
    gpus: int,
    version: str,
    more: tuple[str, ...],
    env: dict[str, str],
) -> None:
    """Whatever is refused: the ways out are accepted when judged anew, nearest first, and no two are the same."""
    verdict = verdict_of(*limits[:told], model=model, gpus=gpus, version=version, more=more, env=env)
    check_by_line(verdict)
    assert len(verdict.fixes) <= MOST_FIXES
    distances = [fix.distance for fix in verdict.fixes]
    assert distances == sorted(distances)
    assert len({str(fix) for fix in verdict.fixes}) == len(verdict.fixes)
    assert bool(verdict.fixes) <= (verdict.verdict == "refuse")


STACKS: list[dict[str, Any]] = [
    {"profile": "v100-1gpu", "model": LLAMA_13B},
    {"profile": "v100-1gpu", "model": "meta-llama/Meta-Llama-3-8B-Instruct"},
    {"profile": "v100-1gpu", "model": MISTRAL, "shards": 2},
    {"profile": "v100-2gpu", "model": MISTRAL, "maxTotalTokens": 32768, "maxBatchSize": 16},
    {"profile": "v100-2gpu", "model": MISTRAL, "engineVersion": "1.2.0", "quantization": "awq", "shards": 2},
    {"profile": "v100-1gpu", "model": LLAMA_7B, "maxBatchSize": 2, "maxTotalTokens": 1536, "maxInputTokens": 1024},
    {"profile": "v100-1gpu", "model": MISTRAL, "engineVersion": "3.3.7"},
    {"profile": "v100-1gpu", "model": MISTRAL, "engineVersion": "2.0.2"},
    {"profile": "v100-1gpu", "model": MISTRAL, "dtype": "bfloat16", "quantization": "eetq"},
    {"profile": "v100-1gpu", "model": LLAMA_13B, "modelRevision": "main", "maxTotalTokens": 4096},
    {"profile": "v100-1gpu", "model": "TheBloke/Llama-2-7B-Chat-AWQ", "quantization": "awq"},
]


def applied(values: dict[str, Any], fix: Fix) -> dict[str, Any]:
    """Return the values of a stack file after `pulumi config set` and `rm` of a fix."""
    whole = values | fix.settings
    return {key: value for key, value in whole.items() if value is not None}


@pytest.mark.parametrize("values", STACKS, ids=str)
def test_every_way_out_of_a_stack_can_be_set(values: dict[str, Any]) -> None:
    """A refused stack has ways out, and each, set in its configuration, is accepted on the road of the component."""
    verdict = judge(stack.serving_spec(stack.read(values, where="stack")))
    assert verdict.verdict == "refuse"
    assert verdict.fixes
    for fix in verdict.fixes:
        after = judge(stack.serving_spec(stack.read(applied(values, fix), where="stack")))
        assert after.verdict == "accept", (fix.settings, after.findings)

"""Ways out of a refusal: each is accepted by the same judge, however it is applied."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic import settings as stack
from voltaic.document import line_from_spec, spec_from_line
from voltaic.fixes import LIMITS, Fix, Ways, search
from voltaic.limits import STEP
from voltaic.models import known_models
from voltaic.search import MOST_FIXES
from voltaic.verdict import Verdict, judge

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA_7B = "meta-llama/Llama-2-7b-chat-hf"
QWEN_14B = "Qwen/Qwen2.5-14B-Instruct"
LLAMA_13B = "meta-llama/Llama-2-13b-chat-hf"
NAMES = ("input-tokens", "total-tokens", "batch-prefill-tokens", "batch-total-tokens", "batch-size")
KEYS = {key.name for key in stack.schema()}
WITHOUT_FLASH = {"USE_FLASH_ATTENTION": "false"}
FAMILY = frozenset(
    {
        "TheBloke/Llama-2-7B-Chat-AWQ",
        "TheBloke/Llama-2-7B-Chat-GPTQ",
        "TheBloke/Mistral-7B-Instruct-v0.2-AWQ",
        "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        "google/gemma-2b-it",
        "google/gemma-2b",
        "google/gemma-7b-it",
        "google/gemma-7b",
        "meta-llama/Llama-2-13b-chat-hf",
        "meta-llama/Llama-2-13b-hf",
        "meta-llama/Llama-2-7b-chat-hf",
        "meta-llama/Llama-2-7b-hf",
        "meta-llama/Meta-Llama-3-8B-Instruct",
        "meta-llama/Meta-Llama-3-8B",
        "microsoft/phi-2",
        "mistralai/Mistral-7B-Instruct-v0.1",
        "mistralai/Mistral-7B-Instruct-v0.2",
        "mistralai/Mistral-7B-Instruct-v0.3",
        "mistralai/Mistral-7B-v0.1",
        "mistralai/Mistral-7B-v0.3",
    }
)
"""The models among which another one is looked for here: a catalogue that grows must not move what these tests say."""


@pytest.fixture(autouse=True)
def _few_models(monkeypatch: pytest.MonkeyPatch) -> None:
    few = tuple(model for model in known_models() if model.id in FAMILY)
    monkeypatch.setattr("voltaic.models.known_models", lambda: few)


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


def test_limits_come_first() -> None:
    """What is too large by its batch is offered limits, roomy ones first, then other GPUs, int8: in this order."""
    assert changes(verdict_of(1024, 1536, 1024, 3072, 2, model=LLAMA_7B)) == [
        {"maxInputTokens": 512, "maxTotalTokens": 768, "maxBatchPrefillTokens": 512},
        {"maxBatchSize": 1},
        {"profile": "v100-2gpu"},
        {"profile": "v100-32gb-1gpu"},
        {"quantization": "bitsandbytes"},
    ]


def test_the_largest_batch_that_fits_is_offered() -> None:
    """A batch size that is left out is set to the largest that fits with room: one more is tight."""
    verdict = verdict_of(1024, 2048, 1024, gpus=2)
    assert changes(verdict)[0] == {"maxBatchSize": 18}
    assert not verdict.fixes[0].tight
    after = [verdict_of(1024, 2048, 1024, 64000, size, gpus=2) for size in (18, 19, 22, 23)]
    assert [(found.verdict, found.tight) for found in after] == [
        ("accept", False), ("accept", True), ("accept", True), ("refuse", False),
    ]  # fmt: skip


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
        "Accepted by the same rules: 2 x NVIDIA V100 16 GB (13.83 GiB on the fullest GPU); or "
        "1 x NVIDIA V100 32 GB (27.18 GiB on the fullest GPU); or "
        "--quantize bitsandbytes (15.59 GiB on the fullest GPU, tight)."
    )


def test_a_missing_variable_is_offered_alone() -> None:
    """A command line without USE_FLASH_ATTENTION=false is offered that variable, and nothing else."""
    verdict = verdict_of(1024, 2048, 1024, 4096, 2, env={})
    (fix,) = verdict.fixes
    assert (fix.settings, fix.variables, fix.env) == ({}, WITHOUT_FLASH, WITHOUT_FLASH)
    assert str(fix) == "USE_FLASH_ATTENTION=false (15.68 GiB on the fullest GPU, tight)"
    assert fix.document()["env"] == WITHOUT_FLASH


def test_sharding_of_one_gpu_is_offered_one_shard() -> None:
    """More shards than GPUs: one shard, said behind the rule's own advice."""
    verdict = verdict_of(1024, 2048, 1024, 4096, 2, more=("--num-shard", "2"))
    assert changes(verdict) == [{"shards": 1}]
    assert verdict.findings[0].fix.endswith(
        " Accepted by the same rules: --num-shard 1 (15.68 GiB on the fullest GPU, tight)."
    )
    assert verdict.findings[1].fix == verdict.answers[1].fix


def test_a_common_public_recipe_is_repaired_as_a_whole() -> None:
    """TGI 1.2.0 with Mistral, AWQ and two shards: release, shards, quantization, variable and batch size together."""
    verdict = verdict_of(version="1.2.0", gpus=2, more=("--num-shard", "2", "--quantize", "awq"), env={})
    assert changes(verdict) == [{"engineVersion": "3.0.1", "shards": 1, "quantization": None, "maxBatchSize": 9}]
    fix = verdict.fixes[0]
    assert fix.args == ("--num-shard", "1", "--max-batch-size", "9")
    words = "tgi 3.0.1, --num-shard 1, without --quantize, --max-batch-size 9, USE_FLASH_ATTENTION=false ("
    assert str(fix).startswith(words)


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
        "Nothing makes these weights fit on 1 x NVIDIA V100 16 GB. Accepted instead: 4 x NVIDIA V100 16 GB ("
    )


def test_what_stands_in_the_way_is_named() -> None:
    """Weights that do not fit are told apart from weights that leave no room for requests."""
    texts = [own_model("gpt_neox", layers).findings[0].fix for layers in (22, 23)]
    here = "on 1 x NVIDIA V100 16 GB. Accepted instead: 2 x NVIDIA V100 16 GB ("
    assert texts[0].startswith(f"No limits down to requests of 512 tokens leave room {here}")
    assert texts[1].startswith(f"Nothing makes these weights fit {here}")


def test_another_engine_is_named_where_this_one_has_no_way() -> None:
    """Where nothing near is accepted and another engine serves it on the same GPUs, the text does not end there."""
    verdict = own_model("mpt", 20)
    assert verdict.fixes == ()
    (finding, *_) = (finding for finding in verdict.findings if finding.rule == "vram-budget")
    there = verdict.ways.elsewhere
    assert finding.fix == (
        "Nothing near it is accepted: no smaller limits, other release, larger profile or smaller model."
        + (f" Another engine serves it on these GPUs: {there[0]}." if there else "")
    )


def test_ways_out_are_ordered_by_what_they_ask_for() -> None:
    """Limits and idle GPUs first; then what has room, the nearer first; then what is tight; then models."""
    spec = verdict_of(512, 1024, 512, 1024, 1, gpus=2).spec
    wanted = [
        Fix({"maxBatchSize": 1}, spec, 0),
        Fix({"shards": 2}, spec, 0),
        Fix({"maxTotalTokens": 512, "maxInputTokens": 256}, spec, 0),
        Fix({"maxBatchSize": 1}, spec, 0, tight=True),
        Fix({"shards": 1}, spec, 0),
        Fix({"shards": 1}, spec, 0, tight=True),
        Fix({"profile": "v100-2gpu"}, spec, 0),
        Fix({"quantization": "bitsandbytes"}, spec, 0),
        Fix({"profile": "v100-2gpu"}, spec, 0, tight=True),
        Fix({"quantization": "bitsandbytes"}, spec, 0, tight=True),
        Fix({"model": LLAMA_7B}, spec, 0),
        Fix({"model": LLAMA_7B}, spec, 0, tight=True),
    ]
    mixed = [*wanted[1::2], *wanted[::2]]
    assert sorted(mixed, key=lambda fix: fix.rank) == wanted


def test_a_change_that_fills_a_gpu_is_no_advice_where_there_is_another() -> None:
    """Two V100s hold Qwen2.5-14B with 0.5 % of a GPU left: accepted, and not what somebody should be sent to."""
    there = judge(stack.serving_spec(stack.read({"profile": "v100-2gpu", "model": QWEN_14B}, where="stack")))
    verdict = judge(stack.serving_spec(stack.read({"profile": "v100-1gpu", "model": QWEN_14B}, where="stack")))
    assert (there.verdict, there.tight) == ("accept", True)
    assert {"profile": "v100-2gpu"} not in changes(verdict)
    assert changes(verdict)[0] == {"profile": "v100-4gpu"}


def test_a_change_that_fills_a_gpu_is_named_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is accepted to the last byte is better than nothing."""
    verdict = verdict_of(512, 1024, 512, 2048, 2, version="3.0.2")
    full = Fix({"maxBatchSize": 1}, verdict.spec, int(15.76 * 2**30), tight=True)
    monkeypatch.setattr("voltaic.search.Search.run", lambda _: Ways((full,)))
    assert search(verdict).fixes == (full,)


def test_a_hopeless_spec_says_so() -> None:
    """Where nothing near is accepted, the text says that too: a GPT-NeoX that weighs more than any node holds."""
    verdict = own_model("gpt_neox", 900)
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


def test_arguments_that_nobody_can_guess_come_first() -> None:
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


@pytest.mark.parametrize(
    ("more", "env", "words", "args"),
    [
        (("--num-shards", "1"), {}, "--num-shard 1 in place of --num-shards", ("--num-shard", "1")),
        (("--num-shards=1",), {}, "--num-shard 1 in place of --num-shards", ("--num-shard", "1")),
        (("--dtype", "fp16", "--num-shard", "1"), {}, "--dtype float16 in place of --dtype",
         ("--dtype", "float16", "--num-shard", "1")),
        (("--tensor-parallel-size", "1"), {}, "--num-shard 1 in place of --tensor-parallel-size", ("--num-shard", "1")),
        (("--max-parallel-loading-workers", "2"), {}, "without --max-parallel-loading-workers", ()),
        (("--num-shards", "1"), {"USE_FLASH_ATTENTION": "true"},
         "--num-shard 1 in place of --num-shards, USE_FLASH_ATTENTION=false", ("--num-shard", "1")),
    ],
)  # fmt: skip
def test_arguments_with_an_obvious_correction_are_corrected(
    more: tuple[str, ...], env: dict[str, str], words: str, args: tuple[str, ...]
) -> None:
    """An option that is misspelt, of another engine or not there is renamed or left away, and then accepted."""
    verdict = verdict_of(512, 1024, 512, 1024, 1, more=more, env=env or WITHOUT_FLASH)
    fix = verdict.fixes[0]
    assert str(fix).startswith(f"{words} (")
    assert fix.settings == {}
    assert fix.args[: len(args)] == args
    assert fix.document()["args"] == list(fix.args)
    assert "launcher-arguments" in {finding.rule for finding in verdict.findings}
    assert any(f"Accepted by the same rules: {words} (" in finding.fix for finding in verdict.findings)


@pytest.mark.parametrize(
    "more",
    [("--quantize", "fp99"), ("--num-shards", "1", "--num-shards", "2"), ("--master-port", "x"), ("stray",)],
)
def test_arguments_without_an_obvious_correction_are_left_alone(more: tuple[str, ...]) -> None:
    """Where a value is to be chosen, or an option stands twice, nothing is guessed."""
    assert verdict_of(512, 1024, 512, 1024, 1, more=more).fixes == ()


def test_secrets_are_not_shown_with_corrected_arguments() -> None:
    """The corrected arguments in the document hide what is secret."""
    verdict = verdict_of(512, 1024, 512, 1024, 1, more=("--num-shards", "1", "--api-key", "hush"))
    assert "hush" not in str(verdict.fixes[0].document())
    assert "hush" in verdict.fixes[0].args


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((4096, 2048, 4096, 4096, 1), {"maxInputTokens": 1536}),
        ((1024, 2048, 512, 4096, 1), {"maxBatchPrefillTokens": 1024}),
        ((1024, 2048, 1024, 1024, 1), {"maxBatchTotalTokens": 2048}),
        ((1024, 2048, 1024, 4096, 0), {"maxBatchSize": 1}),
        ((4096, 2048, 1024, 1024, 1), {"maxInputTokens": 1536, "maxBatchPrefillTokens": 1536,
                                       "maxBatchTotalTokens": 2048}),
    ],
)  # fmt: skip
def test_limits_that_contradict_each_other_are_made_to_agree(limits: tuple[int, ...], expected: dict[str, int]) -> None:
    """Of limits that contradict each other the length of a request stands, and the others follow."""
    assert changes(verdict_of(*limits))[0] == expected


def test_another_model_comes_last_and_is_the_nearest_in_size() -> None:
    """Where 7B needs shorter requests and TinyLlama none, 7B is offered, behind everything that keeps the model."""
    verdict = verdict_of(2048, 4096, 2048, 4096, 1, model=LLAMA_13B)
    *kept, last = verdict.fixes
    assert kept
    assert not any("model" in fix.settings for fix in kept)
    assert last.settings["model"] == LLAMA_7B
    assert last.settings["maxTotalTokens"] < 4096


def test_a_quantized_checkpoint_is_replaced_by_its_own_base() -> None:
    """Among models of one size, the one of the same name is the nearest."""
    verdict = verdict_of(512, 1024, 512, 1024, 1, model="TheBloke/Mistral-7B-Instruct-v0.2-AWQ")
    assert changes(verdict) == [{"model": MISTRAL}]
    assert "Nothing makes" not in verdict.findings[0].fix


def test_tight_ways_out_come_after_roomy_ones_of_their_kind() -> None:
    """A batch size that just fits comes after shorter requests with room, and is called tight."""
    verdict = verdict_of(1024, 1536, 1024, 3072, 2, model=LLAMA_7B)
    assert [(fix.settings.keys() <= LIMITS, fix.tight) for fix in verdict.fixes[:3]] == [
        (True, False), (True, True), (False, False),
    ]  # fmt: skip
    assert str(verdict.fixes[1]) == "--max-batch-size 1 (15.30 GiB on the fullest GPU, tight)"
    assert verdict.fixes[1].document()["tight"] is True
    assert "tight" not in verdict.fixes[0].document()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"profile": "v100-1gpu", "gpus": 1}, {"profile": "v100-2gpu", "gpus": 2}),
        ({"profile": "v100-1gpu"}, {"profile": "v100-2gpu"}),
    ],
)
def test_a_profile_takes_stated_gpus_along(values: dict[str, Any], expected: dict[str, Any]) -> None:
    """Where a stack states its GPUs, another profile changes them too; where it does not, it need not."""
    verdict = judge(stack.serving_spec(stack.read(values | {"model": LLAMA_13B}, where="stack")))
    assert changes(verdict)[0] == expected


def test_limits_that_a_stack_derives_have_no_share_to_keep() -> None:
    """A total limit alone in a stack file: the input limit of the way out is three quarters of the new one."""
    values = {"profile": "v100-2gpu", "model": MISTRAL, "maxTotalTokens": 32768, "maxBatchSize": 16}
    (shorter,) = [
        fix.settings
        for fix in judge(stack.serving_spec(stack.read(values, where="stack"))).fixes
        if "maxTotalTokens" in fix.settings
    ]
    assert shorter["maxInputTokens"] > shorter["maxTotalTokens"] * 3 // 4 - STEP


def test_nothing_of_the_family_fits_on_this_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every model of the family was tried in vain, the text says so, and names the smallest profile."""
    large = tuple(model for model in known_models() if "13b" in model.id.lower())
    monkeypatch.setattr("voltaic.models.known_models", lambda: large)
    monkeypatch.setattr("voltaic.proposals.lighter", lambda _: ())
    finding = own_model("llama", 45).findings[0]
    assert finding.fix.startswith(
        "Nothing in the catalogue's family fits on 1 x NVIDIA V100 16 GB at any limits. "
        "The smallest profile that works: 4 x NVIDIA V100 16 GB ("
    )
    monkeypatch.setattr("voltaic.proposals.larger_profiles", lambda *_, **__: ())
    assert own_model("llama", 45).findings[0].fix == (
        "Nothing in the catalogue's family fits on 1 x NVIDIA V100 16 GB at any limits. "
        "No profile of this architecture is known to hold it."
    )


def test_words_are_those_of_the_one_who_reads_them() -> None:
    """A stack is told its keys, a command line of one's own its options, as its release calls them."""
    values = {"profile": "v100-1gpu", "model": LLAMA_7B, "maxBatchSize": 2, "maxTotalTokens": 1536}
    told = str(judge(stack.serving_spec(stack.read(values, where="stack"))).fixes[0])
    assert told.startswith("maxBatchSize 1 (")
    older = verdict_of(model=LLAMA_7B, version="1.4.5", more=("--num-shard", "1", "--max-total-tokens", "4096"))
    assert older.fixes[0].settings.keys() >= {"maxBatchSize", "maxInputTokens", "maxTotalTokens"}
    assert re.match(r"--max-[a-z-]+ 1, --max-input-length \d+, --max-total-tokens \d+, ", str(older.fixes[0]))


def test_a_profile_far_away_is_better_than_none() -> None:
    """Where nothing nearby holds the model, the smallest profile that does is named."""
    assert changes(own_model("llama", 300))[0] == {"profile": "v100-32gb-16gpu"}


# Every way out is a way out


def check_by_line(verdict: Verdict) -> None:
    """Hand every fix on as a line, and judge it again."""
    for fix in verdict.fixes:
        again = judge(spec_from_line(line_from_spec(fix.spec)))
        assert again.verdict == "accept"
        assert fix.verdict == "accept"
        plain = {"settings": dict(fix.settings), "total": fix.total, "verdict": "accept"}
        assert plain.items() <= fix.document().items()
        assert fix.document().get("tight", False) == again.tight == fix.tight
        assert fix.settings.keys() <= KEYS


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
    assert [fix.rank for fix in verdict.fixes] == sorted(fix.rank for fix in verdict.fixes)
    assert sum("model" in fix.settings for fix in verdict.fixes) <= 1
    assert not any("model" in fix.settings for fix in verdict.fixes[:-1])
    for fix in verdict.fixes:
        given = verdict.spec.option("max_input_tokens"), verdict.spec.option("max_total_tokens")
        prompt, total = fix.settings.get("maxInputTokens"), fix.settings.get("maxTotalTokens")
        if prompt is not None and total is not None and None not in given:
            assert prompt * 8 <= total * 7 or prompt <= STEP
        assert total is None or total % STEP == 0
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
    {"profile": "v100-1gpu", "gpus": 1, "model": LLAMA_13B},
    {"profile": "v100-4gpu", "gpus": 1, "model": LLAMA_13B},
    {"profile": "v100-1gpu", "model": LLAMA_13B, "extraArgs": ["--max-batch-size", "4"]},
    {"profile": "v100-1gpu", "model": LLAMA_13B, "image": "mirror.example/tgi:3.0.1"},
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


@pytest.mark.parametrize(
    ("size", "first"),
    [(3, {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}), (7, {})],
)
def test_less_waste_comes_first_where_it_leaves_room(size: int, first: dict[str, str]) -> None:
    """An allocator that wastes less keeps all that was asked for; tight, it comes after fewer requests."""
    total = 4096 if size == 3 else 2048
    verdict = judge(
        spec_from_line(
            {
                "gpu": "v100-16gb",
                "gpus": 1,
                "engine": "tgi",
                "engine_version": "3.0.1",
                "model": "microsoft/phi-2",
                "args": [
                    *("--num-shard", "1", "--max-input-tokens", str(total * 3 // 4), "--max-total-tokens", str(total)),
                    *("--max-batch-prefill-tokens", str(total * 3 // 4), "--max-batch-size", str(size)),
                ],
                "env": {"USE_FLASH_ATTENTION": "false"},
            }
        )
    )
    assert verdict.verdict == "refuse"
    assert dict(verdict.fixes[0].variables) == first
    assert any("PYTORCH_CUDA_ALLOC_CONF" in fix.variables for fix in verdict.fixes)

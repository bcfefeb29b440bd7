"""From settings to the serving spec."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import defaults, models, settings
from voltaic.verdict import judge

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"


def spec_of(profile: str = "v100-1gpu", model: str = MISTRAL, **values: Any) -> Any:
    """Return the serving spec of a stack."""
    return settings.serving_spec(settings.read({"profile": profile, "model": model} | values, where="x"))


RECOMMENDED = [
    ("v100-1gpu", "microsoft/phi-2", (1536, 2048, 2048, 8192, 4)),
    ("v100-1gpu", MISTRAL, (1024, 2048, 1024, 4096, 2)),
    ("v100-2gpu", MISTRAL, (4096, 6144, 4096, 24576, 4)),
    ("v100-1gpu", "meta-llama/Llama-2-7b-chat-hf", (1024, 1536, 1024, 1536, 1)),
    ("v100-2gpu", "meta-llama/Llama-2-7b-chat-hf", (3072, 4096, 4096, 12288, 3)),
    ("v100-2gpu", "meta-llama/Llama-2-13b-chat-hf", (1024, 1536, 1024, 1536, 1)),
    ("v100-32gb-1gpu", "meta-llama/Llama-2-13b-chat-hf", (2048, 3072, 2048, 3072, 1)),
]


@pytest.mark.parametrize(("profile", "model", "limits"), RECOMMENDED)
def test_the_derived_limits_are_the_recommended_ones(profile: str, model: str, limits: tuple[int, ...]) -> None:
    """A stack of profile and model gets the limits that are recommended for them, and is accepted."""
    spec = spec_of(profile, model)
    assert tuple(spec.option(name) for name in defaults.LIMITS) == limits
    assert spec.option("num_shard") == 1
    assert spec.option("dtype") == "float16"
    assert judge(spec).verdict == "accept"


@pytest.mark.parametrize(
    ("profile", "model"), [("v100-1gpu", "meta-llama/Llama-2-13b-chat-hf"), ("v100-1gpu", "meta-llama/Meta-Llama-3-8B")]
)
def test_a_model_that_does_not_fit_is_given_the_smallest_limits_and_refused(profile: str, model: str) -> None:
    """Where nothing fits the judge refuses the least that could be asked, with its numbers."""
    spec = spec_of(profile, model)
    assert tuple(spec.option(name) for name in defaults.LIMITS) == (512, 1024, 512, 1024, 1)
    verdict = judge(spec)
    assert verdict.verdict == "refuse"
    assert [finding.rule for finding in verdict.findings] == ["vram-budget"]


def test_limits_that_the_engine_refuses_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without flash attention a window shorter than the longest prompt is refused: a shorter prompt is derived."""
    known = models.resolve(MISTRAL)
    assert known.architecture is not None
    windowed = replace(known, architecture=replace(known.architecture, sliding_window=2048))
    monkeypatch.setattr(models, "resolve", lambda *_, **__: windowed)
    spec = spec_of("v100-2gpu")
    assert spec.option("max_input_tokens") == 1536
    assert judge(spec).verdict == "accept"


def test_where_something_else_is_in_the_way_the_limits_are_those_that_fit() -> None:
    """A method that the engine ignores is refused for that, and not for limits that were made small in vain."""
    spec = spec_of(quantization="bitsandbytes-nf4")
    assert spec.option("max_total_tokens") == 2048
    assert {finding.rule for finding in judge(spec).findings if finding.outcome == "violation"} == {
        "engine-model-support"
    }


def test_the_command_line_is_complete() -> None:
    """What the container runs is written out: model, shards, data type, limits, port."""
    spec = spec_of("v100-2gpu")
    assert spec.command.args == (
        *("--model-id", MISTRAL, "--num-shard", "1", "--dtype", "float16"),
        *("--max-input-tokens", "4096", "--max-total-tokens", "6144", "--max-batch-prefill-tokens", "4096"),
        *("--max-batch-total-tokens", "24576", "--max-batch-size", "4"),
        *("--hostname", "0.0.0.0", "--port", "8080", "--usage-stats", "off"),  # noqa: S104 - in its container
    )
    assert spec.command.env["USE_FLASH_ATTENTION"] == "false"
    assert spec.command.faults == ()
    assert (spec.gpus, spec.release.version) == (2, "3.0.1")


def test_secrets_are_variables_without_a_value() -> None:
    """The API's key is always there, the token where it is stated; neither value is in the spec."""
    assert "HF_TOKEN" not in spec_of().command.env
    env = spec_of(hfToken="hf_s3cret", apiKey="k3y").command.env
    assert (env["HF_TOKEN"], env["HUGGING_FACE_HUB_TOKEN"], env["API_KEY"]) == (None, None, None)
    assert "API_KEY" not in spec_of(engineVersion="2.0.4").command.env


def test_an_older_release_gets_the_names_that_it_knows() -> None:
    """Options that a release lacks are left away where nobody stated them."""
    args = spec_of(engineVersion="1.4.0").command.args
    assert "--max-input-length" in args
    assert "--max-input-tokens" not in args
    assert "--max-batch-size" not in args
    assert "--usage-stats" not in args


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"maxBatchSize": "2", "engineVersion": "1.4.0"}, ("--max-batch-size", "2")),
        ({"quantization": "awqq"}, ("--quantize", "awqq")),
        ({"dtype": "float32"}, ("--dtype", "float32")),
    ],
)
def test_what_a_release_does_not_take_is_written_for_the_judge_to_refuse(
    values: dict[str, Any], words: tuple[str, str]
) -> None:
    """What was stated is never dropped in silence: the judge refuses it with the launcher's reason."""
    spec = spec_of(**values)
    position = spec.command.args.index(words[0])
    assert spec.command.args[position : position + 2] == words
    assert words[0] in {fault.where for fault in spec.command.faults}
    assert judge(spec).verdict == "refuse"


def test_quantization_leaves_the_data_type_away() -> None:
    """The launcher refuses most methods beside a data type."""
    args = spec_of(quantization="bitsandbytes").command.args
    assert "--quantize" in args
    assert "--dtype" not in args
    assert "--dtype" in spec_of(quantization="bitsandbytes", dtype="float16").command.args


def test_no_dtype_is_derived_beside_a_checkpoint_that_is_quantized() -> None:
    """The launcher finds the method in the configuration, and refuses a data type beside it."""
    stack = {"profile": "a100-80gb-1gpu", "model": "Qwen/Qwen2.5-7B-Instruct-AWQ"}
    spec = settings.serving_spec(settings.read(stack, where="Pulumi.it.yaml"))

    assert "--dtype" not in spec.command.args
    assert judge(spec).verdict == "accept"


def test_extra_arguments_are_passed_on_and_judged() -> None:
    """Further arguments come last, and are read like the rest."""
    spec = spec_of(extraArgs="--max-waiting-tokens 7")
    assert spec.command.args[-2:] == ("--max-waiting-tokens", "7")
    assert spec.option("max_waiting_tokens") == 7


def test_what_is_derived_gives_way_to_extra_arguments() -> None:
    """An option that the extra arguments set is not written a second time, and the rest agrees with it."""
    spec = spec_of("v100-2gpu", extraArgs="--num-shard 2 --usage-stats on --max-total-tokens 2000")
    assert spec.command.faults == ()
    assert (spec.option("num_shard"), spec.option("usage_stats"), spec.option("max_total_tokens")) == (2, "on", 2000)
    assert spec.option("max_input_tokens") == 512
    assert spec.command.args.count("--max-total-tokens") == 1


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"extraArgs": "--port 80"}, "--port"),
        ({"extraArgs": "--model-id gpt2"}, "--model-id"),
        ({"extraArgs": "--num-shard 1", "shards": "1"}, "--num-shard"),
    ],
)
def test_an_option_stated_twice_is_written_twice_for_the_judge_to_refuse(values: dict[str, Any], where: str) -> None:
    """What a stack says twice, and the port that its Service rests on, is refused as the launcher would refuse it."""
    spec = spec_of(**values)
    assert where in {fault.where for fault in spec.command.faults}
    assert judge(spec).verdict == "refuse"


def test_shards_and_gpus_are_taken_as_stated() -> None:
    """What is stated is judged as it is stated."""
    spec = spec_of("v100-1gpu", shards="2")
    assert (spec.gpus, spec.option("num_shard")) == (1, 2)
    findings = {finding.rule: finding for finding in judge(spec).findings}
    assert findings["single-gpu-shard"].outcome == "violation"
    assert spec_of("v100-2gpu", gpus="1").gpus == 1


@pytest.mark.parametrize(
    ("profile", "model", "shards"),
    [
        ("v100-2gpu", MISTRAL, 1),
        ("v100-2gpu", "bigscience/bloom-7b1", 2),
        ("a100-80gb-2gpu", MISTRAL, 2),
        ("a100-80gb-1gpu", MISTRAL, 1),
    ],
)
def test_shards_are_derived_from_what_the_engine_really_does(profile: str, model: str, shards: int) -> None:
    """One shard a GPU where the engine shards the model there, one for all of them where it splits layers."""
    assert spec_of(profile, model).option("num_shard") == shards


def test_the_release_may_come_from_the_image() -> None:
    """A mirror's tag says which release it holds."""
    image = "mirror.example/tgi:2.0.4"
    assert spec_of(image=image).release.version == "2.0.4"
    assert spec_of(image="mirror.example/tgi:mine", engineVersion="2.3.0").release.version == "2.3.0"


def test_a_revision_is_served_and_kept() -> None:
    """The revision reaches the launcher and the model."""
    spec = spec_of(modelRevision="abc123")
    assert spec.option("revision") == "abc123"
    assert spec.model.revision == "abc123"


def test_an_unknown_model_is_not_guessed_at() -> None:
    """A model without facts gets the smallest limits and an unknown verdict."""
    spec = spec_of(model="nobody/unknown-7b")
    assert spec.option("max_total_tokens") == 1024
    assert judge(spec).verdict == "unknown"


@given(
    st.sampled_from([model.id for model in models.known_models()] + ["nobody/unknown", "/data/own"]),
    st.sampled_from(["v100-1gpu", "v100-2gpu", "v100-32gb-4gpu", "t4-1gpu", "a100-80gb-2gpu", "mi300x-8gpu"]),
    st.sampled_from([None, "1.2.0", "1.4.0", "2.0.0", "2.0.4", "2.3.0", "3.0.1", "3.3.7", "9.9.9"]),
    st.dictionaries(
        st.sampled_from(["shards", "maxInputTokens", "maxTotalTokens", "maxBatchSize", "maxBatchPrefillTokens"]),
        st.integers(min_value=1, max_value=100_000),
    ),
)
def test_every_stack_has_a_spec_and_a_verdict(
    model: str, profile: str, version: str | None, values: dict[str, int]
) -> None:
    """Whatever valid settings say, the spec is written and judged, and what is stated is in it."""
    stated: dict[str, Any] = dict(values)
    if version is not None:
        stated["engineVersion"] = version
    spec = spec_of(profile, model, **stated)
    assert judge(spec).verdict in {"accept", "refuse", "unknown"}
    assert "--model-id" in spec.command.args
    for value in values.values():
        assert str(value) in spec.command.args


def test_a_batch_is_bounded_by_what_the_release_keeps_to() -> None:
    """Up to 2.2.0 requests join a full batch, so that the derived batch size bounds the concurrent requests as well."""
    old = spec_of(engineVersion="2.0.4")
    assert old.option("max_concurrent_requests") == old.option("max_batch_size") == 1
    assert judge(old).verdict == "accept"
    older = spec_of(engineVersion="1.4.0")
    assert older.option("max_batch_size") is None
    assert older.option("max_concurrent_requests") == 1
    assert spec_of().option("max_concurrent_requests") is None


@pytest.mark.parametrize(("profile", "model", "limits"), RECOMMENDED)
def test_derived_limits_leave_the_estimate_its_margin(profile: str, model: str, limits: tuple[int, ...]) -> None:
    """What nobody stated is not tight where shorter or fewer requests leave room."""
    del limits
    verdict = judge(spec_of(profile, model))
    assert (verdict.verdict, verdict.tight) == ("accept", False)

"""Batch lines in, plan documents out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import engines, hardware, models
from voltaic.document import InvalidLine, line_from_spec, plan_document, spec_from_line
from voltaic.hidden import HIDDEN
from voltaic.spec import CommandLine, Model, Release, ServingSpec
from voltaic.verdict import judge

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
ARGS = ["--num-shard", "1", "--max-input-tokens", "1024", "--max-total-tokens", "2048",
        "--max-batch-prefill-tokens", "1024", "--max-batch-size", "2"]  # fmt: skip
LINE: dict[str, Any] = {
    "id": "one",
    "gpu": "v100-16gb",
    "gpus": 1,
    "engine": "tgi",
    "engine_version": "3.0.1",
    "model": MISTRAL,
    "args": ARGS,
    "env": {"USE_FLASH_ATTENTION": "false"},
}
KNOWN = ", ".join(engines.names())
CONFIG = dict(models.known_models()[-1].config)


def faults(line: dict[str, Any]) -> tuple[str, ...]:
    """Return what is wrong with a line."""
    with pytest.raises(InvalidLine) as caught:
        spec_from_line(line)
    assert str(caught.value) == "; ".join(caught.value.faults)
    return caught.value.faults


def test_reads_a_line() -> None:
    """A line becomes the spec that it describes."""
    spec = spec_from_line(LINE)
    assert spec.id == "one"
    assert spec.release == Release("tgi", "3.0.1")
    assert (spec.gpu, spec.gpus) == (hardware.gpu_model("v100-16gb"), 1)
    assert spec.model == models.resolve(MISTRAL)
    assert spec.command.args == tuple(ARGS)
    assert spec.command.env == {"USE_FLASH_ATTENTION": "false"}
    assert spec.option("max_total_tokens") == 2048


@pytest.mark.parametrize("key", ["id", "gpu", "gpus", "engine_version", "args", "env", "model_id", "weights_bytes"])
def test_absent_and_null_mean_the_same(key: str) -> None:
    """A key that is null is as good as left out."""
    without = {name: value for name, value in LINE.items() if name != key}
    assert spec_from_line(without | {key: None}) == spec_from_line(without)


def test_a_model_may_be_given_by_its_configuration() -> None:
    """`config` stands in place of `model`, with the name in `model_id` where it is known."""
    entry = models.known_models()[0]
    content = {key: value for key, value in LINE.items() if key != "model"} | {"config": dict(entry.config)}
    spec = spec_from_line(content | {"model_id": "own/name"})
    assert (spec.model.id, spec.model.architecture) == ("own/name", entry.architecture)
    assert spec_from_line(content).model.id is None


def test_numbers_of_a_configuration_may_have_a_point() -> None:
    """A configuration that came through Pulumi, with 4096.0 for 4096, is the same configuration."""
    content = {key: value for key, value in LINE.items() if key != "model"}
    plain = content | {"config": CONFIG | {"rope_scaling": {"type": "linear", "factor": 2}, "x": [1, [2]]}}
    through_pulumi = json.loads(json.dumps(plain), parse_int=float) | {"gpus": 1.0}
    assert spec_from_line(through_pulumi) == spec_from_line(plain)
    assert faults(content | {"config": CONFIG | {"vocab_size": 0.5}})


def test_stated_weights_are_kept() -> None:
    """Bytes of weights that a line states take the place of the catalogue's."""
    assert spec_from_line(LINE | {"weights_bytes": 123}).model.weights_bytes == 123


@pytest.mark.parametrize("value", [2, 2.0])
def test_whole_numbers_may_have_a_point(value: float) -> None:
    """Numbers arrive from Pulumi with a point: 2.0 is 2."""
    spec = spec_from_line(LINE | {"gpus": value})
    assert spec.gpus == 2
    assert isinstance(spec.gpus, int)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2", [2], float("nan"), float("inf"), 2**63, {}])
def test_a_count_is_a_whole_number_from_one(value: object) -> None:
    """A number of GPUs is a whole number from 1: no fraction, no truth value, no text; said as the line has it."""
    shown = repr(value) if isinstance(value, str) else json.dumps(value)
    assert faults(LINE | {"gpus": value}) == (
        f"gpus: {shown} is not a number of GPUs of the pod; allowed: whole numbers from 1"
        + (" to 9223372036854775807" * (value == 2**63)),
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"gpuss": 2}, "gpuss: unknown key; did you mean 'gpus'?"),
        (
            {"x": 2},
            (
                "x: unknown key; known keys: id, gpu, gpus, engine, engine_version, model, model_id, model_revision, "
                "config, weights_bytes, gguf, args, env"
            ),
        ),
        ({"engine": None}, f"engine: missing; allowed: {KNOWN}"),
        ({"engine": 3}, f"engine: 3 is not a text; allowed: {KNOWN}"),
        ({"engine_version": 3.0}, "engine_version: 3.0 is not a text; allowed: a release such as 3.0.1"),
        ({"engine_version": " "}, "engine_version: ' ' is not a text; allowed: a release such as 3.0.1"),
        ({"model": ["a"]}, 'model: ["a"] is not a text; allowed: a repository id such as ' + MISTRAL),
        ({"model": None}, "model: missing; allowed: model (a catalogue id) or config (the content of config.json)"),
        (
            {"config": dict(CONFIG)},
            "model: given beside config; allowed: one of them, with the name of a config in model_id",
        ),
        ({"model": None, "config": []}, "config: [] is not an object; allowed: the content of config.json"),
        ({"weights_bytes": -5}, "weights_bytes: -5 is not a number of bytes; allowed: whole numbers from 1"),
        ({"args": "--num-shard 1"}, "args: '--num-shard 1' is not a list; allowed: a list of texts, one per argument"),
        ({"args": ["--num-shard", 1]}, 'args[1]: 1 is not a text; allowed: "1"'),
        ({"args": [None]}, "args[0]: null is not a text; allowed: a text in quotes"),
        ({"env": []}, "env: [] is not an object; allowed: values by name of variable"),
        ({"env": {"A": 1}}, 'env.A: 1 is not a text; allowed: "1", or null where the value is not known here'),
    ],
    ids=str,
)
def test_names_what_is_wrong(change: dict[str, Any], fault: str) -> None:
    """Each fault names the key, the value found and what is allowed."""
    assert faults(LINE | change) == (fault,)


def test_names_everything_that_is_wrong_at_once() -> None:
    """All faults of a line come in one error, those of a malformed configuration among them."""
    found = faults({"gpu": 1, "gpus": "two", "args": [1], "config": {"model_type": "llama", "hidden_size": -1}, "y": 0})
    keys = [fault.partition(":")[0] for fault in found]
    assert keys[:4] == ["y", "gpu", "gpus", "engine"]
    assert set(keys[4:]) == {"config", "args[0]"}
    assert any("hidden_size" in fault for fault in found)


def test_long_values_are_cut() -> None:
    """A value that is long is shown only as far as it takes to recognise it."""
    (fault,) = faults(LINE | {"gpus": "9" * 1000})
    assert len(fault) < 200


SPECS = st.builds(
    ServingSpec,
    release=st.builds(Release, st.just("nobody"), st.none() | st.sampled_from(["0.8.5", "latest"])),
    gpu=st.sampled_from(hardware.gpu_models()),
    gpus=st.integers(1, 64),
    model=st.builds(models.resolve, st.sampled_from([MISTRAL, "nobody/nothing"]), revision=st.none() | st.just("main")),
    command=st.builds(
        CommandLine,
        st.lists(st.text(), max_size=4).map(tuple),
        st.dictionaries(st.text(min_size=1), st.none() | st.text(), max_size=3),
    ),
    id=st.none() | st.text(min_size=1).filter(str.strip),
)


@given(spec=SPECS)
def test_a_line_read_back_is_the_spec(spec: ServingSpec) -> None:
    """Writing a spec as a line, through JSON, and reading it back gives the same spec."""
    assert spec_from_line(json.loads(json.dumps(line_from_spec(spec)))) == spec


def test_a_line_of_a_configuration_carries_it() -> None:
    """A model that was given by its configuration is handed on with it."""
    content = {key: value for key, value in LINE.items() if key != "model"}
    content |= {"config": dict(CONFIG), "model_id": "own/name", "weights_bytes": 7}
    line = line_from_spec(spec_from_line(content))
    assert line == content
    assert spec_from_line(line) == spec_from_line(content)


def test_a_path_is_handed_on_by_name() -> None:
    """A model without id and configuration leaves no name in its line."""
    spec = spec_from_line(LINE)
    bare = ServingSpec(spec.release, spec.gpu, 1, Model(None, None, "none"), spec.command)
    assert "model" not in line_from_spec(bare)


# Plan documents

KEYS = {"schema", "id", "verdict", "findings", "memory", "spec", "fixes"}


def test_a_plan_of_an_accept() -> None:
    """An accepted spec: no findings, the bill of every GPU in bytes, and how it runs."""
    plan = plan_document(judge(spec_from_line(LINE)))
    assert set(plan) == KEYS
    assert (plan["schema"], plan["id"], plan["verdict"]) == ("voltaic/plan/v1", "one", "accept")
    assert plan["findings"] == plan["fixes"] == []
    memory = plan["memory"]
    assert set(memory) == {"per_gpu", "kv_cache_bytes_per_token", "kv_cache_tokens", "peak_moment", "moments"}
    (gpu,) = memory["per_gpu"]
    terms = gpu.pop("terms")
    assert all(isinstance(size, int) for size in terms.values())
    assert set(gpu) == {"budget", "context", "weights", "kv_cache", "activations", "other", "total", "headroom"}
    assert all(isinstance(size, int) for size in gpu.values())
    assert gpu["budget"] - gpu["total"] == gpu["headroom"] > 0
    assert (memory["kv_cache_bytes_per_token"], memory["kv_cache_tokens"]) == (131_072, 4096)
    assert plan["spec"]["runs"]["implementation"] == "transformers-fallback"
    assert json.loads(json.dumps(plan)) == plan


def test_a_plan_of_a_refusal() -> None:
    """A refused spec: findings with all their parts, and ways out with what they need."""
    plan = plan_document(judge(spec_from_line(LINE | {"model": "meta-llama/Llama-2-13b-chat-hf"})))
    assert plan["verdict"] == "refuse"
    (finding,) = plan["findings"]
    assert set(finding) == {"rule", "level", "outcome", "message", "why", "fix", "sources"}
    assert (finding["rule"], finding["level"], finding["outcome"]) == ("vram-budget", "mandatory", "violation")
    assert all(isinstance(source, str) for source in finding["sources"])
    assert plan["fixes"]
    for fix in plan["fixes"]:
        assert set(fix) - {"tight"} == {"settings", "total", "verdict", "commands"}
        assert fix["verdict"] == "accept"
        assert isinstance(fix["total"], int)
    assert json.loads(json.dumps(plan)) == plan


def test_a_plan_without_a_bill() -> None:
    """Where nothing can be said of memory, `memory` is null, and so is how it runs."""
    plan = plan_document(judge(spec_from_line(LINE | {"gpu": None, "id": None})))
    assert plan["verdict"] == "unknown"
    assert plan["memory"] is None
    assert plan["id"] is None
    assert plan["spec"]["runs"] is None


def test_the_spec_of_a_plan_is_a_line() -> None:
    """What a plan prints as its spec can be judged again, with the same verdict."""
    verdict = judge(spec_from_line(LINE))
    assert judge(spec_from_line(plan_document(verdict)["spec"])).verdict == verdict.verdict


def test_a_plan_keeps_secrets() -> None:
    """Keys and tokens are in no plan: not in arguments, not in variables, not in findings."""
    secret = "s3cr3t-value"
    line = LINE | {
        "args": [*ARGS, "--api-key", secret, f"--ngrok-authtoken={secret}", "--no-such-option", secret],
        "env": {"HF_TOKEN": secret, "API_KEY": secret, "MAX_TOTAL_TOKENS": "2048"},
    }
    plan = plan_document(judge(spec_from_line(line)))
    assert secret not in json.dumps({key: plan[key] for key in ("findings", "fixes")})
    assert plan["spec"]["args"][-4:-1] == [HIDDEN, f"--ngrok-authtoken={HIDDEN}", "--no-such-option"]
    assert plan["spec"]["env"] == {"HF_TOKEN": None, "API_KEY": None, "MAX_TOTAL_TOKENS": "2048"}

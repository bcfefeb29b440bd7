"""Changes of settings, applied to a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import hardware
from voltaic.changes import apply
from voltaic.document import spec_from_line

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"


def spec_of(*args: str, version: str = "3.0.1", env: dict[str, str | None] | None = None) -> ServingSpec:
    """Return a spec on two V100 with these arguments."""
    line = {"gpu": "v100-16gb", "gpus": 2, "engine": "tgi", "engine_version": version, "model": MISTRAL}
    return spec_from_line(line | {"args": list(args), "env": env or {}})


def changed(spec: ServingSpec, settings: dict[str, Any]) -> ServingSpec:
    """Return the changed spec, which there is."""
    found = apply(spec, settings)
    assert found is not None
    return found


def test_limits_become_arguments() -> None:
    """A limit is set in place of its older value, in either spelling, and the rest stays."""
    spec = spec_of("--num-shard", "1", "--max-total-tokens=4096", "--port", "8080")
    after = changed(spec, {"maxTotalTokens": 2048, "maxBatchSize": 2})
    assert after.command.args == (
        *("--num-shard", "1", "--max-total-tokens", "2048"),
        *("--port", "8080", "--max-batch-size", "2"),
    )
    assert after.option("max_total_tokens") == 2048


def test_arguments_win_over_variables_that_said_it() -> None:
    """A variable that said what is changed is left out; others stay, those that are not known here among them."""
    env = {"MAX_TOTAL_TOKENS": "4096", "MAX_INPUT_LENGTH": "5", "HF_TOKEN": None, "MAX_BATCH_SIZE": "3"}
    after = changed(spec_of(env=env), {"maxTotalTokens": 2048, "maxInputTokens": 1024})
    assert after.command.env == {"HF_TOKEN": None, "MAX_BATCH_SIZE": "3"}
    assert (after.option("max_total_tokens"), after.option("max_input_tokens")) == (2048, 1024)
    assert after.option("max_batch_size") == 3
    assert "--max-batch-size" not in after.command.args


def test_none_removes() -> None:
    """A setting that is removed is gone from arguments and variables."""
    spec = spec_of("--quantize", "awq", env={"QUANTIZE": "awq"})
    after = changed(spec, {"quantization": None})
    assert after.command.args == ()
    assert after.command.env == {}


def test_shards_replace_every_way_to_shard() -> None:
    """One shard is one shard, whatever `--sharded` and its variable said."""
    after = changed(spec_of("--sharded", "true", env={"SHARDED": "true", "NUM_SHARD": "2"}), {"shards": 1})
    assert after.command.args == ("--num-shard", "1")
    assert after.command.env == {}


def test_a_profile_changes_gpu_and_count() -> None:
    """A profile is a GPU model and a count."""
    after = changed(spec_of(), {"profile": "v100-32gb-1gpu"})
    assert (after.gpu, after.gpus) == (hardware.gpu_model("v100-32gb"), 1)


def test_gpus_are_changed_alone_or_with_the_profile() -> None:
    """A stack that states its GPUs beside the profile has both changed."""
    assert changed(spec_of(), {"gpus": 1}).gpus == 1
    after = changed(spec_of(), {"profile": "v100-4gpu", "gpus": 4})
    assert (after.gpu, after.gpus) == (hardware.gpu_model("v100-16gb"), 4)


def test_a_model_takes_its_revision_away() -> None:
    """Another model has other revisions; where the arguments name the model, they name the new one."""
    spec = spec_of("--model-id", MISTRAL, "--revision", "abc", env={"REVISION": "abc"})
    after = changed(spec, {"model": "microsoft/phi-2", "modelRevision": None})
    assert after.model.id == "microsoft/phi-2"
    assert after.command.args == ("--model-id", "microsoft/phi-2")
    assert after.command.env == {}


def test_a_release_has_its_own_names() -> None:
    """What a release calls otherwise is called so there."""
    after = changed(spec_of("--max-input-tokens", "1024"), {"engineVersion": "1.4.5"})
    assert after.release.version == "1.4.5"
    assert after.command.args == ("--max-input-length", "1024")
    assert after.command.faults == ()


def test_what_voltaic_adds_itself_gives_way() -> None:
    """Usage statistics are left away where a release knows no such option, as a stack does."""
    after = changed(spec_of("--usage-stats", "off", "--port", "8080"), {"engineVersion": "2.0.4"})
    assert after.command.args == ("--port", "8080")


def test_what_a_release_lacks_cannot_be_changed_to() -> None:
    """A release without `--quantize fp8` cannot be given it."""
    assert apply(spec_of(version="1.2.0"), {"quantization": "fp8"}) is None
    assert apply(spec_of("--max-batch-size", "1"), {"engineVersion": "1.2.0"}) is None


def test_variables_are_set() -> None:
    """Variables join those that are there."""
    after = apply(spec_of(env={"A": "1"}), {}, {"USE_FLASH_ATTENTION": "false"})
    assert after is not None
    assert after.command.env == {"A": "1", "USE_FLASH_ATTENTION": "false"}


def test_nothing_is_applied_to_an_unknown_engine() -> None:
    """The command line of an engine without facts cannot be written."""
    spec = spec_from_line({"engine": "nobody", "model": MISTRAL})
    assert apply(spec, {"maxBatchSize": 1}) is None


@pytest.mark.parametrize("first", [0, 1])
def test_two_specs_are_never_mixed(first: int) -> None:
    """Changing two specs in turn keeps to the arguments of each."""
    specs = [spec_of("--port", "1"), spec_of("--port", "2")]
    order = [first, 1 - first, first]
    found = [changed(specs[index], {"maxBatchSize": 1}).option("port") for index in order]
    assert found == [index + 1 for index in order]


def test_a_batch_size_bounds_what_the_release_keeps_to() -> None:
    """Up to 2.2.0 a batch size becomes a bound of the concurrent requests, also where there is no such option yet."""
    for version in ("1.2.0", "2.0.4"):
        old = changed(spec_of("--num-shard", "1", version=version), {"maxBatchSize": 2})
        assert (old.option("max_batch_size"), old.option("max_concurrent_requests")) == (None, 2)
    new = changed(spec_of("--num-shard", "1"), {"maxBatchSize": 2})
    assert (new.option("max_batch_size"), new.option("max_concurrent_requests")) == (2, None)

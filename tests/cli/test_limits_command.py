"""`voltaic limits`: the largest safe limits, and what to type for them."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from voltaic import settings
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]
    Problems = Callable[[str, Any], list[str]]

MISTRAL = ("--profile", "v100-1gpu", "--model", "mistralai/Mistral-7B-Instruct-v0.2")
TOO_LARGE = ("--profile", "v100-1gpu", "--model", "meta-llama/Llama-2-13b-chat-hf")


def test_the_document_meets_its_schema_and_orders_its_limits(voltaic: Voltaic, problems: Problems) -> None:
    """Each limit has a value with room and one at most, at least as large."""
    document = json.loads(voltaic("limits", *MISTRAL, "--json").stdout)

    assert problems("limits.schema.json", document) == []
    assert document["verdict"] == "accept"
    for found in document["limits"].values():
        assert found["roomy"]["value"] <= found["tight"]["value"] <= found["most"]


def test_one_more_than_the_most_is_refused(voltaic: Voltaic) -> None:
    """The largest number of requests is the largest: with one more the same stack is refused."""
    words = (*MISTRAL, "--env", "USE_FLASH_ATTENTION=false")
    engine = ("--num-shard", "1", "--max-input-tokens", "384", "--max-total-tokens", "512")
    engine = (*engine, "--max-batch-prefill-tokens", "384", "--max-batch-size", "1")

    most = json.loads(voltaic("limits", *words, "--json", "--", *engine).stdout)["limits"]["maxBatchSize"]["tight"]

    assert voltaic("plan", *words, "--", *engine[:-1], str(most["value"])).exit_code == 0
    assert voltaic("plan", *words, "--", *engine[:-1], str(most["value"] + 1)).exit_code == 1


def test_what_to_type_makes_a_stack_that_is_accepted(voltaic: Voltaic) -> None:
    """The settings printed for each limit, typed into a stack file, give these limits and an accept."""
    text = voltaic("limits", *MISTRAL).stdout
    blocks = [block for block in re.split(r"^(?=\S.*:$)", text, flags=re.MULTILINE) if "pulumi config set" in block]

    assert len(blocks) == 2
    for block in blocks:
        commands = [shlex.split(line) for line in block.splitlines() if line.startswith("    pulumi config set ")]
        stated = {words[3]: words[4] for words in commands}
        spec = settings.serving_spec(
            settings.read({"profile": MISTRAL[1], "model": MISTRAL[3], **stated}, where="Pulumi.x.yaml")
        )
        verdict = judge(spec)
        assert verdict.verdict == "accept"
        assert not verdict.tight
        assert spec.option("max_total_tokens") == int(stated["maxTotalTokens"])
        assert spec.option("max_batch_size") == int(stated["maxBatchSize"])


def test_a_command_line_of_ones_own_gets_a_plan_to_type(voltaic: Voltaic) -> None:
    """Without a stack the change is a command line, and it is accepted."""
    words = (*MISTRAL, "--env", "USE_FLASH_ATTENTION=false", "--", "--num-shard", "1")
    words = (*words, "--max-input-tokens", "512", "--max-total-tokens", "1024", "--max-batch-size", "1")

    text = voltaic("limits", *words).stdout

    plans = [shlex.split(line) for line in text.splitlines() if line.startswith("    voltaic plan ")]
    assert len(plans) == 2
    assert [voltaic(*plan[1:]).exit_code for plan in plans] == [0, 0]
    assert "pulumi" not in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (TOO_LARGE, 1, "None are known to be safe: Needs 2"),
        (("--profile", "v100-1gpu", "--model", "nobody/nothing"), 3, "None are known to be safe: Whether "),
        (("--profile", "v100-1gpu"), 2, ""),
        (("--profile", "v100-1gpu", "--profile", "v100-2gpu", "--model", "gpt2"), 2, ""),
    ],
    ids=["refused", "unknown", "bad input", "two profiles"],
)
def test_where_there_are_none_the_reason_is_given(
    voltaic: Voltaic, problems: Problems, words: tuple[str, ...], code: int, said: str
) -> None:
    """1 where nothing is accepted, 3 where nothing is known, 2 for bad input; with --json a document all the same."""
    text = voltaic("limits", *words)
    document = json.loads(voltaic("limits", *words, "--json").stdout)

    assert (text.exit_code, said in text.stdout) == (code, True)
    assert problems("limits.schema.json", document) == []


def test_an_engine_with_a_pool_says_how_many_requests_it_holds(voltaic: Voltaic, problems: Problems) -> None:
    """The pool is taken whatever the limits are: its tokens, and whole requests of the longest kind, are told."""
    words = ("limits", "--profile", "a100-80gb-1gpu", "--engine", "vllm", "--model", MISTRAL[3])

    text = voltaic(*words, "--", "--max-model-len", "4096").stdout
    document = json.loads(voltaic(*words, "--json", "--", "--max-model-len", "4096").stdout)

    pool = document["pool"]
    assert problems("limits.schema.json", document) == []
    assert (pool["total"], pool["requests"]) == (4096, pool["tokens"] // 4096)
    assert "Requests at once of which none waits, each as long as now, with room:" in text
    assert f"The engine's pool holds {pool['tokens']:,} tokens: {pool['requests']:,} requests of 4,096" in text
    assert json.loads(voltaic("limits", *MISTRAL, "--json").stdout)["pool"] is None


@pytest.mark.parametrize("width", [40, 100])
def test_lines_fit_the_terminal(voltaic: Voltaic, width: int) -> None:
    """Only commands keep their length; no line ends in blanks."""
    lines = voltaic("limits", *TOO_LARGE, env={"COLUMNS": str(width)}).stdout.splitlines()

    assert max(map(len, lines)) <= width
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("width", [40, 60, 200])
def test_numbers_are_whole_in_any_terminal(voltaic: Voltaic, width: int) -> None:
    """A narrow terminal gets fewer columns, never half a number or half a key."""
    words = ("limits", "--profile", "v100-1gpu", "--model", "microsoft/phi-2")
    text = voltaic(*words, env={"COLUMNS": str(width)}).stdout

    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith("max")}
    assert rows.keys() == {"maxTotalTokens", "maxBatchSize", "maxBatchTotalTokens"}
    assert rows["maxTotalTokens"] == ["2,048"] * (2 if width < 60 else 3)
    assert "with room (the model's whole context):" in " ".join(text.split())


def test_the_limit_of_all_requests_follows_where_an_engine_ignores_it(voltaic: Voltaic) -> None:
    """TGI with flash attention takes what is free; its launcher still compares the limit with a longer request."""
    words = ("limits", "--profile", "h100-1gpu", "--model", "Qwen/Qwen2.5-14B-Instruct", "--json")
    longest = json.loads(voltaic(*words).stdout)["limits"]["maxTotalTokens"]["roomy"]

    assert longest["value"] == 32768
    assert longest["settings"]["maxBatchTotalTokens"] == 32768

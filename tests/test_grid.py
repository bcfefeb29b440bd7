"""Grids of verdicts: how a cell comes to its spec, and what is said where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic import defaults, grid, hardware, models
from voltaic.document import line_from_spec, spec_from_line
from voltaic.spec import Release
from voltaic.verdict import judge

PHI = "microsoft/phi-2"
LLAMA = "meta-llama/Llama-2-7b-chat-hf"
OFF = {"USE_FLASH_ATTENTION": "false"}


def judged(
    engine: str = "tgi",
    version: str | None = "3.0.1",
    *,
    model: str = PHI,
    profile: str = "v100-1gpu",
    told: grid.Told | None = None,
    **axes: Any,
) -> list[grid.Cell]:
    """Return the cells of one server."""
    found = grid.Axes((models.resolve(model),), (Release(engine, version),), (hardware.profile(profile),), **axes)
    cells = list(grid.cells(found, told or grid.Told()))
    assert len(cells) == len(found)
    return cells


def test_what_a_stack_would_derive_is_derived() -> None:
    """Without limits a cell is the stack of profile and model alone, and says the limits that it gets."""
    (cell,) = judged()

    assert cell.judged is not None
    assert (cell.verdict, cell.reason, cell.limits) == ("accept", None, (2048, 4))
    assert cell.judged.spec.command.env["USE_FLASH_ATTENTION"] == "false"


@pytest.mark.parametrize(
    ("engine", "shards", "length"),
    [("vllm", "tensor_parallel_size", "max_model_len"), ("lmdeploy", "tp", "session_len")],
)
def test_another_engine_gets_what_it_needs_on_these_gpus(engine: str, shards: str, length: str) -> None:
    """Without arguments it gets a shard a GPU and what it requires there, so that its limits are what is judged."""
    cells = judged(engine, defaults.engine_version(engine), model=LLAMA, profile="v100-2gpu", contexts=(2048, 4096))

    assert [cell.verdict for cell in cells] == ["accept", "accept"]
    for cell in cells:
        assert cell.judged is not None
        assert (cell.judged.spec.option(shards), cell.judged.spec.option(length)) == (2, cell.context)
        assert cell.limits[0] == cell.context


def test_what_is_told_stays_and_a_pool_that_was_stated_grows() -> None:
    """A longer request takes its prompt and the stated pool along; nothing else is changed."""
    args = ("--num-shard", "1", "--max-input-tokens", "512", "--max-total-tokens", "1024", "--max-batch-size", "1")
    args = (*args, "--max-batch-prefill-tokens", "512", "--max-batch-total-tokens", "1024")
    told = grid.Told(args, OFF)

    same, longer = judged(told=told, contexts=(1024, 2048))

    assert same.judged is not None
    assert longer.judged is not None
    assert sorted(line_from_spec(same.judged.spec)["args"]) == sorted(args)
    assert longer.judged.spec.option("max_input_tokens") == 1024
    assert longer.judged.spec.option("max_batch_total_tokens") == 2048
    assert longer.verdict == "accept"


def test_a_release_or_an_engine_without_facts_is_unknown_in_every_cell() -> None:
    """Nothing is guessed, and each cell has a reason."""
    for engine, version in (("tgi", "9.9.9"), ("unheard-of", "1.0.0")):
        cells = judged(engine, version, told=grid.Told(("--max-total-tokens", "2048"), OFF), contexts=(1024, 2048))
        assert [cell.verdict for cell in cells] == ["unknown", "unknown"]
        assert all(cell.reason is not None and cell.bill is None and cell.worst is None for cell in cells)


def test_a_limit_that_the_release_cannot_be_told_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no option says a limit there is nothing to judge; the cell says so and keeps what was asked."""
    monkeypatch.setattr("voltaic.grid.changes.apply", lambda *_: None)

    (cell,) = judged(told=grid.Told((), OFF), batch_sizes=(3,))

    assert (cell.judged, cell.verdict, cell.tight, cell.limits) == (None, "unknown", False, (None, 3))
    assert cell.reason == ("limits", "tgi 3.0.1 has no option that says this limit, or its options are not known.")


def test_the_reason_is_the_first_of_those_that_decide() -> None:
    """A refused cell names the rule that refuses it, not advice beside it."""
    (cell,) = judged(model="meta-llama/Llama-2-13b-chat-hf", contexts=(1024,))

    assert cell.verdict == "refuse"
    assert cell.reason is not None
    assert cell.reason[0] == "vram-budget"
    assert cell.worst is not None
    assert cell.worst.headroom < 0


def test_nothing_asked_changes_nothing() -> None:
    """Without a limit the spec is handed back as it is."""
    line = {"gpu": "v100-16gb", "gpus": 1, "engine": "tgi", "engine_version": "3.0.1", "model": PHI}
    spec = spec_from_line(line)

    assert grid.with_limits(spec) is spec


def test_other_limits_leave_what_was_not_asked_about() -> None:
    """A longer or shorter request, and more of them, change no limit of vLLM's passes, which nobody stated."""
    line = {"gpu": "h100-80gb", "gpus": 1, "engine": "vllm", "engine_version": "0.8.5", "args": []}
    spec = spec_from_line(line | {"model": "Qwen/Qwen2.5-14B-Instruct"})
    changed = grid.with_limits(spec, total=512, requests=4096)
    assert changed is not None
    assert changed.command.args == ("--max-num-seqs", "4096", "--max-model-len", "512")
    assert judge(changed).verdict == "accept"

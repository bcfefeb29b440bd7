"""`voltaic plan --grid`: every combination judged, for people and for machines."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Voltaic = Callable[..., Result]
    Problems = Callable[[str, Any], list[str]]
    Grid = Callable[..., dict[str, Any]]

PHI = "microsoft/phi-2"
LLAMA = "meta-llama/Llama-2-13b-chat-hf"
BASE = ("plan", "--grid", "--model", PHI, "--profile", "v100-1gpu")
SIZES = ("--context", "1024,2048", "--batch-size", "1", "--batch-size", "8")


@pytest.fixture
def document(voltaic: Voltaic, problems: Problems) -> Grid:
    """Return a function that gives a grid as JSON, after proving that it meets its schema."""

    def grid(*words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(voltaic(*words, "--json").stdout)
        assert problems("grid.schema.json", found) == []
        return found

    return grid


def test_every_combination_is_judged_once_and_in_order(document: Grid) -> None:
    """Values are repeated or joined by commas; the last axis changes first, and numbers ascend."""
    found = document(*BASE, "--profile", "v100-2gpu,v100-1gpu", "--context", "2048,1024,2048", *SIZES[2:])

    cells = [(cell["profile"], cell["context"], cell["batch_size"]) for cell in found["cells"]]
    assert cells == [
        (profile, context, size)
        for profile in ("v100-1gpu", "v100-2gpu")
        for context in (1024, 2048)
        for size in (1, 8)
    ]
    assert found["axes"]["contexts"] == [1024, 2048]
    assert sum(found["counts"][word] for word in ("accept", "refuse", "unknown")) == 8


def test_a_cell_says_what_a_plan_of_its_own_command_line_says(voltaic: Voltaic, document: Grid) -> None:
    """Arguments and variables of a cell, judged as a plan, give the same verdict and the same bill."""
    for cell in document(*BASE, *SIZES)["cells"]:
        variables = [word for name, value in cell["env"].items() for word in ("--env", f"{name}={value}")]
        words = ("plan", "--profile", cell["profile"], "--model", PHI, *variables, "--json", "--", *cell["args"])

        plan = json.loads(voltaic(*words).stdout)

        fullest = max(gpu["total"] for gpu in plan["memory"]["per_gpu"])
        assert (plan["verdict"], fullest) == (cell["verdict"], cell["total"])
        options = dict(zip(cell["args"][::2], cell["args"][1::2], strict=True))
        assert options["--max-total-tokens"] == str(cell["context"])
        assert options["--max-batch-size"] == str(cell["batch_size"])


def test_arguments_behind_the_mark_stay_and_limits_follow(voltaic: Voltaic) -> None:
    """What the engine is told holds in every cell; the prompt keeps its share of a longer request."""
    told = ("--env", "USE_FLASH_ATTENTION=false", "--json")
    engine = ("--", "--num-shard", "1", "--max-input-tokens", "512", "--max-total-tokens", "1024")

    cells = json.loads(voltaic(*BASE, "--context", "2048", *told, *engine).stdout)["cells"]

    words = cells[0]["args"]
    assert words[words.index("--max-total-tokens") + 1] == "2048"
    assert words[words.index("--max-input-tokens") + 1] == "1024"
    assert "--num-shard" in words


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--model", LLAMA), 0),
        (("--profile", "v100-2gpu", "--engine", "tgi@3.3.7"), 1),
        (("--model", "nobody/nothing", "--engine", "tgi@9.9.9"), 3),
        (("--profile", "nothing"), 2),
    ],
    ids=["something accepted", "nothing accepted", "only unknown", "bad input"],
)
def test_the_exit_code_says_whether_there_is_a_way(voltaic: Voltaic, words: tuple[str, ...], code: int) -> None:
    """0 where any cell is accepted, else 1 where any is refused, else 3; 2 for bad input."""
    base = ("plan", "--grid", "--profile", "v100-1gpu", *(() if "nobody/nothing" in words else ("--model", PHI)))

    assert voltaic(*base, *words).exit_code == code


def test_the_table_needs_no_colour_and_no_width(voltaic: Voltaic) -> None:
    """Verdicts are words, sizes have signs, lines fit a narrow terminal and end without blanks."""
    result = voltaic(*BASE, *SIZES, "--model", LLAMA, env={"COLUMNS": "60"})

    lines = result.stdout.splitlines()
    assert "3 accept, 5 refuse, 0 unknown" in lines
    assert [line.split()[:3] for line in lines if line.split()[:2] == ["1024", "1"]] == [
        ["1024", "1", "accept"],
        ["1024", "1", "REFUSE"],
    ]
    assert max(map(len, lines)) <= 60
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("width", [40, 79, 80, 100])
def test_no_width_cuts_a_number(voltaic: Voltaic, width: int) -> None:
    """A narrow terminal gets fewer columns; what is there is whole, and marks lead to their messages."""
    words = (*BASE, "--engine", "vllm@0.8.5", "--context", "1024,4096")

    result = voltaic(*words, env={"COLUMNS": str(width)})

    lines = result.stdout.splitlines()
    assert "…" not in result.stdout
    assert max(map(len, lines)) <= width
    (row,) = [number for number, line in enumerate(lines) if line.split()[:1] == ["4096"]]
    assert "REFUSE" in lines[row]
    assert "[1]" in "".join(lines[row : row + 2])
    assert [line for line in lines if line.startswith("  [1] ")]


def test_what_is_refused_everywhere_is_said_once(voltaic: Voltaic) -> None:
    """A release that does not run there is one paragraph, not a table of the same line."""
    result = voltaic(*BASE, *SIZES, "--engine", "tgi@3.3.7")

    assert " ".join(result.stdout.split()).count("no kernel image") == 1
    assert "REFUSE at all 4 limits  engine-gpu-support" in result.stdout


def test_csv_has_a_row_a_cell_with_bytes(voltaic: Voltaic, tmp_path: Path) -> None:
    """The file holds the same as the document, and nothing is left beside it."""
    target = tmp_path / "grid.csv"

    printed = voltaic(*BASE, *SIZES, "--csv", "-").stdout
    result = voltaic(*BASE, *SIZES, "--csv", str(target), "--json")

    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    cells = json.loads(result.stdout)["cells"]
    assert target.read_text(encoding="utf-8") == printed
    assert [row["verdict"] for row in rows] == [cell["verdict"] for cell in cells]
    assert [int(row["total_bytes"]) for row in rows] == [cell["total"] for cell in cells]
    assert os.listdir(tmp_path) == ["grid.csv"]  # noqa: PTH208  hidden files too


def test_an_interrupted_run_writes_nothing(voltaic: Voltaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle leaves the old file as it was, and none beside it."""
    target = tmp_path / "grid.csv"
    target.write_text("old\n", encoding="utf-8")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.files.os.fsync", interrupted)
    voltaic(*BASE, "--csv", str(target))

    assert target.read_text(encoding="utf-8") == "old\n"
    assert os.listdir(tmp_path) == ["grid.csv"]  # noqa: PTH208  hidden files too


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--context", "0,x"), "--context: '0' is not a number of tokens; allowed: whole numbers from 1 to 2147483647"),
        (("--engine", "tgy"), "--engine: unknown engine 'tgy'; did you mean 'tgi'? known: "),
        (("--engine", "tgi,"), "--engine: an empty value between commas; write it as in --engine A,B"),
        (("--engine", "tgi@"), "--engine: 'tgi@' names no release behind @; write it as in tgi@3.0.1"),
        (("--engine", "tgi@3.0.1", "--engine-version", "3.0.2"), "--engine-version: of which engine?"),
        (("--gpu", "t4-16gb"), "--profile: give --profile NAME, or --gpu MODEL with --gpus N"),
        (("--csv", "/nowhere/grid.csv"), "--csv /nowhere/grid.csv: the folder /nowhere does not exist; make it first"),
        (("--csv", "."), "--csv . is a folder; give the name of a file in it"),
        (("--csv", "-", "--json"), "--csv -, --json: both write to stdout; give one, or --csv FILE"),
        (("--plot", "a.png"), "--plot: draws one spec; leave out --grid"),
        (("--env", "A"), "--env: 'A' is no variable with a value; write it as NAME=VALUE"),
        (("--model-dir", "/nowhere"), "--model-dir /nowhere: "),
        (
            ("--context", ",".join(map(str, range(1, 2002)))),
            "--grid: 1 models x 1 releases x 1 profiles x 2001 contexts x 1 batch sizes = 2,001 cells; at most 2,000",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_faults_are_named_before_anything_is_judged(voltaic: Voltaic, words: tuple[str, ...], message: str) -> None:
    """Each fault says what was found, what is allowed and what to do; exit code 2."""
    result = voltaic(*BASE, *words)

    assert message in result.stderr
    assert result.exit_code == 2


@pytest.mark.parametrize("words", [("--context", "1"), ("--batch-size", "1"), ("--csv", "-")])
def test_options_of_a_grid_need_one(voltaic: Voltaic, words: tuple[str, ...]) -> None:
    """Without --grid they would say nothing, which is said."""
    result = voltaic("plan", "--model", PHI, "--profile", "v100-1gpu", *words)

    assert f"{words[0]}: belongs to --grid" in result.stderr
    assert result.exit_code == 2


def test_several_values_without_a_grid_are_a_fault(voltaic: Voltaic) -> None:
    """A plan judges one spec; nothing that was typed is lost in silence."""
    result = voltaic("plan", "--model", PHI, "--model", LLAMA, "--profile", "v100-1gpu")

    assert result.stderr == (
        f"voltaic plan: --model: given 2 times ({PHI}, {LLAMA}); give one, or several with --grid\n"
        "Try 'voltaic plan --help'.\n"
    )


def test_a_folder_is_a_model_like_any_other(document: Grid, tmp_path: Path) -> None:
    """A configuration from --model-dir is derived and judged beside a model of the catalogue."""
    from voltaic.models import known_model

    known = known_model("TinyLlama/TinyLlama-1.1B-Chat-v1.0")
    assert known is not None
    (tmp_path / "config.json").write_text(json.dumps(dict(known.config)), encoding="utf-8")

    found = document(*BASE, "--model-dir", str(tmp_path), "--context", "1024")

    assert [cell["model"] for cell in found["cells"]] == [PHI, str(tmp_path)]
    assert [cell["verdict"] for cell in found["cells"]] == ["accept", "accept"]

"""GPUs, shards and replicas as one decision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.editing import layouts
from voltaic.settings.decisive import Decisive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Voltaic = Callable[..., Result]

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"


@pytest.mark.parametrize(
    ("profile", "model", "expected"),
    [
        ("v100-1gpu", MISTRAL, {"1 replica x 1 GPU": "accept"}),
        (
            "v100-2gpu",
            MISTRAL,
            {
                "2 replicas x 1 GPU": "accept",
                "1 replica x 2 GPUs, layer split": "accept",
                "1 replica x 2 GPUs, tensor parallel": "refuse",
            },
        ),
        (
            "v100-2gpu",
            "tiiuae/falcon-7b-instruct",
            {
                "2 replicas x 1 GPU": "accept",
                "1 replica x 2 GPUs, layer split": "refuse",
                "1 replica x 2 GPUs, tensor parallel": "refuse",
            },
        ),
        (
            "h100-2gpu",
            MISTRAL,
            {"2 replicas x 1 GPU": "accept", "1 replica x 2 GPUs, tensor parallel": "accept"},
        ),
    ],
)
def test_layouts_are_those_of_the_node_and_the_engine(profile: str, model: str, expected: dict[str, str]) -> None:
    """Each is judged; one shard on GPUs that would idle is no layout."""
    found = layouts.of(Decisive(profile, model))
    assert {str(layout): layout.verdict.verdict for layout in found} == expected


@pytest.mark.parametrize(
    ("profile", "model", "least", "expected"),
    [
        ("v100-2gpu", MISTRAL, 6144, "1 replica x 2 GPUs, layer split"),
        ("v100-2gpu", MISTRAL, 2048, "2 replicas x 1 GPU"),
        ("v100-2gpu", "tiiuae/falcon-7b-instruct", 0, "2 replicas x 1 GPU"),
        ("h100-4gpu", "meta-llama/Meta-Llama-3-70B-Instruct", 6144, "2 replicas x 2 GPUs, tensor parallel"),
        ("v100-1gpu", "meta-llama/Meta-Llama-3-70B-Instruct", 0, "None"),
    ],
)
def test_the_better_one_uses_most_gpus_at_once_for_requests_as_long_as_now(
    profile: str, model: str, least: int, expected: str
) -> None:
    """No request that is served now becomes too long."""
    assert str(layouts.best(layouts.of(Decisive(profile, model)), least)) == expected


def test_stated_limits_are_judged_in_each_layout() -> None:
    """What one GPU cannot hold is refused there."""
    found = layouts.of(Decisive("v100-2gpu", MISTRAL, max_total_tokens=8192))
    verdicts = {str(layout): layout.verdict.verdict for layout in found}
    assert verdicts["2 replicas x 1 GPU"] == "refuse"
    assert verdicts["1 replica x 2 GPUs, layer split"] == "accept"


def test_the_list_says_what_is_and_what_is_better(voltaic: Voltaic, project: Path) -> None:
    """A table with what runs now, a sentence on each alternative, and the command for it."""
    before = (project / "Pulumi.two.yaml").read_bytes()
    result = voltaic("scale")
    said = " ".join(result.stdout.split())
    assert result.exit_code == 0
    assert "now 1 replica x 2 GPUs, layer" in said
    assert "Better: 1 replica x 2 GPUs, layer split. A request has the memory of 2 GPUs, which take turns" in said
    assert "2 replicas x 1 GPU: more GPUs at work at once, for requests of 2,048 tokens at most." in said
    assert "voltaic scale --stack two --gpus 1 --replicas 2" in said
    assert (project / "Pulumi.two.yaml").read_bytes() == before


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("columns", ["40", "60", "80", "200"])
def test_the_list_fits_any_terminal(voltaic: Voltaic, columns: str) -> None:
    """No line is wider than the terminal but the commands, and no number is cut."""
    lines = voltaic("scale", env={"COLUMNS": columns}).stdout.splitlines()
    assert [line for line in lines if len(line) > int(columns) and "voltaic scale" not in line] == []
    assert "24,576" in "\n".join(lines)
    assert not any("…" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (("--gpus", "1", "--replicas", "2"), "  voltaic:gpus: 1\n  voltaic:replicas: 2\n"),
        (("--gpus", "2", "--replicas", "1"), ""),
        (("--replicas", "0"), "  voltaic:replicas: 0\n"),
    ],
)
def test_a_layout_is_written_in_the_fewest_lines(
    voltaic: Voltaic, project: Path, words: tuple[str, ...], written: str
) -> None:
    """What the core derives all the same is not stated."""
    before = (project / "Pulumi.two.yaml").read_text(encoding="utf-8")
    assert voltaic("scale", *words).exit_code == 0
    assert (project / "Pulumi.two.yaml").read_text(encoding="utf-8") == before + written


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--shards", "2"), 1, "Sharded Mistral requires Flash"),
        (("--gpus", "4"), 2, "For nodes with 4: voltaic set --stack two profile=v100-4gpu"),
        (("--gpus", "99"), 2, "a node of v100-2gpu has 2, and one replica runs on one node"),
        (("--gpus", "x", "--replicas", "-1"), 2, "2 faults"),
        (("--dry-run",), 2, "nothing to change"),
    ],
)
def test_what_cannot_be_is_said(voltaic: Voltaic, words: tuple[str, ...], code: int, says: str) -> None:
    """Refused, or bad input, with the way out."""
    result = voltaic("scale", *words)
    assert (result.exit_code, says in " ".join(result.output.split())) == (code, True)


def test_a_stack_that_fits_in_no_layout_is_refused(voltaic: Voltaic, project: Path) -> None:
    """Exit code 1: none of them starts."""
    (project / "Pulumi.big.yaml").write_text(
        "config:\n  voltaic:profile: v100-1gpu\n  voltaic:model: meta-llama/Meta-Llama-3-70B-Instruct\n",
        encoding="utf-8",
    )
    result = voltaic("scale", "--stack", "big")
    assert (result.exit_code, "None of them starts" in result.stdout) == (1, True)
    assert json.loads(voltaic("scale", "--stack", "big", "--json").stdout)["why"] == []

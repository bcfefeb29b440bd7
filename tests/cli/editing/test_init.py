"""`voltaic init`: the fewest lines, judged, and nothing overwritten without a yes."""

from __future__ import annotations

import sys
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from cli import init
from cli.editing import choices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Voltaic = Callable[..., Result]

PHI = ("--profile", "v100-1gpu", "--model", "microsoft/phi-2")


def test_a_stack_file_has_the_fewest_lines(voltaic: Voltaic, project: Path) -> None:
    """Profile, model and what else was given; its name is the profile's."""
    result = voltaic("init", *PHI, "--namespace", "team-a")
    assert result.exit_code == 0
    assert (project / "Pulumi.v100-1gpu.yaml").read_text(encoding="utf-8") == (
        "config:\n  voltaic:profile: v100-1gpu\n  voltaic:model: microsoft/phi-2\n  voltaic:namespace: team-a\n"
    )
    assert "Make the stack known to Pulumi: pulumi stack init v100-1gpu" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "2 faults --profile: missing; the GPUs of one node, such as v100-2gpu --model: missing;"),
        (("--profile", "v100-2gpu"), 2, "--model: missing; the best that start on v100-2gpu: "),
        (("--profile", "v100-3"), 2, "--model: missing; a repository id; what fits is listed by"),
        ((*PHI, "--stack", "a/b"), 2, "--stack a/b: letters, digits, - _ and . alone"),
        (("--profile", "v100-9x", "--model", "a/b"), 2, "profile: v100-9x is not known"),
        (("--profile", "v100-1gpu", "--model", "meta-llama/Meta-Llama-3-70B-Instruct"), 1, "REFUSED"),
        (("--profile", "v100-1gpu", "--model", "nobody/knows-it"), 3, "To write it unjudged"),
        ((*PHI, "--dry-run"), 0, "is not written (--dry-run)"),
    ],
)
def test_nothing_is_written_where_something_is_missing_or_would_fail(
    voltaic: Voltaic, project: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    """Without a terminal what is missing is named, all at once."""
    result = voltaic("init", *words)
    assert (result.exit_code, says in " ".join(result.output.split())) == (code, True)
    assert sorted(path.name for path in project.glob("Pulumi.*.yaml")) == ["Pulumi.two.yaml"]


def test_a_file_that_is_there_is_changed_with_a_yes_alone(voltaic: Voltaic, project: Path) -> None:
    """Its changes are shown first; secrets and what others wrote stay."""
    path = project / "Pulumi.two.yaml"
    voltaic("set", "maxBatchSize=1")
    before = path.read_text(encoding="utf-8")

    asked = voltaic("init", "--stack", "two", *PHI)
    assert (asked.exit_code, path.read_text(encoding="utf-8")) == (1, before)
    assert "profile: v100-2gpu → v100-1gpu" in asked.stdout
    assert "maxBatchSize: 1 → not set, derived" in asked.stdout

    assert voltaic("init", "--stack", "two", *PHI, "--yes").exit_code == 0
    after = path.read_text(encoding="utf-8")
    assert "    secure: AAABAKQ+x/y=\n" in after
    assert "maxBatchSize" not in after
    voltaic("set", "--stack", "two", "--undo")
    assert path.read_text(encoding="utf-8") == before


def test_outside_a_project_it_says_so(voltaic: Voltaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack belongs to a project."""
    monkeypatch.chdir(tmp_path)
    result = voltaic("init", *PHI)
    assert (result.exit_code, "no Pulumi.yaml in" in result.stderr) == (2, True)


def test_a_terminal_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong answers are asked again; enter takes the default; a number takes the model of the list."""
    monkeypatch.setattr(sys, "stdin", StringIO("?\nv100-2gp\nv100-1gpu\n99\n2\nteam-a\n\n"))
    given = dict.fromkeys(("profile", "model", "namespace", "context"))

    answers = init.asked_at_terminal(given)

    best = choices.of_profile("v100-1gpu")
    assert answers == {"profile": "v100-1gpu", "model": best[1].model.id, "namespace": "team-a", "context": None}
    told = capsys.readouterr().err
    assert "did you mean 'v100-2gpu'?" in told
    assert f"  1. {best[0]}" in told


def test_the_end_of_the_answers_ends_the_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing loops where nothing more comes."""
    monkeypatch.setattr(sys, "stdin", StringIO(""))
    given = dict.fromkeys(("profile", "model", "namespace", "context"))
    assert init.asked_at_terminal(given) == given


def test_only_models_that_start_are_offered_those_that_chat_first() -> None:
    """The best first: with a chat template, with room, by size."""
    offered = choices.of_profile("v100-1gpu")
    chats = [choice.model.chat_template is True for choice in offered]
    assert len(offered) > 20
    assert chats == sorted(chats, reverse=True)
    assert "meta-llama/Meta-Llama-3-70B-Instruct" not in {choice.model.id for choice in offered}
    roomy = [choice.parameters for choice in offered if choice.model.chat_template is True and not choice.tight]
    assert roomy == sorted(roomy, reverse=True)

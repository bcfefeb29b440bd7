"""A plain `voltaic plan` is read without typer, and says the same; what it opens does not grow with what is known."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli import main, quick

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
PLAIN = ("plan", "--profile", "v100-2gpu", "--model", MISTRAL, "--json")
LINE = (
    *("plan", "--gpu", "v100-16gb", "--gpus", "2", "--engine", "tgi", "--engine-version", "3.0.1"),
    *("--env", "USE_FLASH_ATTENTION=false", "--env", "HF_TOKEN=x", "--model", MISTRAL, "--", "--num-shard", "1"),
)


@pytest.mark.parametrize(
    "words", [PLAIN, LINE, (*LINE[:1], "--json", *LINE[1:]), ("plan", "--gpu", "t4-16gb", "--json")]
)
def test_both_readings_say_the_same(
    words: tuple[str, ...],
    voltaic: Callable[..., object],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Output and exit code are those of typer's reading; where something is missing, typer's reading says so."""
    monkeypatch.setenv("COLUMNS", "100")
    slow = voltaic(*words)
    code = quick.plan(words)
    assert (code is None) == (slow.exit_code == 2)  # type: ignore[attr-defined]
    if code is not None:
        assert (code, capsys.readouterr().out) == (slow.exit_code, slow.stdout)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "words",
    [
        *((), ("--help",), ("rules",), ("plan",), ("plan", "--json"), ("plan", "--help"), ("plan", "-h")),
        *(("plan", "--profile=v100-2gpu"), ("plan", "--profile"), ("plan", "--profile", "--json"), (*PLAIN, "--grid")),
        *(
            (*PLAIN, "more"),
            ("plan", "--prof", "v100-2gpu"),
            ("plan", "--engine_version", "3.0.1"),
            (*PLAIN, "--csv", "-"),
        ),
        *(("plan", "--batch", "-"), ("plan", "--profile", ""), ("plan", "--model", MISTRAL, "--model", MISTRAL)),
        ("plan", "--profile", "v100-9gpux", "--model", MISTRAL),
    ],
)
def test_what_is_not_plain_is_left_to_typer(words: tuple[str, ...]) -> None:
    """Help, other commands, other spellings, faults: none of them is read here."""
    assert quick.plan(words) is None


OTHER_ENGINES = ("engines/vllm", "engines/lmdeploy", "engines/llama_cpp")
OTHER_MODULES = ("voltaic.engines.vllm", "voltaic.engines.lmdeploy", "voltaic.engines.llama_cpp")


def opened(*words: str) -> tuple[set[str], set[str]]:
    """Return the files of `voltaic` that a fresh run opens, byte code left out, and the modules that it loads."""
    code = (
        "import json, sys\n"
        "files = set()\n"
        "sys.addaudithook(lambda event, args: files.add(str(args[0])) if event == 'open' else None)\n"
        "from cli.main import run\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\n"
        "print('\\n' + json.dumps([sorted(files), sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    files, modules = json.loads(done.stdout.splitlines()[-1])
    here = str(ROOT / "voltaic")
    return {name[len(here) + 1 :] for name in files if name.startswith(here) and ".pyc" not in name}, set(modules)


GIVEN = (
    *(*LINE[:1], "--json", *LINE[1:], "--max-batch-size", "1", "--max-total-tokens", "1024"),
    *("--max-input-tokens", "512", "--max-batch-prefill-tokens", "512"),
)


@pytest.mark.parametrize("words", [GIVEN, PLAIN], ids=["arguments given", "arguments derived"])
def test_a_plan_opens_what_it_needs(words: tuple[str, ...]) -> None:
    """One model of the catalogue, one family, no other engine's facts, no search: however much is known besides."""
    files, modules = opened(*words)
    facts = {name.rpartition(".cpython")[0] or name for name in files if not name.endswith(".py")}
    assert not [name for name in facts if name.startswith(OTHER_ENGINES)]
    assert len([name for name in facts if "catalogue/" in name]) == 1
    assert len(facts) <= 20
    never = {"typer", "rich", "pydantic", "voltaic.search", "voltaic.trying", "yaml", "voltaic.memory.tgi_flash"}
    assert modules.isdisjoint(never)
    assert not [name for name in modules if name.startswith(OTHER_MODULES)]


def test_people_are_answered_without_what_only_faults_need() -> None:
    """A table for people loads rich, and neither typer nor pydantic."""
    _, modules = opened(*(word for word in PLAIN if word != "--json"))
    assert "rich.table" in modules
    assert modules.isdisjoint({"typer", "pydantic", "click", "voltaic.memory.tgi_flash"})


def test_garbage_is_collected_again_after_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls the command line in a process of their own finds it as it was."""
    monkeypatch.setattr("sys.argv", ["voltaic", *PLAIN])
    with pytest.raises(SystemExit):
        main.run()
    assert gc.isenabled()
    gc.unfreeze()

"""The command line of set-up, make, and what continuous integration runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolchain.setup import __main__ as command
from toolchain.setup.errors import SetupError
from toolchain.setup.layout import find_layout, go_platform

if TYPE_CHECKING:
    from tests.toolchain.conftest import Checkout

ROOT = Path(__file__).parents[2]


def test_tools_end_to_end(checkout: Checkout) -> None:
    """The command builds, writes the environment file, and the second time does nothing within a second."""
    run = [str(Path(sys.executable).absolute()), "-m", "toolchain.setup", "tools"]
    for expected in ("tool chain: kubernetes-provider: built", ""):
        done = subprocess.run(
            run, cwd=checkout.layout.root, env=checkout.environ, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert (expected in done.stderr) if expected else done.stderr == ""
    which = subprocess.run(
        ["sh", "-c", ". ./.voltaic/env.sh; for name in pulumi kubectl kwok kwokctl etcd; do command -v $name; done"],
        cwd=checkout.layout.root,
        env=checkout.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(line.startswith(f"{checkout.layout.bin}/") for line in which.stdout.splitlines())
    assert len(which.stdout.splitlines()) == 5


def test_failure_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What cannot be done ends with exit code 1 and its message, without a traceback."""
    monkeypatch.setattr(command, "find_layout", lambda _: find_layout({}, tmp_path))
    monkeypatch.setattr(command.processes, "stop_on_signals", lambda: None)
    assert command.main(["env"]) == 1
    assert capsys.readouterr().err == "set-up failed: this checkout is not set up: run `make setup` first\n"


def test_folder_that_cannot_be_written(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cache that cannot be made is one message, not a traceback."""
    layout = type(checkout.layout)(checkout.layout.root, checkout.log)
    checkout.log.write_text("a file, not a folder", encoding="utf-8")
    monkeypatch.setattr(command, "find_layout", lambda _: layout)
    monkeypatch.setattr(command.processes, "stop_on_signals", lambda: None)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert command.main(["tools"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("set-up failed: ")
    assert str(checkout.log) in said


def test_usage() -> None:
    """An unknown command is bad usage."""
    with pytest.raises(SystemExit) as end:
        command.main(["instal"])
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"VOLTAIC_CACHE": "/a cache"}, "/a cache"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/voltaic"),
        ({}, "~/.cache/voltaic"),
    ],
)
def test_place_of_the_cache(environ: dict[str, str], expected: str) -> None:
    """The cache lies where the user says, else where caches lie."""
    assert find_layout(environ, ROOT).cache == Path(expected).expanduser()


def test_unknown_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that the tool chain is not built for is named, with the way out."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SetupError, match="on Windows use WSL"):
        go_platform()


def test_make_lists_its_targets() -> None:
    """`make` alone lists every target with what it does."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert phony is not None
    own = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    done = subprocess.run(["make"], cwd=ROOT, env=own, capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in done.stdout.splitlines()} == set(phony[1].split())
    assert all(len(line.split()) > 3 for line in done.stdout.splitlines())


def test_continuous_integration_runs_make_test() -> None:
    """`.ci/run` is executable and runs exactly `make test`."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"


def test_set_up_needs_the_standard_library_alone() -> None:
    """Set-up runs before anything is installed: it imports nothing else."""
    script = "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]; import toolchain.setup.__main__"
    subprocess.run([sys.executable, "-S", "-c", script], cwd=ROOT, check=True, timeout=30)

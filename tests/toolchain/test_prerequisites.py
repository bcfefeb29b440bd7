"""What a machine lacks is said at once, with how to get it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "toolchain" / "setup" / "prerequisites.sh"


def check(machine: Path) -> subprocess.CompletedProcess[str]:
    """Run the check on a machine that has the given programs alone."""
    return subprocess.run(
        ["/bin/sh", str(SCRIPT)], cwd=machine, env={"PATH": str(machine)}, capture_output=True, text=True, check=False
    )


def program(machine: Path, name: str, text: str) -> None:
    """Put a program on the machine."""
    machine.mkdir(exist_ok=True)
    (machine / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    (machine / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with what a shell script needs, make and git."""
    folder = tmp_path / "machine"
    folder.mkdir()
    for name in ("ls", "head"):
        (folder / name).symlink_to(str(shutil.which(name)))
    for name in ("make", "git"):
        program(folder, name, ":")
    return folder


def python(machine: Path, name: str, version: str, *, modules: str = "exit 0") -> None:
    """Put a stand-in for a Python of a version on the machine; ``modules`` is whether it can import pip."""
    new_enough = tuple(map(int, version.split("."))) >= (3, 11)
    answer = f'echo "{version} {new_enough} {machine / name}"'
    program(machine, name, f'case "$2" in *version_info*) {answer} ;; *) {modules} ;; esac')


def test_python_is_printed(machine: Path) -> None:
    """A machine that has everything gets the path of its Python, and nothing else."""
    machine = machine.rename(machine.with_name("a machine"))
    python(machine, "python3", "3.11.0")
    done = check(machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{machine}/python3\n", "")


def test_newer_python_of_another_name_is_found(machine: Path) -> None:
    """Where python3 is too old, a newer one beside it is taken; a shim that does not answer is passed over."""
    python(machine, "python3", "3.10.14")
    program(machine, "python3.14", "exit 127")
    python(machine, "python3.12", "3.12.1")
    assert check(machine).stdout == f"{machine}/python3.12\n"


def test_everything_missing_is_named_at_once(tmp_path: Path) -> None:
    """All that is missing comes in one error, each with the commands that install it."""
    (tmp_path / "empty").mkdir()
    done = check(tmp_path / "empty")
    assert done.returncode == 1
    assert done.stdout == ""
    assert (
        done.stderr
        == """\
this machine lacks what set-up needs:
  Python 3.11 or newer: not found
      apt install python3 python3-venv   |   dnf install python3.12   |   brew install python@3.13
  make: not found
      apt install make   |   dnf install make   |   brew install make
  git: not found
      apt install git   |   dnf install git   |   brew install git
"""
    )


def test_old_python_is_named_with_its_version(machine: Path) -> None:
    """A Python that is too old is named with what was found, and what is there is not complained about."""
    python(machine, "python3", "3.9.2")
    done = check(machine)
    assert done.returncode == 1
    assert "Python 3.11 or newer: found 3.9.2 only" in done.stderr
    assert "git" not in done.stderr


def test_python_without_pip_is_named(machine: Path) -> None:
    """A Python that cannot install anything is named before set-up fails on it, unless there is a uv."""
    python(machine, "python3", "3.12.0", modules="exit 1")
    done = check(machine)
    assert done.returncode == 1
    assert f"pip for {machine}/python3: not found, and no uv either" in done.stderr
    program(machine, "uv", ":")
    assert check(machine).stdout == f"{machine}/python3\n"


def test_this_machine_passes() -> None:
    """The check works with real programs."""
    done = subprocess.run(["/bin/sh", str(SCRIPT)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = subprocess.run([done.stdout.strip(), "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("Python 3.")
    assert sys.version_info >= (3, 11)

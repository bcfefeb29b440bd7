"""The Python environment: exactly what requirements.txt says, and this project, made again only when that changes."""

from __future__ import annotations

import compileall
import json
import sys
import tomllib
from typing import TYPE_CHECKING

from toolchain.setup import files, locks, processes, uv
from toolchain.setup.console import Step
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from toolchain.setup.layout import Layout

_STAMP = ".voltaic-stamp"
#: What the environment is made of. pyproject.toml gives the project's own entry points.
_SOURCES = ("requirements.txt", "pyproject.toml")


def wanted(layout: Layout, base: str) -> str:
    """Return what the environment should be made of, as text: it is compared with what it was made of.

    Args:
        layout: the checkout. Its place counts, since scripts in the environment name it.
        base: the interpreter that the environment is made from.

    Raises:
        SetupError: if a file that it is made of is missing.
    """
    absent = [name for name in _SOURCES if not (layout.root / name).is_file()]
    if absent:
        raise SetupError(
            f"missing in {layout.root}: {', '.join(absent)}; restore with `git checkout {' '.join(absent)}`"
        )
    content = files.digest([(layout.root / name).read_bytes() for name in _SOURCES])
    return json.dumps({"root": str(layout.root), "python": [base, sys.version], "content": content}, indent=2)


def is_current(layout: Layout, base: str) -> bool:
    """Return whether the environment is there and made of what it should be made of."""
    try:
        stamp = (layout.venv / _STAMP).read_text(encoding="utf-8")
    except OSError:
        return False
    return stamp == wanted(layout, base) and layout.python.exists()


def ensure(layout: Layout, environ: Mapping[str, str]) -> None:
    """Make the environment, unless it is current.

    Raises:
        SetupError: if a package cannot be had or installed.
    """
    base = base_interpreter()
    if is_current(layout, base):
        return
    with locks.exclusive(layout.own / "environment.lock", "makes the Python environment"):
        if not is_current(layout, base):
            _make(layout, environ, base)


def _make(layout: Layout, environ: Mapping[str, str], base: str) -> None:
    """Make the environment, while nobody else does."""
    step = Step("Python environment")
    installer = uv.find(layout, environ)
    stamp = layout.venv / _STAMP
    stamp.unlink(missing_ok=True)  # until it is complete it counts as absent
    quiet = {name: value for name, value in environ.items() if name != "VIRTUAL_ENV"}
    try:
        if not _usable(layout, base):
            step.show("creating")
            files.remove(layout.venv)
            _run(
                installer,
                ["venv", "--quiet", "--python", base, "--no-python-downloads", str(layout.venv)],
                layout,
                quiet,
                step,
            )
        pip = ["--python", str(layout.python)]
        step.show("installing packages", lasting=True)
        _run(
            installer,
            ["pip", "sync", *pip, "--require-hashes", "--compile-bytecode", "requirements.txt"],
            layout,
            quiet,
            step,
        )
        step.show("installing the project", lasting=True)
        _run(
            installer,
            ["pip", "install", *pip, "--no-deps", "--no-build-isolation", "--editable", "."],
            layout,
            quiet,
            step,
        )
    except processes.ProgramError as error:
        step.abandon()
        raise SetupError(
            "the Python environment could not be made:\n  "
            + "\n  ".join(error.tail[-12:])
            + f"\n{_advice(error.tail)}, then run this again"
        ) from error
    files.write_if_changed(stamp, wanted(layout, base))
    step.end("ready")


def _advice(said: Sequence[str]) -> str:
    """Return what to do about a failed installation."""
    if "UnknownIssuer" in "\n".join(said):  # most often a company's proxy
        return "set UV_SYSTEM_CERTS=true (the machine's certificates) or SSL_CERT_FILE (a file of your own)"
    return "mend what it says (most often the access to the package index)"


def compile_sources(layout: Layout) -> None:
    """Compile the project's own packages where they have changed: also where Python is told to write no bytecode."""
    settings = tomllib.loads((layout.root / "pyproject.toml").read_text(encoding="utf-8"))
    for package in settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        # Faults of a file are the business of whoever imports it.
        compileall.compile_dir(layout.root / package, quiet=2)


def base_interpreter() -> str:
    """Return the interpreter that is not itself in a virtual environment, so that ours does not hang on another's."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _usable(layout: Layout, base: str) -> bool:
    """Return whether the environment that is there, if any, was made from the same Python."""
    command = [str(layout.python), "-c", "import sys; print(sys._base_executable, sys.version)"]
    try:
        printed = processes.output(command, environ={}, folder=layout.root, timeout=30)
    except processes.ProgramError:
        return False
    return printed.strip() == f"{base} {sys.version}"


def _run(installer: Path, arguments: list[str], layout: Layout, environ: Mapping[str, str], step: Step) -> None:
    processes.follow(
        [str(installer), *arguments],
        lambda line: step.show(line.strip(), lasting=True),
        environ=environ,
        folder=layout.root,
    )

"""uv, which makes Python environments: the user's own where it is new enough, else a pinned one in this checkout."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.setup import files, processes
from toolchain.setup.console import Step
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolchain.setup.layout import Layout

#: The oldest uv that knows every option used here.
_OLDEST = (0, 7)
_PINNED = Path(__file__).with_name("uv.txt")


def find(layout: Layout, environ: Mapping[str, str]) -> Path:
    """Return the path of a uv, and install one into the checkout if the machine has none that is new enough."""
    pinned = _folder(layout)
    if (pinned / "bin" / "uv").exists():
        return pinned / "bin" / "uv"
    if (own := shutil.which("uv", path=environ.get("PATH"))) and _version(own, environ) >= _OLDEST:
        return Path(own)
    return _install(pinned, layout, environ)


def _folder(layout: Layout) -> Path:
    return layout.tools / f"uv-{files.digest([_PINNED.read_bytes()])[:16]}"


def _version(uv: str, environ: Mapping[str, str]) -> tuple[int, int]:
    try:
        printed = processes.output([uv, "--version"], environ=environ, folder=Path("/"), timeout=30)
    except processes.ProgramError:
        return 0, 0
    match = re.search(r"(\d+)\.(\d+)", printed)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _install(folder: Path, layout: Layout, environ: Mapping[str, str]) -> Path:
    """Install the pinned uv with pip, or with a pip that Python carries along."""
    step = Step("uv")
    layout.tools.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=layout.tools, prefix=".uv-"))
    try:
        step.show("installing")
        pip = [sys.executable, "-m", "pip"]
        if importlib.util.find_spec("pip") is None:
            bootstrap = temporary / "bootstrap"
            processes.follow(
                [sys.executable, "-m", "venv", str(bootstrap)], step.show, environ=environ, folder=layout.root
            )
            pip = [str(bootstrap / "bin" / "python"), "-m", "pip"]
        target = temporary / "uv"
        command = [*pip, "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--target", str(target), "--requirement", str(_PINNED)]
        processes.follow(command, step.show, environ=environ, folder=layout.root)
        target.replace(folder)
    except processes.ProgramError as error:
        step.abandon()
        raise SetupError(
            "uv is not on PATH and could not be installed with pip:\n  "
            + "\n  ".join(error.tail[-5:])
            + "\nmend the access to the package index or install uv yourself, then run this again"
        ) from error
    finally:
        files.remove(temporary)
    step.end("installed")
    return folder / "bin" / "uv"

"""Removing what set-up and the tools have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolchain.setup import files, locks, processes
from toolchain.setup.console import Step, note
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolchain.setup.layout import Layout

#: What tools leave in a checkout, besides the folders of compiled Python.
_LEFT_BEHIND = (
    ".coverage",
    ".hypothesis",
    ".import_linter_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "build",
    "coverage.xml",
    "dist",
    "htmlcov",
    "uv.lock",
)


def checkout(layout: Layout, environ: Mapping[str, str]) -> None:
    """Remove what was made in this checkout: its simulated clusters first, then the environment, tools and state.

    Raises:
        SetupError: if a cluster cannot be stopped; nothing is removed then.
    """
    step = Step("clean")
    if layout.clusters.is_dir() and not layout.python.exists():
        raise SetupError(
            f"{layout.venv} is gone, but the simulated cluster is stopped with it, so nothing was removed: "
            f"run `make setup` first; or end what runs from {layout.clusters} and remove {layout.own}"
        )
    if layout.own.is_dir() and layout.python.exists():
        step.show("stopping the simulated cluster")
        command = [str(layout.python), "-m", "simulator", "delete", "--all"]
        try:
            processes.output(command, environ=environ, folder=layout.root, timeout=60)
        except processes.ProgramError as error:
            step.abandon()
            raise SetupError(
                "the simulated cluster cannot be stopped, so nothing was removed:\n  "
                + "\n  ".join(error.tail[-5:])
                + f"\nend its processes, remove {layout.own}, then run this again"
            ) from error
    step.show("removing files", lasting=True)
    for name in _LEFT_BEHIND:
        files.remove(layout.root / name)
    for folder in sorted(layout.root.rglob("__pycache__")):
        if not folder.is_relative_to(layout.venv):
            files.remove(folder)
    files.remove(layout.venv)
    files.remove(layout.own)
    step.end("this checkout is as it was cloned")


def cache(layout: Layout) -> None:
    """Remove what all checkouts of this user share: the built tool chain. The next set-up builds it again."""
    with locks.exclusive(layout.cache / "toolchain.lock", "builds the tool chain"):
        step = Step("clean")
        step.show("removing the tool chain")
        for path in layout.cache.iterdir():
            if path.name != "toolchain.lock":
                files.remove(path)
        step.end(f"removed what was in {layout.cache}")
    note("other checkouts on this machine build the tool chain again when they are next set up")

"""One module knows the Kubernetes client, and one family of modules the cluster."""

from __future__ import annotations

import ast
from pathlib import Path

CLI = Path(__file__).parents[3] / "cli"


def imported(file: Path) -> set[str]:
    """Return the first part of everything that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_one_module_knows_the_client() -> None:
    """Whoever changes the client changes one file; websockets are its too."""
    clients = {"kr8s", "kubernetes"}
    assert {file.relative_to(CLI).as_posix() for file in CLI.rglob("*.py") if imported(file) & clients} == {
        "cluster/connection.py"
    }


def test_websockets_stay_in_the_family() -> None:
    """Commands see tunnels and what a program printed, never a frame."""
    users = {file.relative_to(CLI).parts[0] for file in CLI.rglob("*.py") if "httpx_ws" in imported(file)}
    assert users == {"cluster"}

"""docs/day.md: a day with voltaic, replayed against a simulated cluster; what is printed is what stands there.

`--golden` writes the blocks of the page anew. Only what differs from run to run is made the same: endings of names of
pods, moments and times, seconds that something took, ports, and the folder of the project.
"""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import CHECKOUT, make_project

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.cluster import Cluster

    from .conftest import Project

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(420)]

PAGE = CHECKOUT / "docs" / "day.md"
BLOCK = re.compile(r"```shell-session\n(?P<text>.*?)```", re.DOTALL)
SAME = (
    (re.compile(r"\b((?:tgi|webui)-v100-2gpu)-[0-9a-f]{8,10}-[0-9a-z]{5}\b"), r"\1-…"),
    (re.compile(r"\b((?:tgi|webui)-v100-2gpu)-[0-9a-f]{8,10}\b"), r"\1-…"),
    (re.compile(r" \(\d+ s\)$", re.MULTILINE), ""),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?(?: UTC)?"), "MOMENT"),
    (re.compile(r"\bfor (?:\d+ (?:s|min|h)\s?)+(?=,)"), "for TIME"),
    (re.compile(r"https://127\.0\.0\.1:\d+"), "https://127.0.0.1:PORT"),
    (re.compile(r"\b\d+ restarts?\b"), "N restarts"),
)
"""What differs from run to run, and what stands in its place."""
AT_ONCE = re.compile(
    r"^(?:[+~-]|pod) .*(?:created|updated|deleted|is ready)$| new and empty| starts \(1 pod\)|leaves the stack"
)
"""Lines about what Pulumi does at the same time."""


def normalised(text: str, folder: Path) -> list[str]:
    """Return lines of an output as they are compared; resources that are made at the same time come in any order."""
    told = text.replace(str(folder), "PROJECT")
    for pattern, same in SAME:
        told = pattern.sub(same, told)
    lines = [line.rstrip() for line in told.strip().splitlines()]
    groups: list[list[str]] = []
    for line in lines:
        made = (
            bool(re.match(r"(?:[+~-]|pod) .*(?:created|updated|deleted|is ready)$", line)) or " new and empty" in line
        )
        made = made or " starts (1 pod)." in line or "leaves the stack" in line
        if groups and made and groups[-1][0] == "made":
            groups[-1].append(line)
        else:
            groups.append(["made" if made else "", line])
    return [line for kind, *rest in groups for line in (sorted(rest) if kind else rest)]


def run(project: Project, command: str) -> str:
    """Run one line of the page as a shell does; `voltaic` is this checkout's."""
    voltaic = f'voltaic() {{ {shlex.quote(sys.executable)} -m cli "$@"; }}\n'
    done = project.run("bash", "-c", voltaic + command, timeout=180)
    return "\n".join(line for line in done.output.splitlines() if not line.startswith("warning: run pulumi"))


def test_the_day(cluster: Cluster, tools: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each command of the page prints what stands below it, in this order, in one namespace."""
    scratch = tmp_path / "tmp"  # what other runs left in the machine's own is theirs
    scratch.mkdir()
    project = make_project(
        tmp_path / "project", {**tools, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "100", "TMPDIR": str(scratch)}, cluster
    )
    for file in project.folder.glob("Pulumi.v100-*.yaml"):
        file.unlink()
    page = PAGE.read_text(encoding="utf-8")
    write = request.config.getoption("--golden")
    wrong: list[str] = []

    def replayed(match: re.Match[str]) -> str:
        written = []
        for entry in re.split(r"^\$ ", match["text"], flags=re.MULTILINE)[1:]:
            command, _, expected = entry.partition("\n")
            found = run(project, command)
            # By words: where a line breaks depends on how long the ending of a pod's name is.
            if " ".join(normalised(found, project.folder)).split() != " ".join(expected.splitlines()).split():
                wrong.append(f"$ {command}\n{found}\n--- the page has ---\n{expected}")
            shown = "\n".join(normalised(found, project.folder))
            written.append(f"$ {command}\n{shown}\n" if shown else f"$ {command}\n")
        return "```shell-session\n" + "".join(written) + "```"

    new = BLOCK.sub(replayed, page)
    if write:
        PAGE.write_text(new, encoding="utf-8")
        return
    assert not wrong, "\n\n".join(wrong)

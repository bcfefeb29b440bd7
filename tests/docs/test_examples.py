"""The examples in the documentation print what they say they print."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURES = sorted((CHECKOUT / "docs" / "how-to").glob("*.svg"))
WORDS = re.compile(r"<(?:text|title|desc)[^>]*>([^<]*)<")
ELLIPSIS = "…"
"""On a line of its own: any lines."""


def examples() -> list[tuple[str, str, str]]:
    """Return page, command and expected output of every example that is marked `console`."""
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for example in re.split(r"^(?=\$ )", block, flags=re.MULTILINE)[1:]:
                command, _, output = example[2:].partition("\n")
                while command.endswith("\\"):
                    more, _, output = output.partition("\n")
                    command = command[:-1] + more.strip()
                found.append((page.name, command, output))
    return found


def pattern(output: str) -> re.Pattern[str]:
    """Return what the output must match: the text itself, with `…` standing for any lines."""
    lines = [r"(?:.*\n)*?" if line.strip() == ELLIPSIS else re.escape(line) + r"\n" for line in output.splitlines()]
    return re.compile("".join(lines))


def run(command: str, folder: Path) -> str:
    """Run a command as the page's reader does, in a terminal of 100 columns without colours.

    Args:
        command: what the reader types.
        folder: an empty one; it gets what the checkout has, and keeps what the command writes.
    """
    for entry in CHECKOUT.iterdir():
        if not entry.name.startswith("."):
            (folder / entry.name).symlink_to(entry)
    path = os.pathsep.join([str(CHECKOUT / ".venv" / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env={"PATH": path, "HOME": os.environ.get("HOME", "/"), "COLUMNS": "100", "NO_COLOR": "1", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


@pytest.mark.parametrize(("page", "command", "output"), examples())
def test_an_example_prints_what_the_page_shows(page: str, command: str, output: str, tmp_path: Path) -> None:
    """Every `console` block of every page is run; a line `…` stands for lines left out."""
    printed = run(command, tmp_path)
    assert pattern(output).fullmatch(printed), f"{page}: $ {command}\n{printed}"


def test_the_readme_has_examples() -> None:
    """A change of the markup does not silence the test above."""
    assert sum(page == "README.md" for page, _, _ in examples()) >= 2


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_shows_what_its_command_draws(picture: Path, tmp_path: Path) -> None:
    """A picture of the documentation has the words and numbers that the command beside it draws now."""
    page = picture.with_suffix(".md").read_text(encoding="utf-8")
    commands = re.findall(rf"^\$ (voltaic plan .*--plot {re.escape(picture.name)})$", page, flags=re.MULTILINE)

    run(commands[0], tmp_path)

    drawn = (tmp_path / picture.name).read_text(encoding="utf-8")
    assert WORDS.findall(drawn) == WORDS.findall(picture.read_text(encoding="utf-8"))

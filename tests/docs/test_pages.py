"""Pages lead somewhere: every link has its file, and what there is can be found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "policies").glob("*.md")],
)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)[^)]*\)")


def links(page: Path) -> set[Path]:
    """Return the files that a page leads to."""
    return {(page.parent / target).resolve() for target in LINK.findall(page.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_its_file(page: Path) -> None:
    """A link inside the repository leads to a file or a folder that is there."""
    assert [str(target) for target in sorted(links(page)) if not target.exists()] == []


def test_every_decision_is_listed_under_its_title() -> None:
    """The index of decision records has each of them, in order, by the title of its page."""
    folder = ROOT / "docs/adr"
    rows = re.findall(
        r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE
    )
    records = sorted(path for path in folder.glob("0*.md"))
    titles = [path.read_text("utf-8").splitlines()[0].removeprefix("# ") for path in records]
    assert [(number, name, f"{number} {title}") for number, name, title in rows] == [
        (path.name[:4], path.name, title) for path, title in zip(records, titles, strict=True)
    ]


def test_every_page_and_schema_is_reached_from_the_first_page_of_the_folder() -> None:
    """Nothing in docs/ can be found by its file name alone."""
    first = ROOT / "docs/README.md"
    reached = links(first)
    there = {path.resolve() for pattern in ("*.md", "*.schema.json") for path in (ROOT / "docs").rglob(pattern)}
    there -= {first.resolve()} | {path for path in there if path.parent.name == "adr"}
    assert sorted(str(path) for path in there - reached) == []


def test_every_document_that_is_printed_has_a_schema() -> None:
    """What says `voltaic/NAME/v1` of itself is described in docs/reference."""
    described = "".join(path.read_text("utf-8") for path in (ROOT / "docs/reference").glob("*.schema.json"))
    code = [path for folder in ("cli", "voltaic") for path in (ROOT / folder).rglob("*.py")]
    names = {name for path in code for name in re.findall(r'"(voltaic/[a-z-]+/v1)"', path.read_text("utf-8"))}
    assert len(names) >= 9
    assert [name for name in sorted(names) if f'"{name}"' not in described] == []

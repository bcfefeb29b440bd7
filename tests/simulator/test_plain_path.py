"""Paths that kwok cannot work with."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from simulator import SimulatorError, plain_path
from simulator.plain_path import ensure_link, plain, remove_link

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where links lie: a folder of the test's own."""
    monkeypatch.setattr(plain_path, "LINKS", tmp_path)
    return tmp_path / f"voltaic-{os.getuid()}"


def test_plain_paths_need_no_link(links: Path, tmp_path: Path) -> None:
    """A path without odd characters is used as it is, and nothing is made."""
    folder = tmp_path / "Some.folder_1+2@x~" / "kwok"
    assert plain(folder) == folder
    ensure_link(folder)
    remove_link(folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "a,b", "it's", "a=b", "a$b", "straße", "a\nb"])
def test_other_paths_are_reached_through_a_link(links: Path, tmp_path: Path, name: str) -> None:
    """A blank, a comma and the like lead to a link that only its owner can change; it goes with the cluster."""
    folder = tmp_path / name / "kwok"
    folder.mkdir(parents=True)
    ensure_link(folder)
    link = plain(folder)
    assert re.fullmatch(rf"{re.escape(str(links))}/[0-9a-f]{{16}}", str(link))
    assert link.resolve() == folder.resolve()
    assert links.stat().st_mode & 0o777 == 0o700
    remove_link(folder)
    assert not links.exists()


def test_each_folder_has_its_link(links: Path, tmp_path: Path) -> None:
    """Links of several folders lie side by side; a damaged one is mended, and one that is there is left alone."""
    folders = [tmp_path / name for name in ("a b", "a c")]
    for folder in folders:
        folder.mkdir()
        ensure_link(folder)
        ensure_link(folder)
    plain(folders[0]).unlink()
    plain(folders[0]).symlink_to(folders[1])
    ensure_link(folders[0])
    assert [plain(folder).resolve() for folder in folders] == [folder.resolve() for folder in folders]
    remove_link(folders[0])
    assert plain(folders[1]).resolve() == folders[1].resolve()


def test_links_of_somebody_else_are_not_used(links: Path, tmp_path: Path) -> None:
    """Where the folder of the links is not ours (here: leads elsewhere), the error names it and what to do."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    links.symlink_to(elsewhere)
    folder = tmp_path / "a b"
    with pytest.raises(SimulatorError) as refused:
        ensure_link(folder)
    assert str(refused.value) == (
        f"{folder} has a blank or another character in its path that kwok cannot work with, and {links}, "
        "where a link to it would lie, belongs to somebody else: remove that, or move the checkout"
    )
    assert list(elsewhere.iterdir()) == []

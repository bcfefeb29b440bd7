"""The generated pages about engines."""

from __future__ import annotations

import pytest

from cli import engines_page
from voltaic.engines import matrix


@pytest.mark.parametrize("name", list(matrix.matrices()))
def test_the_page_of_an_engine_is_what_its_facts_say(name: str) -> None:
    """`docs/reference/engines/` is what `python -m cli.engines_page` writes."""
    assert (engines_page.FOLDER / f"{name}.md").read_text(encoding="utf-8") == engines_page.page(name)


def test_the_pages_are_written_where_they_are_read(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every engine gets a page of its own."""
    monkeypatch.setattr(engines_page, "FOLDER", tmp_path)
    engines_page.main()
    from pathlib import Path

    assert {page.stem for page in Path(str(tmp_path)).iterdir()} == set(matrix.matrices())

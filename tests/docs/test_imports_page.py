"""The generated page about old configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import imports_page
from voltaic.imports import config_sh

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page_is_what_the_facts_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docs/reference/config-sh.md` is what `python -m cli.imports_page` writes."""
    kept = imports_page.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(imports_page, "PAGE", tmp_path / "config-sh.md")
    imports_page.main()
    assert imports_page.PAGE.read_text(encoding="utf-8") == kept
    assert all(f"`{name}`" in kept for name in config_sh.variables())

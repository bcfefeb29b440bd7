"""The generated page about known models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import models_page
from voltaic.models import known_models

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page_is_what_the_catalogue_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docs/reference/models.md` is what `python -m cli.models_page` writes."""
    kept = models_page.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(models_page, "PAGE", tmp_path / "models.md")
    models_page.main()
    assert models_page.PAGE.read_text(encoding="utf-8") == kept
    assert all(f"`{model.id}`" in kept for model in known_models())

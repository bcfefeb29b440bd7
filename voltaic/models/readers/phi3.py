"""Families all of whose layers slide where a window is stated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.models.families import bounds

if TYPE_CHECKING:
    from voltaic.models.draft import Draft


def read(draft: Draft) -> None:
    """Read the window, which `use_sliding_window` does not switch."""
    draft.window = draft.fields.count(draft.family.fields["window"], bounds()["positions"])

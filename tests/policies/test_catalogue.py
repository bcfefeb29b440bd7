"""The page that lists the policies says what the policies say."""

from __future__ import annotations

from policies._catalogue import PAGE, page


def test_the_page_is_up_to_date() -> None:
    """`policies/README.md` is what `python -m policies._catalogue` writes."""
    assert PAGE.read_text(encoding="utf-8") == page()

"""The page that lists the policies, and the index that the pack boots from, say what the rules say."""

from __future__ import annotations

from policies._catalogue import _FAMILIES, PAGE, index, page
from policies._policies import INDEX
from voltaic.rules import catalogue


def test_the_page_is_up_to_date() -> None:
    """`policies/README.md` is what `python -m policies._catalogue` writes."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_index_is_up_to_date() -> None:
    """`policies/_index.json` is what `python -m policies._catalogue` writes: no rule is missing from the pack."""
    assert INDEX.read_text(encoding="utf-8") == index()


def test_every_family_has_a_heading() -> None:
    """No rule is left out of the page for want of one."""
    assert set(_FAMILIES) == {"verdict", *catalogue.FAMILIES}

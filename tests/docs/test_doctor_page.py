"""The generated page about known failures."""

from __future__ import annotations

from cli.doctoring import page
from voltaic.doctor.pattern import patterns


def test_the_page_is_what_the_patterns_say() -> None:
    """`docs/reference/doctor.md` is what `python -m cli.doctoring.page` writes."""
    assert page.PAGE.read_text("utf-8") == page.page(), "run: python -m cli.doctoring.page"


def test_every_failure_has_a_section_with_its_sources() -> None:
    """The page leaves no failure out, and cites where its texts come from."""
    text = page.PAGE.read_text("utf-8")
    for pattern in patterns():
        section = text.partition(f"\n### {pattern.id}\n")[2].partition("\n##")[0]
        assert section.count("https://") >= len(pattern.examples)


def test_markup_in_texts_of_others_is_taken_as_text() -> None:
    """Angle brackets and stars of a log are no markup, addresses stay as they are."""
    assert page.plain("<a> *b* c_d https://x/y_z") == "&lt;a> \\*b\\* c\\_d https://x/y_z"

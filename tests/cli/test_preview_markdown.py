"""Text of others inside Markdown shows itself and does nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cli.pull_request.markdown import cell, code, fence, folded, plain, prose, table

HOSTILE = [
    "<script>alert(1)</script>",
    "--> <details>",
    "</details></summary>",
    "@everyone and @org/team",
    "![x](http://a/b.png) [y](javascript:z)",
    "**bold** _it_ ~~no~~ `code` ``two`` ```three```",
    "| a | b |\n| --- | --- |",
    "a\\|b \\",
    "# title\n## another",
    "- item\n1. one\n> quote",
    "#123 GH-7 !9 $4 &5 owner/repo#6",
    "https://github.com/o/r/issues/1 www.a.example",
    "$math$ $$more$$",
    "&lt;b&gt; &#64;you",
    "```\nfence\n~~~",
    "\x1b[31mred\x1b[0m \x00\x07 \u202eturned\u202c \u200bthin",
    "\ud800 lone",
    "<!-- hidden",
    "`" * 50,
]
"""Texts that would do something, were they read as Markdown or HTML."""
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text(alphabet="`|\\<>@#!-&*_[]()~$\n 1aG.:/", max_size=60))
OURS = ("<code>", "</code>")


def parsed(markdown: str) -> list[tuple[str, str]]:
    """Return type and content of every token, those within lines included, without what only opens or closes."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    flat = [inner for token in tokens for inner in (token.children or [token])]
    return [(token.type, token.content) for token in flat]


def types(markdown: str) -> set[str]:
    """Return the types of all tokens but our own code tags."""
    return {kind for kind, content in parsed(markdown) if content not in OURS}


def shown(markdown: str) -> str:
    """Return what a reader sees, without the spaces that have no width."""
    return "".join(content for kind, content in parsed(markdown) if kind in {"text", "code_inline"}).replace(
        "\u200b", ""
    )


PARAGRAPH = {"paragraph_open", "paragraph_close", "text", "code_inline", "inline", "text_special"}


@given(TEXTS)
def test_prose_is_one_paragraph_of_text(text: str) -> None:
    """No heading, list, link, picture, tag or emphasis comes of it, wherever it begins."""
    assert types(prose(text)) <= PARAGRAPH
    assert types(f"Why: {prose(text)}") <= PARAGRAPH


@given(TEXTS)
def test_code_is_one_span(text: str) -> None:
    """All of it is code, whatever ticks are in it."""
    found = [kind for kind, _ in parsed(f"a {code(text)} b")]
    assert found.count("code_inline") == (1 if plain(text) else 0)
    assert set(found) <= PARAGRAPH


@given(TEXTS, TEXTS)
def test_a_cell_breaks_no_table(first: str, second: str) -> None:
    """Each row keeps its cells, and each cell shows its own text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(table(["a", "b"], [[cell(first), cell(second)]] * 2))
    cells = [token for before, token in pairwise(tokens) if before.type == "td_open"]
    assert len(cells) == 4
    for token, text in zip(cells, (first, second) * 2, strict=True):
        inner = [child for child in token.children or [] if child.content not in OURS]
        assert {child.type for child in inner} <= {"text", "code_inline", "text_special"}
        assert "".join(child.content for child in inner) == (plain(text) or "(empty)")


@given(TEXTS)
def test_nothing_closes_a_fence(text: str) -> None:
    """The whole text is inside, and what follows is outside."""
    tokens = MarkdownIt("commonmark").parse(f"{fence(text)}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(TEXTS)
def test_a_fold_holds_what_is_in_it(text: str) -> None:
    """Tags in the folded text are shown, and the fold ends where it should."""
    tokens = MarkdownIt("commonmark").parse(folded("Steps", f"{prose(text)}\n\n{fence(text)}") + "\n\nafter")
    assert [token.content for token in tokens if token.type == "html_block"] == [
        "<details>\n<summary>Steps</summary>\n",
        "</details>\n",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_printable_is_shown(text: str) -> None:
    """Escapes are for the host alone: the reader sees the text, but for the ticks around code."""
    assert shown(prose(text)).replace("`", "") == plain(text).replace("`", "")
    assert shown(code(text)) == plain(text)


@given(TEXTS)
def test_nobody_is_called(text: str) -> None:
    """In running text no mention, reference or address is left as hosts know them."""
    words = "".join(content for kind, content in parsed(prose(text)) if kind == "text")
    assert "@" not in words.replace("@\u200b", "")
    assert "://" not in words
    for sign in "#!$&":
        assert not any(after.isdecimal() for before, after in pairwise(words) if before == sign)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("run `voltaic plan` now", "run `voltaic plan` now"),
        ("see https://a.example/b_c.", "see `https://a.example/b_c`."),
        ("a_b", "a\\_b"),
        ("x@y", "x@\u200by"),
        ("1. one", "1\u200b. one"),
        ("- one", "\\- one"),
    ],
)
def test_how_it_is_written(text: str, markdown: str) -> None:
    """Commands between backticks and addresses are code; the rest is escaped where it has to be."""
    assert prose(text) == markdown


def test_control_characters_and_turned_text_are_not_passed_on() -> None:
    """Colours of terminals, marks of direction and lone surrogates do not reach the reader."""
    assert plain("\x1b[31mred\x1b[0m\x00 \u202eab\u202c \ud800") == "red ab \ufffd"


def test_a_long_text_is_cut_and_says_so() -> None:
    """The number of characters tells what is missing."""
    assert plain("x" * 1000, 10) == "xxxxxxxxxx… (1,000 characters)"
    assert "(5,000 characters)" in fence("y" * 5000, 100)

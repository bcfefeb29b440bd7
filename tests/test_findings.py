"""How findings are worded."""

from __future__ import annotations

import pytest

from voltaic.findings import quoted


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("no kernel image", '"no kernel image".'), ("is false.", '"is false."'), ("why?", '"why?"'), ("", '"".')],
)
def test_a_quoted_message_ends_a_sentence_once(text: str, sentence: str) -> None:
    """An engine's own message keeps its own full stop and gets no second one."""
    assert quoted(text) == sentence

"""Text that others wrote, made safe to be shown: nothing in it moves a cursor, hides words or ends a line."""

from __future__ import annotations

from typing import Final

_PICTURES: Final = 0x2400
"""First of the characters that stand for control characters: ␀ for NUL, ␛ for ESC (Unicode, Control Pictures)."""
_DELETE: Final = 0x7F
_OTHER: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str, *, keep: str = "") -> str:
    """Return a text with one visible character for each that is not: as long as before.

    Args:
        text: whatever somebody wrote into a manifest.
        keep: characters that stay, such as ends of lines.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in keep else _shown(sign) for sign in text)


def _shown(sign: str) -> str:
    code = ord(sign)
    if code < ord(" "):
        return chr(_PICTURES + code)
    if code == _DELETE:
        return "\N{SYMBOL FOR DELETE}"
    return " " if sign.isspace() else _OTHER

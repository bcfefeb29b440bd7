"""Text of others inside Markdown: shown as it is, and no more. It formats nothing, links nothing, calls nobody."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200
"""Characters of a name or a value that stands within a line."""
_READ = 4
"""How many times as much as is shown is read of a text: blanks in a row become one, and colours none."""
_SPACE = re.compile(r"\s+")
_MARKS = re.compile(r"[\\`*_\[\]~#|$]")
_QUOTED = re.compile(r"`([^`\s][^`]*)`|(\b[a-z][a-z0-9+.-]{1,20}://[^\s`\"'<>]*[^\s`\"'<>.,;:!?)])")
"""Commands between backticks, and addresses: both are code, which nothing links."""
_LEADING = re.compile(r"^(?:[-+=]|\d+(?=[.)]))")
# A zero-width space between the two characters by which hosts know a mention, a reference or an address: it is not
# seen, and nobody is notified (GitHub and GitLab look for these in the rendered text, where escapes are gone).
_APART = "\u200b"
_CALLS = (
    (re.compile(r"@"), f"@{_APART}"),
    (re.compile(r"(?<=[#!$&%])(?=\d)"), _APART),
    (re.compile(r"(?i)\bGH-(?=\d)"), f"GH-{_APART}"),
    (re.compile(r"(?<=:)(?=//)"), _APART),
    (re.compile(r"(?i)\bwww(?=\.)"), f"www{_APART}"),
)
_ENTITIES = re.compile(r"[^\w \-.,;=()/+]|_", re.ASCII)


def plain(text: str, longest: int = LONGEST) -> str:
    """Return a text in one line of printable characters, cut when long."""
    # What is cut off need not be cleaned: a text may have megabytes.
    line = _SPACE.sub(" ", _printable(text[: longest * _READ])).strip()
    if len(line) <= longest and len(text) <= longest * _READ:
        return line
    return f"{line[:longest]}… ({len(text):,} characters)"


def prose(text: str, longest: int = 4000) -> str:
    """Return a text as running text; what stands between backticks in it, and addresses, as code."""
    line = plain(text, longest)
    found, end = "", 0
    for quoted in _QUOTED.finditer(line):
        found += _words(line[end : quoted.start()]) + code(quoted[1] or quoted[2], longest)
        end = quoted.end()
    found += _words(line[end:])
    return _LEADING.sub(r"\\\g<0>" if found[:1] in "-+=" else rf"\g<0>{_APART}", found)


def _words(line: str) -> str:
    for call, apart in _CALLS:
        line = call.sub(apart, line)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\g<0>", line)


def code(text: str, longest: int = LONGEST) -> str:
    """Return a text as code within a line: nothing in it is read as a mention or a link."""
    line = plain(text, longest)
    if not line:
        return "(empty)"
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def cell(text: str, longest: int = LONGEST) -> str:
    """Return a text as code within a cell of a table, where a bar or a backslash would break a code span."""
    line = plain(text, longest)
    if "|" not in line and "\\" not in line:
        return code(line, len(line))
    return f"<code>{_ENTITIES.sub(lambda found: f'&#{ord(found[0])};', line)}</code>"


def fence(text: str, longest: int = 4000, language: str = "text") -> str:
    """Return a text of several lines in a fence that nothing within it can close."""
    lines = [_printable(line).rstrip() for line in text[: longest * _READ].expandtabs(4).split("\n")]
    body = "\n".join(lines).strip("\n")
    if len(body) > longest or len(text) > longest * _READ:
        body = f"{body[:longest]}… ({len(text):,} characters)"
    marks = "`" * max(3, _longest_run(body) + 1)
    return f"{marks}{language}\n{body}\n{marks}"


def folded(summary: str, body: str) -> str:
    """Return a part that is opened with a click; both texts are Markdown that was made safe before."""
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def table(headings: list[str], rows: list[list[str]], right: int = 1) -> str:
    """Return a table; columns from `right` on are aligned to the right. Cells are Markdown, made safe before."""
    rules = ["---" if number < right else "---:" for number in range(len(headings))]
    lines = [headings, rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _printable(text: str) -> str:
    """Return a text without what is not seen: control characters, terminal colours, marks that turn its direction."""
    text = _COLOURS.sub("", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_seen(character) for character in text)


_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)?")


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    if category in {"Zl", "Zp", "Cc"}:
        return " "
    return "" if category == "Cf" else character

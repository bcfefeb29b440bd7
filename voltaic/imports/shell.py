"""Reads variables out of a shell file without running it.

What a shell would have to decide, compute or fetch (commands, conditions, substitutions) is unread, with its line:
nothing is guessed (POSIX.1-2024, Shell Command Language, 2.2, 2.6.2 and 2.9.1; `export`, `declare` as in bash 5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

LONGEST: Final = 256 * 1024
"""Characters of a file that is read."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_DECLARES: Final = frozenset({"export", "declare", "typeset", "readonly", "local"})
_HARMLESS: Final = frozenset({"set", "shopt", "unset", "true", "echo", "printf"})
"""Commands without which the variables are the same, or that only print; `unset` of a variable is looked at apart."""
_OPENERS: Final = frozenset({"if", "for", "while", "until", "case", "select", "{"})
_CLOSERS: Final = frozenset({"fi", "done", "esac", "}"})
_WITHIN: Final = frozenset({"then", "else", "elif", "do"})
_ESCAPED: Final = '$`"\\'
"""Characters that a backslash quotes between double quotes."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A variable that a file sets."""

    line: int
    name: str
    value: str
    note: str = ""
    """What its value rests on, where that is more than the text."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that is not understood without running it."""

    line: int
    because: str
    name: str | None = None
    """The variable that it would set, where it is one."""


@dataclass(slots=True)
class _Word:
    text: str = ""
    because: str = ""
    """Why it cannot be read; empty: it can."""
    note: str = ""
    quoted: bool = False


def assignments(text: str) -> list[Assignment | Unread]:
    """Return what a file sets, in order. Never raises."""
    if len(text) > LONGEST:
        return [Unread(1, f"longer than {LONGEST:,} characters: no configuration is")]
    return _Reader(text.replace("\r\n", "\n").removeprefix("\ufeff")).read()


@dataclass(slots=True)
class _Reader:
    text: str
    position: int = 0
    line: int = 1
    depth: int = 0
    known: dict[str, str] = field(default_factory=dict)
    found: list[Assignment | Unread] = field(default_factory=list)

    def read(self) -> list[Assignment | Unread]:
        conditional = False
        while self.position < len(self.text):
            start = self.line
            words, operator = self._statement()
            self._take(start, words, conditional=conditional)
            if operator == "<<":
                self.found.append(Unread(start, "a here-document: what follows is not read"))
                break
            conditional = operator in {"&&", "||", "|", "&"}
        return self.found

    def _take(self, line: int, words: list[_Word], *, conditional: bool) -> None:
        """Take what one command sets."""
        while words and not words[0].quoted and words[0].text in _WITHIN | _OPENERS | _CLOSERS:
            word = words.pop(0).text
            self.depth = max(0, self.depth + (word in _OPENERS) - (word in _CLOSERS))
            if word in _OPENERS - {"{"}:
                self.found.append(Unread(line, f"`{word}`: what it decides or repeats is not run"))
                return
        if not words:
            return
        first = words[0]
        self.depth += any(word.text == "{" and not word.quoted for word in words)  # a function begins
        if first.text in _DECLARES and not first.quoted:
            self._assign(line, [word for word in words[1:] if not word.text.startswith("-")], conditional=conditional)
        elif all(_ASSIGNMENT.match(word.text) for word in words):
            self._assign(line, words, conditional=conditional)
        elif first.text == "unset" and not conditional and not self.depth:
            for name in words[1:]:
                self.known.pop(name.text, None)
                self.found.append(Assignment(line, name.text, ""))
        elif first.text not in _HARMLESS:
            shown = first.text if first.text.isprintable() and len(first.text) < 40 else "…"  # noqa: PLR2004  one word
            self.found.append(Unread(line, f"`{shown}` is a command, and nothing is run"))

    def _assign(self, line: int, words: list[_Word], *, conditional: bool) -> None:
        for word in words:
            match = _ASSIGNMENT.match(word.text)
            if match is None:
                continue  # `export NAME`: it keeps its value
            name, value = match[1], word.text[match.end() :]
            because = word.because
            if conditional or self.depth:
                because = because or "set on a condition, and nothing is run"
            if because:
                self.known.pop(name, None)
                self.found.append(Unread(line, because, name))
            else:
                self.known[name] = value
                self.found.append(Assignment(line, name, value, word.note))

    def _statement(self) -> tuple[list[_Word], str]:
        """Return the words up to the end of a command, and what ends it."""
        words: list[_Word] = []
        while self.position < len(self.text):
            sign = self._peek()
            if self._is_nothing(sign):
                continue
            if sign in "\n;":
                self._next()
                return words, sign
            if sign in "&|":
                operator = sign * 2 if self.text.startswith(sign * 2, self.position) else sign
                self.position += len(operator)
                return words, operator
            if sign in "<>":
                if self.text.startswith("<<", self.position) and not self.text.startswith("<<<", self.position):
                    return words, "<<"
                self.position += 1
                words.append(_Word("", "a redirection"))
            elif sign in "()":
                self.position += 1
                if words and sign == "(":
                    words[-1].because = "a list or a function, which no setting is"
                    self._past(")")
            else:
                words.append(self._word())
        return words, ""

    def _is_nothing(self, sign: str) -> bool:
        """Go behind a blank, a continued line or a comment; return whether there was one."""
        if sign in " \t":
            self.position += 1
        elif self.text.startswith("\\\n", self.position):
            self._next(2)
        elif sign == "#":
            self._to_line_end()
        else:
            return False
        return True

    def _word(self) -> _Word:
        word = _Word()
        while self.position < len(self.text):
            sign = self._peek()
            if sign in " \t\n;&|<>()":
                break
            if sign == "\\":
                self._escape(word)
            elif sign == "'":
                word.quoted = True
                end = self.text.find("'", self.position + 1)
                self._literal(word, end)
            elif sign == '"':
                word.quoted = True
                self._double(word)
            elif sign in "$`":
                self._expansion(word)
            else:
                word.text += sign
                self._next()
        return word

    def _escape(self, word: _Word) -> None:
        following = self.text[self.position + 1 : self.position + 2]
        word.text += "" if following == "\n" else following
        self._next(2)

    def _literal(self, word: _Word, end: int) -> None:
        if end < 0:
            word.because = "a quote that is not closed"
            self._next(len(self.text) - self.position)
            return
        word.text += self.text[self.position + 1 : end]
        self._next(end + 1 - self.position)

    def _double(self, word: _Word) -> None:
        self.position += 1
        while self.position < len(self.text):
            sign = self._peek()
            if sign == '"':
                self.position += 1
                return
            if sign == "\\":
                following = self.text[self.position + 1 : self.position + 2]
                if following == "\n":
                    self._next(2)
                elif following and following in _ESCAPED:
                    word.text += following
                    self._next(2)
                else:
                    word.text += sign
                    self._next()
            elif sign in "$`":
                self._expansion(word)
            else:
                word.text += sign
                self._next()
        word.because = "a quote that is not closed"

    def _expansion(self, word: _Word) -> None:
        """Read `$NAME` or `${NAME:-default}`; what else begins with a dollar is computed, and unread."""
        rest = self.text[self.position : self.position + 512]
        if rest.startswith("`"):
            word.because = "a command substitution, which is not run"
            self._next()
            self._past("`")
        elif rest.startswith("$("):
            word.because = "a command substitution or a sum, which is not run"
            self._next(2)
            self._past(")")
        elif match := re.match(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:?[-=]([^${}`\"']*))?\}", rest):
            self._next(match.end())
            self._known(word, match[1], match[3] if match[2] else None, empty=bool(match[2]) and match[2][0] == ":")
        elif match := re.match(r"\$([A-Za-z_][A-Za-z0-9_]*)", rest):
            self._next(match.end())
            self._known(word, match[1], None, empty=False)
        elif rest.startswith("${"):
            word.because = "an expansion that is more than a name with a default"
            self._next(2)
            self._past("}")
        elif re.match(r"\$[\s\"]|\$$", rest):
            word.text += "$"
            self._next()
        else:
            word.because = "a parameter of the shell, which is not known here"
            self._next(2)

    def _known(self, word: _Word, name: str, default: str | None, *, empty: bool) -> None:
        """Put in what a variable holds."""
        value = self.known.get(name)
        if value is None or (empty and not value):
            if default is None:
                word.because = word.because or f"${name} is not set in this file"
            else:
                word.text += default
                word.note = f"the default, unless the environment sets {name}"
        else:
            word.text += value

    def _peek(self) -> str:
        return self.text[self.position]

    def _next(self, count: int = 1) -> None:
        self.line += self.text.count("\n", self.position, self.position + count)
        self.position += count

    def _past(self, sign: str) -> None:
        """Go behind the next such sign on this line, counting what is opened within."""
        depth, opener = 1, {")": "(", "}": "{"}.get(sign, "")
        while self.position < len(self.text) and self._peek() != "\n":
            here = self._peek()
            self.position += 1
            depth += (here == opener) - (here == sign)
            if not depth:
                return

    def _to_line_end(self) -> None:
        end = self.text.find("\n", self.position)
        self.position = len(self.text) if end < 0 else end

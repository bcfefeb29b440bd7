"""The operators and words of a shell script (POSIX.1-2024, Shell Command Language, 2.2, 2.3, 2.6 and 2.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

MARK, UNMARK = "\ue000", "\ue001"
"""Stand around text that was not known before the shell read the script. Characters for private use."""
_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|\|&|&>>?|<<<|<<-?|<&|>&|>>|>\||<>|[;&|()<>\n]")
_PLAIN = re.compile(r"[^\s\\'\"`$;&|()<>#*?\[\]{}~" + MARK + "]+")
_REDIRECTED = re.compile(r"[0-9]+(?=[<>])", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[@*0-9]", re.ASCII)
_BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*|[@*0-9])(?:(:?[-?])([^{}$`\"'\\]*))?\}", re.ASCII)
_MARKED = re.compile(f"{MARK}[^{UNMARK}]*{UNMARK}")
_EXPANDING = re.compile(r"\{[^{}\s]*(?:,|\.\.)[^{}\s]*\}")


class NotRead(Exception):  # noqa: N818  named for what it says
    """A script that this reader does not understand; the message says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word."""

    kind: Literal["text", "variable", "unread"]
    text: str
    """The text itself, the name of the variable, or what is not read as written."""
    quoted: bool = False
    """Whether the shell leaves it whole, spaces and all."""
    fallback: str | None = None
    """What `${NAME:-fallback}` stands for where the variable is empty."""


Word = tuple[Part, ...]


@dataclass(slots=True)
class _Lexer:
    text: str
    position: int = 0
    documents: list[tuple[str, bool]] = field(default_factory=list)
    """Ends of the here-documents that begin after this line, and whether they are indented by tabs."""

    def tokens(self) -> list[str | Word]:
        """Return operators as text, and words."""
        found: list[str | Word] = []
        while self.position < len(self.text):
            character = self.text[self.position]
            if character in " \t\r" or self.text.startswith("\\\n", self.position):
                self.position += 2 if character == "\\" else 1
            elif character == "#":
                self._to_end_of_line()
            else:
                self._token(found)
        return found

    def _to_end_of_line(self) -> None:
        end = self.text.find("\n", self.position)
        self.position = len(self.text) if end < 0 else end

    def _token(self, found: list[str | Word]) -> None:
        number = _REDIRECTED.match(self.text, self.position)
        if number is not None:
            self.position = number.end()
        operator = _OPERATOR.match(self.text, self.position)
        if operator is None:
            found.append(self._word())
            return
        self.position = operator.end()
        sign = operator[0]
        if sign in {"<", ">"} and self.text.startswith("(", self.position):
            found.append((Part("unread", self._bracketed(self.position - 1)),))
        elif sign in {"<<", "<<-"}:
            self._blanks()
            end = "".join(part.text for part in self._word())
            self.documents.append((end, sign == "<<-"))
        elif sign == "\n":
            found.append(sign)
            self._skip_documents()
        else:
            found.append(sign)

    def _blanks(self) -> None:
        while self.text[self.position : self.position + 1] in {" ", "\t"}:
            self.position += 1

    def _skip_documents(self) -> None:
        while self.documents:
            end, indented = self.documents.pop(0)
            while self.position < len(self.text):
                start = self.position
                self._to_end_of_line()
                line = self.text[start : self.position]
                self.position += 1
                if (line.lstrip("\t") if indented else line) == end:
                    break

    def _word(self) -> Word:
        parts: list[Part] = []
        start = self.position
        while self.position < len(self.text):
            plain = _PLAIN.match(self.text, self.position)
            if plain is not None:
                self.position = plain.end()
                parts.append(Part("text", plain[0]))
                continue
            character = self.text[self.position]
            if character.isspace() or character in ";&|()<>":
                break
            parts += self._special(character, quoted=False)
        if self.position == start:
            raise NotRead(f"what {self.text[start : start + 10]!r} means is not read")
        if any(part.kind == "text" and not part.quoted and "{" in part.text for part in parts):
            written = self.text[start : self.position]
            if _EXPANDING.search(written) is not None:
                return (Part("unread", written),)
        return tuple(parts)

    def _special(self, character: str, *, quoted: bool) -> list[Part]:
        """Return the parts that begin with a character which is not plain."""
        text, here = self.text, self.position
        if character == MARK:
            marked = _MARKED.match(text, here)
            self.position = marked.end() if marked else here + 1
            return [Part("unread", marked[0][1:-1] if marked else "", quoted)]
        if character == "\\":
            self.position += 2
            following = text[here + 1 : here + 2]
            return [] if following == "\n" else [Part("text", following, quoted=True)]
        if character == "'":
            end = text.find("'", here + 1)
            if end < 0:
                raise NotRead("a quote is not closed")
            self.position = end + 1
            return self._literal(text[here + 1 : end])
        if character == '"':
            self.position += 1
            return self._double()
        if character == "`":
            end = text.find("`", here + 1)
            if end < 0:
                raise NotRead("a quote is not closed")
            self.position = end + 1
            return [Part("unread", text[here : end + 1], quoted)]
        if character == "$":
            return self._dollar(quoted=quoted)
        self.position += 1
        if character == "~" and not quoted:
            return [Part("unread", character)]
        return [Part("text", character, quoted)]

    def _literal(self, text: str) -> list[Part]:
        """Return quoted text, in which what was not known before still is not."""
        parts: list[Part] = []
        position = 0
        for marked in _MARKED.finditer(text):
            parts += [
                Part("text", text[position : marked.start()], quoted=True),
                Part("unread", marked[0][1:-1], quoted=True),
            ]
            position = marked.end()
        return [*parts, Part("text", text[position:], quoted=True)]

    def _double(self) -> list[Part]:
        parts = [Part("text", "", quoted=True)]
        while self.position < len(self.text):
            character = self.text[self.position]
            if character == '"':
                self.position += 1
                return parts
            if character == "\\" and self.text[self.position + 1 : self.position + 2] not in {
                "$",
                "`",
                '"',
                "\\",
                "\n",
            }:
                self.position += 1
                parts.append(Part("text", character, quoted=True))
            elif character in "\\$`" + MARK:
                parts += self._special(character, quoted=True)
            else:
                end = min(
                    (found for sign in '"\\$`' + MARK if (found := self.text.find(sign, self.position)) >= 0),
                    default=len(self.text),
                )
                parts.append(Part("text", self.text[self.position : end], quoted=True))
                self.position = end
        raise NotRead("a quote is not closed")

    def _dollar(self, *, quoted: bool) -> list[Part]:
        text, here = self.text, self.position
        following = text[here + 1 : here + 2]
        if following == "(":
            return [Part("unread", "$" + self._bracketed(here + 1), quoted)]
        if following == "{":
            braced = _BRACED.match(text, here + 1)
            if braced is None:
                end = text.find("}", here)
                self.position = len(text) if end < 0 else end + 1
                return [Part("unread", text[here : self.position], quoted)]
            self.position = braced.end()
            if braced[2] is not None and not braced[2].startswith(":"):
                return [Part("unread", text[here : self.position], quoted)]
            return [Part("variable", braced[1], quoted, braced[3] if braced[2] == ":-" else None)]
        if following == "'":
            self.position += 1
            quoted_text = self._special("'", quoted=False)
            return [Part("unread", part.text, quoted=True) if "\\" in part.text else part for part in quoted_text]
        if following == '"':
            self.position += 1
            return self._special('"', quoted=False)
        name = _NAME.match(text, here + 1)
        if name is None:
            self.position += 1
            other = following in {"?", "!", "#", "$", "-"}
            self.position += other
            return [Part("unread", text[here : self.position], quoted)] if other else [Part("text", "$", quoted)]
        self.position = name.end()
        return [Part("variable", name[0], quoted)]

    def _bracketed(self, start: int) -> str:
        """Return what stands in brackets from `start` on, brackets included, and go behind it."""
        depth, position = 0, start
        while position < len(self.text):
            character = self.text[position]
            if character in "'\"":
                closed = self.text.find(character, position + 1)
                position = len(self.text) if closed < 0 else closed
            elif character == "\\":
                position += 1
            depth += (character == "(") - (character == ")")
            position += 1
            if depth == 0:
                self.position = position
                return self.text[start:position]
        raise NotRead("a bracket is not closed")


def tokens(script: str) -> list[str | Word]:
    """Return the operators of a script as text, and its words.

    Raises:
        NotRead: the script is not understood.
    """
    return _Lexer(script).tokens()


def bare(word: str | Word) -> str | None:
    """Return a word's text where all of it is written without quotes; None otherwise."""
    if isinstance(word, str) or any(part.kind != "text" or part.quoted for part in word):
        return None
    return "".join(part.text for part in word)

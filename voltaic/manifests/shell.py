"""Scripts that a shell is given as text, split into the commands that it runs.

A small reader of its own: bashlex, the one pure grammar of the shell for Python, is under the GPL, and shlex knows
neither comments in the middle nor what was quoted. What this reader does not understand it says to be unread, and
nothing here guesses (POSIX.1-2024, Shell Command Language, 2.9 and 2.10).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from voltaic.manifests.shell_words import NotRead, Word, bare, tokens

LONGEST: Final = 64 * 1024
"""Characters of a script that is read."""
_CONTROL: Final = frozenset({"&&", "||", ";", "&", "|", "|&", "\n", ";;", ";&", ";;&"})
_OPENERS: Final = {
    "if": "fi",
    "while": "done",
    "until": "done",
    "for": "done",
    "select": "done",
    "case": "esac",
    "{": "}",
    "(": ")",
    "[[": "]]",
    "function": "}",
}
_GOES_ON: Final = frozenset({"then", "do", "else", "elif", "if", "while", "until", "!", "{"})
"""Words after which a command begins."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a script, or one block of several."""

    words: tuple[Word, ...]
    """Without redirections; of a block none."""
    after: str
    """Operator before it: `;`, `&&`, `||` or `|`."""
    block: str | None = None
    """Word that begins the block: `if`, `for`, `(`; None for a command."""
    inner: tuple[tuple[Word, ...], ...] = ()
    """The commands within the block, in whatever order they run."""


def commands(script: str) -> list[Command]:
    """Return the commands of a script in order, blocks as one command each.

    Raises:
        NotRead: the script is not understood.
    """
    if len(script) > LONGEST:
        raise NotRead(f"the script is longer than {LONGEST:,} characters")
    return _Parser(tokens(script)).commands()


@dataclass(slots=True)
class _Parser:
    signs: list[str | Word]
    position: int = 0

    def commands(self) -> list[Command]:
        found: list[Command] = []
        after = ";"
        while self.position < len(self.signs):
            sign = self.signs[self.position]
            if isinstance(sign, str) and sign in _CONTROL:
                self.position += 1
                if sign != "\n" or after == ";":
                    after = {"|&": "|"}.get(sign, sign) if sign in {"&&", "||", "|", "|&"} else ";"
                continue
            found.append(self._command(after))
            after = ";"
        return found

    def _command(self, after: str) -> Command:
        sign = self.signs[self.position]
        word = sign if isinstance(sign, str) else bare(sign)
        if word == "!":
            self.position += 1
            return Command((), after)
        following = self.signs[self.position + 1 : self.position + 3]
        if following == ["(", ")"]:
            self.position += 3
            while self.position < len(self.signs) and self.signs[self.position] == "\n":
                self.position += 1
            return Command((), after, "function", self._block() if self.position < len(self.signs) else ())
        if word in _OPENERS:
            return Command((), after, word, self._block())
        if isinstance(sign, str) and sign in {")", "("}:
            raise NotRead("a bracket stands where a command should")
        return Command(self._words(), after)

    def _words(self) -> tuple[Word, ...]:
        """Take the words of a command up to its end, without redirections."""
        words: list[Word] = []
        while self.position < len(self.signs):
            sign = self.signs[self.position]
            if isinstance(sign, str):
                if sign in _CONTROL or sign == ")":
                    break
                if sign == "(":
                    raise NotRead("a bracket stands within a command")
                self.position += 2  # a redirection and what it leads to
                continue
            words.append(sign)
            self.position += 1
        return tuple(words)

    def _block(self) -> tuple[tuple[Word, ...], ...]:
        """Take a block up to its end, with all commands within."""
        inner: list[tuple[Word, ...]] = []
        open_blocks: list[str] = []
        begins = True
        while self.position < len(self.signs):
            sign = self.signs[self.position]
            word = sign if isinstance(sign, str) else bare(sign)
            if open_blocks and word == open_blocks[-1] and (begins or word in {")", "]]"}):
                self.position += 1
                open_blocks.pop()
                begins = False
                if not open_blocks:
                    self._words()  # redirections of the whole block
                    return tuple(inner)
            elif open_blocks[-1:] == ["]]"]:
                self.position += 1
            elif word == "function" and begins:
                self.position += 2  # its name; the body is a block of its own
                if self.signs[self.position : self.position + 2] == ["(", ")"]:
                    self.position += 2
            elif word in _OPENERS and begins and not (word == "(" and open_blocks[-1:] == ["esac"]):
                self.position += 1
                open_blocks.append(_OPENERS[word])
                begins = word not in {"for", "select", "case", "[["}
            elif isinstance(sign, str):
                self.position += 1
                begins = sign in _CONTROL or sign in {"(", ")"}
            elif begins and word not in _GOES_ON:
                inner.append(self._inner())
                begins = False
            else:
                self.position += 1
                begins = word in _GOES_ON
        raise NotRead("a block is not closed")

    def _inner(self) -> tuple[Word, ...]:
        words: list[Word] = []
        while self.position < len(self.signs):
            sign = self.signs[self.position]
            if isinstance(sign, str):
                break
            words.append(sign)
            self.position += 1
        return tuple(words)

"""The program that is started in the end, behind those that only start another one (programs.toml)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines import data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voltaic.manifests.words import Word

SHELLS: Final = ("sh", "bash", "ash", "dash", "zsh")
_SHELL_COMMAND: Final = re.compile(r"-[a-z]*c", re.ASCII)
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.ASCII | re.DOTALL)
_PYTHON = re.compile(r"python[0-9.]*", re.ASCII)
_PYTHON_VALUES: Final = ("-W", "-X", "--check-hash-based-pycs")


@dataclass(frozen=True, slots=True)
class Start:
    """A program that is started, and with what."""

    program: str
    """Its name without folders, or the module that Python runs."""
    words: tuple[Word, ...]
    """What follows the program."""
    env: Mapping[str, str | None] = field(default_factory=dict)
    """Variables that the script gives it beside those of the container; None: set to what is not known here."""
    open_env: str | None = None
    """Why it may have variables that are not known here."""
    changed: str | None = None
    """What was installed before over what the image holds."""
    ray: bool = False
    """Whether the script joins or makes a Ray cluster first, whose GPUs count too."""


@dataclass(frozen=True, slots=True)
class Unread:
    """What is started cannot be read."""

    reason: str
    programs: tuple[str, ...] = ()
    """Names of all programs that may be started."""


@cache
def programs() -> dict[str, Any]:
    """Return programs.toml."""
    return data.table(Path(__file__).with_name("programs.toml"))


@cache
def _wrappers() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in programs()["wrapper"]}


@cache
def idle() -> frozenset[str]:
    """Return the programs that serve nothing."""
    return frozenset(programs()["idle"]["programs"])


def name_of(word: str | None) -> str:
    """Return a program's name without folders."""
    return (word or "").rpartition("/")[2]


def unwrapped(start: Start) -> Start | Unread:
    """Return what is started in the end, behind `env`, `tini --`, `nohup`, `python3 -m` and their like."""
    for _ in range(8):
        if start.program == "env":
            found: Start | Unread | None = _env(start)
        elif _PYTHON.fullmatch(start.program):
            found = _python(start)
        elif start.program in _wrappers():
            found = _wrapped(start, _wrappers()[start.program])
        else:
            return start
        if found is None or isinstance(found, Unread):
            return found or start
        if found.program == start.program and found.words == start.words:
            return start
        start = found
    return start


def _program(start: Start, words: Sequence[Word]) -> Start | Unread | None:
    """Return the start of what these words name; None where they name nothing."""
    if not words:
        return None
    if words[0].text is None:
        return Unread(f"what {start.program} starts, {words[0].written}, is not known here")
    return replace(start, program=name_of(words[0].text), words=tuple(words[1:]))


def _wrapped(start: Start, row: dict[str, Any]) -> Start | Unread | None:
    words = list(start.words)
    if row.get("sub") is not None:
        if not words or words[0].text != row["sub"]:
            return None
        words.pop(0)
    while words and (words[0].text or "").startswith("-"):
        option = words.pop(0).text or ""
        if option == "--":
            break
        if option.partition("=")[0] in row.get("changes", ()):
            start = replace(start, changed=f"{start.program} {option}")
            if "=" not in option and option.startswith("--with") and words:
                words.pop(0)
        elif option in row.get("values", ()) and words:
            words.pop(0)
    return _program(start, words[row.get("skips", 0) :])


def _env(start: Start) -> Start | Unread | None:
    words, env = list(start.words), dict(start.env)
    while words:
        text = words[0].text
        assigned = _ASSIGNED.fullmatch(text if text is not None else words[0].written)
        if assigned is not None:
            env[assigned[1]] = assigned[2] if text is not None else None
            words.pop(0)
        elif text in {"-u", "--unset"}:
            return Unread("env takes a variable away, which is not read")
        elif text is not None and text.startswith("-") and text != "--":
            return Unread(f"env {text} is not read")
        else:
            break
    if words and words[0].text == "--":
        words.pop(0)
    return _program(replace(start, env=env), words)


def _python(start: Start) -> Start | Unread | None:
    words = list(start.words)
    while words and (words[0].text or "").startswith("-"):
        option = words.pop(0).text or ""
        if option in {"-c", "-"}:
            return None
        if option in _PYTHON_VALUES and words:
            words.pop(0)
    return _program(start, words) if words and words[0].text is not None else None


def line_of(words: Sequence[Word]) -> tuple[Word, tuple[Word, ...]] | None:
    """Return the script after a shell's `-c`, and its positional parameters; None where there is none."""
    for index, word in enumerate(words):
        text = word.text or ""
        if _SHELL_COMMAND.fullmatch(text):
            rest = list(words[index + 1 :])
            while len(rest) > 1 and rest[0].text in {"--", "-"}:
                rest.pop(0)
            return (rest[0], tuple(rest[1:])) if rest else None
        if not text.startswith(("-", "+")) and (index == 0 or words[index - 1].text not in {"-o", "+o", "-O"}):
            return None
    return None

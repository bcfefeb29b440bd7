"""What a shell script starts: the one command that certainly runs and serves, with its words and its environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines import data
from voltaic.manifests import shell
from voltaic.manifests.shell import MARK, UNMARK, NotRead, bare
from voltaic.manifests.words import Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from voltaic.manifests.shell import Command, Part

SHELLS: Final = ("sh", "bash", "ash", "dash", "zsh")
SHELL_COMMAND: Final = re.compile(r"-[a-z]*c", re.ASCII)
DEEPEST: Final = 3
"""Shells within shells that are read."""
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=(.*)", re.ASCII | re.DOTALL)
_VARIABLE = re.compile(r"\$(\$|\(([A-Za-z_][\w.-]*)\))", re.ASCII)
_UNFILLED = re.compile(r"\{\{.*?\}\}|<[A-Z][A-Z0-9_ -]*>", re.ASCII | re.DOTALL)
_PYTHON = re.compile(r"python[0-9.]*", re.ASCII)
_PYTHON_VALUES: Final = ("-W", "-X", "--check-hash-based-pycs")
_SETTERS: Final = ("export", "declare", "typeset", "readonly", "local")


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
def _programs() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("programs.toml"))


@cache
def _wrappers() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in _programs()["wrapper"]}


@cache
def idle() -> frozenset[str]:
    """Return the programs that serve nothing."""
    return frozenset(_programs()["idle"]["programs"])


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
        if assigned is not None and not assigned[1].startswith("-"):
            env[assigned[1]] = assigned[3] if text is not None else None
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
        if option == "-m":
            return _program(start, words)
        if option == "-c" or option == "-":
            return None
        if option in _PYTHON_VALUES and words:
            words.pop(0)
    return _program(start, words) if words and words[0].text is not None else None


@dataclass(slots=True)
class _State:
    """What a script has done so far."""

    serves: Callable[[Start], bool]
    path: str | None
    values: dict[str, str | None]
    """Variables as the shell knows them: of the container, and of the script."""
    positional: tuple[Word, ...]
    depth: int
    exported: dict[str, str | None] = field(default_factory=dict)
    exports_all: bool = False
    open_env: str | None = None
    changed: str | None = None
    ray: bool = False
    servers: list[Start] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """Why a server that may be started cannot be read."""
    programs: list[str] = field(default_factory=list)

    def set(self, name: str, value: str | None, *, exported: bool) -> None:
        if exported or self.exports_all or name in self.exported or name in self.values:
            self.exported[name] = value
        self.values[name] = value


def read(
    script: str,
    values: Mapping[str, str | None],
    serves: Callable[[Start], bool],
    *,
    path: str | None = None,
    positional: Sequence[Word] = (),
    depth: int = 0,
) -> Start | Unread:
    """Return the one server that a script starts for certain; never raises.

    Args:
        script: as the container names it, with `$(NAME)` still in it.
        values: variables of the container.
        serves: whether a program with these words is a server.
        path: field of the document that holds the script.
        positional: `$0`, `$1`, …
        depth: how many shells are around this one.
    """
    if depth > DEEPEST:
        return Unread("shells within shells, which are not read")
    state = _State(serves, path, dict(values), tuple(positional), depth)
    try:
        for command in shell.commands(_marked(script, values)):
            if _take(state, command):
                break
    except NotRead as reason:
        named = tuple(dict.fromkeys(re.findall(r"[\w./-]+", script[: shell.LONGEST])))
        return Unread(f"a script that is not understood: {reason}", tuple(name_of(word) for word in named))
    if state.unread:
        return Unread(state.unread[0], tuple(state.programs))
    if len(state.servers) > 1:
        return Unread(f"a script that starts {len(state.servers)} servers, which share the GPUs", tuple(state.programs))
    if state.servers:
        return state.servers[0]
    return Unread("", tuple(state.programs))


def _marked(script: str, values: Mapping[str, str | None]) -> str:
    """Return a script as Kubernetes hands it to the shell, with marks where a value is not known here."""

    def value(match: re.Match[str]) -> str:
        name = match[2]
        if name is None:
            return "$"
        if name not in values:
            return match[0]
        known = values[name]
        return f"{MARK}{match[0]}{UNMARK}" if known is None else known

    script = script.replace(MARK, "").replace(UNMARK, "")
    return _UNFILLED.sub(lambda match: f"{MARK}{match[0]}{UNMARK}", _VARIABLE.sub(value, script))


def _take(state: _State, command: Command) -> bool:
    """Note what a command does; return whether nothing runs after it."""
    sure = command.after != "||"
    if command.block is not None:
        _block(state, command)
        return False
    words = list(command.words)
    own: dict[str, str | None] = {}
    while words and (assigned := _assignment(state, words[0])) is not None:
        own[assigned[0]] = assigned[1] if sure else None
        words.pop(0)
    if not words:
        for name, value in own.items():
            state.set(name, value, exported=False)
        return False
    spread = _expanded(state, words)
    program = bare(words[0])
    if program in _SETTERS:
        _export(state, words[1:], exported=program != "local", sure=sure)
    elif program in {"source", "."}:
        _sourced(state, spread)
    elif program == "eval":
        _opened(state, "eval runs what is not read")
    elif program == "set":
        _set(state, spread)
    elif program == "unset":
        for word in spread[1:]:
            state.set(word.text or word.written, None, exported=False)
    elif program == "read":
        for word in spread[1:]:
            state.set(word.text or word.written, None, exported=False)
    elif program in {"exit", "return"}:
        state.programs.append(program)
        return command.after == ";"
    else:
        _run(state, spread, own, sure=sure)
        return program == "exec" and len(words) > 1 and command.after == ";"
    return False


def _run(state: _State, words: list[Word], own: Mapping[str, str | None], *, sure: bool) -> None:
    """Note a program that is run."""
    if words[0].text is None:
        state.programs.append(words[0].written)
        return
    env = {**state.exported, **own}
    start = unwrapped(
        Start(name_of(words[0].text), tuple(words[1:]), env, state.open_env, state.changed, state.ray)
    )
    if isinstance(start, Unread):
        state.programs.append(name_of(words[0].text))
        state.unread.append(f"a script in which {start.reason}")
        return
    state.programs.append(start.program)
    if start.program in SHELLS:
        _nested(state, start, sure=sure)
    elif state.serves(start):
        if sure:
            state.servers.append(start)
        else:
            state.unread.append(f"a script that starts {start.program} only where something else failed")
    else:
        _note(state, start)


def _nested(state: _State, start: Start, *, sure: bool) -> None:
    """Note what a shell within the script runs."""
    script = line_of(start.words)
    if script is None or script[0].text is None:
        return
    inner = read(
        script[0].text,
        {**state.values, **start.env},
        state.serves,
        path=state.path,
        positional=script[1],
        depth=state.depth + 1,
    )
    state.programs += inner.programs if isinstance(inner, Unread) else [inner.program]
    if isinstance(inner, Start):
        if sure:
            state.servers.append(replace(inner, env={**start.env, **inner.env}))
        else:
            state.unread.append(f"a script that starts {inner.program} only where something else failed")
    elif inner.reason:
        state.unread.append(inner.reason)


def line_of(words: Sequence[Word]) -> tuple[Word, tuple[Word, ...]] | None:
    """Return the script after a shell's `-c`, and its positional parameters; None where there is none."""
    for index, word in enumerate(words):
        text = word.text or ""
        if SHELL_COMMAND.fullmatch(text):
            rest = list(words[index + 1 :])
            while len(rest) > 1 and rest[0].text in {"--", "-"}:
                rest.pop(0)
            return (rest[0], tuple(rest[1:])) if rest else None
        if not text.startswith(("-", "+")) and (index == 0 or words[index - 1].text not in {"-o", "+o", "-O"}):
            return None
    return None


def _note(state: _State, start: Start) -> None:
    """Note what a program that serves nothing changes for those after it."""
    facts = _programs()["sets"]
    texts = [word.text or word.written for word in start.words]
    if start.program == "ray" and texts[:1] == ["start"]:
        state.ray = True
    patched = next((text for text in texts if "site-packages" in text or "dist-packages" in text), None)
    installs = start.program in facts["installers"] and {"install", "sync", "add"} & set(texts)
    if patched is not None and start.program not in {"ls", "cat", "echo"}:
        state.changed = f"{start.program} {patched}"
    elif installs or (start.program in {"pip", "pip3"} and "install" in texts):
        for text in texts:
            package = re.split(r"[\[=<>!~ @;]", text, maxsplit=1)[0].lower()
            if package in facts["packages"] or text in facts["options"] or any(sign in text for sign in facts["signs"]):
                state.changed = state.changed or f"{start.program} install {text}"


def _block(state: _State, command: Command) -> None:
    """Note what a block may do; whether it does is not known."""
    for words in command.inner:
        rest = list(words)
        while rest and (assigned := _assignment(state, rest[0])) is not None:
            state.set(assigned[0], None, exported=False)
            rest.pop(0)
        if not rest:
            continue
        program = bare(rest[0])
        if program in _SETTERS:
            _export(state, rest[1:], exported=program != "local", sure=False)
        elif program in {"source", ".", "eval", "read"}:
            _opened(state, f"{program} within {command.block} sets what is not read")
        elif program == "set":
            state.positional = ()
        else:
            _in_block(state, _expanded(state, rest), command.block or "")


def _in_block(state: _State, words: list[Word], block: str) -> None:
    if words[0].text is None:
        return
    start = unwrapped(Start(name_of(words[0].text), tuple(words[1:])))
    if isinstance(start, Unread):
        return
    if start.program in SHELLS:
        script = line_of(start.words)
        inner = None if script is None or script[0].text is None else read(
            script[0].text, state.values, state.serves, path=state.path, depth=state.depth + 1
        )
        state.programs.append(start.program)
        if inner is not None and (isinstance(inner, Start) or inner.reason):
            state.unread.append(_within(start.program, block))
        return
    state.programs.append(start.program)
    if state.serves(start):
        state.unread.append(_within(start.program, block))
    else:
        before = state.changed
        _note(state, start)
        state.changed = before or state.changed


def _within(program: str, block: str) -> str:
    return f"a script that starts {program} within {block}, which may run or not"


def _opened(state: _State, reason: str) -> None:
    state.open_env = state.open_env or reason


def _sourced(state: _State, words: list[Word]) -> None:
    file = words[1].text or words[1].written if len(words) > 1 else ""
    if name_of(file) != "activate":  # of a virtual environment: it sets PATH, VIRTUAL_ENV and the prompt
        _opened(state, f"{file or 'a file'} is sourced, which may set variables")


def _set(state: _State, words: list[Word]) -> None:
    texts = [word.text or "" for word in words[1:]]
    if "allexport" in texts or any(re.fullmatch(r"-[a-z]*a[a-z]*", text) for text in texts):
        state.exports_all = True
    if "--" in texts:
        state.positional = (Word(None, "$0", state.path), *words[texts.index("--") + 2 :])


def _export(state: _State, words: Sequence[shell.Word], *, exported: bool, sure: bool) -> None:
    for word in words:
        assigned = _assignment(state, word)
        name = bare(word)
        if assigned is not None:
            state.set(assigned[0], assigned[1] if sure else None, exported=exported)
        elif name is not None and not name.startswith("-") and name in state.values:
            state.set(name, state.values[name] if sure else None, exported=exported)


def _assignment(state: _State, word: shell.Word) -> tuple[str, str | None] | None:
    """Return name and value of an assignment; None where the word is none."""
    first = word[0]
    match = None if first.kind != "text" or first.quoted else _ASSIGNED.match(first.text)
    if match is None:
        return None
    rest = (replace(first, text=match[3]), *word[1:])
    values = [_value(state, part) for part in rest]
    known = None if None in values or match[2] else "".join(value or "" for value in values)
    return match[1], known


def _value(state: _State, part: Part) -> str | None:
    """Return what a part stands for; None where that is not known here."""
    if part.kind == "text":
        return part.text
    if part.kind == "unread":
        return None
    if part.text in "@*0123456789" and len(part.text) == 1:
        return _positional(state, part.text)
    # A variable that neither the manifest nor the script sets may still be set by the image.
    value = state.values.get(part.text)
    return part.fallback if value == "" and part.fallback is not None else value


def _positional(state: _State, name: str) -> str | None:
    if name in "@*":
        texts = [word.text for word in state.positional[1:]]
        return None if None in texts else " ".join(text or "" for text in texts)
    number = int(name)
    return state.positional[number].text if number < len(state.positional) else ""


def _expanded(state: _State, words: Sequence[shell.Word]) -> list[Word]:
    """Return words as the program gets them."""
    found: list[Word] = []
    for word in words:
        if len(word) <= 2 and any(part.kind == "variable" and part.text == "@" and part.quoted for part in word):  # noqa: PLR2004  the opening quote and the parameter
            found += state.positional[1:]
            continue
        found += _fields(state, word)
    return found


def _fields(state: _State, word: shell.Word) -> list[Word]:
    """Return the fields that one word of a script becomes: values without quotes are split at blanks."""
    written = "".join(_written(part) for part in word)
    fields: list[str] = []
    current: str | None = None
    for part in word:
        value = _value(state, part)
        if value is None:
            option = written.partition("=")[0] if written.startswith("-") and "=" in written else None
            return [Word(None, written, state.path, option, whole=part.quoted or option is not None)]
        if part.kind != "variable" or part.quoted:
            current = (current or "") + value
            continue
        pieces = value.split()
        if value[:1].isspace() and current is not None:
            fields.append(current)
            current = None
        for index, piece in enumerate(pieces):
            if index:
                fields.append(current or "")
                current = None
            current = (current or "") + piece
        if value[-1:].isspace() and current is not None:
            fields.append(current)
            current = None
    if current is not None:
        fields.append(current)
    return [Word(text, text, state.path) for text in fields]


def _written(part: Part) -> str:
    if part.kind != "variable":
        return part.text
    return f"${part.text}" if part.fallback is None else f"${{{part.text}:-{part.fallback}}}"

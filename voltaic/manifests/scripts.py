"""What a shell script starts: the one command that certainly runs and serves, with its words and its environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from voltaic.manifests import shell
from voltaic.manifests.expansion import Shell, expanded, marked, value_of
from voltaic.manifests.launching import SHELLS, Start, Unread, line_of, name_of, programs, unwrapped
from voltaic.manifests.shell_words import NotRead, bare
from voltaic.manifests.words import Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from voltaic.manifests import shell_words
    from voltaic.manifests.shell import Command

DEEPEST: Final = 3
"""Shells within shells that are read."""
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=(.*)", re.ASCII | re.DOTALL)
_BEGINS = re.compile(r"(?:^|[;&|(]|\bexec\s|\s-m\s)\s*([\w./-]+)", re.ASCII | re.MULTILINE)
"""What may begin a command in a script that is not understood."""
_SETTERS: Final = ("export", "declare", "typeset", "readonly", "local")


@dataclass(slots=True)
class _State:
    """What a script has done so far."""

    serves: Callable[[Start], bool]
    shell: Shell
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
        if exported or self.exports_all or name in self.exported or name in self.shell.values:
            self.exported[name] = value
        self.shell.values[name] = value


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
    state = _State(serves, Shell(dict(values), tuple(positional), path), depth)
    try:
        for command in shell.commands(marked(script, values)):
            if _take(state, command):
                break
    except NotRead as reason:
        named = tuple(dict.fromkeys(_BEGINS.findall(script[: shell.LONGEST])))
        return Unread(f"a script that is not understood: {reason}", tuple(name_of(word) for word in named))
    if state.unread:
        return Unread(state.unread[0], tuple(state.programs))
    if len(state.servers) > 1:
        return Unread(f"a script that starts {len(state.servers)} servers, which share the GPUs", tuple(state.programs))
    if state.servers:
        return state.servers[0]
    return Unread("", tuple(state.programs))


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
    spread = expanded(state.shell, words)
    program = bare(words[0])
    if program in _SETTERS:
        _export(state, words[1:], exported=program != "local", sure=sure)
    elif program in _BUILT_IN:
        _BUILT_IN[program](state, spread)
    elif program in {"exit", "return"}:
        state.programs.append(program)
        return command.after == ";"
    else:
        _run(state, spread, own, sure=sure)
        return program == "exec" and len(words) > 1 and command.after == ";"
    return False


def _run(state: _State, words: list[Word], own: Mapping[str, str | None], *, sure: bool) -> None:
    """Note a program that is run."""
    if not words:
        return
    if words[0].text is None:
        state.programs.append(words[0].written)
        return
    env = {**state.exported, **own}
    start = unwrapped(Start(name_of(words[0].text), tuple(words[1:]), env, state.open_env, state.changed, state.ray))
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
        # A file of commands, or commands that are not known.
        joins = _joins_ray(state, start)
        state.programs += ["ray"] if joins else [word.written for word in start.words]
        return
    inner = read(
        script[0].text,
        {**state.shell.values, **start.env},
        state.serves,
        path=state.shell.path,
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


def _note(state: _State, start: Start) -> None:
    """Note what a program that serves nothing changes for those after it."""
    facts = programs()["sets"]
    texts = [word.text or word.written for word in start.words]
    _joins_ray(state, start)
    patched = next((text for text in texts if "site-packages" in text or "dist-packages" in text), None)
    installs = start.program in facts["installers"] and {"install", "sync", "add"} & set(texts)
    if patched is not None and start.program not in {"ls", "cat", "echo"}:
        state.changed = f"{start.program} {patched}"
    elif installs or (start.program in {"pip", "pip3"} and "install" in texts):
        for text in texts:
            package = re.split(r"[\[=<>!~ @;]", text, maxsplit=1)[0].lower()
            if package in facts["packages"] or text in facts["options"] or any(sign in text for sign in facts["signs"]):
                state.changed = state.changed or f"{start.program} install {text}"


def _joins_ray(state: _State, start: Start) -> bool:
    """Note where a Ray cluster is made or joined, whose GPUs count too; return whether it is."""
    names = [start.program, *(name_of(word.written) for word in start.words)]
    joins = names[:2] == ["ray", "start"] or not set(programs()["ray"]["scripts"]).isdisjoint(names)
    state.ray = state.ray or joins
    return joins


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
            state.shell.positional = ()
        else:
            _in_block(state, expanded(state.shell, rest), command.block or "")


def _in_block(state: _State, words: list[Word], block: str) -> None:
    if not words or words[0].text is None:
        return
    start = unwrapped(Start(name_of(words[0].text), tuple(words[1:])))
    if isinstance(start, Unread):
        return
    if start.program in SHELLS:
        script = line_of(start.words)
        inner = (
            None
            if script is None or script[0].text is None
            else read(script[0].text, state.shell.values, state.serves, path=state.shell.path, depth=state.depth + 1)
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
        state.shell.positional = (Word(None, "$0", state.shell.path), *words[texts.index("--") + 2 :])


def _export(state: _State, words: Sequence[shell_words.Word], *, exported: bool, sure: bool) -> None:
    for word in words:
        assigned = _assignment(state, word)
        name = bare(word)
        if assigned is not None:
            state.set(assigned[0], assigned[1] if sure else None, exported=exported)
        elif name is not None and not name.startswith("-") and name in state.shell.values:
            state.set(name, state.shell.values[name] if sure else None, exported=exported)


def _assignment(state: _State, word: shell_words.Word) -> tuple[str, str | None] | None:
    """Return name and value of an assignment; None where the word is none."""
    first = word[0]
    match = None if first.kind != "text" or first.quoted else _ASSIGNED.match(first.text)
    if match is None:
        return None
    rest = (replace(first, text=match[3]), *word[1:])
    values = [value_of(state.shell, part) for part in rest]
    known = None if None in values or match[2] else "".join(value or "" for value in values)
    return match[1], known


def _named(state: _State, words: list[Word]) -> None:
    """Note the variables that `read` and `unset` name, which are not known any more."""
    for word in words[1:]:
        state.set(word.text or word.written, None, exported=False)


_BUILT_IN: Final[dict[str, Callable[[_State, list[Word]], None]]] = {
    "source": _sourced,
    ".": _sourced,
    "set": _set,
    "read": _named,
    "unset": _named,
    "eval": lambda state, _: _opened(state, "eval runs what is not read"),
}

"""The launcher's arguments and environment of one container, and what of them cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from voltaic import redaction
from voltaic.hidden import HIDDEN
from voltaic.manifests.known_servers import any_text
from voltaic.manifests.plain import shown
from voltaic.spec import CommandLine, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from voltaic.engines.base import Engine
    from voltaic.manifests.servers import Server
    from voltaic.manifests.variables import Variables
    from voltaic.manifests.words import Word


def command_line(
    server: Server, engine: Engine, variables: Variables, linked: Mapping[str, str], path: str
) -> CommandLine:
    """Return the command line as the launcher of this release reads it.

    An option whose value is not known here is left out of the reading, and said to be unreadable: that it is absent
    means nothing.

    Args:
        server: what is started.
        engine: whose launcher it is.
        variables: of the container.
        linked: variables that Services leave in it.
        path: field of the document that says what is started.
    """
    reading = _Reading()
    for word in server.words:
        reading.take(word)
    env = {**variables.values, **linked, **server.env}
    command = engine.parse(server.version, reading.args, env)
    found = _placed((*command.faults, *variables.faults, *reading.faults), server.words, variables)
    return replace(
        command,
        args=tuple(_without_secret(word) for word in reading.written),
        env={name: None if value and _without_secret(value) != value else value for name, value in command.env.items()},
        faults=(*found, *_of_server(server, path)),
    )


def _without_secret(word: str) -> str:
    """Return a word with a secret that its form gives away hidden: what is kept here is shown to people."""
    found = redaction.form_of(word)
    return word if found is None else word.replace(found[1], HIDDEN)


def _of_server(server: Server, path: str) -> Iterator[Fault]:
    """Yield what cannot be read of how a server is started."""
    if server.unreadable is not None:
        fix = "start the launcher directly, with its arguments under args"
        yield Fault("command", server.unreadable, fix, unreadable=True, path=path)
    if server.misplaced is not None:
        taken = "takes this word for an option of it" if server.official else "may take this word for an option of it"
        message = f"{server.misplaced} stands under args: the image starts the server itself and {taken}"
        yield Fault("args", message, "put these words under command", unreadable=not server.official, path=path)
    if server.open_env is not None:
        fix = "name each variable under env"
        message = f"the server may get variables that are not known here: {server.open_env}"
        yield Fault("env", message, fix, unreadable=True, path=path)
    if server.changed is not None:
        message = f"what runs is not what the image holds: {server.changed} comes before it"
        yield Fault("image", message, "build an image that holds it", unreadable=True, path=path)


def _placed(faults: Iterable[Fault], words: Iterable[Word], variables: Variables) -> Iterator[Fault]:
    """Yield faults with the fields that they are about, where those are in the pod's own document."""
    paths = {name: word.path for word in words for name in option_names(word.written)}
    paths |= {name: path for name, path in variables.paths.items() if name not in variables.places}
    for fault in faults:
        path = fault.path or paths.get(fault.where)
        yield fault if path == fault.path else replace(fault, path=path)


def option_names(word: str) -> tuple[str, ...]:
    """Return the names under which a word may be spoken of: as written, its option, and with dashes for underscores."""
    name = word.partition("=")[0].partition(" ")[0]
    return (word, name, name.replace("_", "-")) if name.startswith("-") else (word,)


class _Reading:
    """Takes arguments one by one, and keeps those that can be read."""

    def __init__(self) -> None:
        self.args: list[str] = []
        self.written: list[str] = []
        """All of them, with variables replaced where their values are known."""
        self.faults: list[Fault] = []

    def take(self, word: Word) -> None:
        self.written.append(word.written if word.text is None else word.text)
        if word.text is not None:
            self.args.append(word.text)
            return
        option = word.option
        waits = bool(self.args) and self.args[-1].startswith("-") and "=" not in self.args[-1]
        if (option or (self.args[-1] if waits else None)) in any_text():
            self.args.append(word.written)
            return
        if option is None and waits:
            option = self.args.pop()
        because = word.because or f"{word.written} takes a value that is not known here"
        if option is None and not word.whole:
            because = f"{word.written} may stand for any options, which are not known here"
        self.faults.append(
            Fault(
                option or shown(word.written),
                because,
                "write the value itself, as text",
                unreadable=True,
                path=word.path,
            )
        )

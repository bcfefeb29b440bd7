"""The launcher's arguments and environment of one container, and what of them cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voltaic.manifests.plain import at, expanded, items, shown, text, unfilled
from voltaic.spec import CommandLine, Fault

if TYPE_CHECKING:
    from voltaic.engines.base import Engine
    from voltaic.manifests.servers import Server


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables of a container; None: set, but its value is not known here."""

    values: dict[str, str | None]
    faults: tuple[Fault, ...]


def environment(container: dict[str, Any]) -> Environment:
    """Return the variables of a container."""
    values: dict[str, str | None] = {}
    faults: list[Fault] = []
    for source in items(container.get("envFrom")):
        kind = "ConfigMap" if at(source, "configMapRef") is not None else "Secret"
        where = text(at(source, "configMapRef", "name")) or text(at(source, "secretRef", "name")) or "without a name"
        message = f"variables come from {kind} {where}, which is not read"
        faults.append(Fault("envFrom", message, "name each variable under env", unreadable=True))
    for entry in items(container.get("env")):
        name = text(at(entry, "name"))
        if name is None:
            continue
        value = at(entry, "value")
        if value is None and at(entry, "valueFrom") is None:
            value = ""
        if value is not None and not isinstance(value, str):
            message = f"the value of {name}, {shown(value)}, is no text, which Kubernetes refuses"
            faults.append(Fault(name, message, "put the value into quotes", unreadable=True))
        known = value if isinstance(value, str) and not unfilled(value) else None
        values[name] = None if known is None else expanded(known, values)
    return Environment(values, tuple(faults))


def command_line(server: Server, engine: Engine, variables: Environment) -> CommandLine:
    """Return the command line as the launcher of this release reads it.

    An option whose value is not known here is left out of the reading, and said to be unreadable: that it is absent
    means nothing.
    """
    reading = _Reading(variables)
    for word in server.args:
        reading.take(word)
    command = engine.parse(server.version, reading.args, variables.values)
    faults = [*command.faults, *variables.faults, *reading.faults]
    if server.unreadable is not None:
        fix = "start the launcher directly, with its arguments under args"
        faults.append(Fault("command", server.unreadable, fix, unreadable=True))
    return replace(command, args=tuple(reading.written), faults=tuple(faults))


class _Reading:
    """Takes arguments one by one, and keeps those that can be read."""

    def __init__(self, variables: Environment) -> None:
        self.variables = variables
        self.args: list[str] = []
        self.written: list[str] = []
        """All of them, with variables replaced where their values are known."""
        self.faults: list[Fault] = []

    def take(self, word: Any) -> None:
        known = _known(word, self.variables)
        if known is not None:
            self.args.append(known)
            self.written.append(known)
            return
        self.written.append(word if isinstance(word, str) else shown(word))
        option = _option(word)
        if option is None and self.args and self.args[-1].startswith("-") and "=" not in self.args[-1]:
            option = self.args.pop()
        if not isinstance(word, str):
            message = f"the argument {shown(word)} is no text, which Kubernetes refuses"
        elif unfilled(word):
            message = f"the value {shown(word)} is not filled in yet"
        else:
            message = f"{word} takes a variable whose value is not known here"
        fix = "write the value itself, as text"
        self.faults.append(Fault(option or shown(word), message, fix, unreadable=True))


def _known(word: Any, variables: Environment) -> str | None:
    if not isinstance(word, str) or unfilled(word):
        return None
    return expanded(word, variables.values)


def _option(word: Any) -> str | None:
    name = word.partition("=")[0] if isinstance(word, str) else ""
    return name if name.startswith("-") and "$" not in name and "{" not in name else None

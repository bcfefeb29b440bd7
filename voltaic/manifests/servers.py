"""Which containers are model servers, by image, program or options."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic import images
from voltaic.engines import data
from voltaic.manifests.plain import items, text, unfilled

if TYPE_CHECKING:
    from voltaic.manifests.views import Container

SHELLS = ("sh", "bash", "ash", "dash", "zsh")
SHELL_COMMAND = re.compile(r"-[a-z]*c", re.ASCII)
SHELL_SIGNS = re.compile(r"[;&|<>()$`\\\n*?\[\]{}~#!]")
"""What makes a shell do more than to start one program with the words of a line."""
PYTHON = re.compile(r"python[0-9.]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Server:
    """A container that serves a model, as far as its manifest tells."""

    engine: str
    version: str | None
    """Release; None where the image does not tell."""
    args: tuple[Any, ...]
    """Arguments that the launcher gets, as written."""
    unreadable: str | None = None
    """Why the launcher's arguments cannot be read; None where they can."""
    model_option: str = "model_id"
    """Canonical option that names the model."""
    links: tuple[str, ...] = ()
    """Variables that the server reads and that a Service of a certain name sets."""


@dataclass(frozen=True, slots=True)
class NoServer:
    """A container that serves no model of an engine that is known here."""

    reason: str | None = None
    """Why not, where that is not obvious."""


@cache
def table() -> tuple[dict[str, Any], ...]:
    """Return the entries of servers.toml."""
    return tuple(data.table(Path(__file__).with_name("servers.toml"))["server"])


@cache
def pages() -> tuple[dict[str, Any], ...]:
    """Return the images of chat pages from servers.toml."""
    return tuple(data.table(Path(__file__).with_name("servers.toml"))["page"])


def recognise(container: dict[str, Any]) -> Server | NoServer:
    """Return what a container is."""
    for entry in table():
        found = _as(entry, container)
        if isinstance(found, Server):
            return replace(found, model_option=entry["model"], links=tuple(entry.get("links", ())))
        if found is not None:
            return found
    if unfilled(container.get("image")):
        return NoServer(f"the image {container['image']} is not filled in yet")
    return NoServer()


def is_page(view: Container) -> bool:
    """Return whether a container is a chat page: Open WebUI, by its image."""
    return view.image is not None and any(
        re.fullmatch(row["name"], view.image.name if "/" in row["name"] else view.image.repository) for row in pages()
    )


def _as(entry: dict[str, Any], container: dict[str, Any]) -> Server | NoServer | None:
    """Return what the container is if it belongs to this engine; None where it does not."""
    image = images.image(text(container.get("image")) or "")
    match = None if image is None else _named(entry, image)
    words = [*items(container.get("command")), *items(container.get("args"))]
    started = _started(entry, words)
    launched = started is not None and _program(started[0]) in entry["launchers"][:1]
    stranger = image is not None and any(re.fullmatch(name, image.repository) for name in entry["strangers"])
    if match is None and not launched and (stranger or not _options_of(entry, words)):
        return None
    if image is not None and match is not None and _backend(entry, image):
        return NoServer(f"{image.tag} is a build of {entry['engine']} for another kind of accelerator or backend")
    version = None if image is None or match is None else _version(match, image)
    command = items(container.get("command"))
    if not command:
        return Server(entry["engine"], version, tuple(items(container.get("args"))))
    return _launched(entry, version, words, len(command))


def _started(entry: dict[str, Any], words: list[Any]) -> list[Any] | None:
    """Return the words from the launcher on; None where something else is started, or a line that is not read."""
    if words and _program(words[0]) in SHELLS:
        words = _line(words)
    if [text(word) for word in words[1:2]] == ["-m"] and PYTHON.fullmatch(_program(words[0])):
        words = words[2:]
    return words if words and _program(words[0]) in entry["launchers"] else None


def _line(words: list[Any]) -> list[Any]:
    """Return the words of a shell's -c line that starts one program and does nothing else; empty: it does more."""
    place = next((index for index, word in enumerate(words) if SHELL_COMMAND.fullmatch(text(word) or "")), len(words))
    line = (text(words[place + 1]) or "") if place + 1 < len(words) else ""
    line = line.replace("\\\n", " ").strip().removeprefix("exec ")
    if SHELL_SIGNS.search(line):
        return []
    try:
        return list(shlex.split(line))
    except ValueError:  # a quote that is not closed
        return []


def _named(entry: dict[str, Any], image: images.Image) -> dict[str, Any] | None:
    def holds(name: str) -> bool:
        return re.fullmatch(name, image.name if "/" in name else image.repository) is not None

    return next((row for row in entry["image"] if holds(row["name"])), None)


def _version(row: dict[str, Any], image: images.Image) -> str | None:
    form = row.get("version")
    if form is True:
        return image.version
    match = re.fullmatch(form, image.tag or "") if form else None
    return match[1] if match else None


def _backend(entry: dict[str, Any], image: images.Image) -> bool:
    flavours = re.split(r"[-_.]", image.tag or "")[1:]
    return any(flavour in entry["backends"] for flavour in flavours)


def _program(word: Any) -> str:
    return (text(word) or "").rpartition("/")[2]


def _options_of(entry: dict[str, Any], words: list[Any]) -> bool:
    names = {word.partition("=")[0] for word in words if isinstance(word, str)}
    options = entry["options"]
    return names.issuperset(options["all"]) and not names.isdisjoint(options["any"])


def _launched(entry: dict[str, Any], version: str | None, words: list[Any], command: int) -> Server | NoServer:
    """Return the server that a container's own command starts; `command` counts the words of it."""
    program = _program(words[0])
    started = _started(entry, words)
    if started is not None:
        task = text(started[1]) if len(started) > 1 else None
        if task in entry.get("tasks", ()):
            return NoServer(f"runs {_program(started[0])} {task}, which serves no model")
        return Server(entry["engine"], version, tuple(started[1:]))
    if program in entry["other"]:
        return NoServer(f"runs {program}, which serves no model")
    if program in SHELLS and any(SHELL_COMMAND.fullmatch(text(word) or "") for word in words[1:command]):
        what = f"the launcher is called from a {program} -c line, which is not read"
    elif unfilled(words[0]):
        what = f"the command {words[0]} is not filled in yet"
    else:
        what = f"the launcher is called through {program or 'a command that is no text'}, which is not read"
    return Server(entry["engine"], version, (), what)

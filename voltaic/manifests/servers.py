"""Which containers are model servers, by image, program or options."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from voltaic import images
from voltaic.engines import versions
from voltaic.manifests.known_servers import (
    by_options,
    launchers,
    named,
    other_backend,
    other_build,
    stranger,
    version_of,
)
from voltaic.manifests.launching import SHELLS, Start, Unread, idle, line_of, name_of, unwrapped
from voltaic.manifests.plain import expanded, items, shown, text, unfilled
from voltaic.manifests.scripts import read
from voltaic.manifests.views import Container
from voltaic.manifests.words import Word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_VALUES: Final[dict[str, str | None]] = {}


@dataclass(frozen=True, slots=True)
class Server:
    """A container that serves a model, as far as its manifest tells."""

    engine: str
    version: str | None
    """Release; None where the image does not tell."""
    words: tuple[Word, ...]
    """What the launcher gets."""
    unreadable: str | None = None
    """Why the launcher's arguments cannot be read; None where they can."""
    model_option: str = "model_id"
    """Canonical option that names the model."""
    links: tuple[str, ...] = ()
    """Variables that the server reads and that a Service of a certain name sets."""
    misplaced: str | None = None
    """What stands under `args` as if it were the command; None where nothing does."""
    official: bool = False
    """Whether the image is certainly the engine's own, which starts the server itself."""
    env: Mapping[str, str | None] = field(default_factory=dict)
    """Variables that a script sets, over those of the container."""
    open_env: str | None = None
    """Why it may have variables that are not known here."""
    changed: str | None = None
    """What a script installs over what the image holds."""
    ray: bool = False
    """Whether it joins a Ray cluster, whose GPUs count too."""


@dataclass(frozen=True, slots=True)
class NoServer:
    """A container that serves no model of an engine that is known here."""

    reason: str | None = None
    """Why not, where that is not obvious."""


def recognise(container: dict[str, Any], values: Mapping[str, str | None] = NO_VALUES) -> Server | NoServer:
    """Return what a container of its own is."""
    return of_view(Container(container, ""), values)


def of_view(view: Container, values: Mapping[str, str | None] = NO_VALUES) -> Server | NoServer:
    """Return what a container of a pod is.

    Args:
        view: the container.
        values: its variables; None: set to what is not known here.
    """
    written = text(view.content.get("image"))
    image = images.image(written or "")
    entry, row = named(image)
    if row is not None and "not_judged" in row:
        return NoServer(row["not_judged"])
    found = _recognised(view, values, image, entry, row)
    if isinstance(found, NoServer) and found.reason is None:
        if unfilled(written):
            return NoServer(f"the image {written} is not filled in yet")
        return NoServer(stranger(image))
    return found


def _recognised(
    view: Container,
    values: Mapping[str, str | None],
    image: images.Image | None,
    own: dict[str, Any] | None,
    row: dict[str, Any] | None,
) -> Server | NoServer:
    command = items(view.content.get("command"))
    words = container_words(view, values)
    entry_point = not command and own is not None and row is not None and row.get("entrypoint", True)
    start = None if entry_point or not words else started(words, values, view.path)
    if isinstance(start, Start) and serves(start):
        entry = launchers()[start.program]
        return _of_start(entry, image, row if entry is own else None, start)
    if isinstance(start, Unread) and start.reason:
        calling = next((launchers()[name] for name in start.programs if name in launchers()), None)
        if calling is not None or own is not None:
            return _unread(calling or own or {}, image, row, _called(words, start))
    if own is None or row is None:
        return _by_its_words(image, words, start, commanded=bool(command))
    if other_backend(own, image):
        return NoServer(other_build(own, image))
    if start is not None:
        return _of_named(own, image, row, words, start)
    misplaced = _misplaced(own, image, row, started(words, values, view.path)) if entry_point and words else None
    if misplaced is not None:
        return replace(misplaced, misplaced=words[0].written)
    return _of_image(own, image, row, words, known=entry_point)


def _by_its_words(
    image: images.Image | None, words: Sequence[Word], start: Start | Unread | None, *, commanded: bool
) -> Server | NoServer:
    """Return what a container of an image that says nothing is, by the options that it is given."""
    told = by_options(image, words)
    if told is None:
        return NoServer(_only_task(start))
    if not commanded:
        return _server(told, None, tuple(words))
    if isinstance(start, Start) and (start.program in told["other"] or start.program in idle()):
        return NoServer(f"runs {start.program}, which serves no model")
    return _unread(told, image, None, _called(words, start))


def serves(start: Start) -> bool:
    """Return whether a program with these words is a server of an engine that is known here."""
    entry = launchers().get(start.program)
    if entry is None:
        return False
    return not start.words or start.words[0].text not in entry.get("tasks", ())


def started(words: Sequence[Word], values: Mapping[str, str | None], path: str) -> Start | Unread:
    """Return what the words of a container start."""
    first = words[0]
    if first.text is None:
        return Unread(f"the command {first.written} is not filled in yet" if unfilled(first.written) else "", ())
    start = unwrapped(Start(name_of(first.text), tuple(words[1:])))
    if isinstance(start, Unread) or start.program not in SHELLS:
        return start
    line = line_of(start.words)
    if line is None or not line[0].is_text:
        return Unread("", (start.program,))
    script = line[0]
    found = read(script.written, {**values, **start.env}, serves, path=script.path or path, positional=(line[1] or ()))
    return replace(found, env={**start.env, **found.env}) if isinstance(found, Start) else found


def container_words(view: Container, values: Mapping[str, str | None]) -> list[Word]:
    """Return the words of a container's command and arguments as Kubernetes hands them on."""
    own = [_word(value, path, values) for value, path in view.words]
    if not view.given:
        return own
    command = len(items(view.content.get("command")))
    given = [_word(value, path, values) for value, path in view.given]
    return [*own[:command], *given, *own[command:]]


def _word(value: Any, path: str, values: Mapping[str, str | None]) -> Word:
    if not isinstance(value, str):
        because = f"the argument {shown(value)} is no text, which Kubernetes refuses"
        return Word(None, shown(value), path, because=because, is_text=False)
    if unfilled(value):
        return Word(None, value, path, _option(value), because=f"the value {shown(value)} is not filled in yet")
    known = expanded(value, values)
    if known is not None:
        return Word(known, value, path)
    because = f"{value} takes a variable whose value is not known here"
    return Word(None, value, path, _option(value), because=because)


def _option(word: str) -> str | None:
    name = word.partition("=")[0]
    return name if name.startswith("-") and "$" not in name and "{" not in name and "<" not in name else None


def _of_start(
    entry: dict[str, Any], image: images.Image | None, row: dict[str, Any] | None, start: Start
) -> Server | NoServer:
    """Return the server that a container's own command starts."""
    if row is not None and other_backend(entry, image):
        return NoServer(other_build(entry, image))
    version = version_of(row, image)
    if start.program in entry.get("unread_launchers", ()):
        return _unread(entry, image, row, f"{start.program} is a server of its own, whose options are not read")
    if start.changed is not None:
        version = None
    words = start.words
    if start.program in entry.get("entrypoints", ()):
        words = _split(entry, version_of(row, image), words)
    found = _server(entry, version, words)
    return replace(found, env=start.env, open_env=start.open_env, changed=start.changed, ray=start.ray)


def _misplaced(
    entry: dict[str, Any], image: images.Image | None, row: dict[str, Any], start: Start | Unread
) -> Server | None:
    """Return the server that words under `args` would start if they were the command; None where they would not."""
    if "official" not in entry or isinstance(start, Unread) or not serves(start):
        return None
    found = _of_start(entry, image, row, start)
    official = image is not None and f"/{image.name}".endswith(f"/{entry['official']}")
    return None if isinstance(found, NoServer) else replace(found, official=official)


def _of_image(
    entry: dict[str, Any], image: images.Image | None, row: dict[str, Any], words: Sequence[Word], *, known: bool
) -> Server | NoServer:
    """Return the server that an image starts by itself."""
    if words and words[0].text in entry.get("tasks", ()):
        return NoServer(f"runs {entry['launchers'][0]} {words[0].text}, which serves no model")
    version = version_of(row, image)
    if not known:
        name = "" if image is None else image.name
        return _unread(entry, image, row, f"what the image {name} starts by itself is not known")
    return _server(entry, version, _split(entry, version, words))


def _of_named(
    entry: dict[str, Any], image: images.Image | None, row: dict[str, Any], words: Sequence[Word], start: Start | Unread
) -> Server | NoServer:
    """Return what an engine's image runs where its own command starts no server that can be read."""
    if isinstance(start, Start):
        if start.program in entry.get("entrypoints", ()):
            version = version_of(row, image)
            return _server(entry, version, _split(entry, version, start.words))
        if start.program in entry["launchers"]:
            task = start.words[0].text if start.words else None
            return NoServer(f"runs {start.program} {task}, which serves no model")
        if start.program in entry["other"] or start.program in idle():
            return NoServer(f"runs {start.program}, which serves no model")
        if start.program.startswith("-") and not row.get("entrypoint", True):
            return _unread(entry, image, row, "what the image starts by itself is not known")
        return _unread(
            entry,
            image,
            row,
            f"the launcher is called through {start.program or 'an empty command'}, which is not read",
        )
    ran = [name for name in start.programs if name not in SHELLS]
    if ran and all(name in idle() or name in entry["other"] or name in launchers() for name in ran):
        return NoServer(f"runs {ran[-1]}, which serves no model")
    return _unread(entry, image, row, _called(words, start))


def _called(words: Sequence[Word], start: Start | Unread | None) -> str:
    """Return why what a container starts is not read."""
    if isinstance(start, Unread) and start.reason.startswith("the command"):
        return start.reason
    program = name_of(words[0].text) if words else ""
    through = program or "a command that is no text"
    because = f": {start.reason}" if isinstance(start, Unread) and start.reason else ""
    if program in SHELLS:
        return f"the launcher is called from a {program} -c line, which is not read{because}"
    return f"the launcher is called through {through}, which is not read{because}"


def _only_task(start: Start | Unread | None) -> str | None:
    """Return what a launcher does instead of serving; None where no launcher runs."""
    if not isinstance(start, Start) or start.program not in launchers() or serves(start):
        return None
    return f"runs {start.program} {start.words[0].text}, which serves no model"


def _server(entry: dict[str, Any], version: str | None, words: tuple[Word, ...]) -> Server:
    return Server(entry["engine"], version, words, model_option=entry["model"], links=tuple(entry.get("links", ())))


def _unread(
    entry: dict[str, Any], image: images.Image | None, row: dict[str, Any] | None, reason: str
) -> Server | NoServer:
    if row is not None and other_backend(entry, image):
        return NoServer(other_build(entry, image))
    return replace(_server(entry, version_of(row, image), ()), unreadable=reason)


def _split(entry: dict[str, Any], version: str | None, words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words as the launcher gets them from an entry point that hands them on without quotes."""
    since = entry.get("splits_since")
    number = versions.parse_version(version)
    if since is None or (number is not None and number < (versions.parse_version(since) or number)):
        return tuple(words)
    return tuple(
        replace(word, text=piece)
        for word in words
        for piece in ((word.text or "").split() if word.text is not None else [None])
    )

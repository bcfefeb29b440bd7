"""Which texts of a manifest are secrets, by name and by form. Values are never returned."""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic import redaction
from voltaic.engines import data
from voltaic.manifests.plain import at, items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Container

SHORTEST: Final = 4
"""Characters below which a value is no secret worth the name."""
_PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")
_HEADER: Final = "authorization"
PROBE: Final = "the header of a probe"
"""Name of a secret that a probe sends along."""


@cache
def _facts() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("secrets.toml"))


def secret(name: str, value: str) -> str | None:
    """Return what tells that a value is a secret, to follow `which`; None where it is none.

    Args:
        name: what it stands under: a variable, an option, a key of a ConfigMap.
        value: the text itself, which is not part of the answer.
    """
    lower = value.strip().lower()
    if len(lower) < SHORTEST or lower in _facts()["values"]["none"] or _begins(lower, "elsewhere"):
        return None
    found = redaction.form_of(value)
    if found is not None and found[0] not in _facts()["forms"]["not"] and not _filled_in_later(found[1]):
        return f"has the form of a secret ({found[0]})"
    if not _secret_name(name) or lower.isdigit() or any(sign in lower for sign in (" ", "\n")):
        return None
    if _begins(lower, "placeholders") and any(part in name.upper() for part in _facts()["names"]["given"]):
        return None
    return "has the name of a secret"


def _filled_in_later(found: str) -> bool:
    lower = found.lower()
    return _begins(lower, "elsewhere") or _begins(lower, "placeholders")


def _begins(lower: str, kind: str) -> bool:
    return lower.startswith(tuple(_facts()["values"][kind]))


def _secret_name(name: str) -> bool:
    words = name.lstrip("-").replace("-", "_")
    if any(words.upper().endswith(other) for other in _facts()["names"]["not"]):
        return False
    return redaction.is_secret_name(words) or redaction.is_secret_name(words.removesuffix("s").removesuffix("S"))


def literals(container: Container) -> Iterator[tuple[str, str, str]]:
    """Yield each secret that is written into a container: its name, what tells, and the field of the document."""
    for index, entry in enumerate(items(container.content.get("env"))):
        name, value = text(at(entry, "name")) or "?", text(at(entry, "value"))
        told = None if value is None else secret(name, value)
        if told is not None:
            yield name, told, f"{container.path}.env[{index}].value"
    yield from _in_words(container)
    for probe in _PROBES:
        for index, header in enumerate(items(at(container.content, probe, "httpGet", "httpHeaders"))):
            value = text(mapping(header).get("value"))
            told = None if value is None else secret(_HEADER, value)
            if told is not None:
                path = f"{container.path}.{probe}.httpGet.httpHeaders[{index}].value"
                yield PROBE, "lets a request in", path


def _in_words(container: Container) -> Iterator[tuple[str, str, str]]:
    """Yield secrets of the command line; a shell's line is read word by word."""
    option = ""
    for written, path in container.words:
        for word in _split(written) if isinstance(written, str) else ():
            name, equals, value = word.partition("=")
            named = equals and not name.startswith(("http", "{"))
            told = secret(name, value) if named else None if word.startswith("-") else secret(option, word)
            if told is not None:
                yield (name if named else option) or "an argument", told, path
            # Only an option whose name is that of several takes another value.
            goes_on = word.startswith("-") and not equals
            option = word if goes_on else option if option.endswith("s") and not word.endswith(";") else ""


def _split(written: str) -> list[str]:
    if not any(sign in written for sign in (" ", "\n", "\t")):
        return [written]
    try:
        return shlex.split(written)
    except ValueError:  # a quote that is not closed
        return written.split()

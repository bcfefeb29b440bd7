"""Whether a Helm release may run a model server, from its values: they are all that a program shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic import engines
from voltaic.manifests import accelerators, servers
from voltaic.manifests.plain import at, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST: Final = 20
"""Levels of values that are looked through; charts have a handful."""


def sign_of_server(properties: dict[str, Any]) -> str | None:
    """Return what in a release speaks of a model server: a GPU, an image, the chart's name; None where nothing does."""
    chart = text(properties.get("chart")) or ""
    if any(engine in chart for engine in engines.names()):
        return f"chart {chart}"
    return next(_signs(properties.get("values"), 0), None)


def _signs(value: Any, depth: int) -> Iterator[str]:
    if depth == DEEPEST:
        return
    if isinstance(value, list):
        for entry in value:
            yield from _signs(entry, depth + 1)
        return
    image = text(value) or text(at(value, "repository"))
    if image and isinstance(servers.recognise({"image": image}), servers.Server):
        yield f"image {image}"
    for key, entry in mapping(value).items():
        if key in accelerators.resource_names() or key.startswith(accelerators.SLICES):
            yield f"asks for {key}"
        yield from _signs(entry, depth + 1)

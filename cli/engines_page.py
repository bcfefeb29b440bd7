"""The reference pages about engines, written from their capability matrices: `python -m cli.engines_page`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli.engine_tables import LEGEND, Notes, gpu_title
from voltaic.engines import matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from voltaic.engines.base import MatrixCell

FOLDER = Path(__file__).parents[1] / "docs" / "reference" / "engines"
_HEAD = """# {name}: what its releases do

This page is generated (`python -m cli.engines_page`); a test compares it with the facts. `voltaic engines {name}`
prints the same for one GPU, release or model family; with `--json` every answer has its source and its confidence.

The facts cover {count} releases, {first} to {last}.
"""


def page(name: str) -> str:
    """Return the page about an engine."""
    releases, archs = matrix.releases_of(name), matrix.matrices()[name].archs()
    text = _HEAD.format(name=name, count=len(releases), first=releases[0], last=releases[-1])
    return "\n".join(
        [text, *_starts(name, releases, archs), *_families(name, releases, archs), *_routes(name, releases)]
    )


def _starts(name: str, releases: Sequence[str], archs: Sequence[str]) -> Iterator[str]:
    notes = Notes()

    def row(release: str) -> tuple[str, ...]:
        return tuple(notes.mark(matrix.starts(name, release, arch)) for arch in archs)

    yield f"## Where it starts\n\n{LEGEND}.\n"
    yield from _table(["Releases", *map(gpu_title, archs)])
    for span in matrix.spans(releases, row):
        yield _row([str(span), *span.key])
    yield ""
    for text, number in notes.texts.items():
        yield f"{number}. {_escaped(text)}"
    yield ""


def _families(name: str, releases: Sequence[str], archs: Sequence[str]) -> Iterator[str]:
    """Yield tables of model families: releases that serve them, once for architectures that answer alike."""
    alike: dict[tuple[str, ...], list[str]] = {}
    settings: dict[str, None] = {}
    for arch in archs:
        rows = _rows(name, releases, arch, settings)
        alike.setdefault(tuple(rows), []).append(arch)
    if not any(alike):
        yield "Only this is known of the engine: where it starts, a verdict about it is `unknown`."
        return
    yield "## Model families\n"
    yield "Releases that serve a family as asked, with what must be set. All others refuse it, or what they do is not"
    yield "known or not what was asked.\n"
    for same, members in alike.items():
        if not same:
            continue
        yield f"### {', '.join(map(gpu_title, members))}\n"
        yield from _table(["Family", *(setting.capitalize() or "Served by" for setting in settings)])
        yield from same
        yield ""


def _rows(name: str, releases: Sequence[str], arch: str, settings: dict[str, None]) -> list[str]:
    found = matrix.matrices()[name]
    served: dict[str, dict[str, dict[str, MatrixCell]]] = {}
    for release in releases:
        for cell in found.matrix(release, arch):
            if cell.topic == "model" and "=" not in cell.setting:
                settings.setdefault(cell.setting)
                served.setdefault(cell.subject, {}).setdefault(cell.setting, {})[release] = cell
    return [
        _row([subject, *(_served(by.get(setting, {}), releases) for setting in settings)])
        for subject, by in served.items()
    ]


def _served(by_release: dict[str, MatrixCell], releases: Sequence[str]) -> str:
    def key(release: str) -> str | None:
        cell = by_release.get(release)
        if cell is None or cell.answer != "ok":
            return None
        return f" ({cell.how}{', with ' + cell.needs if cell.needs else ''})" if cell.how or cell.needs else ""

    parts = [f"{span}{span.key}" for span in matrix.spans(releases, key) if span.key is not None]
    return "; ".join(parts) or "-"


def _routes(name: str, releases: Sequence[str]) -> Iterator[str]:
    """Yield the routes with the releases that answer them, on any architecture."""
    found = matrix.matrices()[name]
    answers: dict[str, dict[str, str]] = {}
    for release in releases:
        for arch in found.archs():
            for cell in found.matrix(release, arch):
                if cell.topic == "route":
                    answers.setdefault(cell.subject, {})[release] = cell.answer
    if not answers:
        return
    yield "## Routes\n"
    yield from _table(["Route", "Releases"])
    for route, by_release in answers.items():
        spans = matrix.spans(releases, _answer_of(by_release))
        yield _row([f"`{route}`", "; ".join(str(span) for span in spans if span.key == "ok") or "not in the image"])
    yield ""


def _answer_of(by_release: dict[str, str]) -> Callable[[str], str]:
    return lambda release: by_release.get(release, "no")


def _table(headers: Sequence[str]) -> list[str]:
    return [_row(headers), _row(["---"] * len(headers))]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in matrix.matrices():
        (FOLDER / f"{name}.md").write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    main()

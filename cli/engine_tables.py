"""Capability matrices as people read them: narrow tables, readable in black and white, with numbered notes below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from cli.render import indented, paragraph, unpadded
from voltaic.engines import matrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from voltaic.engines.base import MatrixCell

LEGEND = "Y yes, S yes with what is set, D starts and does something else, N no, ? not known"
_LETTERS = {"ok": "Y", "no": "N", "differs": "D", "unknown": "?"}
_WORDS = {"ok": "yes", "no": "no", "differs": "differs", "unknown": "not known"}
_TOPICS = (("model", "Model families"), ("weights", "Weights formats"), ("dtype", "Dtypes"), ("feature", "Features"))


def title(console: Console, name: str, text: str) -> None:
    """Print the first line about an engine."""
    paragraph(console, Text.assemble((name, "bold"), "  ", text))


def _covered(name: str) -> str:
    releases = matrix.releases_of(name)
    return f"{len(releases)} releases, {releases[0]} to {releases[-1]}"


def gpu_title(arch: str) -> str:
    """Return an architecture with its GPU models: `sm_80 (A100)`."""
    names = matrix.gpus_of(arch)
    return f"{arch} ({names})" if names else arch


def _table(*headers: str) -> Table:
    found = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for header in headers:
        found.add_column(header, overflow="fold", no_wrap=header in {"Releases", "GPU"})
    return found


def _by_gpu(console: Console, first: str, archs: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows with a column for each architecture, in as many tables as the width asks for."""
    widths = [max(map(len, column)) + 1 for column in zip((first, *archs), *rows, strict=True)]
    start = 1
    while start < len(widths):
        end = start + 1
        while end < len(widths) and widths[0] + sum(widths[start : end + 1]) <= console.width:
            end += 1
        table = _table(first, *archs[start - 1 : end - 1])
        for row in rows:
            table.add_row(row[0], *row[start:end])
        unpadded(console, table)
        start = end


def overview(console: Console, name: str, archs: Sequence[str]) -> None:
    """Print on which releases an engine starts, a line for every architecture."""
    title(console, name, _covered(name))
    table = _table("GPU", "Starts with")
    for arch in archs:
        table.add_row(gpu_title(arch), _ranges(name, arch))
    unpadded(console, table)


def _ranges(name: str, arch: str) -> str:
    parts = []
    for span in matrix.spans(matrix.releases_of(name), lambda release: _state(matrix.starts(name, release, arch))):
        answer, needs = span.key
        if answer == "ok":
            parts.append(f"{span} with {needs}" if needs else str(span))
        elif answer != "no":
            parts.append(f"{span}: {_WORDS[answer]}")
    return "; ".join(parts) or "no release"


def _state(cell: MatrixCell) -> tuple[str, str]:
    return cell.answer, cell.needs if cell.answer != "no" else ""


def letter(cells: Iterable[MatrixCell]) -> str:
    """Return the letters of cells, in order: `Y/N`."""
    return "/".join("S" if cell.answer == "ok" and cell.needs else _LETTERS[cell.answer] for cell in cells)


class Notes:
    """Notes below a table, each once and numbered."""

    def __init__(self) -> None:
        """Start without notes."""
        self.texts: dict[str, int] = {}

    def mark(self, cell: MatrixCell) -> str:
        """Return the letter of a cell, with the number of its note."""
        parts = [_WORDS[cell.answer]] if cell.answer != "ok" else []
        parts += [f"with {cell.needs}"] if cell.needs and cell.answer != "no" else []
        if not parts and not cell.message:
            return letter([cell])
        without = "without it: " if cell.answer == "ok" and cell.needs else ""
        text = ", ".join(parts) + (f"; {without}{cell.message}" if cell.message else "")
        return f"{letter([cell])} {self.texts.setdefault(text, len(self.texts) + 1)}"

    def show(self, console: Console) -> None:
        """Print legend and notes."""
        paragraph(console, Text(LEGEND, style="dim"))
        for text, number in self.texts.items():
            indented(console, Text(f"{number}  {text}"))


def starts(console: Console, name: str, archs: Sequence[str]) -> None:
    """Print releases by architecture."""
    title(console, name, _covered(name))
    notes = Notes()

    def row(release: str) -> tuple[str, ...]:
        return tuple(notes.mark(matrix.starts(name, release, arch)) for arch in archs)

    spans = matrix.spans(matrix.releases_of(name), row)
    _by_gpu(console, "Releases", archs, [(str(span), *span.key) for span in spans])
    notes.show(console)


def _plain(cells: Iterable[MatrixCell], topic: str) -> dict[str, list[MatrixCell]]:
    """Return the cells of a topic by subject, those alone that hold for a server as it comes there."""
    found: dict[str, list[MatrixCell]] = {}
    for cell in cells:
        if cell.topic == topic and "=" not in cell.setting:
            found.setdefault(cell.subject, []).append(cell)
    return found


def release(console: Console, name: str, version: str, archs: Sequence[str]) -> None:
    """Print what a release does: model families by architecture, or everything in words for one."""
    cells = {arch: tuple(matrix.matrices()[name].matrix(version, arch)) for arch in archs}
    title(console, name, version)
    if len(archs) == 1:
        _words(console, cells[archs[0]], gpu_title(archs[0]))
        return
    rows = {arch: _plain(cells[arch], "model") for arch in archs}
    lines = [("starts", *(letter(cells[arch][:1]) for arch in archs))]
    subjects = dict.fromkeys(subject for arch in archs for subject in rows[arch])
    lines += [(subject, *(letter(rows[arch].get(subject, [])) or "-" for arch in archs)) for subject in subjects]
    _by_gpu(console, "Family", archs, lines)
    paragraph(console, Text(LEGEND, style="dim"))
    settings = [cell.setting for arch in archs for found in rows[arch].values() for cell in found]
    if any(settings):
        paragraph(console, Text(f"Before and after the slash: {' / '.join(dict.fromkeys(settings))}", style="dim"))
    paragraph(console, Text("In words, with weights formats, dtypes and routes: add --gpu", style="dim"))


def _words(console: Console, cells: Sequence[MatrixCell], gpu: str) -> None:
    first = cells[0]
    paragraph(console, Text(f"Starts on {gpu}: {_said(first)}"))
    for topic, heading in _TOPICS:
        found = [cell for cell in cells if cell.topic == topic]
        if not found:
            continue
        console.print()
        table = _table(heading, "Setting", "Answer")
        last = ""
        for cell in found:
            table.add_row(cell.subject if cell.subject != last else "", cell.setting, _said(cell))
            last = cell.subject
        unpadded(console, table)
    routes = [cell for cell in cells if cell.topic == "route"]
    if routes:
        console.print()
        console.print(Text("Routes", style="bold"))
        for answer, word in (("ok", "answered"), ("no", "not there")):
            paths = [cell.subject for cell in routes if cell.answer == answer]
            if paths:
                indented(console, Text(f"{word}: {', '.join(paths)}"))


def _said(cell: MatrixCell) -> str:
    """Return an answer in words: what serves it, what it needs, and the error or what happens instead."""
    text = _WORDS[cell.answer] + (f", {cell.how}" if cell.how and cell.answer != "no" else "")
    text += f", with {cell.needs}" if cell.needs and cell.answer != "no" else ""
    without = "without it: " if cell.answer == "ok" and cell.needs else ""
    return text + (f"; {without}{cell.message}" if cell.message else "")


def family(console: Console, name: str, subject: str, archs: Sequence[str], version: str | None) -> None:
    """Print what the releases do with a model family, by architecture; in words for one of them."""
    found = matrix.matrices()[name]
    title(console, name, f"{subject}, {version or _covered(name)}")
    releases = [version] if version is not None else list(matrix.releases_of(name))
    words = len(archs) == 1

    def row(release: str) -> tuple[str, ...]:
        cells = [_plain(found.matrix(release, arch), "model").get(subject, []) for arch in archs]
        if words:
            said = [f"{cell.setting}: {_said(cell)}" if cell.setting else _said(cell) for cell in cells[0]]
            return ("\n".join(said) or _said(matrix.starts(name, release, archs[0])),)
        return tuple(letter(alike) or "-" for alike in cells)

    lines = [(str(span), *span.key) for span in matrix.spans(releases, row)]
    if not words:
        _by_gpu(console, "Releases", archs, lines)
        paragraph(console, Text(f"{LEGEND}, - does not start", style="dim"))
        return
    table = _table("Releases", gpu_title(archs[0]))
    for line in lines:
        table.add_row(*line)
    unpadded(console, table)

"""`voltaic plan --plot`: the bill against the budget, and headroom over length and number of requests, as a picture."""

from __future__ import annotations

import io
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from cli import files
from cli.bill_lines import name_of
from voltaic.memory.bill import Bill
from voltaic.units import gib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cli.plot_map import Headroom
    from voltaic.verdict import Verdict

SUFFIXES = (".png", ".svg")
PANEL_INCHES = 5.4
"""Height of the picture."""
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",  # text stays text: it is found, read aloud and copied
    "svg.hashsalt": "voltaic",  # the same picture has the same ids, and so the same bytes
    "figure.facecolor": "white",
    "text.parse_math": False,  # a name with dollar signs is a name
}


class NothingToDraw(ValueError):  # noqa: N818  named for what it says
    """There is no bill to draw; the text says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture says, in words."""

    title: str
    description: str


def check_path(path: str) -> None:
    """Check, before anything is judged, that a picture can be written there.

    Raises:
        files.Unwritable: unknown kind of file, or a place that cannot be written to.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        found = f"{suffix} is no kind of picture that can be written" if suffix else "the name has no ending"
        raise files.Unwritable(f"{path}: {found}; end it with .png or .svg")
    files.writable(path)


def draw(verdict: Verdict, path: str, *, contexts: tuple[int, ...] = (), batch_sizes: tuple[int, ...] = ()) -> Picture:
    """Draw the bill and the map of a verdict into a file, and return what the picture says.

    Args:
        verdict: what to draw.
        path: file to write, .png or .svg.
        contexts: lengths of requests on the map, in tokens; empty: chosen around the one that is asked about.
        batch_sizes: requests at once on the map; empty: chosen likewise.

    Raises:
        NothingToDraw: no bill.
        files.Unwritable: the file cannot be written.
    """
    if not isinstance(verdict.bill, Bill):
        raise NothingToDraw(f"there is no bill to draw: {verdict.bill.because}")
    # Where no folder for its cache can be written it says so at length, and works all the same.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib import rc_context

    from cli.plot_map import headroom_map

    found = headroom_map(verdict, contexts, batch_sizes)
    picture = _in_words(verdict, verdict.bill, found)
    suffix = Path(path).suffix.lower()
    style: Any = _STYLE
    with rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that the font lacks: they are drawn as boxes
        figure = _figure(verdict.bill, found, picture)
        out = io.BytesIO()
        if suffix == ".png":
            figure.savefig(out, format="png", dpi=150, metadata={"Title": picture.title, "Software": "voltaic"})
            data = out.getvalue()
        else:
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "voltaic", "Title": picture.title})
            data = _told(out.getvalue().decode(), picture).encode()
    files.write(path, data)
    return picture


def _figure(bill: Bill, found: Headroom | None, picture: Picture) -> Figure:
    from matplotlib.figure import Figure

    from cli import plot_bill, plot_map

    bars = plot_bill.width_of(bill)
    cells = 0.0 if found is None else plot_map.width_of(found)
    figure = Figure(figsize=(max(bars + cells, 6.5), PANEL_INCHES), layout="constrained")
    figure.suptitle(picture.title, fontsize=11, fontweight="bold", x=0.01, ha="left")
    if found is None:
        plot_bill.draw(figure.subplots(), bill)
    else:
        left, right = figure.subplots(1, 2, width_ratios=(bars, cells))
        plot_bill.draw(left, bill)
        plot_map.draw(right, found)
    return figure


def _in_words(verdict: Verdict, bill: Bill, found: Headroom | None) -> Picture:
    from cli.render import WORDS, subject

    tight = ", tight" if verdict.verdict == "accept" and verdict.tight else ""
    lines = [f"VRAM at the worst moment, {bill.peak_moment}."]
    for number, gpu in enumerate(bill.per_gpu):
        parts = ", ".join(
            f"{name_of(part, bill)} {gib(getattr(gpu, part))}"
            for part in ("context", "weights", "kv_cache", "activations", "other")
        )
        lines.append(
            f"GPU {number}: {parts}; total {gib(gpu.total)} of a budget of {gib(gpu.budget)}, "
            f"headroom {gib(gpu.headroom)}."
        )
    if found is not None:
        lines.append(found.in_words())
    name = "".join(letter if letter.isprintable() else "?" for letter in subject(verdict.spec))
    return Picture(f"{WORDS[verdict.verdict]}{tight}: {name}", " ".join(lines))


def _told(svg: str, picture: Picture) -> str:
    """Return an SVG that says itself what it shows, for readers of the screen and for hovering."""
    start = svg.index("<svg")
    end = svg.index(">", start)
    named = f'{svg[start:end]} role="img" aria-labelledby="title description">'
    told = f'\n <title id="title">{escape(picture.title)}</title>'
    told += f'\n <desc id="description">{escape(picture.description)}</desc>'
    return svg[:start] + named + told + svg[end + 1 :]

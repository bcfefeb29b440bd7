"""A run as a picture: how times are spread, and tokens a second over the run."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import files
from cli.plot import SUFFIXES, check_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SUFFIXES", "check_path", "draw"]
_STYLE: dict[str, Any] = {
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "voltaic",
    "figure.facecolor": "white",
    "text.parse_math": False,
}
PANELS = (("first", "time to first token, s"), ("between", "between tokens, s (mean of each answer)"))


def draw(documents: Sequence[tuple[str, Mapping[str, Any]]], path: str) -> None:
    """Draw runs into a file, each by its title.

    Args:
        documents: title and document of each run.
        path: file to write, .png or .svg.

    Raises:
        files.Unwritable: it cannot be written.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    kind = Path(path).suffix.lower().removeprefix(".")
    style: Any = _STYLE
    with rc_context(style):
        figure = Figure(figsize=(10.5, 3.4), layout="constrained")
        axes = figure.subplots(1, len(PANELS) + 1)
        for axis, (name, title) in zip(axes, PANELS, strict=False):
            for label, document in documents:
                values = sorted(document["values"].get(name) or [])
                shares = [(number + 1) / len(values) for number in range(len(values))]
                axis.step([0.0, *values], [0.0, *shares], where="post", label=label)
            axis.set(xlabel=title, ylabel="share of requests", ylim=(0, 1), xlim=(0, None))
        last = axes[-1]
        for label, document in documents:
            rates, seconds = document["values"].get("rate") or [], document["summary"]["seconds"]
            moments = [(number + 0.5) * seconds / len(rates) for number in range(len(rates))]
            last.plot(moments, rates, label=label)
        last.set(xlabel="s", ylabel="tokens/s in all", ylim=(0, None), xlim=(0, None))
        if len(documents) > 1:
            last.legend(frameon=False)
        for axis in axes:
            axis.grid(alpha=0.3)
        out = io.BytesIO()
        extra: dict[str, Any] = {"metadata": {"Date": None}} if kind == "svg" else {"dpi": 150}
        figure.savefig(out, format=kind, **extra)
    files.write(path, out.getvalue())

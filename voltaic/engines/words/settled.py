"""Options of which facts say that a start with them is one that is judged; of all others nobody has said so.

A table of a data file: `inert` are options that neither decide whether the server starts nor what it holds, or that
other rules ask about; `values` gives for an option the values with which it is one of these; `most` the largest number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.engines.base import Support

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.findings import Source


def open_options(options: Mapping[str, Any], table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield options, with their values, that no fact settles. What is switched off is as if it were absent."""
    for name, value in options.items():
        if value is None or value is False or name in table["inert"] or value in table["values"].get(name, ()):
            continue
        most = table["most"].get(name)
        if most is None or not isinstance(value, (int, float)) or not 0 <= value <= most:
            yield name, value


def open_support(options: Mapping[str, Any], table: Mapping[str, Any], title: str, where: Source) -> Iterator[Support]:
    """Yield an unknown for every option that no fact settles."""
    for name, value in open_options(options, table):
        flag = "--" + name.replace("_", "-")
        shown = flag if value is True else f"{flag} {value}"
        known = [*map(str, table["values"].get(name, ()))]
        if name in table["most"]:
            known.append(f"up to {table['most'][name]}")
        yield Support(
            "unknown",
            f"Whether {title} starts with {shown} here is not known.",
            f"No fact covers what {flag} needs, in memory and of the GPU."
            if not known
            else f"Known are {', '.join(known)}.",
            f"Leave {flag} away{', or write one of these' if known else ''}.",
            (where,),
        )

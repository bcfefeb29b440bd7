"""Routes of TGI's HTTP server, by release."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data
from voltaic.engines.versions import parse_version

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.findings import Source


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """One route."""

    path: str
    method: str
    since: Version | None
    """First release covered that has it; None: all have it."""
    build: str
    """Feature of the build that the published image does not have; empty: the image has the route."""
    source: Source

    def answers(self, version: Version) -> bool:
        """Return whether the published image of a release answers it."""
        return not self.build and (self.since is None or version >= self.since)


@functools.cache
def routes() -> tuple[HttpRoute, ...]:
    """Return every route; read once."""
    facts = data.table(Path(__file__).with_name("routes.toml"))
    source = data.source(facts["source"], facts["confidence"])
    return tuple(_route(row, source) for row in facts["route"])


def _route(row: dict[str, Any], source: Source) -> HttpRoute:
    data.only(row, frozenset({"path", "method", "since", "build"}), f"route {row.get('path')}")
    since = parse_version(row.get("since"))
    if since is None and "since" in row:
        raise data.BadFactsError(f"route {row['path']}: since = {row['since']!r} is not a release")
    return HttpRoute(row["path"], row["method"], since, row.get("build", ""), source)

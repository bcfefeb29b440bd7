"""Does the server keep to itself how it is used?"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines import data
from voltaic.engines.versions import parse_version, within
from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject
    from voltaic.spec import ServingSpec

ID: Final = "usage-statistics"
_SOURCES: Final = (Source("TGI docs/source/usage_statistics.md; vllm docs/usage/usage_stats.md"),)


@cache
def _rows() -> tuple[dict[str, Any], ...]:
    return tuple(data.table(Path(__file__).with_name("usage_statistics.toml"))["server"])


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where reports go to the engine's makers because nobody said otherwise."""
    spec = subject.spec
    row = None if spec is None else _row(spec)
    if spec is None or row is None:
        return
    told = _server.told(subject)
    if row.get("option") and spec.option(row["option"]) in row["ends"]:
        return
    if not told.lacks(*row["variables"]) or _server.unread(subject):
        return
    yield Finding(
        rule=ID,
        message=f"{spec.release} reports {row['sent']} to its makers, since nothing turns it off; "
        f"wanted is {row['write']}.",
        why="At each start and while it runs it sends data out of the site, which nobody decided on.",
        fix=f"Add {row['write']}",
        sources=(data.source(row["source"], row["confidence"]),),
        path=subject.container.path,
    )


def _row(spec: ServingSpec) -> dict[str, Any] | None:
    version = parse_version(spec.release.version)
    if version is None:
        return None
    return next(
        (row for row in _rows() if row["engine"] == spec.release.engine and within(version, row["releases"])), None
    )


RULE: Final = Rule(
    id=ID,
    title="Does the server keep to itself how it is used?",
    why="Reports about use leave the site by default; whoever serves other people's prompts decides on that himself.",
    check=check,
    level="advisory",
    about="server",
    fix="Turn it off where nobody decided to take part.",
    sources=_SOURCES,
)

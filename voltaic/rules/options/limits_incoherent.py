"""Do the limits that are stated go together?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.incoherent import incoherent
from voltaic.findings import Finding
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.spec import ServingSpec

ID: Final = "limits-incoherent"


def check(spec: ServingSpec) -> Iterator[Finding]:
    """Yield a finding for every limit that the release takes and that others make useless."""
    for answer in incoherent(spec):
        yield Finding(
            rule=ID,
            message=answer.message,
            why=answer.why,
            fix=answer.fix,
            sources=answer.sources,
            level="advisory",
            about=answer.where,
        )


RULE: Final = Rule(
    id=ID,
    title="Do the limits that are stated go together?",
    why="A limit that another one undoes reserves memory for nothing, or promises what no request gets.",
    check=check,
    level="advisory",
    fix="Write limits that fit each other: the finding says which.",
)

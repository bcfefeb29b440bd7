"""Do the limits that are stated go together?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.incoherent import incoherent
from voltaic.rules.rule import Rule, advice

if TYPE_CHECKING:
    from voltaic.findings import Finding
    from voltaic.spec import ServingSpec

ID: Final = "limits-incoherent"


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding for every limit that the release takes and that others make useless."""
    return advice(ID, incoherent(spec))


RULE: Final = Rule(
    id=ID,
    title="Do the limits that are stated go together?",
    why="A limit that another one undoes reserves memory for nothing, or promises what no request gets.",
    check=check,
    level="advisory",
    fix="Write limits that fit each other: the finding says which.",
)

"""Are requests admitted that are longer than what the model was made for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.lengths import too_long
from voltaic.findings import Finding
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.spec import ServingSpec

ID: Final = "context-length"


def check(spec: ServingSpec) -> Iterator[Finding]:
    """Yield a finding where the limit on one request is above the model's positions, and nothing stretches them."""
    found = too_long(spec)
    if found is None:
        return
    slots = f" over {found.slots} slots" if found.slots > 1 else ""
    model = spec.model.id or "the model"
    yield Finding(
        rule=ID,
        message=f"A request may have {found.limit} tokens ({found.flag}{slots}), and {model} has {found.positions}.",
        why=found.happens,
        fix=f"Set {found.flag} so that a request has {found.positions} tokens or fewer, or stretch the positions.",
        sources=(found.source,),
        level="advisory",
        about=found.flag,
    )


RULE: Final = Rule(
    id=ID,
    title="Are requests admitted that are longer than what the model was made for?",
    why="Beyond its positions a model answers nonsense, and the memory of longer requests is spent for it.",
    check=check,
    level="advisory",
    fix="Keep the limit on a request at or below the model's positions, or stretch them by an option.",
)

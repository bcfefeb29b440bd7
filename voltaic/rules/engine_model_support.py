"""Can the engine serve this model on this GPU: architecture, weights format, dtype, sharding?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.rules.rule import Rule, findings

if TYPE_CHECKING:
    from voltaic.findings import Finding
    from voltaic.spec import ServingSpec

ID: Final = "engine-model-support"


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding for everything that the engine does not do with this model there, or may not do."""
    engine = engines.engine(spec.release.engine)
    if engine is None:
        return ()  # engine-gpu-support says so
    return findings(ID, engine.model_support(spec))


RULE: Final = Rule(
    id=ID,
    title="Can the engine serve this model on this GPU, in this weights format, dtype and number of shards?",
    why=(
        "An engine refuses some models at start, and some options it ignores in silence: then something else runs than "
        "was asked for."
    ),
    check=check,
)

"""Can this release of the engine run on this GPU at all?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.findings import Finding
from voltaic.rules.rule import Rule, findings

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

ID: Final = "engine-gpu-support"


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding where the release does not run on the GPU, or where that is not known."""
    engine = engines.engine(spec.release.engine)
    if engine is None:
        return (
            Finding(
                rule=ID,
                message=f"The engine {spec.release.engine!r} is not known here.",
                why="What an engine needs, and what it makes of its options, differs from engine to engine.",
                fix=f"Use one of the engines {', '.join(engines.names())}.",
                outcome="unknown",
            ),
        )
    return findings(ID, [engine.gpu_support(spec)])


RULE: Final = Rule(
    id=ID,
    title="Can this release of the engine run on this GPU at all?",
    why="An image has code for certain GPU architectures only. On others it ends while starting or in its warm-up.",
    check=check,
)

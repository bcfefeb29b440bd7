"""Does the server compute in a data type, and with kernels, that this GPU is fast in?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.engines.base import Slow
from voltaic.rules.rule import Rule, advice

if TYPE_CHECKING:
    from voltaic.findings import Finding
    from voltaic.spec import ServingSpec

ID: Final = "dtype-slow"


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding for everything that serves and is slow for a reason that an option can mend."""
    engine = engines.engine(spec.release.engine)
    return advice(ID, engine.slow(spec)) if isinstance(engine, Slow) else ()


RULE: Final = Rule(
    id=ID,
    title="Does the server compute in a data type, and with kernels, that this GPU is fast in?",
    why="A data type that the GPU emulates, or kernels that are kept away by an option, cost most of its speed.",
    check=check,
    level="advisory",
    fix="Write the data type that the finding gives, or leave the option away.",
)

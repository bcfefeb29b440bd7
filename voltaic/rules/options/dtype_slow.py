"""Does the server compute in a data type, and with kernels, that this GPU is fast in?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.engines.base import Slow
from voltaic.findings import Finding
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.base import Support
    from voltaic.spec import ServingSpec

ID: Final = "dtype-slow"


def check(spec: ServingSpec) -> Iterator[Finding]:
    """Yield a finding for everything that serves and is slow for a reason that an option can mend."""
    engine = engines.engine(spec.release.engine)
    answers: tuple[Support, ...] = engine.slow(spec) if isinstance(engine, Slow) else ()
    for answer in answers:
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
    title="Does the server compute in a data type, and with kernels, that this GPU is fast in?",
    why="A data type that the GPU emulates, or kernels that are kept away by an option, cost most of its speed.",
    check=check,
    level="advisory",
    fix="Write the data type that the finding gives, or leave the option away.",
)

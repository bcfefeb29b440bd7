"""Are there as many GPUs as shards?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.findings import Finding
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

ID: Final = "single-gpu-shard"


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding where more shards start than there are GPUs, or where sharding is asked of one GPU."""
    engine = engines.engine(spec.release.engine)
    if engine is None:
        return ()  # engine-gpu-support says so
    return tuple(
        Finding(
            rule=ID,
            message=support.message,
            why=support.why,
            fix=support.fix,
            sources=support.sources,
            outcome="violation" if support.answer == "no" else "unknown",
        )
        for support in engine.shard_support(spec)
    )


RULE: Final = Rule(
    id=ID,
    title="Are there as many GPUs as shards?",
    why="Every shard is a process with a GPU of its own: one more than there are GPUs, and none of them starts.",
    check=check,
)

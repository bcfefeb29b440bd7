"""Are there as many GPUs as shards?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.rules.rule import Rule, findings

if TYPE_CHECKING:
    from voltaic.findings import Finding
    from voltaic.spec import ServingSpec

ID: Final = "single-gpu-shard"


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding where more shards start than there are GPUs, or where sharding is asked of one GPU."""
    engine = engines.engine(spec.release.engine)
    if engine is None:
        return ()  # engine-gpu-support says so
    return findings(ID, engine.shard_support(spec))


RULE: Final = Rule(
    id=ID,
    title="Are there as many GPUs as shards?",
    why="Every shard is a process with a GPU of its own: one more than there are GPUs, and none of them starts.",
    check=check,
)

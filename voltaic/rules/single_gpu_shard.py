"""Are there as many GPUs as shards?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.answers import runs_of
from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule, findings

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

ID: Final = "single-gpu-shard"
_SLICES: Final = (
    Source("docs.nvidia.com, MIG User Guide: a CUDA process enumerates one device; no peer to peer", "reported"),
)


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding where more shards start than there are GPUs, or where sharding is asked of one GPU."""
    engine = engines.engine(spec.release.engine)
    if engine is None:
        return ()  # engine-gpu-support says so
    return findings(ID, engine.shard_support(spec)) or _slices(spec)


def _slices(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding where a model is spread over slices of a GPU: no fact says that this works."""
    runs = runs_of(spec) if spec.gpu is not None and spec.gpu.slice_of is not None else None
    if runs is None or spec.gpu is None or (runs.shards < 2 and not runs.layer_split):  # noqa: PLR2004  more than one
        return ()
    spread = f"{runs.shards} shards" if runs.shards > 1 else f"the layers over {spec.gpus} slices"
    return (
        Finding(
            rule=ID,
            message=f"Whether {spread} start on slices of {spec.gpu.slice_of} is not known; one slice is.",
            why="CUDA shows a process one slice (MIG), and slices exchange nothing directly.",
            fix="Ask for one larger slice or for whole GPUs. What would settle it: a log of such a start.",
            sources=_SLICES,
            outcome="unknown",
        ),
    )


RULE: Final = Rule(
    id=ID,
    title="Are there as many GPUs as shards?",
    why="Every shard is a process with a GPU of its own: one more than there are GPUs, and none of them starts.",
    check=check,
)

"""Is a model spread over slices of GPUs, of which a process sees one?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.answers import runs_of
from voltaic.findings import Finding, Source
from voltaic.manifests.accelerators import SLICES
from voltaic.rules.gpus._resources import asked
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "mig-slices"
_SOURCES: Final = (
    Source(
        "docs.nvidia.com, MIG User Guide: device enumeration: a CUDA process enumerates one MIG device; deployment "
        "considerations: no peer to peer between GPU instances",
        "reported",
    ),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where shards are to run on more than one slice."""
    slices = [one for one in asked(subject.container, "limits") if one.name.startswith(SLICES)]
    runs = None if subject.spec is None else runs_of(subject.spec)
    if len(slices) != 1 or (slices[0].count or 0) < 2 or runs is None:  # noqa: PLR2004  more than one
        return
    held = slices[0]
    spread = f"{runs.shards} shards are" if runs.shards > 1 else "One process is"
    if runs.shards < 2 and not runs.layer_split:  # noqa: PLR2004  more than one
        return  # the others are idle, which another rule says
    yield Finding(
        rule=ID,
        message=f"{spread} to use {held.count} slices ({held.name}: {held.value}), and a process is shown one of them.",
        why="CUDA enumerates one slice for a process, and slices exchange nothing directly: a shard without a device "
        "ends the server, and no layer goes to the second slice.",
        fix="Ask for one larger slice, or for whole GPUs, and write one shard a slice.",
        sources=_SOURCES,
        path=held.path,
    )


RULE: Final = Rule(
    id=ID,
    title="Is a model spread over slices of GPUs, of which a process sees one?",
    why="A process sees one slice (MIG), whatever the container was given: a model is not spread over several.",
    check=check,
    level="advisory",
    about="server",
    fix="Ask for one slice that is large enough, or for whole GPUs.",
    sources=_SOURCES,
)

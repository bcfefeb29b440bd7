"""How a model may lie on the GPUs of a profile: replicas, GPUs a replica, shards; each judged, and which is better.

Pure. What decides: a request goes to one replica; tensor-parallel shards compute at the same time, and so do replicas,
while the GPUs of a layer split take turns, since each holds other layers of the same request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.settings.decisive import Decisive
    from voltaic.verdict import Verdict

    Kind = Literal["one GPU", "layer split", "tensor parallel"]


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to use the GPUs of a node."""

    replicas: int
    gpus: int
    """Of one replica."""
    shards: int
    kind: Kind
    verdict: Verdict
    settings: Mapping[str, Any]
    """What a stack states for it; None: nothing, since it is derived."""

    @property
    def accepted(self) -> bool:
        """Whether it starts."""
        return self.verdict.verdict == "accept"

    @property
    def total(self) -> int | None:
        """Tokens of the longest request; None where it does not run."""
        return self._limit("max_total_tokens")

    @property
    def requests(self) -> int | None:
        """Requests at once in all replicas; None where it does not run or has no bound."""
        one = self._limit("max_batch_size")
        return None if one is None else one * self.replicas

    @property
    def busy(self) -> int:
        """GPUs that compute at the same time."""
        return self.replicas * (1 if self.kind == "layer split" else self.gpus)

    @property
    def tokens(self) -> int | None:
        """Tokens that the KV caches of all replicas hold; None where there is no bill."""
        from voltaic.memory.bill import Bill

        bill = self.verdict.bill
        return bill.kv_cache_tokens * self.replicas if isinstance(bill, Bill) else None

    def _limit(self, name: str) -> int | None:
        runs = self.verdict.runs
        found = None if runs is None else {**self.verdict.spec.command.options, **runs.limits}.get(name)
        return found if isinstance(found, int) else None

    def __str__(self) -> str:
        """Return it in words."""
        pods = "1 replica" if self.replicas == 1 else f"{self.replicas} replicas"
        return f"{pods} x {'1 GPU' if self.gpus == 1 else f'{self.gpus} GPUs, {self.kind}'}"


def of(stack: Decisive) -> list[Layout]:
    """Return the layouts that use as many GPUs of the profile's node as they can, the most replicas first.

    A layout in which GPUs of a replica would idle is none: one shard of an engine that splits no layers.
    """
    from voltaic import hardware

    count = hardware.profile(stack.profile).count
    return [layout for gpus in _sizes(count) for layout in _of_size(stack, gpus, count)]


def _sizes(count: int) -> list[int]:
    """Return the GPUs of a replica that leave none of the node unused."""
    return [gpus for gpus in range(1, count + 1) if count % gpus == 0]


def _of_size(stack: Decisive, gpus: int, count: int) -> Iterator[Layout]:
    replicas = count // gpus
    if gpus == 1:
        yield _layout(stack, (replicas, 1, 1), "one GPU", count)
        return
    split = _layout(stack, (replicas, gpus, 1), "layer split", count)
    if split.verdict.runs is None or split.verdict.runs.layer_split:
        yield split
    yield _layout(stack, (replicas, gpus, gpus), "tensor parallel", count)


def _layout(stack: Decisive, size: tuple[int, int, int], kind: Kind, count: int) -> Layout:
    """Return a layout: `size` are its replicas, the GPUs and the shards of each; `count` are the GPUs of the node."""
    from voltaic.settings import serving_spec
    from voltaic.verdict import judge

    replicas, gpus, shards = size
    verdict = judge(serving_spec(stack.changed({"gpus": gpus, "shards": shards})))
    derived = serving_spec(stack.changed({"gpus": gpus, "shards": None}))
    same = derived.option("num_shard", 1) == shards
    stated = {
        "gpus": None if gpus == count else gpus,
        "shards": None if same else shards,
        "replicas": None if replicas == 1 else replicas,
    }
    return Layout(replicas, gpus, shards, kind, verdict, stated)


def is_current(layout: Layout, stack: Decisive) -> bool:
    """Return whether a stack has this layout now."""
    from voltaic import hardware
    from voltaic.settings import serving_spec

    gpus = stack.gpus or hardware.profile(stack.profile).count
    return (layout.replicas, layout.gpus, layout.shards) == (
        stack.replicas,
        gpus,
        serving_spec(stack).option("num_shard", 1),
    )


def best(layouts: list[Layout], least: int = 0) -> Layout | None:
    """Return the better one: the most GPUs at work at once, with room to spare, and requests no shorter than `least`.

    Of those alike the one with more replicas: one may fail, and nothing is sent between GPUs. None: none starts.
    """
    accepted = [layout for layout in layouts if layout.accepted]
    long_enough = [layout for layout in accepted if (layout.total or 0) >= least] or accepted
    return max(
        long_enough,
        key=lambda layout: (not layout.verdict.tight, layout.busy, layout.replicas, layout.total or 0),
        default=None,
    )


def why(chosen: Layout, layouts: list[Layout], least: int = 0) -> Iterator[str]:
    """Yield why a layout is the better one, and what speaks for the others, a sentence each."""
    yield f"Better: {chosen}. {_merits(chosen)}"
    for other in layouts:
        if other is chosen or not other.accepted:
            continue
        shorter = (other.total or 0) < max(least, chosen.total or 0)
        longer = (other.total or 0) > (chosen.total or 0)
        if other.busy > chosen.busy and shorter:
            yield f"{other}: more GPUs at work at once, for requests of {other.total:,} tokens at most."
        elif longer:
            yield f"{other}: for longer requests, up to {other.total:,} tokens."
        elif other.busy == chosen.busy and (other.tokens or 0) > (chosen.tokens or 0):
            yield f"{other}: a larger KV cache, {other.tokens:,} tokens in all, and fewer pods that can stand in."


def _merits(layout: Layout) -> str:
    if layout.kind == "layer split":
        said = f"A request has the memory of {layout.gpus} GPUs, which take turns: no faster than one."
    elif layout.kind == "tensor parallel":
        said = f"{layout.gpus} GPUs compute each request together, and share its memory."
    else:
        said = "Each request is served by one GPU, and nothing is sent between GPUs."
    if layout.replicas > 1:
        said += f" {layout.replicas} batches go on at the same time, and one pod may fail or restart without an outage."
    return said

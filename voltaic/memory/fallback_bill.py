"""The bill of TGI's Transformers fallback: what does not depend on limits once, what does by arithmetic alone.

A search for ways out asks for the bills of a dozen other limits.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from voltaic.memory import facts, fallback
from voltaic.memory.bill import Bill, GpuBill
from voltaic.memory.weights import FLOAT_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.base import Runs
    from voltaic.findings import Source
    from voltaic.hardware import GpuModel
    from voltaic.memory.bill import Moment
    from voltaic.memory.fallback import Step
    from voltaic.memory.weights import GpuWeights, Weights
    from voltaic.models import Architecture

    _Row = tuple[int, Moment, int, int, int, int]
    """Bytes planned for a moment, the moment, its cache, activations, slack and kept logits."""

_FIRST = itemgetter(0)


def _load_of(limits: Mapping[str, int]) -> fallback.Load:
    """Return what the limits allow at once.

    A limit of 0 ends the launcher, which is for its own rule to say; here it stands for the least that can run.
    """
    requests = limits.get("max_concurrent_requests")
    batch = limits.get("max_batch_size", requests)
    if batch is None:
        raise LookupError("nothing bounds the number of requests in a batch")  # callers ask for bounds first
    return fallback.Load(
        max(1, batch if requests is None else min(batch, requests)),
        max(1, limits["max_total_tokens"]),
        max(1, limits["max_input_tokens"]),
        max(1, limits["max_batch_prefill_tokens"]),
        max(1, limits["warm_up_requests"]),
        max(1, limits["warm_up_tokens"]),
    )


def _both(held: tuple[Moment, int, int]) -> int:
    return held[1] + held[2]


def unmodelled(arch: Architecture, runs: Runs) -> tuple[str, str] | None:
    """Return which activations have no form, and what would settle it; None where all have one."""
    if facts.layer_form(arch) is None:
        return f"the activations of {arch.model_type} are not modelled", "a measured peak of a prefill of this family"
    if runs.attention == "eager" and facts.eager_form(arch.model_type) is None:
        return (
            f"the attention of {arch.model_type} without a fused kernel is not modelled",
            "a measured peak of a prefill of this family with eager attention",
        )
    if runs.weights == "bitsandbytes" and facts.int8_form(arch.model_type) is None:
        return (
            f"the activations of {arch.model_type} in int8 are not modelled",
            "a measured peak of a prefill of this family in int8, or serving it without quantization",
        )
    return None


class Plan:
    """One model on some GPUs, as one release runs it: its bill for any limits."""

    def __init__(
        self,
        gpu: GpuModel,
        arch: Architecture,
        runs: Runs,
        weights: Weights | None,
        missing: tuple[str, str] | None,
        *,
        expandable: bool,
    ) -> None:
        self.gpu = gpu
        self.arch = arch
        self.weights = weights
        """None: the format has no model here."""
        self.missing = missing
        """Which activations have no form, and what would settle it."""
        self._expandable = expandable
        if weights is None:
            return
        split = len(weights.per_gpu) > 1
        kind = fallback.Kind(
            arch=arch,
            eager=runs.attention == "eager",
            int8=runs.weights == "bitsandbytes",
            upcast=facts.upcasts_logits(arch.model_type, runs.transformers),
            whole_cache=split and facts.cache_moves(arch.model_type),
        )
        self._forms = fallback.forms_of(kind)
        self._shares = tuple(set(weights.per_gpu))  # GPUs in the middle of a split hold the same
        self._share_of = tuple(self._shares.index(share) for share in weights.per_gpu)
        self._context = gpu.context_bytes + gpu.sampling_warm_up_bytes
        self._margin = float(facts.table()["margin"][_known(runs, split=split)])
        self._sources = _sources(arch, gpu, split=split, expandable=expandable)
        self._kv_bytes_per_token = arch.transformers_kv_elements_per_token * FLOAT_BYTES

    def bill(self, runs: Runs, *, moments: bool) -> Bill:
        """Return the bill with these limits, which are all known; with `moments` what is held at each moment too."""
        load = _load_of(runs.limits)
        found, keys, kept = self._found(load)
        rows = [self._planned(found, share, keys, kept, every=moments) for share in self._shares]
        worst = [max(planned, key=_FIRST) for planned in rows]
        bills = [self._of_gpu(share, row) for share, row in zip(self._shares, worst, strict=True)]
        room = [bill.headroom for bill in bills]
        fullest = min(self._share_of, key=room.__getitem__)
        return Bill(
            per_gpu=tuple(bills[index] for index in self._share_of),
            kv_cache_bytes_per_token=self._kv_bytes_per_token,
            kv_cache_tokens=load.batch * load.total,
            peak_moment=worst[fullest][1],
            margin=self._margin,
            sources=self._sources,
            moments=self._moments(rows) if moments else (),
        )

    def room(self, runs: Runs) -> int:
        """Return the bytes left on the fullest GPU with these limits, as the bill says; negative: they do not fit."""
        found, keys, kept = self._found(_load_of(runs.limits))
        fullest = 0
        for share in self._shares:
            (_, cache, activations), *others = fallback.held_by(self._forms, found, share)
            layers = self.arch.layers if self._forms.kind.whole_cache else share.layers
            warm_up, later = cache + activations, 0
            for _, held, beside in others:
                later = max(later, held + beside)
            own = kept if share.first or share.head else 0
            more, least = facts.slack_terms(keys, layers, expandable_segments=self._expandable)
            planned = max(warm_up + max(int(more * warm_up), least), later + max(int(more * later), least) + own)
            fullest = max(fullest, share.reserved + planned)
        return self.gpu.usable_bytes - self._context - fullest

    @property
    def margin_bytes(self) -> float:
        """Bytes by which the estimate may err on a GPU."""
        return self._margin * self.gpu.usable_bytes

    def _found(self, load: fallback.Load) -> tuple[list[Step], int, int]:
        """Return every moment, one layer's keys at the largest cache, and the logits that are kept."""
        forms = self._forms
        keys = forms.cached // 2 * load.batch * load.total
        return fallback.steps(forms, load), keys, forms.kept_row * fallback.prefill_tokens(load)

    def _of_gpu(self, share: GpuWeights, row: _Row) -> GpuBill:
        _, _, cache, activations, slack, stays = row
        return GpuBill(
            budget=self.gpu.usable_bytes,
            context=self._context,
            weights=share.reserved,
            kv_cache=cache,
            activations=activations + stays,
            # The kept logits stay where they are; the slack is for what comes and goes.
            other=slack,
            terms=(("allocator_slack", slack),),
        )

    def _planned(self, found: list[Step], share: GpuWeights, keys: int, kept: int, *, every: bool) -> list[_Row]:
        """Return what is planned for every moment, else for the warm-up and the worst one after it."""
        held = fallback.held_by(self._forms, found, share)
        if not every:
            # Slack grows with what is held, so that the moment with the most is the worst of those that plan alike.
            warm_up, *others = held
            held = [warm_up, max(others, key=_both)]
        layers = self.arch.layers if self._forms.kind.whole_cache else share.layers
        # No logits are kept before the first request, and on no GPU but those that have logits.
        own = kept if share.first or share.head else 0
        more, least = facts.slack_terms(keys, layers, expandable_segments=self._expandable)
        rows: list[_Row] = []
        for moment, cache, activations in held:
            slack = max(int(more * (cache + activations)), least)
            stays = 0 if moment == "warm-up" else own
            rows.append((cache + activations + slack + stays, moment, cache, activations, slack, stays))
        return rows

    def _moments(self, rows: list[list[_Row]]) -> tuple[tuple[Moment, tuple[int, ...]], ...]:
        """Return what each GPU holds at each moment: its own bytes and what is planned for the rest."""
        held: list[dict[Moment, int]] = []
        fixed = [self._context + share.reserved for share in self._shares]
        for share, own, planned in zip(self._shares, fixed, rows, strict=True):
            of: dict[Moment, int] = {"load": self.gpu.context_bytes + share.reserved}
            for row in planned:
                of[row[1]] = max(of.get(row[1], 0), own + row[0])
            held.append(of)
        names = dict.fromkeys(name for of in held for name in of)
        return tuple((name, tuple(held[index].get(name, fixed[index]) for index in self._share_of)) for name in names)


def _known(runs: Runs, *, split: bool) -> str:
    """Return which margin holds: unquantized in the measured release of transformers on one GPU, or anything else."""
    if split:
        return "layer_split"
    if runs.weights == "bitsandbytes":
        return "int8"
    measured = tuple(facts.table()["margin"]["measured_transformers"])
    return "one_gpu" if runs.transformers is not None and runs.transformers[:2] == measured else "other_release"


@lru_cache(maxsize=256)
def _sources(arch: Architecture, gpu: GpuModel, *, split: bool, expandable: bool) -> tuple[Source, ...]:
    form = facts.layer_form(arch)
    names = ("planning_factor", "allocator", *(("layer_split",) if split else ()))
    table = facts.table()
    own = tuple(facts.source(table[name]) for name in names)
    if expandable:
        own += (facts.source(table["planning_factor"]["expandable_segments"]),)
    return (*gpu.sources, *(() if form is None else (form.source,)), *own)

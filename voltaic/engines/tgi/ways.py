"""TGI's limits in the words of the search for ways out."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.tgi import limits, requirements
from voltaic.engines.tgi.releases import release
from voltaic.engines.ways import Load, Named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.base import Runs
    from voltaic.engines.ways import Rooms
    from voltaic.memory.bill import Bill, NoBill
    from voltaic.spec import ServingSpec

_REQUESTS: Final = ("max_batch_size", "max_concurrent_requests")
_ALSO: Final = {"max_input_tokens": ("MAX_INPUT_LENGTH",), "max_concurrent_requests": ("MAX_BATCH_SIZE",)}
"""Variables that say an option beside the one of its own name."""


class TgiWays(Named):
    """What the search for ways out asks of TGI."""

    KEYS: Mapping[str, str] = MappingProxyType(
        {
            "model": "model_id",
            "quantization": "quantize",
            "dtype": "dtype",
            "shards": "num_shard",
            "maxInputTokens": "max_input_tokens",
            "maxTotalTokens": "max_total_tokens",
            "maxBatchPrefillTokens": "max_batch_prefill_tokens",
            "maxBatchTotalTokens": "max_batch_total_tokens",
            "maxBatchSize": "max_batch_size",
        }
    )

    FOLLOWS: Mapping[str, tuple[str, ...]] = MappingProxyType({"model": ("revision",), "shards": ("sharded",)})

    def batch_bound(self, version: str | None) -> str:
        """Return the canonical option that bounds the requests of a running batch in this release."""
        known = release(version)
        return "max_batch_size" if known is None else limits.batch_bound(known.version)

    def load_of(self, spec: ServingSpec, runs: Runs) -> Load | None:  # noqa: ARG002
        """Return what the effective limits ask for; None where they are not known."""
        found = runs.limits
        requests = [found[name] for name in _REQUESTS if name in found]
        total, prompt, prefill = (found.get(f"max_{name}_tokens") for name in ("total", "input", "batch_prefill"))
        if not requests or total is None or prompt is None or prefill is None:
            return None
        return Load(min(requests), total, prompt, prefill, bounded="max_batch_size" in found)

    def with_load(self, runs: Runs, load: Load) -> Runs:
        """Return the same run with other limits, and with the warm-up that they mean."""
        prompt = max(1, load.prompt or load.total)
        prefill = max(load.prefill or 0, prompt)
        limits = {
            **runs.limits,
            "max_batch_size": load.requests,
            "max_input_tokens": prompt,
            "max_total_tokens": load.total,
            "max_batch_prefill_tokens": prefill,
            "warm_up_requests": min(load.requests, -(-prefill // prompt)),
            "warm_up_tokens": prompt,
        }
        return runs.within(limits)

    def options_for(self, spec: ServingSpec, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the canonical options that say these configuration keys; the batch as this release bounds it."""
        options = super().options_for(spec, settings)
        if options is None or "maxBatchSize" not in settings:
            return options
        bound = self.batch_bound(spec.release.version)
        return {bound if name == "max_batch_size" else name: value for name, value in options.items()}

    def variables_for(self, options: Mapping[str, Any]) -> frozenset[str]:
        """Return the variables that could say any of these canonical options, those of older names included."""
        also = frozenset(variable for name in options for variable in _ALSO.get(name, ()))
        return super().variables_for(options) | also

    def lighter(self, spec: ServingSpec) -> Iterator[Mapping[str, Any]]:
        """Yield the quantization that needs no other checkpoint and is really applied on every path."""
        if spec.option("quantize") is None:
            yield {"quantization": "bitsandbytes"}

    def bill_for(self, spec: ServingSpec, runs: Runs | None) -> Bill | NoBill:
        """Return the bill of a spec that runs this way, whatever its command line says."""
        from voltaic.memory.estimate import estimate  # noqa: PLC0415  the bill is asked for less often than the rest

        return estimate(spec, runs, moments=False)

    def rooms(self, spec: ServingSpec, runs: Runs) -> Rooms | None:
        """Return what tells the room that other limits leave, without making bills; None where only a bill can."""
        from voltaic.memory.estimate import plan_for  # noqa: PLC0415  the bill is asked for less often than the rest

        return plan_for(spec, runs)

    def switches(self, spec: ServingSpec) -> Mapping[str, str]:
        """Return the switch of flash attention, where the release serves only without it on this GPU."""
        return {} if spec.gpu is None else requirements.required_environment(spec.release.version, spec.gpu)

    def memory_variables(self, spec: ServingSpec) -> Mapping[str, str]:
        """Return how PyTorch's allocator is told to waste less, where the cache grows by the token."""
        return {} if spec.gpu is None else requirements.allocator_environment(spec.release.version, spec.gpu)

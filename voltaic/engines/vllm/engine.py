"""vLLM as an engine: what the rules and the bill ask of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from voltaic.engines.vllm import (
    argument_support,
    capability,
    command_line,
    limits,
    matrix,
    model_support,
    quantization,
    releases,
    run,
    support,
)
from voltaic.engines.vllm.case import case_of
from voltaic.engines.ways import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from voltaic.engines.base import MatrixCell, Runs, Support
    from voltaic.memory.bill import Bill, NoBill
    from voltaic.spec import CommandLine, ServingSpec


class Vllm(Named):
    """vLLM's OpenAI server, releases 0.4.0 to 0.33.0."""

    name = "vllm"
    KEYS = MappingProxyType(
        {
            "maxTotalTokens": "max_model_len",
            "maxBatchSize": "max_num_seqs",
            "maxBatchPrefillTokens": "max_num_batched_tokens",
            "quantization": "quantization",
            "dtype": "dtype",
            "shards": "tensor_parallel_size",
            "model": "model",
        }
    )
    FOLLOWS = MappingProxyType({"model": ("revision", "tokenizer", "tokenizer_revision", "code_revision")})

    def releases(self) -> tuple[str, ...]:
        """Return every release that the facts cover, oldest first."""
        return releases.versions()

    def parse(self, version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:
        """Read arguments and environment as the server of this release does; never raises."""
        return command_line.parse(version, args, env)

    def build(self, version: str, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the arguments that set these canonical options; raises CannotBuildError with every fault."""
        return command_line.build(version, options)

    def gpu_support(self, spec: ServingSpec) -> Support:
        """Answer whether this release runs on this GPU at all."""
        return support.gpu_support(spec)

    def model_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer for model class, weights format, dtype and sharding on that GPU: all that is not `ok`."""
        return model_support.model_support(spec)

    def shard_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer whether there are as many GPUs as ranks: all that is not `ok`."""
        return argument_support.shard_support(spec)

    def ignored(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Return what is set and does nothing in this release, or in the engine that serves."""
        from voltaic.engines.vllm.ignored import supports  # noqa: PLC0415  asked where a verdict is shown

        return supports(spec)

    def slow(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Return what serves and is slow, as `ok` with a way out."""
        from voltaic.engines.vllm.slow import slow  # noqa: PLC0415  asked where a verdict is shown

        return slow(spec)

    def gpus_used(self, spec: ServingSpec) -> int | None:
        """Return how many of the pod's GPUs compute; None where that is not known."""
        from voltaic.engines.vllm import ranks  # noqa: PLC0415  asked where a verdict is shown

        return ranks.gpus_used(spec)

    def argument_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer whether well formed arguments go together: all that is not `ok`."""
        return argument_support.argument_support(spec)

    def environment(self, spec: ServingSpec) -> Mapping[str, str]:
        """Return the variables that must be set so that this spec runs, without secrets."""
        return run.environment(spec)

    def required_options(self, spec: ServingSpec) -> Mapping[str, Any]:
        """Return the canonical options that must be set so that this spec runs, beside those that are."""
        return run.required_options(spec)

    def batch_bound(self, version: str | None) -> str:  # noqa: ARG002  the same in every release
        """Return the canonical option that bounds the requests of a running batch in this release."""
        return "max_num_seqs"

    def runs(self, spec: ServingSpec) -> Runs | None:
        """Return how the spec runs; None where it does not, or where that is not known."""
        return run.runs(spec)

    def bill_for(self, spec: ServingSpec, runs: Runs | None) -> Bill | NoBill:
        """Return the bill of a spec that runs this way, whatever its command line says of limits and weights."""
        from voltaic.memory import vllm  # noqa: PLC0415  the bill is asked for less often than the rest

        return vllm.estimate(spec, runs, case_of(spec))

    def archs(self) -> tuple[str, ...]:
        """Return the architectures of GPUs that the facts cover."""
        return capability.archs()

    def matrix(self, version: str, arch: str) -> Iterable[MatrixCell]:
        """Yield every answer for a release on an architecture, the one on `starts` first."""
        return matrix.cells(version, arch)

    def variables_for(self, options: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002  none does
        """Return the variables that could say any of these canonical options beside the arguments: none."""
        return frozenset()

    def lighter(self, spec: ServingSpec) -> Iterator[Mapping[str, Any]]:
        """Yield quantizations, as settings, that are applied to an unquantized checkpoint on this GPU."""
        case = case_of(spec)
        if case is not None and case.checkpoint_method is None and quantization.quantizes_at_load(case):
            yield {"quantization": "bitsandbytes"}

    def memory_shares(self, spec: ServingSpec) -> Iterator[Mapping[str, Any]]:
        """Yield other shares of the memory that are worth trying, the nearest first."""
        case = case_of(spec)
        if case is None:
            return
        stated = limits.utilization(case)
        shares = (0.95, 0.92, 0.9, 0.88, 0.85, 0.8)
        for share in sorted((share for share in shares if share != stated), key=lambda share: abs(share - stated)):
            yield {"gpu_memory_utilization": share}

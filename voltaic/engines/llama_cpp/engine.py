"""llama.cpp's server as an engine: what the rules and the bill ask of it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from voltaic.engines.llama_cpp import command_line, matrix, run, support
from voltaic.engines.llama_cpp.case import case_of
from voltaic.engines.llama_cpp.facts import facts
from voltaic.engines.ways import Load, Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from voltaic.engines.base import MatrixCell, Runs, Support
    from voltaic.memory.bill import Bill, NoBill
    from voltaic.spec import CommandLine, ServingSpec


class LlamaCpp(Named):
    """llama-server of the CUDA images, builds from b4000."""

    name = "llama.cpp"
    KEYS = MappingProxyType(
        {"maxTotalTokens": "ctx_size", "maxBatchSize": "parallel", "maxBatchPrefillTokens": "ubatch_size"}
    )

    def releases(self) -> tuple[str, ...]:
        """Return builds to show, oldest first; every build from the first of them on is covered."""
        return tuple(facts()["named"])

    def parse(self, version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:
        """Read arguments and environment as the server of this build does; never raises."""
        return command_line.parse(version, args, env)

    def build(self, version: str, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the arguments that set these canonical options; raises CannotBuildError with every fault."""
        return command_line.build(version, options)

    def gpu_support(self, spec: ServingSpec) -> Support:
        """Answer whether this image runs on this GPU at all."""
        return support.gpu_support(spec)

    def model_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer for architecture, file and caches: all that is not `ok`."""
        return support.model_support(spec)

    def shard_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer for how the model is split over GPUs: all that is not `ok`."""
        return support.shard_support(spec)

    def gpus_used(self, spec: ServingSpec) -> int | None:
        """Return how many of the pod's GPUs compute; None where that is not known."""
        from voltaic.engines.llama_cpp import devices  # noqa: PLC0415  asked where a verdict is shown

        return devices.gpus_used(spec)

    def argument_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer whether well formed arguments go together: all that is not `ok`."""
        return support.argument_support(spec)

    def environment(self, spec: ServingSpec) -> Mapping[str, str]:  # noqa: ARG002  the same for every spec
        """Return the variables that must be set so that this spec runs: none."""
        return {}

    def required_options(self, spec: ServingSpec) -> Mapping[str, Any]:
        """Return the canonical options that must be set so that this spec runs, beside those that are."""
        return run.required_options(spec)

    def batch_bound(self, version: str | None) -> str:  # noqa: ARG002  the same in every build
        """Return the canonical option that bounds the requests of a running batch."""
        return "parallel"

    def runs(self, spec: ServingSpec) -> Runs | None:
        """Return how the spec runs; None where it does not, or where that is not known."""
        return run.runs(spec)

    def bill_for(self, spec: ServingSpec, runs: Runs | None) -> Bill | NoBill:
        """Return the bill of a spec that runs this way, whatever its command line says of limits."""
        from voltaic.memory import llama_cpp  # noqa: PLC0415  the bill is asked for less often than the rest

        return llama_cpp.estimate(spec, runs, case_of(spec))

    def archs(self) -> tuple[str, ...]:
        """Return the architectures of GPUs that the facts cover."""
        return tuple(facts()["archs"])

    def matrix(self, version: str, arch: str) -> Iterable[MatrixCell]:
        """Yield every answer for a build on an architecture, the one on `starts` first."""
        return matrix.cells(version, arch)

    def load_of(self, spec: ServingSpec, runs: Runs) -> Load | None:  # noqa: ARG002  the limits say it
        """Return what the effective limits ask for: each slot has its part of the context."""
        limits = runs.limits
        return Load(limits["max_batch_size"], limits["max_total_tokens"], prefill=limits["ubatch_size"])

    def with_load(self, runs: Runs, load: Load) -> Runs:
        """Return the same run with other limits, as if -c, -np and -ub said so."""
        changed = {
            "ctx_size": load.total * load.requests,
            "parallel": load.requests,
            "ubatch_size": load.prefill or runs.limits["ubatch_size"],
            "max_total_tokens": load.total,
            "max_batch_size": load.requests,
        }
        return replace(runs, limits={**runs.limits, **changed})

    def options_for(self, spec: ServingSpec, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the canonical options that say these configuration keys; None where one has no option."""
        known = {"maxTotalTokens", "maxBatchSize", "maxBatchPrefillTokens", "shards"}
        case = case_of(spec)
        if not settings.keys() <= known or case is None:
            return None
        options: dict[str, Any] = {}
        if "maxBatchPrefillTokens" in settings:
            options["ubatch_size"] = settings["maxBatchPrefillTokens"]
        if "maxTotalTokens" in settings or "maxBatchSize" in settings:
            slots = settings.get("maxBatchSize") or (1 if case.unified else case.slots)
            length = settings.get("maxTotalTokens") or (case.context or 0) // (1 if case.unified else case.slots)
            options |= {"ctx_size": length * slots or None, "parallel": slots}
        return options

    def variables_for(self, options: Mapping[str, Any]) -> frozenset[str]:
        """Return the variables that could say any of these canonical options beside the arguments."""
        names = {"parallel": "LLAMA_ARG_N_PARALLEL", "ubatch_size": "LLAMA_ARG_UBATCH"}
        return frozenset(names.get(name, f"LLAMA_ARG_{name.upper()}") for name in options)

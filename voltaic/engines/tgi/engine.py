"""TGI as an engine: what the rules and the bill ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.engines.tgi import (
    argument_support,
    capability,
    command_line,
    model_support,
    releases,
    requirements,
    run,
    support,
)
from voltaic.engines.tgi.ways import TgiWays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from voltaic.engines.base import MatrixCell, Runs, Support
    from voltaic.memory.bill import Bill, NoBill
    from voltaic.spec import CommandLine, ServingSpec


class Tgi(TgiWays):
    """Text Generation Inference, releases 1.1.0 to 3.3.7."""

    name = "tgi"

    def releases(self) -> tuple[str, ...]:
        """Return every release that the facts cover, oldest first."""
        return releases.versions()

    def parse(self, version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:
        """Read arguments and environment as the launcher of this release does; never raises."""
        return command_line.parse(version, args, env)

    def build(self, version: str, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the arguments that set these canonical options; raises CannotBuildError with every fault."""
        return command_line.build(version, options)

    def gpu_support(self, spec: ServingSpec) -> Support:
        """Answer whether this release runs on this GPU at all."""
        return support.gpu_support(spec)

    def model_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer for architecture, weights format, dtype and sharding on that GPU: all that is not `ok`."""
        return model_support.model_support(spec)

    def shard_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer whether there are as many GPUs as shards: all that is not `ok`."""
        return argument_support.shard_support(spec)

    def slow(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Return what serves and is slow, as `ok` with a way out."""
        from voltaic.engines.tgi.slow import slow  # noqa: PLC0415  asked where a verdict is shown

        return slow(spec)

    def gpus_used(self, spec: ServingSpec) -> int | None:
        """Return how many of the pod's GPUs compute: one a shard, or all where one process spreads the layers."""
        from voltaic.answers import runs_of  # noqa: PLC0415  it asks this module

        runs = runs_of(spec)
        return None if runs is None else spec.gpus if runs.layer_split else runs.shards

    def argument_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer whether well formed arguments go together: all that is not `ok`."""
        return argument_support.argument_support(spec)

    def ignored(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Return what is set and does nothing in this release, or in the implementation that runs."""
        from voltaic.engines.tgi.ignored import supports  # noqa: PLC0415  asked where a verdict is shown

        return supports(spec)

    def environment(self, spec: ServingSpec) -> Mapping[str, str]:
        """Return the variables that must be set so that this spec runs, without secrets."""
        return requirements.environment(spec)

    def required_options(self, spec: ServingSpec) -> Mapping[str, Any]:
        """Return the canonical options that must be set so that this spec runs, beside those that are."""
        return requirements.required_options(spec)

    def archs(self) -> tuple[str, ...]:
        """Return the architectures of GPUs that the facts cover."""
        return capability.ARCHS

    def matrix(self, version: str, arch: str) -> Iterable[MatrixCell]:
        """Yield every answer for a release on an architecture, the one on `starts` first."""
        from voltaic.engines.tgi import matrix  # noqa: PLC0415  no verdict asks it

        return matrix.cells(version, arch)

    def runs(self, spec: ServingSpec) -> Runs | None:
        """Return how the spec runs; None where it does not, or where that is not known."""
        return run.runs(spec)

    def bill(self, spec: ServingSpec) -> Bill | NoBill:
        """Return the VRAM bill, or why there is none."""
        from voltaic.answers import runs_of  # noqa: PLC0415  it asks this module
        from voltaic.memory import estimate  # noqa: PLC0415  the bill is asked for less often than the rest

        return estimate.estimate(spec, runs_of(spec))

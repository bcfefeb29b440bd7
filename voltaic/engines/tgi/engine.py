"""TGI as an engine: what the rules and the bill ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.engines.base import Support
from voltaic.engines.tgi import command_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voltaic.engines.base import Runs
    from voltaic.memory.bill import Bill, NoBill
    from voltaic.spec import CommandLine, ServingSpec


class Tgi:
    """Text Generation Inference, releases 1.1.0 to 3.3.7."""

    name = "tgi"

    def parse(self, version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:
        """Read arguments and environment as the launcher of this release does; never raises."""
        return command_line.parse(version, args, env)

    def build(self, version: str, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the arguments that set these canonical options; raises CannotBuildError with every fault."""
        return command_line.build(version, options)

    def gpu_support(self, spec: ServingSpec) -> Support:
        """Answer whether this release runs on this GPU at all."""
        return Support("unknown", f"no facts about {spec.release} yet", "", "")

    def model_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer for architecture, weights format, dtype and sharding on that GPU: all that is not `ok`."""
        return (self.gpu_support(spec),)

    def runs(self, spec: ServingSpec) -> Runs | None:  # noqa: ARG002
        """Return how the spec runs; None where it does not, or where that is not known."""
        return None

    def bill(self, spec: ServingSpec) -> Bill | NoBill:
        """Return the VRAM bill, or why there is none."""
        from voltaic.memory import estimate  # noqa: PLC0415  the bill is asked for less often than the rest

        return estimate.estimate(spec, self.runs(spec))

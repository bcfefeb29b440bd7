"""What an accept rests on: what is only reported, and options that become others or do nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from voltaic import engines
from voltaic.engines.base import Ignores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.base import Runs, Support
    from voltaic.findings import Source
    from voltaic.spec import ServingSpec

Kind = Literal["reported", "unverified", "differs"]
WORDS: Final[dict[Kind, str]] = {
    "reported": "Rests on what others report, and nobody has shown here",
    "unverified": "Rests on what nobody has verified",
    "differs": "Differs from what is asked",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """One thing that an accept rests on."""

    kind: Kind
    message: str
    """What is known, as a sentence."""
    sources: tuple[Source, ...]

    def document(self) -> dict[str, Any]:
        """Return it as in a plan document (schema voltaic/plan/v1)."""
        return {"kind": self.kind, "message": self.message, "sources": [str(source) for source in self.sources]}


def grounds(spec: ServingSpec, runs: Runs | None) -> tuple[Ground, ...]:
    """Return what the reader of an accept should know: the weakest facts that say that the server starts.

    Facts that were read in a source, executed or derived are not named: they are what every accept rests on.
    """
    engine = engines.engine(spec.release.engine)
    if engine is None:
        return ()
    ignored = engine.ignored(spec) if isinstance(engine, Ignores) else ()
    answers = (engine.gpu_support(spec), *(runs.notes if runs is not None else ()), *ignored)
    return tuple(ground for answer in answers if answer.answer == "ok" for ground in _of(answer))


def _of(answer: Support) -> Iterator[Ground]:
    weak = {source.confidence for source in answer.sources}
    if answer.differs:
        yield Ground("differs", answer.message, answer.sources)
    elif "unverified" in weak:
        yield Ground("unverified", answer.message, answer.sources)
    elif "reported" in weak:
        yield Ground("reported", answer.message, answer.sources)

"""What a rule is: one question asked of a serving spec, or of what a manifest says about it, answered by findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar

from voltaic.findings import Finding, Level, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voltaic.engines.base import Support

Asked = TypeVar("Asked")
"""What a rule is asked of: a `ServingSpec`, or a `Subject` of a manifest."""

About = Literal["spec", "server", "page", "container", "pod"]
"""What a rule is asked of.

`spec`: every serving spec, wherever it comes from. The others are asked of manifests: `server`, each container that
serves a model; `page`, each that is a chat page; `container`, every container of a pod that holds a server or a page,
these and init containers included; `pod`, once for every such pod.
"""

FAULT_OF_OURS: Final = "This is a fault in voltaic, not in the configuration. Without an answer nothing is accepted."
"""Why a rule that failed answers `unknown`."""
ADVICE: Final = "-advice"
"""Ending of the name under which a rule's advisory findings are told, where it has mandatory ones too."""


@dataclass(frozen=True, slots=True)
class Rule(Generic[Asked]):
    """One question."""

    id: str
    """Stable kebab-case name: `vram-budget`."""
    title: str
    """The question, in one line."""
    why: str
    """What goes wrong where the answer is no."""
    check: Callable[[Asked], Iterable[Finding]]
    """Answers: no finding means yes. May raise; `ask` does not."""
    level: Level = "mandatory"
    """Level for what our own stacks make, and of every finding of a serving spec."""
    foreign: Level | None = None
    """Level for the manifests of others; None: the same. Of a `spec` rule the level of a finding decides."""
    about: About = "spec"
    whole_input: bool = False
    """Whether it looks at other objects beside the pod's own: those of the whole input, or of the whole program."""
    fix: str = ""
    """The way out in general, for the reference page; each finding names its own."""
    sources: tuple[Source, ...] = ()
    """What the rule rests on, for the reference page; a finding names its own sources beside."""

    def ask(self, asked: Asked) -> tuple[Finding, ...]:
        """Return the findings of this rule, each once; one that fails answers `unknown`, never an accept by silence."""
        try:
            return tuple(dict.fromkeys(self.check(asked)))
        except Exception as error:  # noqa: BLE001  whatever fails, silence would read as an accept
            return (self._failed(error),)

    def levels(self) -> tuple[Level, ...]:
        """Return the levels that its findings may have by default, the mandatory one first."""
        if self.about == "spec":
            return ("mandatory", "advisory") if self.level == "mandatory" else ("advisory",)
        return tuple(sorted({self.level, self.foreign or self.level}, reverse=True))

    def policy(self, level: Level) -> str:
        """Return the name under which findings of this default level are told, and their level is set."""
        return self.id if level == self.levels()[0] else f"{self.id}{ADVICE}"

    def _failed(self, error: Exception) -> Finding:
        return Finding(
            rule=self.id,
            message=f"The rule {self.id} could not answer: {type(error).__name__}: {error}",
            why=FAULT_OF_OURS,
            fix="Report it with this configuration; `voltaic plan --json` prints what to attach.",
            outcome="unknown",
            level=self.level,
        )


def findings(rule: str, answers: Iterable[Support]) -> tuple[Finding, ...]:
    """Return what an engine answers as findings of that rule: all that is not `ok`."""
    return tuple(
        Finding(
            rule=rule,
            message=answer.message,
            why=answer.why,
            fix=answer.fix,
            sources=answer.sources,
            outcome="violation" if answer.answer == "no" else "unknown",
        )
        for answer in answers
        if answer.answer != "ok"
    )


def advice(rule: str, answers: Iterable[Support]) -> tuple[Finding, ...]:
    """Return what an engine says of options with which it starts as advice of that rule, at the option it is about."""
    return tuple(
        Finding(
            rule=rule,
            message=answer.message,
            why=answer.why,
            fix=answer.fix,
            sources=answer.sources,
            level="advisory",
            about=answer.where,
        )
        for answer in answers
    )

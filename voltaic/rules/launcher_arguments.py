"""Does the launcher take these arguments and variables?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.findings import Finding
from voltaic.rules.rule import Rule, findings

if TYPE_CHECKING:
    from voltaic.spec import Fault, ServingSpec

ID: Final = "launcher-arguments"


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding for every argument or variable with which the launcher exits, or that could not be read."""
    found = tuple(_fault(fault) for fault in spec.command.faults)
    engine = engines.engine(spec.release.engine)
    return found if engine is None else found + findings(ID, engine.argument_support(spec))


def _fault(fault: Fault) -> Finding:
    if fault.unreadable:
        why = "What could not be read may be right or wrong, so nothing is promised about it."
    else:
        why = "The launcher reads its arguments before it loads anything; with this one it does not start."
    return Finding(
        rule=ID,
        message=_sentence(fault.message),
        why=why,
        fix=_sentence(fault.fix),
        outcome="unknown" if fault.unreadable else "violation",
        about=fault.where,
        path=fault.path,
    )


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."


RULE: Final = Rule(
    id=ID,
    title="Does the launcher take these arguments and variables?",
    why="A launcher exits on an unknown option, on a value of the wrong type and on limits that contradict.",
    check=check,
)

"""Is everything that is set also read?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.answers import runs_of
from voltaic.engines.base import Ignores
from voltaic.findings import Finding
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.spec import ServingSpec

ID: Final = "ignored-options"


def check(spec: ServingSpec) -> Iterator[Finding]:
    """Yield a finding for every option and variable that does nothing, or becomes another than was asked.

    A verdict that is shown says the same under what it rests on, so that no command asks both.
    """
    engine, runs = engines.engine(spec.release.engine), runs_of(spec)
    ignored = engine.ignored(spec) if isinstance(engine, Ignores) else ()
    for answer in (*ignored, *(runs.notes if runs is not None else ())):
        if answer.answer != "ok" or not answer.differs or not answer.where:
            continue
        yield Finding(
            rule=ID,
            message=answer.message,
            why="The server starts all the same, and does not do what its configuration says.",
            fix=f"Remove {answer.where}, or write what the message names.",
            sources=answer.sources,
            level="advisory",
            about=answer.where,
        )


RULE: Final = Rule(
    id=ID,
    title="Is everything that is set also read by this release?",
    why="A setting that a release ignores is believed in by whoever reads the manifest.",
    check=check,
    level="advisory",
    fix="Remove options and variables that this release does not read, or write those that it does.",
)

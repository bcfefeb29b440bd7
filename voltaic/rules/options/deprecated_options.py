"""Are options and variables written under the names that this release wants?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.outdated import outdated
from voltaic.findings import Finding
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.spec import ServingSpec

ID: Final = "deprecated-options"


def check(spec: ServingSpec) -> Iterator[Finding]:
    """Yield a finding for every name that still works and that the release calls deprecated."""
    for written in outdated(spec):
        if written.old.does != "same":
            continue  # what does nothing is another matter
        use = written.old.use
        yield Finding(
            rule=ID,
            message=f"{written.where} is deprecated in {spec.release}"
            + (f"; wanted is {use}." if use else ", and nothing stands for it."),
            why="It still works; a later release ends with a usage error there, or ignores it.",
            fix=f"Write {use}." if use else f"Remove {written.where}.",
            sources=(written.old.source,),
            level="advisory",
            about=written.where,
        )


RULE: Final = Rule(
    id=ID,
    title="Are options and variables written under the names that this release wants?",
    why="Old names work until the release that drops them: then the server ends, or the setting is gone unnoticed.",
    check=check,
    level="advisory",
    fix="Write the newer name that the finding gives.",
)

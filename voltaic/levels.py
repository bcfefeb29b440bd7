"""How strictly each rule is held: its own levels, changed by a file in the form of Pulumi's policy configuration."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voltaic.findings import Finding, Level
    from voltaic.rules.rule import Rule

Held = Literal["mandatory", "advisory", "disabled"]
"""What a file may say of a rule."""
ALL: Final = "all"
"""Key that stands for every rule that the file does not name."""
LEVEL_KEY: Final = "enforcementLevel"
"""Key of a level where a rule has a mapping (Pulumi documentation, configuring a policy pack)."""


class InvalidLevels(ValueError):  # noqa: N818  named for what it says
    """A file of levels that cannot be used; `faults` has all that is wrong with it."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels by policy name: the id of a rule, or the id with `-advice` for what it advises."""

    stated: Mapping[str, Held] = field(default_factory=dict)

    def of(self, rule: Rule[Any], finding: Finding, *, ours: bool) -> Held:
        """Return the level of a finding."""
        default = default_of(rule, finding, ours=ours)
        return self.stated.get(rule.policy(default), self.stated.get(ALL, default))


def default_of(rule: Rule[Any], finding: Finding, *, ours: bool) -> Level:
    """Return the level of a finding where no file says anything."""
    if rule.about == "spec":
        return finding.level
    return rule.level if ours else rule.foreign or rule.level


def policies(rules: Iterable[Rule[Any]]) -> tuple[str, ...]:
    """Return the names under which levels are set, in the order of the rules."""
    return tuple(rule.policy(level) for rule in rules for level in rule.levels())


def read(content: Any, names: Iterable[str]) -> Levels:
    """Return the levels that a file states: `{"all": "advisory", "image-digest": {"enforcementLevel": "disabled"}}`.

    Args:
        content: the parsed file.
        names: the names of all policies.

    Raises:
        InvalidLevels: names that no rule has, levels that there are not.
    """
    if not isinstance(content, dict):
        raise InvalidLevels(('it holds no mapping from rules to levels, such as {"vram-budget": "advisory"}',))
    known = (ALL, *names)
    faults: list[str] = []
    stated: dict[str, Any] = {}
    for name, value in content.items():
        level = value.get(LEVEL_KEY) if isinstance(value, dict) else value
        more = [str(key) for key in value if key != LEVEL_KEY] if isinstance(value, dict) else []
        faults += [f"{name}: {key}: there is nothing to set but {LEVEL_KEY}" for key in more]
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"; did you mean {near[0]}?" if near else "; voltaic rules lists them"
            faults.append(f"{name}: there is no such rule{hint}")
        elif not isinstance(level, str) or level not in get_args(Held):
            faults.append(f"{name}: {level!r} is no level; there are {', '.join(get_args(Held))}")
        else:
            stated[name] = level
    if faults:
        raise InvalidLevels(tuple(faults))
    return Levels(stated)

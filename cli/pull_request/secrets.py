"""Everything that is secret about a change, and reports without it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cli.pull_request import model
from cli.pull_request.project import is_encrypted
from voltaic import redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cli.pull_request.project import Project, StackFile

_MARK: Final = "4dabf18193072939515e22adb298388d"
"""Key that marks a secret in a state (pulumi 3.259 sdk/go/common/resource/sig/sig.go)."""
_WORDS: Final = frozenset({"outcome", "against", "op", "fate", "severity"})
"""Fields with words of fixed lists: nobody's secret, even where one is spelt the same."""


class Secrets:
    """Collects the secrets of one stack, wherever they are met."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._values: set[str] = set(redaction.of_environment(environment))

    def add(self, values: Iterable[str]) -> None:
        """Add values that are known to be secret."""
        self._values.update(values)

    def add_file(self, file: StackFile, project: Project) -> None:
        """Add what stands in a stack file in plain text under the name of a secret."""
        from voltaic import settings

        prefix = f"{project.name}:"
        ours = {f"{prefix}{key.name}" for key in settings.schema() if key.secret}
        for key, value in file.config.items():
            if is_encrypted(value):
                continue
            if isinstance(value, str | int) and (key in ours or redaction.is_secret_name(key.rpartition(":")[2])):
                self._values.add(str(value))
            self._values.update(redaction.found_in([value]))

    def redactor(self) -> Callable[[str], str]:
        """Return the function that takes them out of a text."""
        return redaction.redactor(self._values)

    def taken_out(self, report: model.Report) -> model.Report:
        """Return a report in which no text shows a secret; its steps keep no values."""
        redact = self.redactor()
        bare = replace(report, steps=tuple(replace(step, old=None, new=None) for step in report.steps))
        found: model.Report = _walk(bare, redact)
        return replace(found, before=_with_plan(found.before, redact), after=_with_plan(found.after, redact))


def _with_plan(side: model.Side | None, redact: Callable[[str], str]) -> model.Side | None:
    if side is None or side.verdict is None:
        return side
    from voltaic.document import plan_document

    return replace(side, plan=redaction.everywhere(plan_document(side.verdict), redact))


def _walk(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, tuple):
        return tuple(_walk(item, redact) for item in value)
    if isinstance(value, dict):
        return redaction.everywhere(value, redact)
    if is_dataclass(value) and not isinstance(value, type) and type(value).__module__ == model.__name__:
        named = {item.name: getattr(value, item.name) for item in fields(value) if item.name not in _WORDS}
        return replace(value, **{name: _walk(item, redact) for name, item in named.items()})
    return value


def of_state(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text within a secret of a state that was exported with its secrets open."""
    left: list[tuple[Any, bool]] = [(state, False)]
    while left:
        value, secret = left.pop()
        if isinstance(value, dict):
            if _MARK in value:
                left.append((_opened(value), True))
            else:
                left.extend((item, secret) for item in value.values())
        elif isinstance(value, list):
            left.extend((item, secret) for item in value)
        elif secret and isinstance(value, str | int | float) and not isinstance(value, bool):
            yield str(value)


def _opened(value: Mapping[str, Any]) -> Any:
    """Return what a secret holds; it stands there as JSON text."""
    import json

    text = value.get("plaintext", value.get("value"))
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text

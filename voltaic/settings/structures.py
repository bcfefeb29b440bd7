"""Kinds of settings that hold several values: arguments, labels, tolerations."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from voltaic.settings.faults import shown
from voltaic.settings.kinds import Kind, Type, fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationInfo


def from_json(value: Any, wanted: type, allowed: str) -> Any:
    """Return a list or an object, given as such or as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            fault(f"{shown(value)} is not JSON", allowed)
    if not isinstance(value, wanted):
        fault(f"{shown(value)} is not {'a list' if wanted is list else 'an object'}", allowed)
    return value


@dataclass(frozen=True, kw_only=True)
class Arguments(Kind):
    """Command line arguments: a list, or one line as a shell takes it."""

    type: ClassVar[Type] = "array"

    def allowed(self, info: ValidationInfo) -> str:
        """Return the form."""
        del info
        return 'a list of text such as ["--validation-workers", "4"], or one line such as --validation-workers 4'

    def parse(self, value: Any, info: ValidationInfo) -> tuple[str, ...]:
        """Read arguments. They may hold a secret: a message names the position, not the text."""
        words = value
        if isinstance(value, str):
            try:
                words = json.loads(value) if value.lstrip().startswith("[") else shlex.split(value)
            except (ValueError, RecursionError):
                fault("the text cannot be split into arguments", self.allowed(info))
        if not isinstance(words, (list, tuple)):
            fault("not a list of arguments", self.allowed(info))
        for number, word in enumerate(words, 1):
            if not isinstance(word, str) or not word or not word.isprintable():
                fault(f"argument {number} is not text of one line", self.allowed(info))
        return tuple(words)


LABEL_KEY = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
LABEL_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"


@dataclass(frozen=True, kw_only=True)
class Labels(Kind):
    """Kubernetes labels by name."""

    type: ClassVar[Type] = "object"
    reserved: tuple[str, ...] = ()
    """Labels that the stack sets itself."""

    def allowed(self, info: ValidationInfo) -> str:
        """Return the form."""
        del info
        return 'an object of label names and values such as {"team": "nlp"}'

    def parse(self, value: Any, info: ValidationInfo) -> Mapping[str, str]:
        """Read labels."""
        labels = from_json(value, dict, self.allowed(info))
        for name, text in labels.items():
            if not isinstance(name, str) or re.fullmatch(LABEL_KEY, name, re.ASCII) is None:
                fault(f"{shown(name)} is not a label name", self.allowed(info))
            if not isinstance(text, str) or re.fullmatch(LABEL_VALUE, text, re.ASCII) is None:
                what = f"the value of {name}, {shown(text)}, is not a label value"
                fault(what, "up to 63 letters, digits, -, _ and . in quotes")
            if name in self.reserved:
                fault(f"{name} is set by voltaic itself", "labels of your own", f"Leave out {name}.")
        return MappingProxyType(dict(labels))


_OPERATORS = ("Exists", "Equal")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


@dataclass(frozen=True, slots=True)
class Toleration:
    """A taint that the server's pod tolerates, as in a pod specification."""

    key: str | None = None
    operator: str = "Equal"
    value: str | None = None
    effect: str | None = None


@dataclass(frozen=True, kw_only=True)
class Tolerations(Kind):
    """A list of tolerations."""

    type: ClassVar[Type] = "array"

    def allowed(self, info: ValidationInfo) -> str:
        """Return the form."""
        del info
        return 'a list such as [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]'

    def parse(self, value: Any, info: ValidationInfo) -> tuple[Toleration, ...]:
        """Read tolerations."""
        given = from_json(list(value) if isinstance(value, tuple) else value, list, self.allowed(info))
        return tuple(self._toleration(number, item, self.allowed(info)) for number, item in enumerate(given, 1))

    def _toleration(self, number: int, item: Any, allowed: str) -> Toleration:
        if isinstance(item, Toleration):
            return item
        what = f"toleration {number}"
        if not isinstance(item, dict):
            fault(f"{what} is not an object", allowed)
        for name, text in item.items():
            if name not in {"key", "operator", "value", "effect"}:
                fault(f"{what} has a field that is not known: {shown(name)}", "key, operator, value, effect")
            if not isinstance(text, str):
                fault(f"{name} of {what}, {shown(text)}, is not text", allowed)
        toleration = Toleration(**item)
        if toleration.operator not in _OPERATORS:
            fault(f"operator of {what}, {shown(toleration.operator)}, is not known", ", ".join(_OPERATORS))
        if toleration.effect is not None and toleration.effect not in _EFFECTS:
            fault(f"effect of {what}, {shown(toleration.effect)}, is not known", ", ".join(_EFFECTS))
        if toleration.operator == "Exists" and toleration.value:
            fault(f"{what} has operator Exists and a value", "a value only with operator Equal")
        if toleration.operator == "Equal" and not toleration.key:
            fault(f"{what} has no key", "a key, or operator Exists for every taint")
        return toleration

"""Kinds of settings: how a value is read from text, and what is said when it cannot be.

Pulumi hands every value over as text, and lists and objects as JSON text. Values that are already typed (a stack file
read without Pulumi) mean the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from pydantic import SecretStr
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, core_schema

from voltaic import units
from voltaic.settings.faults import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import GetCoreSchemaHandler, ValidationInfo

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
FAULT = "setting"
"""Error type under which the kinds report to pydantic."""

Type = Literal["string", "integer", "boolean", "array", "object"]


def fault(message: str, allowed: str = "", fix: str | None = None) -> NoReturn:
    """Refuse a value. Without `fix` the reader of the settings names the next step."""
    raise PydanticCustomError(FAULT, "{message}", {"message": message, "allowed": allowed, "fix": fix})


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How one setting is read."""

    type: ClassVar[Type] = "string"
    secret: ClassVar[bool] = False

    def parse(self, value: Any, info: ValidationInfo) -> Any:
        """Return the typed value, or refuse it through `fault`."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let pydantic read the field through `parse` alone."""
        return core_schema.with_info_plain_validator_function(self._read)

    def _read(self, value: Any, info: ValidationInfo) -> Any:
        if value is None or value == "":
            fault("empty", self.allowed(info))
        return self.parse(value, info)

    def allowed(self, info: ValidationInfo) -> str:
        """Return the values allowed, with their unit."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Whole(Kind):
    """A whole number of something."""

    type: ClassVar[Type] = "integer"
    unit: str
    """What is counted, in the plural: `GPUs`, `tokens`."""
    least: int = 1
    most: int
    describe: Callable[[ValidationInfo], str] | None = None
    """Says what is allowed where that depends on other settings."""
    most_of: Callable[[ValidationInfo], int | None] | None = None
    """The largest value where that depends on other settings."""

    def allowed(self, info: ValidationInfo) -> str:
        """Return the range with its unit."""
        if self.describe:
            return self.describe(info)
        return f"{self.least} or more {self.unit}"

    def parse(self, value: Any, info: ValidationInfo) -> int:
        """Read a whole number."""
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or WHOLE_NUMBER.fullmatch(text) is None:
            fault(f"{shown(value)} is not a whole number of {self.unit}", self.allowed(info))
        number = int(text)
        most = (self.most_of(info) if self.most_of else None) or self.most
        if not self.least <= number <= most:
            if number < self.least:
                fault(f"{number} is too small", self.allowed(info))
            bounds = self.describe(info) if self.describe else f"{self.least} to {most} {self.unit}"
            fault(f"{number} is too large", bounds)
        return number


@dataclass(frozen=True, kw_only=True)
class Boolean(Kind):
    """True or false, nothing that merely looks like it."""

    type: ClassVar[Type] = "boolean"

    def allowed(self, info: ValidationInfo) -> str:
        """Return both words."""
        del info
        return "true, false"

    def parse(self, value: Any, info: ValidationInfo) -> bool:
        """Read `true` or `false`."""
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return bool(value == "true")
        return fault(f"{shown(value)} is neither true nor false", self.allowed(info))


def text_of(value: Any, allowed: str) -> str:
    """Return a value as text; whole numbers count as their digits, as Pulumi hands them over."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        fault(f"{shown(value)} is not text", allowed, "Put the value into quotes.")
    return value


@dataclass(frozen=True, kw_only=True)
class Text(Kind):
    """Text of a certain form."""

    form: str
    """What is allowed, in words, with an example."""
    pattern: str
    longest: int = 253
    """Characters."""
    hint: Callable[[str], str | None] | None = None
    """A way out for a value that is not of this form, where one can be guessed."""

    def allowed(self, info: ValidationInfo) -> str:
        """Return the form."""
        del info
        return self.form

    def parse(self, value: Any, info: ValidationInfo) -> str:
        """Read text and hold it against the form."""
        text = text_of(value, self.allowed(info))
        if len(text) > self.longest or re.fullmatch(self.pattern, text, re.ASCII) is None:
            longer = f" (longer than {self.longest} characters)" if len(text) > self.longest else ""
            fault(f"{shown(value)} is not valid{longer}", self.form, self.hint(text) if self.hint else None)
        return text


@dataclass(frozen=True, kw_only=True)
class Choice(Kind):
    """One of a few words."""

    words: Callable[[], tuple[str, ...]]
    other_names: Mapping[str, str]
    """What people also call them."""
    normal: Callable[[str], str | None] | None = None
    """Returns the usual spelling of a value that is not in the list but right all the same; None where it is not."""
    form: Callable[[], str] | None = None
    """What is allowed, in words, where a list of all words would be too long."""

    def listed(self) -> str:
        """Return all that is allowed."""
        return self.form() if self.form else ", ".join(self.words())

    def allowed(self, info: ValidationInfo) -> str:
        """Return the words."""
        del info
        return self.listed()

    def parse(self, value: Any, info: ValidationInfo) -> str:
        """Read one of the words."""
        text = text_of(value, self.allowed(info))
        if text in self.words():
            return text
        normal = self.normal(text) if self.normal else None
        if normal is not None:
            return normal
        meant = closest(text, self.words(), self.other_names)
        key = to_camel(info.field_name or "")
        fix = f"Did you mean {meant}? Set it with: pulumi config set {key} {meant}" if meant else None
        return fault(f"{shown(value)} is not known", self.allowed(info), fix)


def closest(word: str, words: tuple[str, ...], other_names: Mapping[str, str]) -> str | None:
    """Return what was probably meant, in any spelling of it; None where nothing is near."""
    import difflib  # noqa: PLC0415 - only for a fault

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower())

    by_plain = {plain(name): meant for name, meant in other_names.items()} | {plain(name): name for name in words}
    near = difflib.get_close_matches(plain(word), by_plain, n=1, cutoff=0.7)
    return by_plain[near[0]] if near else None


@dataclass(frozen=True, kw_only=True)
class Size(Kind):
    """A size of a volume, in bytes, written as a Kubernetes quantity with its unit."""

    def allowed(self, info: ValidationInfo) -> str:
        """Return the form."""
        del info
        return "a size of 1Gi or more with its unit, such as 50Gi"

    def parse(self, value: Any, info: ValidationInfo) -> int:
        """Read a quantity."""
        text = text_of(value, self.allowed(info))
        if text.isdecimal():
            fault(f"{shown(value)} has no unit", self.allowed(info))
        try:
            size = units.size_of(text)
        except ValueError:
            fault(f"{shown(value)} is not a size", self.allowed(info))
        if size < units.GIB:
            fault(f"{shown(value)} is too small", self.allowed(info))
        return size


@dataclass(frozen=True, kw_only=True)
class Secret(Kind):
    """Text that is never shown."""

    secret: ClassVar[bool] = True
    form: str
    pattern: str
    longest: int = 4096
    """Characters."""

    def allowed(self, info: ValidationInfo) -> str:
        """Return the form."""
        del info
        return self.form

    def parse(self, value: Any, info: ValidationInfo) -> SecretStr:
        """Read a secret; a message says that the value is hidden, and nothing else of it."""
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        valid = isinstance(text, str) and len(text) <= self.longest and re.fullmatch(self.pattern, text, re.ASCII)
        if not valid:
            fault("its value (hidden) is not valid", self.allowed(info))
        return SecretStr(text)

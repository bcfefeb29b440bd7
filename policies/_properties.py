"""Resource properties as the engine sends them, read as plain JSON values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pulumi_policy import proxy
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct, Value  # type: ignore[import-untyped]  # ships no types

NOT_KNOWN: Final = "${not-known-before-the-update}"
"""Stands in for a value that a preview does not know. The core reads `${…}` as unreadable, never as a value."""
SEALED: Final = "${secret}"
"""Stands in for a secret of a state that `pulumi policy analyze` cannot decrypt; unreadable like the above."""
REDACTED: Final = "[secret]"
"""What the engine sends in place of such a secret, whatever its type was (pulumi policy analyze --help, 3.259.0)."""

_UNKNOWN: Final = frozenset(
    {
        proxy.UNKNOWN_BOOLEAN_VALUE,
        proxy.UNKNOWN_NUMBER_VALUE,
        proxy.UNKNOWN_STRING_VALUE,
        proxy.UNKNOWN_ARRAY_VALUE,
        proxy.UNKNOWN_ASSET_VALUE,
        proxy.UNKNOWN_ARCHIVE_VALUE,
        proxy.UNKNOWN_OBJECT_VALUE,
    }
)


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of one resource."""

    values: dict[str, Any]
    """Plain dicts, lists, strings, numbers and booleans; `NOT_KNOWN` where the value is not known yet, `SEALED` too."""
    unknown: tuple[str, ...] = ()
    """Paths of the values that are not known yet: `spec.template.spec.containers[0].args[1]`."""
    sealed: tuple[str, ...] = ()
    """Paths of the secrets that are not shown."""
    secrets: tuple[str, ...] = ()
    """Every text within a value that the program calls secret."""


class _Reader:
    """One pass over the properties of a resource."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self.sealed: list[str] = []
        self.secrets: list[str] = []
        self._secret = 0

    def mapping(self, fields: Any, path: str) -> dict[str, Any]:
        # Keys come in no order of their own; what is said about them shall.
        return {key: self.value(fields[key], f"{path}.{key}" if path else key) for key in sorted(fields)}

    def value(self, sent: Value, path: str) -> Any:
        kind = sent.WhichOneof("kind")
        if kind == "string_value":
            return self._text(sent.string_value, path)
        if kind == "struct_value":
            return self._struct(sent.struct_value.fields, path)
        if kind == "list_value":
            return [self.value(entry, f"{path}[{index}]") for index, entry in enumerate(sent.list_value.values)]
        if kind == "number_value":
            # Every number arrives as a float: `2.0` is the 2 that somebody wrote.
            number = sent.number_value
            return int(number) if number.is_integer() else number
        return sent.bool_value if kind == "bool_value" else None

    def _text(self, text: str, path: str) -> str:
        if text in _UNKNOWN:
            return self._not_known(path)
        if text == REDACTED:
            self.sealed.append(path)
            return SEALED
        if self._secret:
            self.secrets.append(text)
        return text

    def _struct(self, fields: Any, path: str) -> Any:
        if SPECIAL_SIG_KEY not in fields:
            return self.mapping(fields, path)
        if fields[SPECIAL_SIG_KEY].string_value != SPECIAL_SECRET_SIG or "value" not in fields:
            return self._not_known(path)  # an asset or an archive: its content is not ours to read
        self._secret += 1
        value = self.value(fields["value"], path)
        self._secret -= 1
        return value

    def _not_known(self, path: str) -> str:
        self.unknown.append(path)
        return NOT_KNOWN


def read(properties: Struct) -> Properties:
    """Return the properties of a resource as plain values, with the paths of those that are not known."""
    reader = _Reader()
    values = reader.mapping(properties.fields, "")
    return Properties(values, tuple(reader.unknown), tuple(reader.sealed), tuple(reader.secrets))

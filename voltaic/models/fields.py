"""Reading single values of a configuration, collecting every fault on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_SHOWN = 40
"""Characters of a found value that a message repeats."""
MOST_ITEMS = 10_000
"""Items of a list: as many as a model has layers at most."""


def shown(value: object) -> str:
    """Return a found value for a message: short, one line, whatever it is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        # Python refuses to print very large integers, and nobody wants to read them.
        return str(value) if value.bit_length() <= 128 else f"an integer of {value.bit_length()} bits"  # noqa: PLR2004
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        text = value if len(value) <= MOST_SHOWN else f"{value[:MOST_SHOWN]}…"
        return f"the text {text!r}"
    if isinstance(value, dict):
        return f"an object of {len(value)} entries"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)} items"
    return f"a {type(value).__name__}"


def _same(one: object, other: object) -> bool:
    try:
        return type(one) is type(other) and one == other
    except RecursionError:  # nested too deep to be compared, and for any value that is asked
        return False


class Fields:
    """One configuration, asked key by key; every answer is of the type asked, and every fault is kept."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self.faults: list[str] = []

    def fault(self, key: str, message: str) -> None:
        """Keep a fault of this key."""
        self.faults.append(f"{key}: {message}")

    def _wrong(self, key: str, value: object, allowed: str) -> None:
        self.fault(key, f"found {shown(value)}, allowed is {allowed}")

    def has(self, key: str) -> bool:
        """Return whether the key is there at all, be it null."""
        return key in self._config

    def find(self, keys: Sequence[str]) -> tuple[str, Any]:
        """Return the first of these keys that is there and not null, and its value; else the first key and None.

        A key with a point in it is one of an object within the configuration.
        """
        present = [(key, value) for key in keys if (value := self._at(key)) is not None]
        if not present:
            return keys[0], None
        first_key, first = present[0]
        for key, value in present[1:]:
            if not _same(value, first):
                self.fault(key, f"{shown(value)} contradicts {first_key}, which is {shown(first)}")
        return first_key, first

    def _at(self, key: str) -> Any:
        if "." not in key:
            return self._config.get(key)
        outer, inner = key.split(".")
        content = self._config.get(outer)
        if content is None or isinstance(content, dict):
            return None if content is None else content.get(inner)
        fault = f"{outer}: found {shown(content)}, allowed is an object or null"
        if fault not in self.faults:
            self.faults.append(fault)
        return None

    def whole(self, keys: Sequence[str], most: int, *, absent: int = 0) -> int:
        """Return a whole number from 0 to `most`; `absent` where all keys are absent or null, or the value a fault."""
        key, value = self.find(keys)
        if value is None:
            return absent
        if type(value) is not int or not 0 <= value <= most:
            self._wrong(key, value, f"a whole number from 0 to {most}")
            return absent
        return value

    def count(
        self, keys: Sequence[str], most: int, *, absent: int | None = None, needed: str | None = None
    ) -> int | None:
        """Return a whole number from 1 to `most`.

        Where all keys are absent or null: `absent`, and a fault if `needed` says what the number is needed for.
        """
        key, value = self.find(keys)
        if value is None:
            if needed is not None:
                self.fault(" or ".join(keys), f"missing, {needed}")
            return absent
        if type(value) is not int or not 1 <= value <= most:
            self._wrong(key, value, f"a whole number from 1 to {most}")
            return None
        return value

    def flag(self, keys: Sequence[str], *, absent: bool) -> bool:
        """Return true or false."""
        key, value = self.find(keys)
        if value is None:
            return absent
        if not isinstance(value, bool):
            self._wrong(key, value, "true or false")
            return absent
        return value

    def share(self, keys: Sequence[str], *, absent: float) -> float:
        """Return a number above 0 and up to 1."""
        key, value = self.find(keys)
        if value is None:
            return absent
        if type(value) not in {int, float} or not 0 < value <= 1:  # not a number is neither
            self._wrong(key, value, "a number above 0, at most 1")
            return absent
        return float(value)

    def text(self, keys: Sequence[str], *, allowed: Sequence[str] = ()) -> str | None:
        """Return a text, one of `allowed` if given; None where absent or null."""
        key, value = self.find(keys)
        if value is None:
            return None
        if not isinstance(value, str) or not value or (allowed and value not in allowed):
            self._wrong(key, value, f"one of {', '.join(allowed)}" if allowed else "a text")
            return None
        return value

    def object(self, keys: Sequence[str]) -> Mapping[str, Any] | None:
        """Return an object; None where absent or null."""
        key, value = self.find(keys)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong(key, value, "an object or null")
            return None
        return value

    def names(self, keys: Sequence[str], allowed: Sequence[str], length: int | None = None) -> list[str] | None:
        """Return a list of texts, each one of `allowed`, `length` of them if given; None where absent or null."""
        key, value = self.find(keys)
        if value is None:
            return None
        if not isinstance(value, list) or (length is not None and len(value) != length):
            self._wrong(key, value, "a list" if length is None else f"a list of {length} items, one for each layer")
            return None
        wrong = next((item for item in value if not isinstance(item, str) or item not in allowed), None)
        if wrong is not None or None in value:
            self._wrong(key, wrong, f"a list of {', '.join(allowed)}")
            return None
        return value

    def numbers(self, keys: Sequence[str], most: int, *, least: int = 0) -> list[int] | None:
        """Return a list of whole numbers from `least` to `most`; None where absent or null."""
        key, value = self.find(keys)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > MOST_ITEMS:
            self._wrong(key, value, f"a list of at most {MOST_ITEMS} numbers")
            return None
        wrong = [item for item in value if type(item) is not int or not least <= item <= most]
        if wrong:
            self._wrong(key, wrong[0], f"a list of whole numbers from {least} to {most}")
            return None
        return value

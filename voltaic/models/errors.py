"""Why a model configuration cannot be used."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class InvalidConfig(ValueError):  # noqa: N818  (named for what it says, as its siblings are)
    """A configuration that is malformed or contradicts itself, with all its faults at once."""

    def __init__(self, faults: Sequence[str], where: str = "config.json") -> None:
        self.faults = tuple(faults)
        self.where = where
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"{where} cannot be used, {count}: {'; '.join(self.faults)}.")


class UnknownArchitecture(LookupError):  # noqa: N818  (named for what it says, as its siblings are)
    """A model family whose shapes the code does not know, and therefore does not guess."""

    def __init__(self, model_type: str, known: Sequence[str], because: str | None = None) -> None:
        """Say what is not known.

        Args:
            model_type: as written.
            known: every family that is known.
            because: what about a model of a known family is not known; None: the family is not.
        """
        self.model_type = model_type
        self.known = tuple(known)
        close = get_close_matches(model_type, self.known, n=3)
        self.suggestion = close[0] if close else None
        if because is not None:
            super().__init__(f"model_type {model_type!r}: {because}, whose shapes voltaic does not know.")
            return
        hint = f"the nearest of {len(self.known)} known families are " if close else "known: "
        super().__init__(
            f"model_type {model_type!r} is not one whose shapes voltaic knows; {hint}{', '.join(close or self.known)}.",
        )

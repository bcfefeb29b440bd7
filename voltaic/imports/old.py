"""What a stack has in place of an old configuration, line by line. Facts come from config_sh.toml and manifest.toml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from voltaic.findings import Source
    from voltaic.spec import ServingSpec

Outcome = Literal["taken", "replaced", "refused", "derived", "dropped", "secret", "empty", "unknown", "unreadable"]
"""What became of a line: `taken` over as a setting; `replaced`, as it would not start; `refused`, as it would not, and
what replaces it is for a person to choose; `derived` by the core; `dropped`, as it did nothing or harm; a `secret`, to
be set apart; `empty`; `unknown`: no variable of these scripts; `unreadable`: not without running the file."""


@dataclass(frozen=True, slots=True)
class Line:
    """One variable, option or line of an old configuration, and what became of it."""

    where: str
    """`line 12` of a shell file; the field of a manifest."""
    name: str
    value: str | None
    """As it may be shown; None: there is none, or it is a secret."""
    outcome: Outcome
    says: str
    """Why, and what stands in its place."""
    key: str | None = None
    """The setting that it became, or would have."""
    source: Source | None = None


@dataclass(slots=True)
class Translation:
    """An old configuration as settings of a stack."""

    settings: dict[str, Any] = field(default_factory=dict)
    """Values by key, as far as they could be told; not judged yet."""
    lines: list[Line] = field(default_factory=list)
    old: ServingSpec | None = None
    """The server as the old tools ran it; None where that cannot be told."""
    old_because: str = ""
    """Why it cannot."""

"""What to type to change this stack, which need not be the selected one."""

from __future__ import annotations

import shlex

import pulumi


def to_set(key: str, *, value: object) -> str:
    """Return the command that sets a key."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"pulumi config set -s {_stack()} {key} {shlex.quote(text)}"


def to_choose(key: str, what: str) -> str:
    """Return the command that sets a key to a value which the reader knows: `what` stands for it, in capitals."""
    return f"pulumi config set -s {_stack()} {key} {what}"


def to_hide(key: str) -> str:
    """Return the command that asks for a secret and sets it."""
    return f"pulumi config set -s {_stack()} --secret {key}"


def to_remove(key: str) -> str:
    """Return the command that removes a key."""
    return f"pulumi config rm -s {_stack()} {key}"


def _stack() -> str:
    return shlex.quote(pulumi.get_stack())

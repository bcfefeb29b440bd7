"""What to type, in the words of this command line; and the core's own texts, which name those of Pulumi. Pure."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.findings import Finding

_SET = re.compile(r"pulumi config set (?P<key>[A-Za-z]+)(?= )")
_REMOVE = re.compile(r"pulumi config rm (?P<key>[A-Za-z]+)")


def command(settings: Mapping[str, Any], stack: str | None = None) -> str:
    """Return the command that makes a change; a value of None removes the key."""
    where = [] if stack is None else ["--stack", stack]
    said = [f"{key}-" if value is None else f"{key}={text(value)}" for key, value in settings.items()]
    return shlex.join(["voltaic", "set", *where, *said])


def ours(said: str) -> str:
    """Return a text of the core with the commands of Pulumi as those of `voltaic set`; secrets stay Pulumi's."""
    return _REMOVE.sub(r"voltaic set \g<key>-", _SET.sub(r"voltaic set \g<key>", said))


def finding(found: Finding) -> Finding:
    """Return a finding whose way out names commands of this program."""
    return replace(found, fix=ours(found.fix))


def text(value: Any) -> str:
    """Return a value as it is typed, and as messages show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)

"""Obvious corrections of arguments that the launcher does not take: what the fault itself says to write."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voltaic.engines.base import Engine
    from voltaic.spec import Fault, ServingSpec

_AWAY: Final = re.compile(r"leave (?P<flag>--?\S+) away\b")
_RENAMED: Final = re.compile(r"did you mean (?P<flag>--[a-z0-9-]+)\?")
_WRITE_OPTION: Final = re.compile(r"write (?P<flag>--[a-z0-9-]+)(?P<value> [^\s:]+)?(:.*)?")
_WRITE_VALUE: Final = re.compile(r"write (?P<value>[A-Za-z0-9._-]+)")
_BLANK: Final = "VALUE"
"""What a fault writes where the value is the reader's to choose, or secret."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A spec whose arguments the launcher can read."""

    spec: ServingSpec
    words: tuple[str, ...] = ()
    """What was corrected: `without --max-model-len`."""


def corrected(engine: Engine, spec: ServingSpec) -> Correction | None:
    """Return the spec with every fault of its arguments corrected; None where one has no obvious correction.

    Only arguments are corrected, each in the one way that its fault names; a fault of a variable, or a value that is
    not readable here, is the reader's to mend.
    """
    if not spec.command.faults:
        return Correction(spec)
    args, words = list(spec.command.args), []
    for fault in spec.command.faults:
        said = None if fault.unreadable or not fault.where.startswith("-") else _correct(args, fault)
        if said is None:
            return None
        words.append(said)
    command = engine.parse(spec.release.version, args, spec.command.env)
    return None if command.faults else Correction(replace(spec, command=command), tuple(words))


def _correct(args: list[str], fault: Fault) -> str | None:
    """Correct the one argument that the fault is about; return what was done, None where nothing obvious is."""
    places = [index for index, word in enumerate(args) if word.partition("=")[0] == fault.where]
    if len(places) != 1:
        return None
    (place,) = places
    _, equals, attached = args[place].partition("=")
    separate = not equals and place + 1 < len(args) and not args[place + 1].startswith("-")
    end = place + 1 + separate
    value = [attached] if equals else args[place + 1 : end]
    if (match := _AWAY.match(fault.fix)) and match["flag"] == fault.where:
        args[place:end] = []
        return f"without {fault.where}"
    if match := _RENAMED.fullmatch(fault.fix):
        args[place:end] = [match["flag"], *value]
    elif match := _WRITE_OPTION.fullmatch(fault.fix):
        value = match["value"].split() if match["value"] else []
        args[place:end] = [match["flag"], *value]
    elif (match := _WRITE_VALUE.fullmatch(fault.fix)) and value:
        value = [match["value"]]
        args[place:end] = [fault.where, *value]
    else:
        return None
    return None if _BLANK in value else f"{' '.join(args[place : place + 1 + len(value)])} in place of {fault.where}"

"""Arguments and environment of a server, read as its parser does: `parse`, and `build`, its inverse."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.words.options import Option, spellings, table
from voltaic.spec import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from voltaic.engines.versions import Version
    from voltaic.spec import CommandLine

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
_REAL: Final = re.compile(r"[+-]?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
_NEGATIVE: Final = re.compile(r"-[0-9]+|-[0-9]*\.[0-9]+")
_ON: Final = frozenset({"on", "enabled", "true", "1"})
_OFF: Final = frozenset({"off", "disabled", "false", "0"})
SECRETS: Final = frozenset({"api_key", "api_keys", "hf_token"})


class CannotBuildError(ValueError):
    """Options that no command line of the release can set; carries every fault."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(f"{fault.message}; {fault.fix}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a program reads its words."""

    path: Path
    """The table of its options."""
    argparse: bool
    """True: as Python's argparse, with `--name=value` and names cut short; False: words as they are."""
    exits: str = "the server exits with a usage error"
    prints: frozenset[str] = frozenset({"-h", "--help", "--version"})
    """Words with which the program prints and serves nothing."""
    complete: bool = True
    """False: the table was read at one release, so that a word that it has not may be an option of another."""


@dataclass(slots=True)
class Reading:
    """State of one reading: what was found so far."""

    dialect: Dialect
    version: Version | None
    title: str
    known: Mapping[str, tuple[Option, bool]]
    positional: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, where: str, message: str, fix: str, *, unreadable: bool = False) -> None:
        """Note something with which the program exits, or that cannot be read."""
        self.faults.append(Fault(where=where, message=message, fix=fix, unreadable=unreadable))


def read(
    dialect: Dialect, version: Version | None, title: str, words: Sequence[str], env: Mapping[str, str | None]
) -> Reading:
    """Return what arguments and environment say; arguments stand over the environment, the last over the first.

    With a release that is not known (None) options of every release are read.
    """
    reading = Reading(dialect, version, title, spellings(dialect.path, version))
    _environment(reading, env)
    position = 0
    while position < len(words):
        word, following = words[position], words[position + 1 :]
        position += 1
        if dialect.argparse and word == "--":
            reading.positional += following
            break
        if not _is_option(word):
            reading.positional.append(word)
        else:
            position += _option(reading, word, following)
    return reading


def _is_option(word: str) -> bool:
    name = word.partition("=")[0]  # argparse takes a word with a space for a value, unless the space stands behind `=`
    return word.startswith("-") and len(word) > 1 and not _NEGATIVE.fullmatch(word) and " " not in name


def _environment(reading: Reading, env: Mapping[str, str | None]) -> None:
    for option in table(reading.dialect.path).by_name.values():
        if option.env is None or option.env not in env or not option.in_release(reading.version):
            continue
        value = env[option.env]
        if value is None and option.name in SECRETS:
            continue  # a key is any text, and none keeps a server from starting
        if value is None:
            message = f"{option.env} is set from somewhere else; its value is not known here"
            reading.fault(option.env, message, f"give {option.env} as a plain value", unreadable=True)
        elif option.kind == "flag":
            reading.values[option.name] = value.lower() in _ON
        else:
            _keep(reading, option, [value], option.env)


def _option(reading: Reading, word: str, following: Sequence[str]) -> int:
    """Take an option with its values; return how many of the following words were used."""
    if word in reading.dialect.prints:
        reading.fault(word, f"{word} prints and exits; nothing is served", f"leave {word} away")
        return 0
    name, attached = word, None
    if reading.dialect.argparse:
        name, equals, rest = word.partition("=")
        attached = rest if equals else None
    elif word.startswith("--"):
        name = word.replace("_", "-")
    found = _named(reading, name)
    if found is None:
        _unknown(reading, name)
        return 1 if following and attached is None and not _is_option(following[0]) else 0
    option, positive = found
    if option.kind == "flag":
        if attached is not None:
            message = f"{name} takes no value, {attached!r} was given; {reading.dialect.exits}"
            reading.fault(name, message, f"write {name} alone, or leave it away")
        else:
            reading.values[option.name] = positive
        return 0
    if attached is not None:
        _keep(reading, option, [attached], name)
        return 0
    return _values(reading, option, name, following)


def _values(reading: Reading, option: Option, name: str, following: Sequence[str]) -> int:
    if option.kind == "switch" and (not following or following[0].lower() not in _ON | _OFF | {"auto"}):
        reading.values[option.name] = "on"
        return 0
    words: list[str] = []
    for word in following if option.kind == "texts" else following[:1]:
        if reading.dialect.argparse and _is_option(word):
            break
        words.append(word)
    if not words:
        message = f"{name} needs a value and has none; {reading.dialect.exits}"
        reading.fault(name, message, f"write {name} VALUE, or leave it away")
    else:
        _keep(reading, option, words, name)
    return len(words)


def _named(reading: Reading, name: str) -> tuple[Option, bool] | None:
    """Return the option with that name, or the only one that begins with it, as argparse completes names."""
    exact = reading.known.get(name)
    if exact is not None or not reading.dialect.argparse or not name.startswith("--"):
        return exact
    begun = [full for full in reading.known if full.startswith(name)]
    return reading.known[begun[0]] if len(begun) == 1 else None


def _keep(reading: Reading, option: Option, words: list[str], where: str) -> None:
    value = value_of(option, words, reading.version)
    if value is not None:
        reading.values[option.name] = value
        return
    shown = "(hidden)" if option.name in SECRETS else " ".join(words)
    allowed = option.values(reading.version)
    forms = {"int": "a whole number", "real": "a number"}
    wanted = f"one of {', '.join(allowed)}" if allowed else forms.get(option.kind, "true or false")
    close = difflib.get_close_matches(words[0], allowed, n=1)
    message = f"{where} {shown}: not {wanted}; {reading.dialect.exits}"
    reading.fault(where, message, f"write {where} {close[0] if close else wanted}")


def value_of(option: Option, words: Sequence[str], version: Version | None) -> Any | None:
    """Return the value that words give an option, in Python's types; None where it does not take them."""
    text = words[0]
    if option.kind == "texts":
        return tuple(words)
    if option.kind == "switch":
        low = text.lower()
        return "on" if low in _ON else "off" if low in _OFF else low if low == "auto" else None
    allowed = option.values(version)
    if allowed and text not in allowed:
        return None
    if option.kind == "int":
        return int(text) if _WHOLE.fullmatch(text.strip()) else None
    if option.kind == "real":
        return float(text) if _REAL.fullmatch(text.strip()) else None
    return text


def _unknown(reading: Reading, name: str) -> None:
    options = table(reading.dialect.path).by_name
    sure = reading.version is not None and reading.dialect.complete
    exits = reading.dialect.exits if sure else "whether it exists in this release is not known"
    other = next((option for option in options.values() if name in (*option.spellings, *option.off)), None)
    message = f"{name} is not {'an' if sure else 'a known'} option of {reading.title}; {exits}"
    fix = f"leave {name} away"
    if other is not None:
        message = f"{name} exists in releases {other.releases.replace(',', ', ')}, not in {reading.title}; {exits}"
        fix = f"leave {name} away, or use a release that has it"
    else:
        close = difflib.get_close_matches(name, reading.known, n=1)
        fix = f"did you mean {close[0]}?" if close else fix
    reading.fault(name, message, fix, unreadable=not sure)


def reads_alike(command: CommandLine) -> bool:
    """Return whether the options are read as the program reads them: no argument is at fault, or out of sight.

    What is unreadable among variables says nothing of an option that no variable sets.
    """
    elsewhere = {"envFrom", "resources.limits", *command.env}
    return all(fault.unreadable and fault.where in elsewhere for fault in command.faults)


def build(dialect: Dialect, version: Version | None, title: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that set these options, by canonical name, in the order given; the inverse of `read`.

    Raises:
        CannotBuildError: with every fault: options that the release does not have, values that one does not take.
    """
    arguments: list[str] = []
    faults: list[Fault] = []
    for name, value in settings.items():
        option = table(dialect.path).by_name.get(name)
        flag = "--" + name.replace("_", "-")
        if option is None:
            close = difflib.get_close_matches(name, table(dialect.path).by_name, n=1)
            fix = f"did you mean {close[0]}?" if close else "leave it away"
            faults.append(Fault(flag, f"{name} is not an option of {title}", fix))
        elif not option.in_release(version):
            message = f"{title} has no {option.flag}: it exists in releases {option.releases}"
            faults.append(Fault(option.flag, message, "leave it away, or use such a release"))
        else:
            words = _written(dialect, option, value, version)
            if words is None:
                message = f"{option.flag} cannot be {value!r}"
                faults.append(Fault(option.flag, message, f"give a value of the kind {option.kind}"))
            arguments += words or []
    if faults:
        raise CannotBuildError(tuple(faults))
    return tuple(arguments)


def _written(dialect: Dialect, option: Option, value: Any, version: Version | None) -> list[str] | None:
    """Return the words that set an option to a value; None where the value has not the type that it needs."""
    if option.kind == "flag":
        if type(value) is not bool:
            return None
        return [option.flag] if value else list(option.off[:1])
    if option.kind == "texts":
        texts = list(value) if isinstance(value, (list, tuple)) else []
        fits = bool(texts) and all(isinstance(word, str) and not _is_option(word) for word in texts)
        return [option.flag, *texts] if fits else None
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "real": (int, float)}
    if type(value) not in kinds.get(option.kind, (str,)):
        return None
    text = repr(float(value)) if option.kind == "real" else str(value)
    if value_of(option, [text], version) != value:
        return None
    return [f"{option.flag}={text}"] if dialect.argparse and _is_option(text) else [option.flag, text]

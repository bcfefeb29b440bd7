"""Arguments and environment of vLLM's server: `parse` reads them as the server does, `build` is its inverse."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.vllm.options import Option, options, spellings
from voltaic.engines.vllm.releases import facts, holds, name_of, release
from voltaic.engines.vllm.values import Rejected, read, written
from voltaic.spec import CommandLine, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voltaic.engines.versions import Version
    from voltaic.engines.vllm.options import Spellings

_EXITS: Final = "the server exits with a usage error"
_NEGATIVE: Final = re.compile(r"-\d+|-\d*\.\d+")
_MODULE: Final = "vllm.entrypoints.openai.api_server"
_LEVEL: Final = re.compile(r"-O(=?[0-3])?")
_PRINTS: Final = frozenset({"--help", "-h", "--version", "-v"})
MATTERS: Final = frozenset({"VLLM_USE_V1", "VLLM_ALLOW_LONG_MAX_MODEL_LEN", "VLLM_ATTENTION_BACKEND"})
"""Variables that decide whether or how the server starts."""


class CannotBuildError(ValueError):
    """Options that no command line of the release can set; carries every fault."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(f"{fault.message}; {fault.fix}" for fault in faults))
        self.faults = faults


@dataclass(slots=True)
class _Reading:
    """State of one reading: what was found so far."""

    version: Version | None
    title: str
    known: Spellings
    automatic: bool
    served: bool = False
    """True: the words begin with the subcommand `serve`."""
    positional: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, where: str, message: str, fix: str, *, unreadable: bool = False) -> None:
        self.faults.append(Fault(where=where, message=message, fix=fix, unreadable=unreadable))


def parse(version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:
    """Return arguments and environment as the server of that release reads them; never raises.

    The words may begin with `vllm serve`, `serve` or `python3 -m vllm.entrypoints.openai.api_server`, or with what
    follows them. With a release that is not known, options of every release are read, and one that none of them has is
    unreadable instead of wrong.
    """
    known = release(version)
    number = known.version if known else None
    reading = _Reading(
        number, name_of(version), spellings(number), number is None or holds("limits", "automatic", number)
    )
    _tokens(reading, _stripped(reading, list(args)))
    _model(reading)
    for name in sorted(MATTERS):
        if env.get(name, "") is None:
            message = f"{name} is set from somewhere else; its value is not known here"
            reading.fault(name, message, f"give {name} as a plain value", unreadable=True)
    return CommandLine(tuple(args), dict(env), reading.values, tuple(reading.faults))


def _stripped(reading: _Reading, words: list[str]) -> list[str]:
    """Return the words after the program and its subcommand."""
    if words[1:3] == ["-m", _MODULE]:
        return words[3:]
    if words[:1] == [_MODULE]:
        return words[1:]
    rest = words[1:] if words[:1] == ["vllm"] else words
    if rest[:1] == ["serve"]:
        reading.served = True
        return rest[1:]
    return rest


def _is_option(word: str) -> bool:
    name = word.partition("=")[0]  # argparse takes a word with a space for a value, unless the space stands behind `=`
    return word.startswith("-") and len(word) > 1 and not _NEGATIVE.fullmatch(word) and " " not in name


def _tokens(reading: _Reading, words: list[str]) -> None:
    """Sort the words to options as argparse does."""
    position = 0
    while position < len(words):
        word, following = words[position], words[position + 1 :]
        position += 1
        if word == "--":
            reading.positional += following
            return
        if not _is_option(word):
            reading.positional.append(word)
        elif word.startswith("--"):
            position += _long(reading, word, following)
        else:
            position += _short(reading, word, following)


def _long(reading: _Reading, word: str, following: list[str]) -> int:
    """Take `--name` or `--name=value`; return how many of the following words were used."""
    name, equals, attached = word[2:].partition("=")
    name, dot, _ = name.partition(".")
    if reading.version is None or holds("entry", "flexible", reading.version):
        name = name.replace("_", "-")
    found = _named(reading, name)
    if found is None:
        used = 1 if following and not equals and not _is_option(following[0]) else 0
        _unknown(reading, word.partition("=")[0], name, attached if equals else "")
        return used
    option, positive = found
    if dot and (reading.version is None or holds("entry", "dotted", reading.version)):
        return 0 if equals else min(1, len(following))  # a part of a JSON value, which decides nothing here
    return _take(reading, option, attached if equals else None, following, positive=positive)


def _named(reading: _Reading, name: str) -> tuple[Option, bool] | None:
    """Return the option with that name, or the only one that begins with it, as argparse completes names."""
    exact = reading.known.long.get(name)
    if exact is not None or not name:
        return exact
    begun = {full for full in reading.known.long if full.startswith(name)}
    return reading.known.long[begun.pop()] if len(begun) == 1 else None


def _short(reading: _Reading, word: str, following: list[str]) -> int:
    """Take `-tp 2`, `-tp=2` or `-q awq`; return how many of the following words were used."""
    if word in _PRINTS:
        _unknown(reading, word, "", "")
        return 0
    if _LEVEL.fullmatch(word):  # a level of compilation, which decides nothing here
        return 1 if word == "-O" and following and not _is_option(following[0]) else 0
    name, equals, attached = word.partition("=")
    option = reading.known.short.get(name)
    if option is None:
        letter = next((short for short in reading.known.short if len(short) == 2 and word.startswith(short)), None)  # noqa: PLR2004  a dash and a letter
        if letter is None:
            _unknown(reading, name, "", attached)
            return 1 if following and not equals and not _is_option(following[0]) else 0
        option, equals, attached = reading.known.short[letter], "=", word[2:]
    return _take(reading, option, attached if equals else None, following)


def _take(
    reading: _Reading, option: Option, attached: str | None, following: list[str], *, positive: bool = True
) -> int:
    kind = option.kind(reading.version)
    if kind in {"flag", "bool"}:
        if attached is not None:
            message = f"{option.flag} takes no value, {attached!r} was given; {_EXITS}"
            # Some releases take a value here, so that without one it is not known.
            fix = f"write {option.flag} alone, or leave it away"
            reading.fault(option.flag, message, fix, unreadable=reading.version is None)
        else:
            reading.values[option.name] = positive
        return 0
    if attached is not None:
        _keep(reading, option, [attached])
        return 0
    if kind == "switch":
        if following and not _is_option(following[0]) and following[0].lower() in {"true", "false"}:
            _keep(reading, option, following[:1])
            return 1
        reading.values[option.name] = True
        return 0
    words = []
    for word in following if kind == "texts" else following[:1]:
        if _is_option(word):
            break
        words.append(word)
    if not words:
        message = f"{option.flag} needs a value and has none; {_EXITS}"
        reading.fault(option.flag, message, f"write {option.flag} VALUE, or leave it away")
    else:
        _keep(reading, option, words)
    return len(words)


def _keep(reading: _Reading, option: Option, words: list[str]) -> None:
    if option.name == "config":
        message = f"--config {words[0]}: options stand in a file that is not read here"
        reading.fault("--config", message, "write the options on the command line", unreadable=True)
        return
    if option.kind(reading.version) == "texts":
        reading.values[option.name] = tuple(words)
        return
    value = read(option, words[0], reading.version, automatic=reading.automatic)
    if isinstance(value, Rejected):
        shown = "(hidden)" if option.name in {"api_key", "hf_token"} else words[0]
        reading.fault(option.flag, f"{option.flag} {shown}: {value.message}; {_EXITS}", f"write {value.fix}")
    else:
        reading.values[option.name] = value  # of several the last counts


def _unknown(reading: _Reading, where: str, name: str, value: str) -> None:
    if where in _PRINTS:
        reading.fault(where, f"{where} prints and exits; nothing is served", f"leave {where} away")
        return
    exits = _EXITS if reading.version else "whether it exists in this release is not known"
    message = f"{where} is not an option of {reading.title}; {exits}"
    other = options().by_name.get(name.replace("-", "_").removeprefix("no_"))
    unread = ".".join(map(str, reading.version or ())) in facts()["unread"]
    if other is not None and other.in_release(reading.version):
        message = f"{where} is not written like that in {reading.title}; {exits}"
        fix = f"write {other.flag}"
    elif other is not None:
        message = f"{where} exists in {other.where}, not in {reading.title}; {exits}"
        fix = f"leave {where} away, or use a release that has it"
    else:
        begun = sorted(full for full in reading.known.long if name and full.startswith(name))
        close = difflib.get_close_matches(name, reading.known.long, n=1)
        if begun:
            message = f"{where} may mean {', '.join('--' + full for full in begun[:4])}; {exits}"
        fix = f"did you mean --{(begun or close)[0]}{' ' + value if value else ''}?" if begun or close else ""
    reading.fault(where, message, fix or f"leave {where} away", unreadable=reading.version is None or unread)


def _model(reading: _Reading) -> None:
    """Take the model from where the entry point takes it."""
    version, words = reading.version, reading.positional
    named = "model" in reading.values
    serves = version is None or holds("entry", "serve", version)
    entry = version is not None and not holds("entry", "serve_is_entrypoint", version) and not reading.served
    if reading.served and not serves:
        reading.fault("serve", f"{reading.title} has no `vllm serve`", f"start it with python3 -m {_MODULE}")
    for word in words[1:] if words and not entry else words:
        if word == "None":
            continue
        message = f"{word!r} is not an option and belongs to none; {_EXITS}"
        fix = "write every value directly after its option"
        if entry and word == words[0] and not named:
            fix = f"write --model {word}, or start it with `vllm serve`" if serves else f"write --model {word}"
        reading.fault(word or "(empty argument)", message, fix)
    if entry or not words:
        if reading.served and named and version is not None and not holds("entry", "serve_takes_model", version):
            message = f"--model is given beside `vllm serve`; {reading.title} exits"
            reading.fault("--model", message, f"write vllm serve {reading.values['model']}")
        return
    reading.values["model"] = words[0]


def build(version: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that set these options, by canonical name, in the order given; the inverse of `parse`.

    Long names only. A flag that is False needs no argument. For a release that is not known the newest names are
    written. Raises CannotBuildError, with every fault, for options that the release does not have and for values that
    the option does not take.
    """
    known = release(version)
    number = known.version if known else None
    arguments: list[str] = []
    faults: list[Fault] = []
    for name, value in settings.items():
        option = options().by_name.get(name)
        flag = "--" + name.replace("_", "-")
        if option is None:
            close = difflib.get_close_matches(name, options().by_name, n=1)
            fix = f"did you mean {close[0]}?" if close else "leave it away"
            faults.append(Fault(flag, f"{name} is not an option of vLLM", fix))
        elif not option.in_release(number):
            message = f"{name_of(version)} has no {flag}: it exists in {option.where}"
            faults.append(Fault(flag, message, "leave it away, or use such a release"))
        elif value not in ((), []):
            words = written(option, value, number)
            if words is None:
                kind = option.kind(number)
                faults.append(Fault(flag, f"{flag} cannot be {value!r}", f"give a value of the kind {kind}"))
            arguments += words or []
    if faults:
        raise CannotBuildError(tuple(faults))
    return tuple(arguments)

"""Launcher arguments and environment: `parse` reads them as the launcher does, `build` is its inverse."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voltaic.engines.tgi.options import REPEATABLE, flags_of, options, places_of, written_as
from voltaic.engines.tgi.releases import name_of, release
from voltaic.engines.tgi.values import Rejected, read, wanted, written
from voltaic.spec import CommandLine, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voltaic.engines.tgi.options import Option, Options
    from voltaic.engines.versions import Version

_EXITS = "the launcher exits with a usage error"


class CannotBuildError(ValueError):
    """Options that no command line of the release can set; carries every fault."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(f"{fault.message}; {fault.fix}" for fault in faults))
        self.faults = faults


@dataclass(slots=True)
class _Reading:
    """State of one reading: what was found so far."""

    facts: Options
    version: Version | None
    title: str
    by_name: Mapping[str, Option]
    given: dict[str, list[str | None]] = field(default_factory=dict)
    """Texts of every occurrence by option name as written; None: given as a flag, without a value."""
    values: dict[str, Any] = field(default_factory=dict)
    """Values by option name as written."""
    faults: list[Fault] = field(default_factory=list)

    def fault(self, where: str, message: str, fix: str, *, unreadable: bool = False) -> None:
        self.faults.append(Fault(where=where, message=message, fix=fix, unreadable=unreadable))


def parse(version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:
    """Return arguments and environment as the launcher of that release reads them; never raises.

    Arguments win over variables. With a release that is not known, options of every release are read, and an option
    that none of them has is unreadable instead of wrong.
    """
    facts = options()
    known = release(version)
    number = known.version if known else None
    by_name = flags_of(number)
    reading = _Reading(facts, number, name_of(version), by_name)
    _tokens(reading, list(args))
    by_place, places = places_of(number)
    # Most are not set at all; those that are come in the order of the facts.
    for place in sorted({places[name] for name in (*reading.given, *env) if name in places}):
        option = by_place[place]
        if option.name in reading.given:
            _from_arguments(reading, option)
        if option.variable in env:
            _from_environment(reading, option, env)
    for variable in facts.variables if None in env.values() else ():
        if env.get(variable.name, "") is None and not variable.shared and variable.in_release(number):
            _unreadable(reading, variable.name)
    return CommandLine(tuple(args), dict(env), _canonical(reading), tuple(reading.faults))


def _tokens(reading: _Reading, tokens: list[str]) -> None:
    """Sort the tokens to options, as clap does: a token that starts with a dash is never a value."""
    position = 0
    while position < len(tokens):
        word = tokens[position]
        following = tokens[position + 1] if position + 1 < len(tokens) else None
        value = following if following is not None and (not following.startswith("-") or following == "-") else None
        position += 1
        if word.startswith("--") and len(word) > len("--"):
            position += _long(reading, word[2:], value)
        elif word.startswith("-") and len(word) > 1 and word != "--":
            position += _short(reading, word[1:], value)
        elif word != "--" or following is not None:
            message = f"{word!r} is not an option and belongs to none; {_EXITS}"
            reading.fault(word or "(empty argument)", message, "write every value directly after its option")


def _long(reading: _Reading, text: str, following: str | None) -> int:
    """Take `name` or `name=value`; return how many of the following tokens were used."""
    name, equals, attached = text.partition("=")
    option = reading.by_name.get(name)
    if option is None:
        _unknown(reading, name, attached if equals else following)
        return 0 if equals or following is None else 1
    texts = reading.given.setdefault(option.name, [])
    if option.kind == "flag":
        texts.append(None)
        if equals:
            message = f"{option.flag} takes no value, {attached!r} was given; {_EXITS}"
            reading.fault(option.flag, message, f"write {option.flag} alone, or leave it away")
        return 0
    if equals:
        texts.append(attached)
        return 0
    return _following(reading, option, texts, following)


def _following(reading: _Reading, option: Option, texts: list[str | None], following: str | None) -> int:
    """Take the token that follows as the option's value; return how many tokens were used."""
    if following is None:
        _no_value(reading, option)
        return 0
    texts.append(following)
    return 1


def _short(reading: _Reading, letters: str, following: str | None) -> int:
    """Take `p`, `p80`, `p=80` or several flags in one; return how many of the following tokens were used."""
    for index, letter in enumerate(letters):
        option = next((option for option in reading.by_name.values() if option.short == letter), None)
        if option is None:
            _unknown(reading, letter, None, dashes="-")
            return 0 if following is None else 1
        texts = reading.given.setdefault(option.name, [])
        if option.kind == "flag":
            texts.append(None)
            continue
        rest = letters[index + 1 :]
        if rest:
            texts.append(rest.removeprefix("="))
            return 0
        return _following(reading, option, texts, following)
    return 0


def _no_value(reading: _Reading, option: Option) -> None:
    example = {"truth": "true", "text": "VALUE", "texts": "VALUE", "real": "0.9"}.get(option.kind, "1")
    if option.kind == "choice":
        example = option.values(reading.version)[0]
    message = f"{option.flag} needs a value and has none; {_EXITS}"
    reading.fault(option.flag, message, f"write {option.flag} {example}, or leave it away")


def _unknown(reading: _Reading, name: str, value: str | None, *, dashes: str = "--") -> None:
    where = dashes + name
    if where in {"--help", "-h", "--version", "-V"}:
        reading.fault(where, f"{where} prints and exits; nothing is served", f"leave {where} away")
        return
    facts = reading.facts
    exits = _EXITS if reading.version else "whether it exists in this release is not known"
    message = f"{where} is not an option of {reading.title}; {exits}"
    other = facts.by_name.get(name.replace("-", "_")) if dashes == "--" else None
    foreign = facts.foreign.get(name.replace("_", "-")) if dashes == "--" else None
    if other is not None:
        message = f"{where} exists in {other.releases}, not in {reading.title}; {exits}"
        now = facts.written_as(other.canonical, reading.version)
        fix = f"write {_example(now, value)}" if now else f"leave {where} away, or use a release that has it"
    elif foreign is not None:
        now = reading.by_name.get(foreign.use) if foreign.use else None
        if now is not None:
            fix = f"write {_example(now, value)}: {foreign.say}"
        else:
            fix = f"leave {where} away: {foreign.say}"
    else:
        close = difflib.get_close_matches(name.replace("_", "-"), reading.by_name, n=1)
        fix = f"did you mean --{close[0]}?" if close else f"leave {where} away"
    reading.fault(where, message, fix, unreadable=reading.version is None)


def _example(option: Option, value: str | None) -> str:
    if option.kind == "flag":
        return option.flag
    if option.secret:
        return f"{option.flag} VALUE"
    return f"{option.flag} {value or 'VALUE'}"


def _from_arguments(reading: _Reading, option: Option) -> None:
    texts = reading.given.get(option.name, [])
    if len(texts) > 1 and option.kind not in REPEATABLE:
        message = f"{option.flag} is given {len(texts)} times and may be given once; {_EXITS}"
        reading.fault(option.flag, message, f"keep one {option.flag}")
    for text in texts:
        value = True if text is None else _read(reading, option, text, option.flag)
        _keep(reading, option, value)


def _from_environment(reading: _Reading, option: Option, env: Mapping[str, str | None]) -> None:
    if option.variable is None or option.variable not in env or reading.given.get(option.name):
        return
    text = env[option.variable]
    if text is None:
        if option.matters:
            _unreadable(reading, option.variable)
        return
    _keep(reading, option, _read(reading, option, text, option.variable))


def _read(reading: _Reading, option: Option, text: str, where: str) -> Any:
    """Return the value, or None after a fault."""
    value = read(option, text, reading.version, reading.facts.mistaken_values.get(option.name, {}))
    if not isinstance(value, Rejected):
        return value
    shown = "(hidden)" if option.secret else text
    setting = f"{where} {shown}" if where.startswith("-") else f"{where}={shown}"
    fix = value.fix if value.fix.startswith("nothing") else f"write {value.fix}"
    reading.fault(where, f"{setting}: {value.message}; {_EXITS}", fix.removeprefix("nothing: "))
    return None


def _keep(reading: _Reading, option: Option, value: Any) -> None:
    if value is None or (option.kind == "flag" and value is False):
        return
    if option.kind in REPEATABLE:
        value = (*reading.values.get(option.name, ()), *value)
    reading.values[option.name] = value


def _unreadable(reading: _Reading, variable: str) -> None:
    message = f"{variable} is set from somewhere else; its value is not known here"
    reading.fault(variable, message, f"give {variable} as a plain value", unreadable=True)


def _canonical(reading: _Reading) -> dict[str, Any]:
    """Return the values by canonical name; two names for one option are a fault unless only one is set."""
    canonical: dict[str, Any] = {}
    for name, value in reading.values.items():
        option = reading.facts.by_name[name]
        if option.canonical in canonical:
            now, older = sorted(("max_input_tokens", "max_input_length"), reverse=True)
            message = (
                f"`{now}` ({reading.values[now]}) and `{older}` ({reading.values[older]}) are both set; "
                "they are one option, and the launcher exits"
            )
            reading.fault(f"--{older.replace('_', '-')}", message, f"keep --{now.replace('_', '-')}")
            value = reading.values[now]  # noqa: PLW2901
        canonical[option.canonical] = value
    return canonical


def build(version: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that set these options, by canonical name, in the order given; the inverse of `parse`.

    Long names only. A flag that is False and a list that is empty need no argument. For a release that is not known the
    newest names are written. Raises CannotBuildError, with every fault, for options that the release does not have and
    for values that the option does not take.
    """
    facts = options()
    known = release(version)
    number = known.version if known else None
    arguments: list[str] = []
    faults: list[Fault] = []
    for name, value in settings.items():
        option = written_as(name, number)
        if option is None:
            faults.append(_not_there(facts, name, name_of(version)))
        elif option.kind == "flag" and isinstance(value, bool):
            arguments += [option.flag] if value else []
        elif option.kind in REPEATABLE and value in ((), []):
            continue
        elif option.kind == "texts" and isinstance(value, (list, tuple)):
            for item in value:
                arguments += _argument(option, item if isinstance(item, str) else None, faults, item, number)
        else:
            arguments += _argument(option, written(option, value, number), faults, value, number)
    if faults:
        raise CannotBuildError(tuple(faults))
    return tuple(arguments)


def _argument(option: Option, text: str | None, faults: list[Fault], value: Any, version: Version | None) -> list[str]:
    if text is None:
        faults.append(Fault(option.flag, f"{option.flag} cannot be {value!r}", f"give {wanted(option, version)}"))
        return []
    # A value that starts with a dash would be read as the next option.
    return [f"{option.flag}={text}"] if text.startswith("-") else [option.flag, text]


def _not_there(facts: Options, name: str, title: str) -> Fault:
    other = facts.by_name.get(name)
    flag = "--" + name.replace("_", "-")
    if other is None:
        close = difflib.get_close_matches(name, facts.by_name, n=1)
        fix = f"did you mean {close[0]}?" if close else "leave it away"
        return Fault(flag, f"{name} is not an option of TGI", fix)
    return Fault(flag, f"{title} has no {flag}: it exists in {other.releases}", "leave it away, or use such a release")

"""Arguments of `lmdeploy serve api_server`: `parse` reads them as the program does, `build` is its inverse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.lmdeploy.facts import name_of, release
from voltaic.engines.words import line
from voltaic.spec import CommandLine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIALECT: Final = line.Dialect(Path(__file__).with_name("options.toml"), argparse=True)


def parse(version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:
    """Return arguments and environment as the server of that release reads them; never raises.

    The words may begin with `lmdeploy serve api_server`, or with what follows it: the model.
    """
    known = release(version)
    words = list(args)
    for word in ("lmdeploy", "serve", "api_server"):
        words = words[1:] if words[:1] == [word] else words
    reading = line.read(DIALECT, known.version if known else None, name_of(version), words, env)
    for word in reading.positional[1:]:
        message = f"{word!r} is not an option and belongs to none; {DIALECT.exits}"
        reading.fault(word or "(empty argument)", message, "write every value directly after its option")
    # The model stands first, so that no option before it takes it for one of its values.
    model = {"model": reading.positional[0]} if reading.positional else {}
    return CommandLine(tuple(args), dict(env), {**model, **reading.values}, tuple(reading.faults))


def build(version: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that set these options, the model first; raises CannotBuildError with every fault."""
    known = release(version)
    rest = {name: value for name, value in settings.items() if name != "model"}
    model = settings.get("model")
    words = line.build(DIALECT, known.version if known else None, name_of(version), rest)
    return (str(model), *words) if model is not None else words

"""Arguments and environment of llama-server: `parse` reads them as the program does, `build` is its inverse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.llama_cpp.case import stated_file
from voltaic.engines.llama_cpp.facts import build_of, name_of
from voltaic.engines.llama_cpp.names import base_model
from voltaic.engines.words import line
from voltaic.spec import CommandLine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIALECT: Final = line.Dialect(
    Path(__file__).with_name("options.toml"),
    argparse=False,
    exits="the server exits with an error",
    prints=frozenset({"-h", "--help", "--usage", "--version", "--list-devices", "-cl", "--cache-list"}),
    complete=False,
)


def parse(version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:
    """Return arguments and environment as the server of that build reads them; never raises.

    The words may begin with `llama-server`. `model` is the known model that repository or file is
    named after, or where the weights come from as written.
    """
    known = build_of(version)
    words = list(args)
    if words and words[0].rpartition("/")[2] in {"llama-server", "server"}:
        words = words[1:]
    reading = line.read(DIALECT, known.version if known else None, name_of(version), words, env)
    for word in reading.positional:
        message = f"{word!r} is not an option and belongs to none; {DIALECT.exits}"
        reading.fault(word or "(empty argument)", message, "write every value directly after its option")
    for name in ("hf_repo", "model_file", "model_url", "docker_repo"):
        if name in reading.values:
            weights = str(reading.values[name])
            reading.values["model"] = base_model(weights) or weights
            break
    return CommandLine(tuple(args), dict(env), reading.values, tuple(reading.faults))


def build(version: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that set these options; raises CannotBuildError with every fault."""
    known = build_of(version)
    # `model` only repeats where the weights come from.
    rest = {name: value for name, value in settings.items() if name != "model"}
    return line.build(DIALECT, known.version if known else None, name_of(version), rest)


def served_file(version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> str | None:
    """Return the file that a command line names; an empty text for a repository without one; None for nothing."""
    return stated_file(parse(version, args, env).options)

"""`voltaic models show`: all that is known of one model, and where it starts."""

from __future__ import annotations

import shlex
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cli.command import Command
from cli.complete import models
from cli.output import fail, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from voltaic.models import CatalogueModel

SCHEMA = "voltaic/model/v1"
_STARTS = {"accept": "starts", "refuse": "does not start", "unknown": "not known"}

HELP = """Show the facts of one model, the profiles on which a stack of it starts as it is, and every fact's source."""
EXAMPLES = "Example: voltaic models show mistralai/Mistral-7B-Instruct-v0.2 --json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("show", cls=Command, help=HELP, epilog=EXAMPLES, short_help="Show one model.")(show)


def show(
    model_id: Annotated[str, typer.Argument(metavar="ID", help="Repository id.", autocompletion=models)],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one document on stdout.")] = False,
) -> None:
    """Show one model."""
    from voltaic.models import known_model

    model = known_model(model_id)
    if model is None:
        _unknown(model_id, as_json=as_json)
    from cli.model_facts import facts

    verdicts = _verdicts(model)
    if as_json:
        print_json({"schema": SCHEMA, **facts(model), "profiles": verdicts})
    else:
        _print(facts(model), verdicts)


def _unknown(model_id: str, *, as_json: bool) -> NoReturn:
    """End because no model of this id is known, with what was perhaps meant."""
    from voltaic.models import resolve

    because = resolve(model_id).unknown_because
    add = f"Add it with: voltaic models add {shlex.quote(model_id) if model_id.strip() else 'ORGANISATION/NAME'}"
    fail("models show", [f"{because} {add}"], as_json=as_json)


def _verdicts(model: CatalogueModel) -> dict[str, str]:
    from cli.model_facts import starts
    from voltaic import hardware

    return {profile.name: starts(model.id, profile.name) for profile in hardware.profiles()}


def _print(said: Mapping[str, Any], verdicts: Mapping[str, str]) -> None:
    from rich.text import Text

    from cli.output import console

    screen = console()
    screen.print(Text(said["id"], style="bold"))
    rows = list(_rows(said))
    width = max(len(name) for name in (*(name for name, _ in rows), *_STARTS.values()))
    for name, value in rows:
        _row(screen, name, value, width)
    screen.print(Text("\nA stack with just this model and profile", style="bold"))
    for verdict, word in _STARTS.items():
        names = [name for name, found in verdicts.items() if found == verdict]
        if names:
            _row(screen, word, ", ".join(_shortened(names)), width)
    screen.print(Text("\nSources", style="bold"))
    for fact, source in said["sources"].items():
        _row(screen, fact, f"{source['text']} ({source['confidence']})", max(map(len, said["sources"])))


def _row(screen: Console, name: str, value: str, width: int) -> None:
    """Print a name and what it has, in as many lines as that needs, below each other."""
    from rich.text import Text

    for line in Text(value).wrap(screen, max(20, screen.width - width - 4)):
        line.rstrip()
        screen.print(Text(f"  {name:<{width}}  ") + line, soft_wrap=True)
        name = ""


def _shortened(names: list[str]) -> Iterator[str]:
    """Yield profiles of one GPU together: `v100-2gpu, -4gpu, -8gpu`."""
    for gpu, same in groupby(names, key=lambda name: name.rpartition("-")[0]):
        first, *others = same
        yield ", ".join([first, *(other.removeprefix(gpu) for other in others)])


def _rows(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from cli.model_facts import billions, kib
    from voltaic.units import gib

    yield "family", said["family"]
    yield "parameters", f"{said['parameters']:,} ({billions(said['parameters'])})"
    shape = f"{said['layers']} layers of {said['hidden']}, {said['heads']} heads of {said['head_dim']}"
    yield "shape", f"{shape}, {said['kv_heads']} K and V heads, vocabulary {said['vocabulary']}"
    yield "context", "without bound" if said["context"] is None else f"{said['context']} tokens"
    stored = said["dtype"] if said["quantization"] is None else f"{said['quantization']}, the rest {said['dtype']}"
    size = "size not known" if said["weights_bytes"] is None else gib(said["weights_bytes"])
    yield "weights", f"{size}, {stored}"
    yield "KV cache", f"{kib(said['kv_bytes_per_token'])} per token at two bytes an element"
    if said["kv_latent_bytes_per_token"]:
        yield "", f"{kib(said['kv_latent_bytes_per_token'])} where the engine keeps it latent, in full on every GPU"
    yield "licence", said["license"]
    gated = {True: "gated: only with a token of an account that was let in", False: "open", None: "not known"}
    yield "access", gated[said["gated"]]
    chat = {True: "yes", False: "no: chat requests fail", None: "not known"}
    yield "chat template", chat[said["chat_template"]]
    if said["aliases"]:
        yield "also", ", ".join(said["aliases"])
    if said["file"]:
        yield "added", said["file"]

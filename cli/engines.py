"""`voltaic engines`: what every engine does, by release, architecture of the GPU and model family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import complete
from cli.command import Command
from cli.output import fail, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voltaic.engines.base import MatrixCell

SCHEMA = "voltaic/engines/v1"
HELP = """Print what the facts say of an engine: where its releases start, and what they do with a model family there.

Without ENGINE: on which GPUs the releases of every engine start. With it: its releases by GPU. With --release: its
model families by GPU; with --gpu in words, and weights formats, dtypes and routes as well.
"""
EXAMPLES = """\b
Examples:
  voltaic engines
  voltaic engines tgi --gpu v100-16gb
  voltaic engines tgi --gpu gfx90a --release 3.0.1
  voltaic engines --model-family qwen2 --gpu 7.0
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "engines",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Print what engines do, by release and GPU.",
        rich_help_panel="Look up",
    )
    command(engines)


def engines(
    *,
    engine: Annotated[
        str | None,
        typer.Argument(
            metavar="ENGINE",
            help="An engine: tgi, vllm, lmdeploy, llama.cpp, sglang, tensorrt-llm, exllamav3, ollama.",
            autocompletion=complete.matrix_engines,
        ),
    ] = None,
    gpu: Annotated[
        str | None,
        typer.Option(
            "--gpu",
            "--compute-capability",
            metavar="NAME|CC",
            help="A GPU model, compute capability or architecture: v100-16gb, 7.0, gfx90a.",
            autocompletion=complete.archs,
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option("--release", metavar="VERSION", help="One release.", autocompletion=complete.releases),
    ] = None,
    model_family: Annotated[
        str | None,
        typer.Option(
            "--model-family",
            metavar="TYPE",
            help="One model family: the model_type of config.json.",
            autocompletion=complete.model_families,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one document on stdout.")] = False,
) -> None:
    """Print the capability matrices."""
    from voltaic.engines import matrix

    names, arch = _asked(engine, gpu, release, model_family, as_json=as_json)
    archs = [arch] if arch is not None else list(matrix.archs_of(names))
    everything = release is not None or model_family is not None
    if as_json:
        document = {"schema": SCHEMA, "engines": [_document(name, archs, release, model_family) for name in names]}
        print_json(document)
        return
    from cli import engine_tables
    from cli.output import console

    screen = console()
    for number, name in enumerate(names):
        if number:
            screen.print()
        covered = [known for known in archs if known in matrix.matrices()[name].archs()]
        if not covered:
            engine_tables.title(screen, name, f"no facts about {arch}")
        elif model_family is not None:
            engine_tables.family(screen, name, model_family, covered, release)
        elif everything:
            engine_tables.release(screen, name, str(release), covered)
        elif engine is None:
            engine_tables.overview(screen, name, covered)
        else:
            engine_tables.starts(screen, name, covered)


def _asked(
    engine: str | None, gpu: str | None, release: str | None, family: str | None, *, as_json: bool
) -> tuple[list[str], str | None]:
    """Return the engines and the architecture that are asked about; ends with every fault, exit code 2."""
    from voltaic.engines import matrix

    known, faults = list(matrix.matrices()), []
    names = known if engine is None else [engine.lower()]
    if engine is not None and names[0] not in known:
        faults.append(_unknown("engine", engine, known))
        names = []
    arch = None if gpu is None else matrix.arch_named(gpu)
    covered = matrix.archs_of(names or known)
    if gpu is not None and arch not in covered:
        from voltaic.hardware import gpu_models

        faults.append(_unknown("GPU", gpu, [*(model.name for model in gpu_models()), *covered]))
        arch = None
    if release is not None and engine is None:
        faults.append("--release needs ENGINE: releases of different engines have nothing to do with each other")
    elif release is not None and names and release not in matrix.releases_of(names[0]):
        faults.append(_unknown(f"release of {names[0]}", release, matrix.releases_of(names[0])))
    if family is not None and names:
        families = [member for name in names for member in matrix.families_of(name)]
        if family not in families:
            faults.append(_unknown("model family", family, families))
    if faults:
        fail("engines", faults, as_json=as_json, usage=True)
    return names, arch


_SHOWN = 12  # names in a message; more are no help


def _unknown(what: str, given: str, known: Iterable[str]) -> str:
    """Say that a name is not known, with the nearest ones or all."""
    import difflib

    names = sorted(set(known)) if what != "engine" else list(known)
    close = difflib.get_close_matches(given.lower(), names, n=3, cutoff=0.5)
    if close:
        return f"no {what} {given!r}: did you mean {' or '.join(close)}?"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"no {what} {given!r}: known are {', '.join(names[:_SHOWN])}{more}"


def _document(name: str, archs: list[str], release: str | None, family: str | None) -> dict[str, Any]:
    from voltaic.engines import matrix

    found = matrix.matrices()[name]
    covered = [arch for arch in archs if arch in found.archs()]
    releases = [release] if release is not None else list(matrix.releases_of(name))
    cells = [
        _cell(cell, version, arch)
        for version in releases
        for arch in covered
        for cell in _wanted(found.matrix(version, arch), family, everything=release is not None)
    ]
    return {"name": name, "releases": list(matrix.releases_of(name)), "archs": list(found.archs()), "cells": cells}


def _wanted(cells: Iterable[MatrixCell], family: str | None, *, everything: bool) -> Iterator[MatrixCell]:
    """Yield the cells that are asked for: all of a release, those of a family, else the first alone."""
    for cell in cells:
        if family is None and not everything and cell.topic != "starts":
            return
        if family is None or cell.topic == "starts" or (cell.topic == "model" and cell.subject == family):
            yield cell


def _cell(cell: MatrixCell, version: str, arch: str) -> dict[str, Any]:
    return {
        "release": version,
        "arch": arch,
        "topic": cell.topic,
        "subject": cell.subject,
        "setting": cell.setting,
        "answer": cell.answer,
        "how": cell.how,
        "needs": cell.needs,
        "message": cell.message,
        "source": cell.source.text,
        "confidence": cell.source.confidence,
    }

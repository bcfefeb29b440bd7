"""`voltaic bench`: how fast a server answers under load."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cluster.options import ContextOption, NamespaceOption, StackOption  # noqa: TC001  typer reads them
from cli.command import Command
from cli.output import ACCEPT, INTERRUPTED, REFUSE, fail, print_json
from cli.reaching.access import ModelOption, UrlOption, model_of, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.load.runner import Load, Progress, Run

HELP = """Put load on the served model, and say how fast it answers.

Time to first token, between tokens, tokens/s, and errors, as percentiles. Either so many requests at once (each asker
waits for an answer), or with --rate so many a second whether or not it keeps up. --compare says whether two runs differ
by more than noise.
"""
EXAMPLES = """\b
Examples:
  voltaic bench --concurrency 4 --requests 100
  voltaic bench --rate 2 --duration 120 --prompt-tokens 1000 --answer-tokens 200 --out before.json --plot before.png
  voltaic bench --compare before.json after.json

Exit codes: 0 measured, 1 requests failed, 2 it cannot be reached or input was bad, 130 stopped by Ctrl-C.
"""
SCHEMA_COMPARED = "voltaic/bench-compared/v1"
MOST_AT_ONCE = 1024
SHORTEST_SHOWN = 0.2
"""Seconds between two lines of progress on a terminal."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "bench",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Measure how fast the model answers.",
        rich_help_panel="Operate",
    )
    command(bench)


def bench(
    files: Annotated[list[str] | None, typer.Argument(metavar="[A.json B.json]", help="Runs for --compare.")] = None,
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    url: UrlOption = None,
    model: ModelOption = None,
    concurrency: Annotated[str, typer.Option("--concurrency", "-c", metavar="N", help="Requests at once.")] = "1",
    rate: Annotated[
        str | None, typer.Option(metavar="R", help="Requests a second, at random moments, in place of --concurrency.")
    ] = None,
    requests: Annotated[
        str | None, typer.Option(metavar="N", help="Requests to measure. Default: 50, or what --duration takes.")
    ] = None,
    duration: Annotated[str | None, typer.Option(metavar="SECONDS", help="Time to measure.")] = None,
    prompt_tokens: Annotated[
        str, typer.Option("--prompt-tokens", metavar="N", help="Length of prompts, tokens.")
    ] = "256",
    answer_tokens: Annotated[
        str, typer.Option("--answer-tokens", metavar="N", help="Longest answer, tokens; a model may end earlier.")
    ] = "128",
    warm_up: Annotated[
        str | None, typer.Option("--warm-up", metavar="N", help="Requests before, not counted. Default: --concurrency.")
    ] = None,
    seed: Annotated[str, typer.Option(metavar="N", help="Of prompts and moments: the same asks the same.")] = "1",
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Write the run, for --compare.")] = None,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="Draw it: .png or .svg.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Compare two files of runs; nothing is asked.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one bench document on stdout.")] = False,
) -> None:
    """Measure how fast a server answers."""
    from cli.files import Unwritable, writable

    numbers = _numbers(
        {
            "--concurrency": concurrency,
            "--requests": requests,
            "--prompt-tokens": prompt_tokens,
            "--answer-tokens": answer_tokens,
            "--warm-up": warm_up,
            "--seed": seed,
        },
        {"--rate": rate, "--duration": duration},
        as_json=as_json,
    )
    try:
        if plot is not None:
            from cli.load.plot import check_path

            check_path(plot)
        if out is not None:
            writable(out)
    except Unwritable as fault:
        fail("bench", [str(fault)], as_json=as_json)
    if compare or files:
        _compared(files or [], plot, as_json=as_json)
        return
    from datetime import UTC, datetime

    from cli.load import documents

    with opened("bench", stack, context, namespace, url=url, as_json=as_json) as way:
        with way.api() as api:
            load = _load(way.url, way.key, model_of(way, api, model), numbers)
        began = datetime.now(UTC).isoformat(timespec="seconds")
        run = _measured(load, _progress(as_json=as_json))
        document = documents.document(load, run, engine=way.engine.title if way.engine else None, at=began)
    _keep(document, out, plot, as_json=as_json)
    if as_json:
        print_json(document)
    else:
        from cli.load import show
        from cli.output import console

        show.run(console(), document)
    raise typer.Exit(INTERRUPTED if run.stopped else REFUSE if document["summary"]["failed"] else ACCEPT)


def _numbers(whole: dict[str, str | None], parts: dict[str, str | None], *, as_json: bool) -> dict[str, Any]:
    """Return what options say; all faults at once.

    Raises:
        typer.Exit: some cannot be read.
    """
    found: dict[str, Any] = {}
    faults = []
    for name, text in whole.items():
        least = 0 if name in {"--warm-up", "--seed"} else 1
        if text is not None and not (text.isdecimal() and int(text) >= least):
            faults.append(f"{name} {text}: give a whole number from {least}")
        else:
            found[name] = None if text is None else int(text)
    for name, text in parts.items():
        try:
            found[name] = None if text is None else float(text)
        except ValueError:
            found[name] = 0.0
        if found[name] is not None and not 0 < found[name] < float("inf"):
            faults.append(f"{name} {text}: give a number above 0")
    if (found.get("--concurrency") or 0) > MOST_AT_ONCE:
        faults.append(f"--concurrency {found['--concurrency']}: at most {MOST_AT_ONCE}; one process measures no more")
    if faults:
        fail("bench", faults, as_json=as_json, usage=True)
    return found


def _load(url: str, key: str | None, model: str, numbers: dict[str, Any]) -> Load:
    from cli.load.runner import Load

    requests, seconds, at_once = numbers["--requests"], numbers["--duration"], numbers["--concurrency"]
    warm_up = numbers["--warm-up"]
    return Load(
        url=url,
        key=key,
        model=model,
        prompt_tokens=numbers["--prompt-tokens"],
        answer_tokens=numbers["--answer-tokens"],
        concurrency=at_once,
        rate=numbers["--rate"],
        requests=50 if requests is None and seconds is None else requests,
        seconds=seconds,
        warm_up=at_once if warm_up is None else warm_up,
        seed=numbers["--seed"],
    )


def _measured(load: Load, progress: Callable[[Progress], None]) -> Run:
    """Run a load; Ctrl-C ends it, and what came until then is kept."""
    import asyncio
    import signal

    from cli.load.runner import Runner

    async def running() -> Run:
        task = asyncio.ensure_future(Runner(load, progress).run())
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, task.cancel)
        try:
            return await task
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    try:
        run = asyncio.run(running())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None  # before anything was measured
    finally:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
    return run


def _progress(*, as_json: bool) -> Callable[[Progress], None]:
    """Return what shows how far a run is: a line that changes, on a terminal alone."""
    import time

    shown = 0.0

    def show(progress: Progress) -> None:
        nonlocal shown
        now = time.monotonic()
        if as_json or progress.warming or not sys.stderr.isatty() or now - shown < SHORTEST_SHOWN:
            return
        shown = now
        rate = progress.tokens / progress.seconds if progress.seconds else 0.0
        line = f"{progress.seconds:5.1f} s  {progress.done} answered, {progress.running} running, {rate:.1f} tokens/s"
        if progress.failed:
            line += f", {progress.failed} failed"
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    return show


def _keep(document: dict[str, Any], out: str | None, plot: str | None, *, as_json: bool) -> None:
    import json

    from cli import files as writing

    try:
        if out is not None:
            writing.write(out, (json.dumps(document, indent=1) + "\n").encode())
        if plot is not None:
            from cli.load.plot import draw

            draw([(document["load"]["model"], document)], plot)
    except writing.Unwritable as fault:
        fail("bench", [str(fault)], as_json=as_json)


def _compared(paths: list[str], plot: str | None, *, as_json: bool) -> None:
    """Compare two runs by their files."""
    from dataclasses import asdict

    from cli.load import compare, documents

    if len(paths) != 2:  # noqa: PLR2004  one run and another
        fail("bench", [f"--compare takes two files of runs, not {len(paths)}"], as_json=as_json, usage=True)
    try:
        before, after = (documents.read(path) for path in paths)
    except documents.Unreadable as fault:
        fail("bench", [str(fault)], as_json=as_json)
    found = compare.differences(before["values"], after["values"])
    unlike = documents.unlike(before, after)
    if plot is not None:
        from cli.load.plot import draw

        draw([("before", before), ("after", after)], plot)
    if as_json:
        rows = [asdict(each) | {"ratio": each.ratio} for each in found]
        print_json({"schema": SCHEMA_COMPARED, "files": paths, "unlike": unlike, "differences": rows})
        return
    from cli.load import show
    from cli.output import console

    show.comparison(console(), found, unlike)

"""`voltaic monitor`: what a stack is doing, again and again."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cluster.options import ContextOption, NamespaceOption, Place, StackOption, place
from cli.command import Command
from cli.output import fail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.watching.sample import PodSample, Sample

HELP = """Watch the pods of a stack: a page that goes on, or a line a pod where there is no terminal.

Ctrl-C ends it; nothing is left behind in the cluster.
"""
EXAMPLES = """\b
Examples:
  voltaic monitor
  voltaic monitor --interval 1 --csv samples.csv
  voltaic monitor --count 1 --stack v100-2gpu

Exit codes: as of `voltaic status`, by the last sample.
"""
SHORTEST, LONGEST = 0.2, 3600.0
"""Seconds between two samples."""
HISTORY = 40
"""Samples that the bars of the page show."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "monitor",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Watch what a stack is doing.",
        rich_help_panel="Operate",
    )
    command(monitor)


def monitor(
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    interval: Annotated[str, typer.Option(metavar="SECONDS", help="Time between two samples.")] = "5",
    count: Annotated[str | None, typer.Option(metavar="N", help="Samples to take. Default: until Ctrl-C.")] = None,
    csv: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="Append each sample, a row a GPU of each pod.")
    ] = None,
    brief: Annotated[bool, typer.Option("--brief", help="Ask the API server alone, not GPUs and engines.")] = False,
) -> None:
    """Watch the pods of a stack."""
    from cli.status import code
    from cli.watching.sample import Watcher

    pause, most = _numbers(interval, count)
    with place("monitor", stack, context, namespace) as here:
        watcher = Watcher(here.cluster, here.labels, inside=not brief)
        last: Sample | None = None
        show = _page(here) if sys.stdout.isatty() else _lines()
        try:
            for number, sample in enumerate(_samples(watcher, pause), 1):
                show.send((sample, last))
                _keep(csv, sample, last)
                last = sample
                if most is not None and number >= most:
                    break
        except KeyboardInterrupt:
            show.close()
            print("Stopped watching; the stack goes on as it is.", file=sys.stderr)
        else:
            show.close()
    raise typer.Exit(0 if last is None else code(last))


def _numbers(interval: str, count: str | None) -> tuple[float, int | None]:
    faults = []
    try:
        pause = float(interval)
    except ValueError:
        pause = 0.0
    if not SHORTEST <= pause <= LONGEST:
        faults.append(f"--interval {interval}: give seconds from {SHORTEST} to {LONGEST:.0f}")
    if count is not None and not (count.isdecimal() and int(count)):
        faults.append(f"--count {count}: give a whole number from 1")
    if faults:
        fail("monitor", faults, usage=True)
    return pause, None if count is None else int(count)


def _samples(watcher: Any, pause: float) -> Iterator[Sample]:
    """Yield samples at a steady pace; one that takes longer than the pause delays the next, and none is made up."""
    while True:
        began = time.monotonic()
        yield watcher.sample()
        time.sleep(max(0.0, pause - (time.monotonic() - began)))


def _keep(path: str | None, sample: Sample, before: Sample | None) -> None:
    if path is None:
        return
    from cli.files import Unwritable
    from cli.watching import lines, table_file

    try:
        table_file.append(path, lines.COLUMNS, lines.rows(sample, lines.rates(sample, before)))
    except Unwritable as fault:
        fail("monitor", [f"--csv {fault}"])


def _lines() -> Any:
    """Return what prints a line a pod of each sample that it is sent."""
    from cli.watching import lines

    def printing() -> Any:
        while True:
            sample, before = yield
            for line in lines.plain(sample, lines.rates(sample, before)):
                print(line, flush=True)
            if not sample.pods:
                print(f"{lines.moment(sample.at)} no pods", flush=True)

    return _started(printing())


def _page(here: Place) -> Any:
    """Return what shows each sample that it is sent in place of the one before."""
    from rich.live import Live

    from cli.output import console
    from cli.status import where

    screen = console()

    def showing() -> Any:
        past: dict[str, History] = {}
        with Live(console=screen, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
            try:
                while True:
                    sample, before = yield
                    live.update(page(sample, before, where(here), past, screen.width), refresh=True)
            except GeneratorExit:
                return

    return _started(showing())


def _started(generator: Any) -> Any:
    next(generator)
    return generator


class History:
    """What the bars of one pod show."""

    def __init__(self) -> None:
        self.rates: deque[float | None] = deque(maxlen=HISTORY)
        self.busy: dict[int, deque[float | None]] = {}

    def add(self, pod: PodSample, rate: float | None) -> None:
        """Take a sample."""
        self.rates.append(rate)
        for gpu in pod.gpus:
            self.busy.setdefault(gpu.index, deque(maxlen=HISTORY)).append(gpu.busy)


def page(sample: Sample, before: Sample | None, title: str, past: dict[str, History], width: int) -> Any:
    """Return the page of one sample.

    Args:
        sample: now.
        before: the sample before.
        title: what is shown.
        past: history of each pod by name; grows, and forgets pods that are gone.
        width: columns of the terminal.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    from cli.watching import lines

    rate: Mapping[str, float] = lines.rates(sample, before)
    shown: list[Any] = [Text(lines.headline(sample, title), style="bold")]
    for name in set(past) - {pod.name for pod in sample.pods}:
        del past[name]
    for pod in sample.pods:
        history = past.setdefault(pod.name, History())
        history.add(pod, rate.get(pod.name))
        shown += [Text(), Text(pod.name, style="bold" if pod.ready else "bold red")]
        told = lines.of_pod(pod, sample.at, rate.get(pod.name))
        shown += [Padding(Text(line), (0, 0, 0, 2)) for line in told]
        room = max(1, min(HISTORY, width - len("  GPU 99 busy ") - 1))
        if any(history.rates):
            shown.append(Text(f"  tokens/s   {lines.bars(list(history.rates)[-room:])}", style="cyan"))
        for index, busy in sorted(history.busy.items()):
            if all(value is None for value in busy):
                continue  # its driver does not say
            shown.append(Text(f"  GPU {index} busy {lines.bars(list(busy)[-room:], 100.0)}", style="green"))
    shown += [Text(), Text(f"{lines.moment(sample.at)}   Ctrl-C ends", style="dim")]
    return Group(*shown)

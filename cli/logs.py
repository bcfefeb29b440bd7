"""`voltaic logs`: the logs of all pods of a stack as one, followed through restarts."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.cluster.options import ContextOption, NamespaceOption, StackOption, place
from cli.command import Command
from cli.output import ACCEPT, INTERRUPTED, REFUSE, UNKNOWN, fail
from cli.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cli.cluster.options import Place
    from cli.doctoring.streams import Line, Wanted

    Labels = Mapping[str, str] | None

COLOURS: Final = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")
"""Colours of terminals (ECMA-48, foreground) by which sources are told apart."""
SPAN: Final = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhd]?)", re.ASCII)
SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
EXAMINED_EVERY: Final = 10.0
"""Seconds after which the doctor looks again while logs are followed."""

HELP = """Print the logs of all pods of a stack, merged by time and told apart by pod and container.

Of a container that was restarted and is not ready the log before the restart is printed too: the reason stands there.
With --follow restarts and new pods are followed as well. --doctor names the cause as soon as it can be told.
"""
EXAMPLES = """\b
Examples:
  voltaic logs
  voltaic logs -f --doctor
  voltaic logs --since 10m --stack v100-2gpu
  voltaic logs --previous --tail 100

Exit codes: 0 printed, 2 the cluster cannot be asked, 3 there are no pods; with --doctor those of voltaic doctor.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "logs",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Print and follow the logs of all pods.",
        rich_help_panel="Operate",
    )
    command(logs)


def logs(
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come; Ctrl-C ends it.")] = False,
    tail: Annotated[str | None, typer.Option(metavar="LINES", help="Only the last lines of each log.")] = None,
    since: Annotated[str | None, typer.Option(metavar="SPAN", help="Only lines of the last 30s, 10m, 2h.")] = None,
    previous: Annotated[bool, typer.Option("--previous", "-p", help="Only logs before the last restart.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Of all pods of the namespace, init containers, and before each last restart.")
    ] = False,
    examine: Annotated[bool, typer.Option("--doctor", help="Name the cause of a failure once it is known.")] = False,
) -> None:
    """Print the logs of all pods."""
    from cli.doctoring.streams import Wanted

    if previous and follow:
        fail("logs", ["--previous and --follow: a log that has ended cannot be followed; give one"], usage=True)
    wanted = Wanted(_lines(tail), _span(since), previous=previous, every=every)
    with place("logs", stack, context, namespace) as here:
        show = printer(colours=sys.stdout.isatty() and not _plain())
        labels = None if every else here.labels
        read = _follow if follow else _once
        code = read(here, labels, wanted, show, Examined(here, labels) if examine else None)
    raise typer.Exit(code)


def printer(*, colours: bool) -> Callable[[Line], None]:
    """Return what prints lines, each behind its pod and container.

    Args:
        colours: whether each source has a colour of its own.
    """
    from voltaic import redaction

    redact = redaction.redactor(())
    known: dict[str, str] = {}

    def show(line: Line) -> None:
        mark = "- " if line.previous else ""
        head = f"{mark}{line.source}"
        if colours:
            head = f"\x1b[{known.setdefault(line.source, COLOURS[len(known) % len(COLOURS)])}m{head}\x1b[0m"
        print(f"{head} {printable(redact(line.text))}", flush=True)

    return show


def _plain() -> bool:
    import os

    return bool(os.environ.get("NO_COLOR"))


def _lines(text: str | None) -> int | None:
    """Return the number of lines that is asked for."""
    if text is not None and not (text.isascii() and text.isdecimal()):
        fail("logs", [f"--tail: {text!r} is no number of lines"], usage=True)
    return None if text is None else int(text)


def _span(text: str | None) -> int | None:
    """Return the seconds of a span such as `10m`."""
    match = None if text is None else SPAN.fullmatch(text)
    if text is not None and match is None:
        fail("logs", [f"--since: {text!r} is no span of time; write it as 30s, 10m or 2h"], usage=True)
    return None if match is None else int(match["number"]) * SECONDS[match["unit"]]


def _once(here: Place, labels: Labels, wanted: Wanted, show: Callable[[Line], None], examined: Examined | None) -> int:
    from cli.doctoring.streams import merged

    pods = here.cluster.pods(labels)
    for line in merged(here.cluster, pods, wanted):
        show(line)
    if examined is not None:
        return examined.code()
    if not pods:
        print(f"voltaic logs: no pods in the namespace {here.cluster.namespace}", file=sys.stderr)
    return ACCEPT if pods else UNKNOWN


def _follow(
    here: Place, labels: Labels, wanted: Wanted, show: Callable[[Line], None], examined: Examined | None
) -> int:
    from cli.doctoring.streams import Followed

    try:
        for line in Followed(here.cluster, labels, wanted).lines(examined.idle if examined else _always):
            show(line)
    except KeyboardInterrupt:
        if examined is None:
            return INTERRUPTED
    return examined.code() if examined else ACCEPT


def _always() -> bool:
    return True


class Examined:
    """What the doctor has said so far; each cause is told once.

    Args:
        here: what is followed.
        labels: of the pods.
    """

    def __init__(self, here: Place, labels: Labels) -> None:
        self.here = here
        self.labels = labels
        self.told: set[str] = set()
        self.looked = 0.0

    def idle(self) -> bool:
        """Look again where the last look is a while ago; whether to go on."""
        import time

        if time.monotonic() - self.looked >= EXAMINED_EVERY:
            self.look()
            self.looked = time.monotonic()
        return True

    def look(self) -> str:
        """Tell what is new, and return what it comes to: `healthy`, `cause` or `unknown`."""
        from cli.doctor import examined
        from cli.doctoring import show
        from cli.doctoring.gather import gather
        from cli.output import console

        report = examined(gather(self.here.cluster, self.labels, self.here.stack))
        screen = console()
        for found in report.diagnoses:
            if found.pattern.id not in self.told:
                screen.print()
                show.diagnosis(screen, found)
                screen.print()
                self.told.add(found.pattern.id)
        return show.verdict(report)

    def code(self) -> int:
        """Look a last time, and return the exit code."""
        said = self.look()
        if said == "unknown" and not self.told:
            print("voltaic logs: nothing of this is known; voltaic doctor shows what there is to read", file=sys.stderr)
        return {"healthy": ACCEPT, "cause": REFUSE, "unknown": UNKNOWN}[said]

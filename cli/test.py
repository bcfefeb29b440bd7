"""`voltaic test`: whether what is deployed answers as it should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cluster.options import ContextOption, NamespaceOption, StackOption  # noqa: TC001  typer reads them
from cli.command import Command
from cli.output import ACCEPT, REFUSE, print_json
from cli.reaching.access import ModelOption, UrlOption, opened

if TYPE_CHECKING:
    from cli.reaching.smoke import Result

HELP = """Test the server and the chat page of a stack: a few short requests, in about ten seconds.

Health, models, an answer, a stream, a stop sequence, two requests at once, a wrong key, metrics, and the login of the
page. What this release of the engine does not have is skipped, with the reason.
"""
EXAMPLES = """\b
Examples:
  voltaic test
  voltaic test --stack v100-2gpu --json
  voltaic test --url http://127.0.0.1:8080/v1 --page-url http://127.0.0.1:3000

Exit codes: 0 everything passed or was skipped, 1 something failed, 2 it cannot be reached at all.
"""
SCHEMA = "voltaic/test/v1"
SIGNS = {"passed": ("ok", "green"), "failed": ("FAILED", "bold red"), "skipped": ("skipped", "yellow")}


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "test",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Test whether server and chat page answer.",
        rich_help_panel="Operate",
    )
    command(smoke_test)


def smoke_test(
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    url: UrlOption = None,
    page_url: Annotated[
        str | None, typer.Option("--page-url", metavar="URL", help="Address of the chat page, beside --url.")
    ] = None,
    model: ModelOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one test document on stdout.")] = False,
) -> None:
    """Test server and chat page."""
    from cli.reaching import smoke

    where = {"url": url, "page_url": page_url, "with_page": url is None, "as_json": as_json}
    with opened("test", stack, context, namespace, **where) as way:  # type: ignore[arg-type]  # each has its type
        results: list[Result] = []
        for result in smoke.results(way, model):
            results.append(result)
            if not as_json:
                show(result)
        passed = all(result.outcome != "failed" for result in results)
        if as_json:
            print_json(document(results, way.url, passed=passed))
        else:
            print(summary(results))
    raise typer.Exit(ACCEPT if passed else REFUSE)


def show(result: Result) -> None:
    """Print one result: what was tested, how it went, how long it took; a failure with its way out."""
    from rich.text import Text

    from cli import render
    from cli.output import console

    screen = console()
    sign, style = SIGNS[result.outcome]
    took = f"{result.seconds:6.2f} s" if result.outcome != "skipped" else " " * 8
    head = Text.assemble((f"{sign:<8}", style), f"{took}  {result.name}")
    if result.message:
        head.append(f": {result.message}")
    render.hanging(screen, head)
    if result.fix:
        render.indented(screen, Text.assemble(("Way out: ", "bold"), result.fix))


def summary(results: list[Result]) -> str:
    """Return one line over all results."""
    counts = {outcome: sum(result.outcome == outcome for result in results) for outcome in SIGNS}
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    return f"{said}, in {sum(result.seconds for result in results):.1f} s."


def document(results: list[Result], url: str, *, passed: bool) -> dict[str, Any]:
    """Return the results for machines; seconds."""
    return {
        "schema": SCHEMA,
        "url": url,
        "passed": passed,
        "tests": [
            {
                "name": result.name,
                "outcome": result.outcome,
                "seconds": round(result.seconds, 3),
                "message": result.message or None,
                "fix": result.fix or None,
            }
            for result in results
        ],
    }

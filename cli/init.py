"""`voltaic init`: a stack file of the fewest lines, judged before it is written."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import complete, complete_cluster
from cli.cluster.options import ContextOption, NamespaceOption  # noqa: TC001  typer reads them
from cli.command import Command
from cli.set import DryRunOption, ForceOption, JsonOption, TakeOption  # noqa: TC001  the same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cli.editing.edit import Edit
    from cli.pull_request.project import Project

HELP = """Make a stack: a file with the profile, the model, and nothing else that can be derived.

On a terminal it asks for what is not given, and offers the models that start on these GPUs, the best first. Elsewhere
--profile and --model must be given. What would fail is refused and not written. A file that is there already is
replaced only after its changes are shown, and with a yes (or --yes); its secrets stay.
"""
EXAMPLES = """\b
Examples:
  voltaic init
  voltaic init --profile v100-2gpu --model mistralai/Mistral-7B-Instruct-v0.2 --namespace team-a

Exit codes: 0 written, 1 refused, 2 bad input or usage, 3 unknown (--force-unknown writes it).
"""
MOST_OFFERED: Final = 12
STACK: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
"""Names of stacks (pulumi 3.259 sdk/go/common/tokens/names.go)."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "init",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Make a stack, judged first.",
        rich_help_panel="Set up",
    )
    command(init)


def init(
    *,
    stack: Annotated[
        str | None, typer.Option("--stack", "-s", metavar="NAME", help="Name of the stack. Default: the profile's.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The GPUs of one node: v100-2gpu.", autocompletion=complete.profiles),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="ID", help="Repository id of the model.", autocompletion=complete.models)
    ] = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace a stack file without asking.")] = False,
    take: TakeOption = None,
    dry_run: DryRunOption = False,
    force_unknown: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a stack."""
    from cli.editing import run
    from cli.editing.edit import NotEditable, find, prepare
    from cli.editing.request import InvalidRequest, changes

    options = run.Options("init", dry_run=dry_run, force_unknown=force_unknown, as_json=as_json, take=take)
    given = {"profile": profile, "model": model, "namespace": namespace, "context": context}
    try:
        project = find(Path.cwd())
        answers = given if as_json or not _at_terminal() else asked_at_terminal(given)
        faults = _missing(answers)
        name = stack or (stack_name(answers["profile"]) if answers["profile"] else None)
        if name is not None and STACK.fullmatch(name) is None:
            faults.append(f"--stack {name}: letters, digits, - _ and . alone, 100 at most")
        if faults or name is None:
            run.usage("init", faults, as_json=as_json)
        asked = changes([f"{key}={value}" for key, value in answers.items() if value is not None], stack=name)
    except (NotEditable, InvalidRequest) as fault:
        run.usage("init", fault.faults, as_json=as_json)

    def again(values: Mapping[str, Any]) -> Edit:
        return _prepared(options, prepare, project, str(name), values)

    edit, notes = run.taken(options, again(asked), again)
    agree = None if edit.old is None else agreement(edit, yes=yes)
    raise typer.Exit(run.finish(options, edit, [*notes, *_first_steps(edit)], agree=agree))


def _prepared(
    options: Any, prepare: Callable[..., Edit], project: Project, stack: str, values: Mapping[str, Any]
) -> Edit:
    from cli.editing.edit import NotEditable
    from cli.output import fail

    try:
        return prepare(project, stack, values, afresh=True)
    except NotEditable as fault:
        fail(options.command, fault.faults, as_json=options.as_json)


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _missing(answers: Mapping[str, str | None]) -> list[str]:
    """Return what is missing, with what may stand there."""
    faults = []
    if answers["profile"] is None:
        faults.append("--profile: missing; the GPUs of one node, such as v100-2gpu")
    if answers["model"] is None:
        faults.append(f"--model: missing; {_suggestion(answers['profile'])}")
    return faults


def _suggestion(profile: str | None) -> str:
    from voltaic import hardware

    try:
        name = hardware.profile(profile).name if profile else None
    except hardware.UnknownProfile:
        name = None
    if name is None:
        return "a repository id; what fits is listed by: voltaic models --fits PROFILE"
    from cli.editing import choices

    best = [choice.model.id for choice in choices.of_profile(name)[:3]]
    said = f"the best that start on {name}: {', '.join(best)}; all" if best else "a repository id; what fits"
    return f"{said}: voltaic models --fits {name}"


def stack_name(profile: str) -> str:
    """Return the stack's name where none is given: that of the profile."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", profile.strip())


def asked_at_terminal(given: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the answers of somebody at a terminal to what was not given."""
    from cli.editing import choices
    from voltaic import hardware

    answers = dict(given)
    while answers["profile"] is None:
        names = [profile.name for profile in hardware.profiles()]
        typed = _typed("GPUs of one node, such as v100-2gpu (? lists all): ")
        if typed is None:
            return answers
        if typed == "?":
            print("  " + ", ".join(names), file=sys.stderr)
            continue
        try:
            answers["profile"] = hardware.profile(typed).name
        except hardware.UnknownProfile as fault:
            print(f"  {fault}", file=sys.stderr)
    if answers["model"] is None:
        answers["model"] = _model(choices.of_profile(hardware.profile(answers["profile"]).name))
    for key, question, default in (
        ("namespace", "Namespace", "that of the context"),
        ("context", "Context of the kubeconfig", "the current one"),
    ):
        if answers[key] is None:
            hints = complete_cluster.contexts("") if key == "context" else []
            listed = f"; there are: {', '.join(hints)}" if hints else ""
            answers[key] = _typed(f"{question} (enter: {default}{listed}): ") or None
    return answers


def _model(offered: list[Any]) -> str | None:
    """Return the model that is chosen, by its number or its id."""
    shown = offered[:MOST_OFFERED]
    print("Models that start there, the best first:", file=sys.stderr)
    for number, choice in enumerate(shown, 1):
        print(f"  {number}. {choice}", file=sys.stderr)
    more = len(offered) - len(shown)
    if more:
        print(f"  and {more} more: voltaic models --fits PROFILE", file=sys.stderr)
    while True:
        typed = _typed("Model, by number or repository id: ")
        if typed is None or not typed.isdecimal():
            return typed or None
        if 1 <= int(typed) <= len(shown):
            return str(shown[int(typed) - 1].model.id)
        print(f"  1 to {len(shown)}, or a repository id", file=sys.stderr)


def _typed(prompt: str) -> str | None:
    """Return what was typed, without blanks around it; None where nothing more comes."""
    print(prompt, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.strip() if line else None


def agreement(edit: Edit, *, yes: bool) -> Callable[[], bool]:
    """Return the question before a stack file that is there is changed."""
    from cli.asking import agreed

    return lambda: agreed(f"{edit.path.name} is there already. Change it as shown?", yes=yes)


def _first_steps(edit: Edit) -> list[str]:
    """Return what is to be done beside the file."""
    from cli.editing import choices

    model = edit.verdict.spec.model.id
    if model is not None and choices.gated(model) and not edit.verdict.spec.command.env.keys() & {"HF_TOKEN"}:
        token = f"pulumi config set --secret hfToken --stack {edit.stack}"
        return [f"{model} is gated: accept its terms on the hub, and set your token with: {token}"]
    return []

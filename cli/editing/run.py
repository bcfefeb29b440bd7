"""What every command that changes a stack file does: judge, show, refuse or write, and say how to undo it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from cli.output import ACCEPT, REFUSE, exit_code, fail, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cli.editing.edit import Edit


class Options(NamedTuple):
    """How a change is made."""

    command: str
    """Name of the command, for messages."""
    dry_run: bool = False
    force_unknown: bool = False
    as_json: bool = False
    take: str | None = None
    """Number of the way out to take where it is refused."""
    takes: bool = True
    """Whether the command has `--take`."""


def prepared(options: Options, stack: str | None, asked: Mapping[str, Any]) -> Edit:
    """Return the change of a stack that exists; ends the command with exit code 2 where it cannot be made."""
    from cli import stacks
    from cli.editing.edit import NotEditable, find, prepare

    try:
        chosen = stacks.chosen(stack)
        return prepare(find(chosen.file.parent), chosen.name, asked)
    except (stacks.NoStack, NotEditable) as fault:
        fail(options.command, getattr(fault, "faults", (str(fault),)), as_json=options.as_json)


def taken(options: Options, edit: Edit, again: Callable[[Mapping[str, Any]], Edit]) -> tuple[Edit, list[str]]:
    """Return the change with the way out in it that was asked for, and what to say of that.

    Args:
        options: how the change is made.
        edit: the change as it was asked for.
        again: makes it with other values.
    """
    if options.take is None:
        return edit, []
    fixes = edit.verdict.fixes
    if edit.verdict.verdict != "refuse":
        fail(options.command, [f"--take {options.take}: it is not refused; leave --take out"], as_json=options.as_json)
    number = int(options.take) if options.take.isdecimal() and options.take.isascii() else 0
    if not 1 <= number <= len(fixes):
        allowed = f"1 to {len(fixes)}" if fixes else "nothing: no way out is known"
        fail(options.command, [f"--take {options.take}: allowed: {allowed}"], as_json=options.as_json)
    fix = fixes[number - 1]
    return again({**edit.asked, **fix.settings}), [f"Way out {number} is taken: {fix}."]


def finish(options: Options, edit: Edit, notes: Sequence[str] = (), *, agree: Callable[[], bool] | None = None) -> int:
    """Show a change and write it where it may be; return the exit code.

    Args:
        options: how it is made.
        edit: what is made.
        notes: what else is to be said.
        agree: asks whether it is written; None: nobody is asked.
    """
    verdict = edit.verdict.verdict
    told = [*notes, *_about_unknown(options, edit)]
    may = verdict == "accept" or (verdict == "unknown" and (options.force_unknown or edit.lets_unknown_through))
    if not options.as_json:
        from cli.editing.show import show
        from cli.output import console

        show(console(), edit, notes=told, take=options.takes)
    code = ACCEPT if may else exit_code([verdict])
    written = False
    if may and edit.changes and not options.dry_run:
        if agree is not None and not agree():
            print("Nothing was written.", file=sys.stderr)
            code = REFUSE
        else:
            _write(options, edit)
            written = True
    if options.as_json:
        from cli.editing.document import document

        print_json(document(edit, written=written, notes=told))
    else:
        _say(edit, written=written, may=may, dry_run=options.dry_run, asked=agree is not None)
    return code


def settled(options: Options, edit: Edit, *, agreed: bool) -> tuple[int, bool]:
    """Write a change where it may be and somebody agreed; return the exit code, and whether it was written."""
    verdict = edit.verdict.verdict
    may = verdict == "accept" or (verdict == "unknown" and (options.force_unknown or edit.lets_unknown_through))
    if not may:
        return exit_code([verdict]), False
    written = bool(edit.changes) and agreed and not options.dry_run
    if written:
        _write(options, edit)
    return ACCEPT, written


def _about_unknown(options: Options, edit: Edit) -> list[str]:
    if edit.verdict.verdict != "unknown":
        return []
    model, said = edit.verdict.spec.model, []
    if model.architecture is None and model.id and not model.id.startswith("/"):
        said.append(
            f"The catalogue does not know {model.id}.{_close(model.id)} Add it with: voltaic models add {model.id}"
        )
    if edit.lets_unknown_through:
        said.append("allowUnknown is true: what cannot be judged is deployed all the same.")
    elif options.force_unknown:
        said.append("It is written unjudged. voltaic up refuses it all the same, until: voltaic set allowUnknown true")
    else:
        said.append("To write it unjudged: the same command again with --force-unknown.")
    return said


def _close(model: str) -> str:
    from difflib import get_close_matches

    from voltaic import models

    by_name = {known.lower(): known for known in models.known_ids()}
    near = get_close_matches(model.lower(), by_name, n=1, cutoff=0.8)
    return f" Did you mean {by_name[near[0]]}?" if near else ""


def _write(options: Options, edit: Edit) -> None:
    from cli.editing.history import NotWritten, write

    try:
        write(edit.path, edit.old, edit.new, tuple(map(str, edit.changes)))
    except NotWritten as fault:
        fail(options.command, [str(fault)], as_json=options.as_json)


def _say(edit: Edit, *, written: bool, may: bool, dry_run: bool, asked: bool) -> None:
    from cli.editing.document import undo_command

    print()
    if written:
        if edit.old is None:
            print(f"Written to {edit.path.name}. Make the stack known to Pulumi: pulumi stack init {edit.stack}")
            print(f"Then start it with: voltaic up --stack {edit.stack}")
        else:
            print(f"Written to {edit.path.name}. It takes effect with: voltaic up --stack {edit.stack}")
        print(f"Undo: {undo_command(edit.stack)}")
    elif not may:
        print(f"{edit.path.name} is {'not written' if edit.old is None else 'unchanged'}.")
    elif not edit.changes:
        print(f"{edit.path.name} says that already.")
    elif dry_run:
        print(f"{edit.path.name} is {'not written' if edit.old is None else 'unchanged'} (--dry-run).")
    elif not asked:
        raise AssertionError("what may be written is written")


def undo(options: Options, stack: str | None) -> int:
    """Take the last change of a stack back; return the exit code."""
    from cli import stacks
    from cli.editing import history

    try:
        path = stacks.chosen(stack).file
        step = history.last(path)
        if step is None:
            fail(options.command, [f"{path.name}: no change of this program is left to undo"], as_json=options.as_json)
        if not options.dry_run:
            history.undo(path, step)
    except stacks.NoStack as fault:
        fail(options.command, [str(fault)], as_json=options.as_json)
    except history.NotWritten as fault:
        if options.as_json:
            fail(options.command, [str(fault)], as_json=True)
        print(f"voltaic {options.command}: {fault}", file=sys.stderr)
        return REFUSE
    if options.as_json:
        document = {"schema": "voltaic/undo/v1", "file": path.name, "undone": list(step.what)}
        print_json(document | {"written": not options.dry_run, "removed": step.before is None})
        return ACCEPT
    gone = "the file was new, and is removed" if step.before is None else "the file is as it was before"
    print(f"{path.name}: {gone}.{' (--dry-run: not yet)' if options.dry_run else ''} Taken back:")
    for line in step.what:
        print(f"  {line}")
    return ACCEPT


def usage(command: str, faults: Sequence[str], *, as_json: bool) -> NoReturn:
    """End a command that was asked for in the wrong words."""
    fail(command, faults, as_json=as_json, usage=True)

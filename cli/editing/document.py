"""A change of a stack file as a document for programs: schema voltaic/edit/v1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.editing import effects, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.editing.edit import Edit
    from cli.pull_request.model import Side

SCHEMA = "voltaic/edit/v1"


def document(edit: Edit, *, written: bool, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the document of a change."""
    return {
        "schema": SCHEMA,
        "stack": edit.stack,
        "file": edit.path.name,
        "verdict": edit.verdict.verdict,
        "written": written,
        "changes": [{"key": one.key, "before": one.before, "after": one.after} for one in edit.changes],
        "before": None if edit.before is None else _side(edit.before),
        "after": _side(edit.after),
        "effects": list(effects.lines(edit)),
        "ways_out": [
            {
                "text": str(fix),
                "settings": dict(fix.settings),
                "command": None if edit.afresh else words.command({**edit.asked, **fix.settings}, edit.stack),
            }
            for fix in edit.verdict.fixes
        ],
        "notes": list(notes),
        "undo": undo_command(edit.stack) if written else None,
    }


def undo_command(stack: str) -> str:
    """Return what takes the last change of a stack back."""
    return f"{words.command({}, stack)} --undo"


def _side(side: Side) -> dict[str, Any]:
    """Return one version of the stack."""
    from voltaic.document import plan_document

    plan = None if side.verdict is None else plan_document(side.verdict)
    return {"subject": side.subject, "faults": list(side.faults), "plan": plan}

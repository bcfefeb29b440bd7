"""The preview document (schema voltaic/preview/v1): everything that the comment is made from, uncut."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cli.pull_request import comment

if TYPE_CHECKING:
    from cli.pull_request.model import Change, Report, Side

SCHEMA = "voltaic/preview/v1"


def document(change: Change) -> dict[str, Any]:
    """Return the document of a change."""
    from cli.pull_request.words import worst

    return {
        "schema": SCHEMA,
        "project": change.project,
        "base": change.base,
        "marker": comment.marker(change.project),
        "outcome": "failed" if change.faults else worst(change.reports),
        "faults": list(change.faults),
        "stacks": [_report(report) for report in change.reports],
    }


def _report(report: Report) -> dict[str, Any]:
    return {
        "stack": report.stack,
        "outcome": report.outcome,
        "faults": list(report.faults),
        "compared_with": report.against,
        "before": _side(report.before),
        "after": _side(report.after),
        "settings": [asdict(one) for one in report.settings],
        "findings": [{**asdict(said), "sources": list(said.sources)} for said in report.findings],
        "ways_out": [{"text": way.text, "commands": list(way.commands)} for way in report.ways],
        "pods": [asdict(found) for found in report.pods],
        "volumes": [asdict(found) for found in report.volumes],
        "steps": [
            {"op": step.op, "type": step.type, "name": step.name, "urn": step.urn, "properties": list(step.paths)}
            for step in report.steps
        ],
        "notes": list(report.notes),
        "messages": [asdict(message) for message in report.messages],
    }


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    start = side.start
    return {
        "where": side.where,
        "outcome": side.outcome,
        "faults": list(side.faults),
        "settings": dict(side.stated),
        "plan": side.plan,
        "start_seconds": None
        if start is None
        else {name: int(getattr(start, name)) for name in ("download", "load", "process", "warm_up")},
    }

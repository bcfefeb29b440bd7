"""What `voltaic check` found as one document (schema voltaic/check/v1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic.document import plan_document

if TYPE_CHECKING:
    from cli.check_run import Judged, Run, Told

SCHEMA: Final = "voltaic/check/v1"


def document(run: Run) -> dict[str, Any]:
    """Return the check document."""
    return {
        "schema": SCHEMA,
        "files": run.files,
        "workloads": [_workload(judged) for judged in run.judged],
        "errors": [{"file": one.file, "line": one.line, "faults": list(one.faults)} for one in run.unreadable],
    }


def _workload(judged: Judged) -> dict[str, Any]:
    workload, verdict = judged.workload, judged.checked.verdict
    return {
        "file": workload.file,
        "document": workload.document,
        "line": None if judged.position is None else judged.position.line,
        "kind": workload.kind,
        "name": workload.name,
        "part": workload.part,
        "container": workload.container,
        "recognised": workload.recognised,
        "judgement": judged.checked.judgement if judged.checked.asked else None,
        "plan": None if verdict is None else plan_document(verdict),
        "findings": [_finding(told) for told in judged.told],
    }


def _finding(told: Told) -> dict[str, Any]:
    position = told.position
    return {
        **told.finding.document(),
        "policy": told.said.policy,
        "file": told.said.file,
        "document": told.said.document,
        "line": None if position is None else position.line,
        "column": None if position is None else position.column,
        "path": told.finding.path,
        "waived": told.said.waived,
    }

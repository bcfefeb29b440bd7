"""What must hold of every answer, whatever was asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from voltaic.document import InvalidLine, plan_document, spec_from_line
from voltaic.manifests import Document, workloads
from voltaic.memory.bill import Bill
from voltaic.rules.rule import FAULT_OF_OURS
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections import Counter

    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

OUTCOMES = {"accept": set[str](), "refuse": {"violation"}, "unknown": {"unknown"}}


class Broken(AssertionError):  # noqa: N818  named for what it says
    """An answer that breaks the promise."""


def must(holds: object, what: str, verdict: Verdict | None = None) -> None:
    """Raise Broken where something does not hold."""
    if not holds:
        told = "" if verdict is None else f": {verdict.verdict}, {verdict.answers}"
        raise Broken(f"{what}{told}")


def line_is_answered(line: Any, *, whole: bool, counts: Counter[str]) -> dict[str, Any] | None:
    """Judge a line; with `whole` search ways out and return the plan document. Raises Broken, or what broke."""
    try:
        spec = spec_from_line(line)
    except InvalidLine as invalid:
        must(invalid.faults and all(": " in fault for fault in invalid.faults), "a fault without its key")
        counts["invalid"] += 1
        return None
    return spec_is_answered(spec, whole=whole, counts=counts)


def manifest_is_answered(content: Any, *, whole: bool, counts: Counter[str]) -> None:
    """Read a manifest and judge what it serves."""
    for workload in workloads([Document("a.yaml", 1, content)]):
        must((workload.spec is None) == (workload.recognised is None), "a server without a spec")
        if workload.spec is not None:
            spec_is_answered(workload.spec, whole=whole, counts=counts)


def spec_is_answered(spec: ServingSpec, *, whole: bool, counts: Counter[str]) -> dict[str, Any] | None:
    """Judge a spec and check the verdict against its reasons."""
    verdict = judge(spec)
    counts[verdict.verdict] += 1
    mandatory = {finding.outcome for finding in verdict.answers if finding.level == "mandatory"}
    expected = "refuse" if "violation" in mandatory else "unknown" if mandatory else "accept"
    must(verdict.verdict == expected, "a verdict that is not what its findings say", verdict)
    for finding in verdict.answers:
        must(finding.why != FAULT_OF_OURS, "a rule that broke", verdict)
        must(finding.message.strip() and finding.why.strip() and finding.fix.strip(), "half a finding", verdict)
    if verdict.verdict == "accept":
        must(isinstance(verdict.bill, Bill) and verdict.bill.fits, "an accept that does not fit", verdict)
    if isinstance(verdict.bill, Bill):
        parts = [(gpu.budget, gpu.context, gpu.weights, gpu.kv_cache, gpu.activations, gpu.other)
                 for gpu in verdict.bill.per_gpu]  # fmt: skip
        must(
            parts and all(isinstance(size, int) and size >= 0 for gpu in parts for size in gpu), "an odd size", verdict
        )
    if not whole:
        return None
    must(not verdict.ways.failed if verdict.verdict == "refuse" else True, "a search that broke", verdict)
    for fix in (*verdict.fixes, *(verdict.ways.elsewhere if verdict.verdict == "refuse" else ())):
        must(judge(fix.spec).verdict == "accept", f"a way out that is refused, {fix}", verdict)
        must(fix.commands and all(fix.commands), "a way out with nothing to type", verdict)
    document = plan_document(verdict)
    must(json.loads(json.dumps(document, allow_nan=False)) is not None, "a document that is no JSON")
    return document

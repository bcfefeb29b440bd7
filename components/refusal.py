"""Why a server is not deployed, in the words of the judge, and what to type instead."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from voltaic import units
from voltaic.memory.bill import Bill

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.fixes import Fix
    from voltaic.memory.bill import GpuBill
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

LINES = ("context", "weights", "kv_cache", "activations", "other")
"""Lines of a bill that add up to its total."""


def refusal(verdict: Verdict, *, allow_unknown: bool) -> str | None:
    """Return why the server is not deployed; None where it is.

    `allow_unknown` lets through what cannot be judged, never what is refused.
    """
    if verdict.verdict == "accept" or (verdict.verdict == "unknown" and allow_unknown):
        return None
    refused = verdict.verdict == "refuse"
    head = "would not start" if refused else "cannot be judged for want of facts"
    lines = [f"{subject(verdict.spec)} {head}:"]
    wanted = "violation" if refused else "unknown"
    for finding in verdict.findings:
        if finding.level == "mandatory" and finding.outcome == wanted:
            lines += [f"{finding.rule}: {finding.message}", f"  why: {finding.why}", f"  way out: {finding.fix}"]
    if isinstance(verdict.bill, Bill):
        lines.append(f"VRAM of the fullest GPU: {sum_of(verdict.bill.worst)}")
    lines += [f"accepted instead: {commands(fix)}" for fix in verdict.fixes]
    if not refused:
        lines.append("to deploy it all the same: pulumi config set allowUnknown true")
    first, *rest = lines
    return "\n".join([first, *(f"  {line}" for line in rest)])


def no_chat(release: object) -> str:
    """Return why a chat page has nothing to talk to."""
    return (
        f"webuiEnabled: the chat page talks to /v1/chat/completions, which {release} does not have. "
        "Take a later release with: pulumi config set engineVersion VERSION, or serve without the page with: "
        "pulumi config set webuiEnabled false"
    )


def subject(spec: ServingSpec) -> str:
    """Return what is judged: `TGI 3.0.1 with MODEL on 2 x NVIDIA V100 16 GB`."""
    gpu = spec.gpu.title if spec.gpu else "a GPU that is not known"
    return f"{spec.release} with {spec.model.id} on {spec.gpus or '?'} x {gpu}"


def sum_of(bill: GpuBill) -> str:
    """Return the bill of one GPU as a sum: `context 0.45 + weights 24.40 + … = 26.41 GiB of 15.33 GiB`."""
    parts = " + ".join(f"{name.replace('_', ' ')} {units.gib(getattr(bill, name))}" for name in LINES)
    return f"{parts} = {units.gib(bill.total)} of {units.gib(bill.budget)}"


def commands(fix: Fix) -> str:
    """Return what to type to get an accepted configuration."""
    return "; ".join(_command(key, value) for key, value in fix.settings.items())


def _command(key: str, value: Any) -> str:
    if value is None:
        return f"pulumi config rm {key}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"pulumi config set {key} {shlex.quote(text)}"


def bill_for_people(bill: Bill) -> list[Mapping[str, str]]:
    """Return the bill of each GPU with sizes that people read."""
    return [{name: units.gib(size) for name, size in gpu.document().items()} for gpu in bill.per_gpu]

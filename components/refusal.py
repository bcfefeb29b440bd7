"""Why a server is not deployed, in the words of the judge, and what to type instead."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pulumi

from voltaic import units

if TYPE_CHECKING:
    from voltaic.fixes import Fix
    from voltaic.memory.bill import Bill
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict


PARTS = {
    "context": "context",
    "weights": "weights",
    "kv_cache": "KV cache",
    "activations": "activations",
    "other": "planning margin",
}
"""Lines of a bill that add up to its total, and what they are called."""


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
    if verdict.fixes:
        lines.append("accepted are, for example:" if len(verdict.fixes) > 1 else "accepted is:")
        lines += [f"  {commands(fix)}" for fix in verdict.fixes]
    if not refused:
        lines.append(f"to deploy it all the same: {_command('allowUnknown', value=True)}")
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


def commands(fix: Fix) -> str:
    """Return what to type to get an accepted configuration."""
    return "; ".join(_command(key, value) for key, value in fix.settings.items())


def _command(key: str, value: Any) -> str:
    """Return the command that sets or removes a key of this stack, which need not be the selected one."""
    stack = shlex.quote(pulumi.get_stack())
    if value is None:
        return f"pulumi config rm -s {stack} {key}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"pulumi config set -s {stack} {key} {shlex.quote(text)}"


def bill_for_people(bill: Bill) -> list[str]:
    """Return one line a GPU: `12.05 GiB of 15.77 GiB: context 0.44 GiB, weights 6.81 GiB, …`."""
    lines = []
    for gpu in bill.per_gpu:
        sizes = gpu.document()
        parts = [f"{PARTS[name]} {units.gib(sizes[name])}" for name in PARTS]
        lines.append(f"{units.gib(gpu.total)} of {units.gib(gpu.budget)}: {', '.join(parts)}")
    return lines

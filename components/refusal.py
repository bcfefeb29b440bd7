"""Why a server is not deployed, in the words of the judge, and what to type instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components import commands
from voltaic import units
from voltaic.engines.tgi import deployment as images

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def refusal(verdict: Verdict, *, allow_unknown: bool, with_page: bool) -> str | None:
    """Return why the server is not deployed; None where it is.

    Args:
        verdict: what the judge says.
        allow_unknown: lets through what cannot be judged, never what is refused.
        with_page: whether a chat page will ask the server, so that a release without chat is no way out.
    """
    if verdict.verdict == "accept" or (verdict.verdict == "unknown" and allow_unknown):
        return None
    refused = verdict.verdict == "refuse"
    head = "would not start" if refused else "cannot be judged for want of facts"
    lines = [f"{subject(verdict.spec)} {head}:"]
    wanted = "violation" if refused else "unknown"
    fixes = [fix for fix in verdict.fixes if not with_page or _has_chat(fix)]
    # Where accepted changes follow as commands, the findings need not list them.
    for finding in verdict.answers if fixes else verdict.findings:
        if finding.level == "mandatory" and finding.outcome == wanted:
            lines += [f"{finding.rule}: {finding.message}", f"  why: {finding.why}", f"  way out: {finding.fix}"]
    if fixes:
        lines.append("accepted by the same rules:")
        lines += [f"  {line}" for fix in fixes for line in (f"{fix}:", *(f"  {text}" for text in _to_type(fix)))]
    elsewhere = verdict.ways.elsewhere if refused else ()
    if elsewhere:
        lines.append("other engines serve it on these GPUs; no stack deploys them:")
        lines += [f"  {line}" for fix in elsewhere for line in (f"{fix}:", *(f"  {text}" for text in fix.commands))]
    if not refused:
        lines.append(f"to deploy it all the same: {commands.to_set('allowUnknown', value=True)}")
    first, *rest = lines
    return "\n".join([first, *(f"  {line}" for line in rest)])


def no_chat(release: object) -> str:
    """Return why a chat page has nothing to talk to."""
    return (
        f"webuiEnabled: the chat page talks to /v1/chat/completions, which {release} does not have. "
        f"Take the release that is proven for the GPU with: {commands.to_remove('engineVersion')}, "
        f"or serve without the page with: {commands.to_set('webuiEnabled', value=False)}"
    )


def subject(spec: ServingSpec) -> str:
    """Return what is judged: `TGI 3.0.1 with MODEL on 2 x NVIDIA V100 16 GB`."""
    gpu = spec.gpu.title if spec.gpu else "a GPU that is not known"
    return f"{spec.release} with {spec.model.id} on {spec.gpus or '?'} x {gpu}"


def _to_type(fix: Fix) -> Iterator[str]:
    """Yield what to type to get an accepted configuration: one line, or none where arguments are to be corrected."""
    changes = fix.settings.items()
    typed = [commands.to_remove(key) if value is None else commands.to_set(key, value=value) for key, value in changes]
    if typed:
        yield "; ".join(typed)


def _has_chat(fix: Fix) -> bool:
    release = fix.spec.release
    return release.engine != "tgi" or images.deployment(release.version).chat_completions


def bill_for_people(bill: Bill) -> list[str]:
    """Return one line a GPU: `12.05 GiB of 15.77 GiB: context 0.44 GiB, weights 6.81 GiB, …`."""
    lines = []
    for gpu in bill.per_gpu:
        sizes = gpu.document()
        parts = [f"{PARTS[name]} {units.gib(sizes[name])}" for name in PARTS]
        lines.append(f"{units.gib(gpu.total)} of {units.gib(gpu.budget)}: {', '.join(parts)}")
    return lines

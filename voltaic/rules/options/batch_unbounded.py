"""Does anything bound the requests of a batch, where the cache has no other bound?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.answers import bill_of, runs_of
from voltaic.findings import Finding, Source
from voltaic.memory.bill import Bill
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.spec import ServingSpec

ID: Final = "batch-unbounded"
_SOURCES: Final = (
    Source("TGI server/text_generation_server/models/causal_lm.py of 1.1.0 to 3.3.7: the cache grows with requests"),
    Source("TGI router queue.rs, next_batch, of 1.4.1 to 3.3.7: what max_batch_size is compared with"),
)


def check(spec: ServingSpec) -> Iterator[Finding]:
    """Yield a finding where a server without a pool for its cache has no bound of its own on requests.

    The bill reckons with max_concurrent_requests then, as the server does: what does not fit is refused there, and
    nothing more is said here.
    """
    runs, engine = runs_of(spec), engines.engine(spec.release.engine)
    if runs is None or engine is None or runs.implementation != "transformers-fallback":
        return
    bound = engine.batch_bound(spec.release.version)
    if bound in spec.command.options or "max_concurrent_requests" in spec.command.options:
        return
    bill = bill_of(spec)
    if spec.command.faults or not isinstance(bill, Bill) or not bill.fits:
        return
    most = runs.limits.get("max_concurrent_requests")
    stated = spec.option("max_batch_size")
    flag = "--" + bound.replace("_", "-")
    found = f"No {flag} is given"
    if stated is not None:
        found = f"{spec.release} does not keep to --max-batch-size {stated} when requests join"
    yield Finding(
        rule=ID,
        message=f"{found}: up to {most} requests make one batch; wanted is {flag} with those that fit.",
        why="Without flash attention the cache is no pool: it grows with every request, until the GPU is full.",
        fix=f"Write {flag} with the requests that fit; `voltaic plan` derives a number.",
        sources=_SOURCES,
        level="advisory",
        about=flag,
    )


RULE: Final = Rule(
    id=ID,
    title="Does anything bound the requests of a batch, where the cache has no other bound?",
    why="A TGI server without flash attention has no pool for its cache: every request takes more memory of the GPU.",
    check=check,
    level="advisory",
    fix="Write --max-batch-size, or --max-concurrent-requests for releases before 2.3.0.",
    sources=_SOURCES,
)

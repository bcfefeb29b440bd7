"""What `voltaic forward` adds to a request, against a direct connection, in turns: `python -m bench.forward`.

The engine is a stand-in that answers at once, so that nearly all of the time is the way. Cluster and engine run on this
machine; a real network adds its own time to each way.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bench.measure import pairs
from cli.cluster import connect
from cli.reaching.relay import Relay
from simulator.cluster import Cluster
from tests.stub.stack import TGI, deployed

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.measure import Pairs

MOST_ADDED = 0.005
"""Bar, in seconds: median of a request through the forward minus median of the same request without it."""
PACE_SECONDS = 0.1
"""Between two requests that each open a connection, as people and scripts send them."""
PATH = "/health"


def once(client: httpx.Client, url: str, pause: float) -> Callable[[], float]:
    """Return what measures one request."""

    def measure() -> float:
        time.sleep(pause)
        started = time.perf_counter()
        client.get(f"{url}{PATH}").raise_for_status()
        return time.perf_counter() - started

    return measure


def compare(through: str, direct: str, *, keep: bool, pause: float, count: int) -> Pairs:
    """Measure requests through the forward and without it, in turns.

    Args:
        through: address of the forward.
        direct: address of the engine.
        keep: whether requests share a connection.
        pause: seconds before each.
        count: of pairs.
    """
    limits = httpx.Limits() if keep else httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(trust_env=False, limits=limits) as client:
        return pairs(once(client, through, pause), once(client, direct, pause), count=count)


def main() -> int:
    """Measure, print, and return the exit code."""
    quick = "--quick" in sys.argv[1:]
    missed = False
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory(prefix="voltaic-bench-") as folder:
        simulated = Cluster("bench-forward", Path(folder))
        simulated.start()
        try:
            with deployed(simulated, page=False) as stack, connect(simulated.user_kubeconfig) as cluster:
                relay = Relay(cluster, cluster.services(TGI)[0])
                cluster.start(relay.open("127.0.0.1", 0))
                while not relay.ready:
                    time.sleep(0.05)
                through = f"http://127.0.0.1:{relay.local_port}"
                for title, keep, pause, count, bar in (
                    ("requests on one connection", True, 0.0, 400, True),
                    ("a connection each, 0.1 s apart", False, PACE_SECONDS, 60, True),
                    ("a connection each, back to back", False, 0.0, 100, False),
                ):
                    took = compare(
                        through, stack.engine.url, keep=keep, pause=pause, count=count // 4 if quick else count
                    )
                    ours, direct = took.medians
                    slow = statistics.quantiles(took.first, n=20)[-1]
                    met = not bar or ours - direct <= MOST_ADDED
                    missed |= not met
                    print(
                        f"{title:<34}{ours * 1000:6.2f} ms through, {direct * 1000:5.2f} ms direct: "
                        f"{(ours - direct) * 1000:5.2f} added, ratio {took.ratio:5.2f}, 95 % {slow * 1000:6.2f} ms  "
                        f"{f'at most {MOST_ADDED * 1000:.0f} ms added' if bar else 'no bar'}{'' if met else '  MISSED'}"
                    )
                cluster.start(relay.close())
        finally:
            simulated.delete()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Asks a cluster what a preflight wants to know; nothing is changed, and dry runs are marked as such."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cli.cluster import ClusterError
from cli.cluster.rights import Right
from cli.preflights import places, room, rows, stand_in
from cli.preflights.needs import amount
from cli.preflights.rows import NeededRight, Row
from voltaic.engines import data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cli.cluster.cluster import Cluster
    from cli.preflights.needs import Needs

T = TypeVar("T")
_KEYS = frozenset({"resources", "verbs", "needed", "without", "source", "confidence"})


@cache
def needed_rights() -> tuple[NeededRight, ...]:
    """Return rights.toml, checked."""
    found = []
    for row in data.table(Path(__file__).with_name("rights.toml"))["right"]:
        data.only(row, _KEYS, "rights.toml")
        data.source(row["source"], row["confidence"])
        found.append(NeededRight(tuple(row["resources"]), tuple(row["verbs"]), row["needed"], row["without"]))
    return tuple(found)


def of_cluster(cluster: Cluster, needs: Needs | None, labels: Mapping[str, str]) -> Iterator[Row]:
    """Yield what a cluster says, row by row.

    Args:
        cluster: where.
        needs: of the stack; None: there is none, and only what every stack needs is asked.
        labels: of the stack's objects.

    Raises:
        ClusterError: it cannot be reached, or does not accept the login.
    """
    yield Row("api-server", "ok", f"{cluster.server} answers: {cluster.version()}, as {cluster.whoami() or 'you'}")
    yield namespace(cluster)
    asked = [
        Right(verb, resource, cluster.namespace)
        for right in needed_rights()
        for resource in right.resources
        for verb in right.verbs
    ]
    yield from rows.rights(cluster.may(asked), needed_rights(), replicas=needs.settings.replicas if needs else 1)
    if needs is None:
        return
    with ThreadPoolExecutor(8, thread_name_prefix="preflight") as pool:
        quotas = pool.submit(_allowed, cluster.quotas)
        ranges = pool.submit(_allowed, lambda: cluster.items("limitranges"))
        classes = pool.submit(_allowed, lambda: cluster.items("storageclasses"))
        nodes = pool.submit(_allowed, lambda: cluster.items("nodes"))
        pods = pool.submit(_allowed, lambda: cluster.pods(labels))
        claims = pool.submit(_allowed, cluster.claims)
        refused = pool.submit(_security, cluster, needs)
    running, there = pods.result() or [], claims.result() or []
    yield from room.quotas(quotas.result(), needs, running, there)
    yield from room.cpu_limits(quotas.result(), ranges.result(), needs)
    yield from room.limit_ranges(ranges.result(), needs)
    yield places.nodes(nodes.result(), _busy(cluster, needs) if nodes.result() else None, needs)
    yield from places.storage(classes.result(), needs, there)
    refusals, how = refused.result()
    yield rows.security(refusals, asked=how, needs=needs)


def namespace(cluster: Cluster) -> Row:
    """Return whether the namespace is there and may be used."""
    exists = cluster.namespace_exists()
    if exists:
        return Row("namespace", "ok", f"{cluster.namespace} is there")
    if exists is False:
        return Row(
            "namespace",
            "missing",
            f"{cluster.namespace} does not exist",
            "Name yours with: pulumi config set namespace NAME",
        )
    if cluster.may([Right("list", "pods", cluster.namespace)])[0].allowed:
        return Row("namespace", "ok", f"{cluster.namespace} may be used (whether it exists may not be asked)")
    return Row(
        "namespace",
        "missing",
        f"{cluster.namespace} may not be used, or does not exist",
        "Name yours with: pulumi config set namespace NAME",
    )


def _security(cluster: Cluster, needs: Needs) -> tuple[list[str], str | None]:
    """Return what stands against stand-ins of the pods, and how that was asked."""
    for kind, bodies in (("pods", stand_in.pods(needs)), ("deployments", stand_in.deployments(needs))):
        said: list[str] = []
        try:
            for body in bodies:
                said += [text for text in cluster.dry_run(kind, body) if "PodSecurity" in text]
        except ClusterError as error:
            if error.kind == "forbidden":
                continue  # pods are often made by controllers alone: then a Deployment is asked
            if error.kind != "refused":
                raise
            if "exceeded quota" in error.message or "must specify limits" in error.message:
                return [], None  # told by the row about quotas
            said.append(error.message)
        return [_readable(text) for text in said], kind
    return [], None


def _readable(text: str) -> str:
    """Return what Pod Security said without what is made up for the dry run."""
    start = text.find("violate")
    return text[start:] if start >= 0 else text


def _busy(cluster: Cluster, needs: Needs) -> dict[str, float] | None:
    """Return the GPUs that pods hold by node; None where pods of other namespaces may not be read."""
    everywhere = _allowed(cluster.everywhere)
    if everywhere is None:
        return None
    found: dict[str, float] = {}
    for pod in everywhere:
        if pod.node and pod.phase not in {"Succeeded", "Failed"}:
            held = sum(
                amount(needs.gpu.resource_name, each.limits.get(needs.gpu.resource_name)) or 0
                for each in pod.containers
            )
            found[pod.node] = found.get(pod.node, 0.0) + held
    return found


def _allowed(ask: Callable[[], T]) -> T | None:
    """Return what is answered; None where it may not be asked, or the API server does not have it."""
    try:
        return ask()
    except ClusterError as error:
        if error.kind in {"forbidden", "not-found"}:
            return None
        raise


def worst(found: Sequence[Row]) -> Any:
    """Return the word for all rows together: refuse, unknown, accept."""
    outcomes = {row.outcome for row in found}
    return "refuse" if "missing" in outcomes else "unknown" if "unknown" in outcomes else "accept"

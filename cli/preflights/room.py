"""What quotas and limits of a namespace leave to a stack. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.preflights.needs import amount, held, shown
from cli.preflights.rows import Row
from voltaic.commands import of_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cli.cluster.objects import Claim, Pod, Quota
    from cli.preflights.needs import Needs


def quotas(
    found: Sequence[Quota] | None, needs: Needs, running: Sequence[Pod], claims: Sequence[Claim]
) -> Iterator[Row]:
    """Yield whether the quotas leave room for the stack: what its own pods hold now is counted as free.

    Args:
        found: quotas of the namespace; None: they may not be read.
        needs: of the stack.
        running: pods of the stack that are there.
        claims: volume claims of the stack that are there, which are not asked for again.
    """
    if found is None:
        yield Row("quota", "note", "quotas may not be read; Kubernetes refuses what goes beyond them")
        return
    if not found:
        yield Row("quota", "ok", "the namespace has no quota")
        return
    own, wanted = held(running), needs.quota()
    there = {claim.name for claim in claims}
    new = [claim for claim in needs.claims if claim.name not in there]
    wanted["persistentvolumeclaims"], wanted["requests.storage"] = len(new), sum(claim.size for claim in new)
    short: list[tuple[str, str]] = []
    room: list[str] = []
    for quota in found:
        for resource, left, limit in _left(quota, own):
            if resource not in wanted:
                continue
            asked = shown(resource, wanted[resource])
            told = f"{resource}: {shown(resource, left)} left of {shown(resource, limit)}, {asked} needed"
            if wanted[resource] > left:
                short.append((f"{told} (quota {quota.name})", _less(resource, left)))
            elif "gpu" in resource or resource in {"requests.memory", "memory"}:
                room.append(told)
    for told, fix in short:
        yield Row("quota", "missing", told, fix)
    if not short:
        yield Row("quota", "ok", "; ".join(room) or "leaves room for the stack")


def _left(quota: Quota, own: Mapping[str, float]) -> Iterator[tuple[str, float, float]]:
    """Yield resource, what a quota leaves of it to the stack, and its limit."""
    if any(name in (quota.raw.get("spec") or {}) for name in ("scopes", "scopeSelector")):
        return  # counts some pods only; which, is not read here
    for resource, hard in quota.hard.items():
        limit, used = amount(resource, hard), amount(resource, quota.used.get(resource, "0"))
        if limit is not None and used is not None:
            yield resource, limit - used + own.get(resource, 0.0), limit


def cpu_limits(
    found: Sequence[Quota] | None, ranges: Sequence[Mapping[str, Any]] | None, needs: Needs
) -> Iterator[Row]:
    """Yield whether a quota demands a limit on CPU, which the server does not state, and nothing sets one for it."""
    demanding = [quota.name for quota in found or () if "limits.cpu" in quota.hard]
    without = [pod.part for pod in needs.pods if "cpu" not in pod.limits and pod.count]
    if not demanding or not without:
        return
    if ranges is None:
        yield Row(
            "quota", "unknown", f"the quota {demanding[0]} demands a limit on cpu, and LimitRanges may not be read"
        )
    elif not any("cpu" in {**(item.get("max") or {}), **(item.get("default") or {})} for item in _containers(ranges)):
        told, fix = _no_limit("cpu", without, demanding[0])
        yield Row("quota", "missing", told, fix)


def limit_ranges(ranges: Sequence[Mapping[str, Any]] | None, needs: Needs) -> Iterator[Row]:
    """Yield whether limits of the namespace refuse a container, a pod or a volume of the stack."""
    if ranges is None:
        yield Row("limit-range", "note", "LimitRanges may not be read")
        return
    found = [row for item in _items(ranges) for row in _outside(item, needs)]
    yield from found
    # A maximum without a default is the default (k8s.io/kubernetes pkg/apis/core/v1/defaults.go).
    defaults = ({**(item.get("max") or {}), **(item.get("default") or {})} for item in _containers(ranges))
    throttled = [str(limits["cpu"]) for limits in defaults if "cpu" in limits]
    if throttled:
        told = f"containers without a limit on cpu get {throttled[0]}: tokenizing and loading are throttled to it"
        yield Row("limit-range", "note", told)
    elif not found:
        yield Row("limit-range", "ok", "nothing of the stack is outside of it" if ranges else "there is none")


def _outside(item: Mapping[str, Any], needs: Needs) -> Iterator[Row]:
    """Yield what of a stack one item of a LimitRange refuses: a request below its least, anything above its most."""
    kind, least, most = item.get("type"), item.get("min") or {}, item.get("max") or {}
    if kind in {"Container", "Pod"}:
        running = [pod for pod in needs.pods if pod.count]
        asked = [(pod.part, name, value) for pod in running for name, value in pod.requests.items()]
        largest = [(pod.part, name, value) for pod in running for name, value in {**pod.requests, **pod.limits}.items()]
    elif kind == "PersistentVolumeClaim":
        asked = largest = [(claim.name, "storage", float(claim.size)) for claim in needs.claims]
    else:
        return
    for part, name, value in largest:
        top = amount(name, most.get(name))
        if top is not None and value > top:
            need, limit = shown(name, value), shown(name, top)
            told = f"{part} needs {need} of {name}, and the LimitRange allows {limit} a {kind}"
            yield Row("limit-range", "missing", told, _less(name, top))
    for part, name, value in asked:
        bottom = amount(name, least.get(name))
        if bottom is not None and value < bottom:
            need, limit = shown(name, value), shown(name, bottom)
            told = f"{part} asks for {need} of {name}, and the LimitRange wants {limit} at least"
            yield Row("limit-range", "missing", told, "Ask the namespace's owner to lower it.")


def _no_limit(name: str, parts: Sequence[str], quota: str) -> tuple[str, str]:
    return (
        f"limits.{name}: {', '.join(parts)} states no limit on {name}, which the quota {quota} demands of every pod",
        f"Ask the namespace's owner for a LimitRange with a default limit on {name}.",
    )


def _less(resource: str, left: float) -> str:
    """Return how a stack asks for less of something."""
    if "gpu" in resource.partition("/")[2] or "gpu" in resource:
        if left < 1:
            return "Free some: voltaic status shows who holds them in this namespace; or ask its owner for more."
        fewer = "; ".join(of_settings({"gpus": int(left)}))
        return f"Fewer with: {fewer} (voltaic plan says whether the model still fits)."
    if "storage" in resource or resource == "persistentvolumeclaims":
        return (
            "Less with: pulumi config set modelCacheSize SIZE, or webuiDataSize SIZE. "
            "Volumes that nobody uses: voltaic cleanup"
        )
    return "Ask the namespace's owner for more, or free some: voltaic status, voltaic cleanup."


def _items(ranges: Sequence[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    for found in ranges:
        yield from (found.get("spec") or {}).get("limits") or ()


def _containers(ranges: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [item for item in _items(ranges) if item.get("type") == "Container"]

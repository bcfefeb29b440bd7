"""What there is, held against what a stack needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cli.cluster import objects
from cli.cluster.rights import Answer, Right
from cli.preflights import asking, places, room, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cli.preflights.rows import Row

GPU = "requests.nvidia.com/gpu"
V100 = {"nvidia.com/gpu.product": "Tesla-V100-SXM2-16GB"}


def quota(used: dict[str, str] | None = None, spec: dict[str, Any] | None = None, **hard: str) -> objects.Quota:
    """Return a quota; `__` in a name stands for what no name of Python may have."""
    limits = {name.replace("__", ".").replace("_gpu", "/gpu"): value for name, value in hard.items()}
    return objects.quota(
        {"metadata": {"name": "team"}, "spec": spec or {}, "status": {"hard": limits, "used": used or {}}}
    )


def told(found: Iterable[Row]) -> list[tuple[str, str]]:
    """Return outcome and text of rows."""
    return [(row.outcome, row.found) for row in found]


@pytest.mark.parametrize(
    ("found", "outcome", "words"),
    [
        (None, "note", "may not be read"),
        ([], "ok", "no quota"),
        ([quota(requests__nvidia__com_gpu="4")], "ok", f"{GPU}: 4 left of 4, 2 needed"),
        ([quota({GPU: "3"}, requests__nvidia__com_gpu="4")], "missing", f"{GPU}: 1 left of 4, 2 needed (quota team)"),
        ([quota(limits__memory="8Gi")], "missing", "limits.memory: 8.00 GiB left of 8.00 GiB, 12.00 GiB needed"),
        ([quota(pods="1")], "missing", "pods: 1 left of 1, 2 needed"),
        ([quota(requests__storage="10Gi")], "missing", "requests.storage: 10.00 GiB left of 10.00 GiB, 80.00 GiB"),
        ([quota(count__foo="1")], "ok", "leaves room"),
        ([quota(None, {"scopes": ["BestEffort"]}, pods="0")], "ok", "leaves room"),
        ([quota(pods="many")], "ok", "leaves room"),
    ],
)
def test_a_quota_leaves_room_or_not(needs_of: Callable[..., Any], found: Any, outcome: str, words: str) -> None:
    """Found and wanted stand in one sentence; a quota that counts other pods says nothing."""
    ((said, text),) = told(room.quotas(found, needs_of(), [], []))
    assert (said, words in text) == (outcome, True), text


def test_what_the_stack_holds_already_is_free_for_it(needs_of: Callable[..., Any]) -> None:
    """A new revision takes the place of the old one, and volumes that exist are not asked for again."""
    container = {"name": "tgi", "resources": {"limits": {"nvidia.com/gpu": "2"}}}
    running = objects.pod({"metadata": {"name": "p"}, "spec": {"containers": [container]}, "status": {}})
    full = quota({GPU: "4", "persistentvolumeclaims": "2"}, requests__nvidia__com_gpu="4", persistentvolumeclaims="2")
    claims = [objects.claim({"metadata": {"name": claim.name}}) for claim in needs_of().claims]
    assert told(room.quotas([full], needs_of(), [running], claims))[0][0] == "ok"
    assert [outcome for outcome, _ in told(room.quotas([full], needs_of(), [], []))] == ["missing", "missing"]


@pytest.mark.parametrize(
    ("found", "ranges", "outcomes"),
    [
        ([], [], []),
        ([quota(limits__cpu="10")], [], ["missing"]),
        ([quota(limits__cpu="10")], None, ["unknown"]),
        ([quota(limits__cpu="10")], [{"spec": {"limits": [{"type": "Container", "default": {"cpu": "2"}}]}}], []),
    ],
)
def test_a_quota_on_limits_of_cpu_wants_a_default(
    needs_of: Callable[..., Any], found: Any, ranges: Any, outcomes: list[str]
) -> None:
    """The server states no limit on CPU, on purpose: Kubernetes would not make its pods."""
    assert [row.outcome for row in room.cpu_limits(found, ranges, needs_of())] == outcomes


@pytest.mark.parametrize(
    ("limits", "outcome", "words"),
    [
        (None, "note", "may not be read"),
        ([], "ok", "there is none"),
        (
            [{"type": "Container", "max": {"memory": "8Gi"}}],
            "missing",
            "tgi needs 10.00 GiB of memory, and the LimitRange allows 8.00 GiB a Container",
        ),
        (
            [{"type": "PersistentVolumeClaim", "max": {"storage": "50Gi"}}],
            "missing",
            "tgi-v100-2gpu-cache needs 70.00 GiB",
        ),
        ([{"type": "Container", "min": {"cpu": "1"}}], "missing", "webui asks for 0.25 cores of cpu"),
        ([{"type": "Container", "default": {"cpu": "1"}}], "note", "get 1: tokenizing and loading are throttled"),
        ([{"type": "Container", "max": {"memory": "64Gi"}}], "ok", "outside"),
    ],
)
def test_a_limit_range_lets_containers_in_or_not(
    needs_of: Callable[..., Any], limits: Any, outcome: str, words: str
) -> None:
    """Of containers, pods and volumes; a default that slows the server down is worth a note."""
    ranges = None if limits is None else [{"spec": {"limits": limits}}] if limits else []
    found = told(room.limit_ranges(ranges, needs_of()))
    assert found[0][0] == outcome
    assert words in found[0][1]


def node(name: str, gpus: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a node."""
    metadata = {"name": name, "labels": V100 if labels is None else labels}
    return {"metadata": metadata, "status": {"allocatable": {"nvidia.com/gpu": gpus}}}


@pytest.mark.parametrize(
    ("found", "busy", "outcome", "words"),
    [
        (None, None, "note", "nodes may not be read"),
        ([], None, "missing", "no node for NVIDIA V100 16 GB"),
        ([node("a", "2", {"nvidia.com/gpu.product": "Tesla-T4"})], None, "missing", "there are: Tesla-T4"),
        ([node("a", "1")], None, "missing", "the largest node has 1 of nvidia.com/gpu, one pod needs 2"),
        ([node("a", "2"), node("b", "1")], None, "ok", "1 node with 2 or more"),
        ([node("a", "2"), node("b", "4")], {"a": 2, "b": 1}, "ok", "1 node with 2 x NVIDIA V100 16 GB free"),
        ([node("a", "2")], {"a": 1.0}, "unknown", "no node has 2 GPUs free now (most: 1)"),
    ],
)
def test_nodes_have_the_gpus_or_not(
    needs_of: Callable[..., Any], found: Any, busy: Any, outcome: str, words: str
) -> None:
    """What may not be seen is said, and not made up; GPUs that are busy now may be free later."""
    row = places.nodes(found, busy, needs_of())
    assert (row.outcome, words in row.found) == (outcome, True), row


def test_a_node_selector_takes_the_place_of_the_product(needs_of: Callable[..., Any]) -> None:
    """A site that labels its nodes otherwise is not told that it has none."""
    needs = needs_of(nodeSelector={"gpu": "v100"})
    assert places.nodes([node("a", "2", {"gpu": "v100"})], None, needs).outcome == "ok"
    assert places.nodes([node("a", "2")], None, needs).outcome == "missing"


DEFAULT = {"metadata": {"name": "block", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}


@pytest.mark.parametrize(
    ("classes", "change", "outcomes"),
    [
        (None, {}, ["note", "note"]),
        ([DEFAULT], {}, ["ok", "ok"]),
        ([{"metadata": {"name": "block"}}], {}, ["missing", "missing"]),
        ([{"metadata": {"name": "block"}}], {"modelCacheStorageClass": "block"}, ["ok", "missing"]),
        ([DEFAULT], {"modelCacheStorageClass": "ceph"}, ["missing", "ok"]),
    ],
)
def test_volumes_have_a_class_or_not(
    needs_of: Callable[..., Any], classes: Any, change: dict[str, str], outcomes: list[str]
) -> None:
    """The one that is named, else a default."""
    assert [row.outcome for row in places.storage(classes, needs_of(**change), [])] == outcomes


@pytest.mark.parametrize(
    ("status", "outcome", "words"),
    [
        ({"phase": "Bound", "capacity": {"storage": "70Gi"}}, "ok", "is there, 70Gi, Bound"),
        ({"phase": "Bound", "capacity": {"storage": "40Gi"}}, "note", "70.00 GiB would be asked for today"),
        ({"phase": "Lost"}, "missing", "its volume is lost"),
    ],
)
def test_a_volume_that_is_there_is_looked_at(
    needs_of: Callable[..., Any], status: Any, outcome: str, words: str
) -> None:
    """One that was kept is used as it is."""
    claim = objects.claim({"metadata": {"name": "tgi-v100-2gpu-cache"}, "status": status})
    row = next(iter(places.storage(None, needs_of(), [claim])))
    assert (row.outcome, words in row.found) == (outcome, True), row


@pytest.mark.parametrize(
    ("secrets", "how", "outcome"),
    [
        ((), {"gated": True}, "missing"),
        ((), {"gated": True, "cached": True}, "unknown"),
        (("hfToken",), {"gated": True}, "ok"),
        ((), {"gated": False}, "ok"),
        ((), {"gated": None}, "note"),
        ((), {"gated": None, "hub": "the hub has no such repository"}, "unknown"),
    ],
)
def test_a_model_may_be_fetched_or_not(
    needs_of: Callable[..., Any], secrets: tuple[str, ...], how: dict[str, Any], outcome: str
) -> None:
    """A gated one without token ends with 401, unless it was fetched before."""
    assert rows.model(needs_of(*secrets), **({"hub": None} | how)).outcome == outcome


def test_rights_are_told_by_what_goes_without_them(needs_of: Callable[..., Any]) -> None:
    """Missing verbs are listed by kind; those for several replicas count only where there are several."""
    needed = asking.needed_rights()
    every = [Right(verb, resource, "team") for right in needed for resource in right.resources for verb in right.verbs]
    held = [Answer(right, allowed=True, reason="") for right in every]
    assert [row.outcome for row in rows.rights(held, needed, replicas=1)] == ["ok", "ok"]

    lacking = {"pods/exec", "poddisruptionbudgets"}
    some = [Answer(right, right.resource not in lacking and right.verb != "watch", "") for right in every]
    alone, several = ([*rows.rights(some, needed, replicas=count)] for count in (1, 2))
    assert alone[0].outcome == "missing"
    assert "watch of deployments, services, secrets" in alone[0].found
    assert "get/create/patch/delete of poddisruptionbudgets" in alone[1].found
    assert "create of pods/exec" in alone[1].found
    assert "GPU memory and use are not shown" in alone[1].found
    assert "get/create/patch/delete of poddisruptionbudgets" in several[0].found


@pytest.mark.parametrize(
    ("refusals", "asked", "change", "outcome"),
    [
        ([], "pods", {}, "ok"),
        ([], "deployments", {}, "ok"),
        ([], None, {}, "ok"),
        ([], None, {"engineVersion": "3.1.1"}, "unknown"),
        (['violates PodSecurity "restricted"'], "pods", {}, "missing"),
    ],
)
def test_pod_security_lets_pods_in_or_not(
    needs_of: Callable[..., Any], refusals: list[str], asked: str | None, change: dict[str, str], outcome: str
) -> None:
    """Where nothing could be asked, what is known of the image decides what is said."""
    assert rows.security(refusals, asked=asked, needs=needs_of(**change)).outcome == outcome


def test_images_of_ones_own_registry_may_need_a_login(needs_of: Callable[..., Any]) -> None:
    """A mirror that asks for a login is not known from here."""
    assert told(rows.images(needs_of()))[0][0] == "ok"
    mirrored = rows.images(needs_of(image="registry.example.org/tgi:3.0.1"))
    assert [row.outcome for row in mirrored] == ["unknown"]


def test_the_worst_row_decides() -> None:
    """Missing counts more than unknown, and notes count nothing."""
    found = [rows.Row("a", outcome, "") for outcome in ("ok", "note", "unknown", "missing")]
    assert [asking.worst(found[:count]) for count in (1, 2, 3, 4)] == ["accept", "accept", "unknown", "refuse"]

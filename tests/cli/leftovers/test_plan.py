"""What a clean-up takes away, and what stays."""

from __future__ import annotations

from typing import Any

import pytest

from cli.cluster import objects
from cli.leftovers import plan
from cli.leftovers.plan import Known, Thing

CACHE = Thing("persistentvolumeclaims", "tgi-a-cache", "a", "1", "70Gi")
SERVER = Thing("deployments", "tgi-a", "a", "2")
LOGIN = Thing("secrets", "webui-a-login", "a", "3")
KEY = Thing("secrets", "tgi-a-api", "a", "4")
ALL = (SERVER, KEY, LOGIN, CACHE)
NOTHING = Known(frozenset({"a"}), {})


def labels(stack: str = "a", manager: str = "voltaic") -> dict[str, str]:
    """Return the labels of a stack's object."""
    return {"app.kubernetes.io/instance": stack, "app.kubernetes.io/managed-by": manager}


def test_objects_of_others_are_not_even_listed() -> None:
    """Neither those of other managers, nor those without a stack, nor those that belong to a listed one."""
    owned = {"name": "d", "labels": labels(), "ownerReferences": [{"controller": True, "kind": "Deployment"}]}
    metas = [
        {"name": "mine", "labels": labels(), "uid": "1"},
        {"name": "helm", "labels": labels(manager="Helm")},
        {"name": "bare", "labels": {"app.kubernetes.io/managed-by": "voltaic"}},
        {"name": "none"},
        {"name": "ending", "labels": labels(), "deletionTimestamp": "2026-11-21T08:00:00Z"},
        owned,
    ]
    assert plan.things({"services": metas, "nodes": metas}, [], []) == [Thing("services", "mine", "a", "1")]


def test_volumes_have_their_size_and_their_pods() -> None:
    """What mounts a volume is known whoever it is."""
    claim = objects.claim({"metadata": {"name": "c"}, "status": {"capacity": {"storage": "70Gi"}}})
    volumes = [{"persistentVolumeClaim": {"claimName": "c"}}, {"emptyDir": {}}]
    pod = objects.pod({"metadata": {"name": "p"}, "spec": {"volumes": volumes}})
    found = plan.things({"persistentvolumeclaims": [{"name": "c", "labels": labels(), "uid": "1"}]}, [claim], [pod])
    assert found == [Thing("persistentvolumeclaims", "c", "a", "1", "70Gi", ("p",))]
    assert str(found[0]) == "PersistentVolumeClaim c, 70Gi"


def test_what_no_state_knows_goes_but_for_data() -> None:
    """Volumes and the login that goes with the chats stay for a second question."""
    made = plan.plan(ALL, NOTHING, asked=None, running=())
    assert (made.goes, made.data, made.stays) == ((SERVER, KEY), (LOGIN, CACHE), ())


def test_what_a_state_knows_stays() -> None:
    """Also where a run was killed in between: what is in the state is Pulumi's."""
    known = Known(
        frozenset({"a"}), {"a": frozenset({("Deployment", "tgi-a"), ("PersistentVolumeClaim", "tgi-a-cache")})}
    )
    made = plan.plan(ALL, known, asked=None, running={"a"})
    assert (made.goes, made.data) == ((KEY,), (LOGIN,))
    assert [(thing, "voltaic destroy --stack a" in reason) for thing, reason in made.stays] == [
        (SERVER, True),
        (CACHE, True),
    ]


@pytest.mark.parametrize(
    ("known", "asked", "running", "goes", "reason"),
    [
        (None, None, (), False, "what Pulumi knows could not be read"),
        (None, "a", (), False, "what Pulumi knows could not be read"),
        (Known(frozenset(), {}), None, (), False, "no stack of this project"),
        (Known(frozenset(), {}), "a", (), True, ""),
        (NOTHING, None, ("a",), False, "perhaps somebody else's"),
        (NOTHING, "a", ("a",), True, ""),
        (NOTHING, "b", (), False, ""),
    ],
)
def test_doubt_keeps_what_there_is(known: Any, asked: str | None, running: Any, goes: Any, reason: str) -> None:
    """Colleagues deploy into the same namespace: only a stack that is named goes then, and where Pulumi answers."""
    made = plan.plan([SERVER], known, asked=asked, running=running)
    assert bool(made.goes) is goes
    assert [reason in told for _, told in made.stays] == ([True] if reason else [])


def test_data_that_is_in_use_stays() -> None:
    """A volume that a pod of others mounts is not offered; one of a server that goes itself is."""
    used = Thing("persistentvolumeclaims", "tgi-a-cache", "a", "1", "70Gi", ("p",))
    assert plan.plan([used], NOTHING, asked=None, running=()).stays == ((used, "mounted by p"),)
    assert plan.plan([SERVER, used], NOTHING, asked=None, running=()).data == (used,)


def test_a_state_is_read_by_names_of_objects() -> None:
    """From outputs, inputs and ids; what is being made counts, other providers do not."""
    claim = {"type": "kubernetes:core/v1:PersistentVolumeClaim", "id": "llm/c"}
    state = {
        "deployment": {
            "resources": [
                {"type": "kubernetes:apps/v1:Deployment", "outputs": {"metadata": {"name": "d"}}},
                claim,
                {"type": "random:index:RandomPassword", "id": "x"},
                {"type": "pulumi:pulumi:Stack"},
            ],
            "pending_operations": [
                {"resource": {"type": "kubernetes:core/v1:Secret", "inputs": {"metadata": {"name": "s"}}}}
            ],
        }
    }
    assert plan.of_export(state) == {("Deployment", "d"), ("PersistentVolumeClaim", "c"), ("Secret", "s")}
    assert plan.of_export({"deployment": None}) == frozenset()

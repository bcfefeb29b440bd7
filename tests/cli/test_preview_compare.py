"""Two previews compared, and what becomes of pods and data."""

from __future__ import annotations

from typing import Any

import pytest

from cli.pull_request import life
from cli.pull_request.compare import differences, steps, within
from cli.pull_request.model import Pods, Step, Volume

LABELS = {"app.kubernetes.io/component": "inference", "app.kubernetes.io/managed-by": "voltaic"}


def step(kind: str, inputs: dict[str, Any], *, parent: str = "", name: str = "a", **more: Any) -> Step:
    """Return the creation of an object."""
    group = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "Job": "batch/v1"}.get(kind, "core/v1")
    kind_of = f"kubernetes:{group}:{kind}"
    values = {"metadata": {"name": f"{name}-1", "labels": LABELS}, **inputs}
    return Step("create", f"urn:pulumi:s::p::{parent}{kind_of}::{name}", kind_of, new=values, **more)


def deployment(args: list[str], **spec: Any) -> Step:
    """Return a Deployment of our own server."""
    template = {"spec": {"containers": [{"args": args}]}}
    inputs = {"spec": {"replicas": 1, "strategy": {"type": "Recreate"}, "template": template, **spec}}
    return step("Deployment", inputs, parent="voltaic:index:TGIServer$")


def claim(**spec: Any) -> Step:
    """Return a volume claim."""
    return step("PersistentVolumeClaim", {"spec": {"storageClassName": "fast", **spec}}, retained=False)


def compared(before: Step, after: Step) -> Step:
    """Return what leads from one to the other."""
    return steps([before], [after])[0]


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({"a": 1}, {"a": 1}, ()),
        ({"a": 1}, {"a": 2}, ("a",)),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}}, ("a.b[1]", "a.b[2]")),
        ({"a": 1}, {"b": 1}, ("a", "b")),
        ({"a": True}, {"a": 1}, ("a",)),
        ({"a": {"b": 1}}, {"a": "x"}, ("a",)),
    ],
)
def test_paths_of_what_differs(old: Any, new: Any, paths: tuple[str, ...]) -> None:
    """Down to single values, in lists by their place."""
    assert differences(old, new) == paths


def test_differences_are_bounded() -> None:
    """A thousand changed values are not all listed."""
    assert len(differences({str(n): n for n in range(1000)}, {})) == 200


@pytest.mark.parametrize(
    ("path", "field", "expected"),
    [
        ("spec.selector.matchLabels.app", "spec.selector", True),
        ("spec.selector", "spec.selector", True),
        ("spec.containers[0].image", "spec.containers", True),
        ("spec.selectors", "spec.selector", False),
    ],
)
def test_a_path_lies_in_a_field(path: str, field: str, expected: bool) -> None:  # noqa: FBT001
    """Names that only begin alike are others."""
    assert within(path, field) is expected


def test_same_stays_changed_is_updated_new_is_created_and_gone_is_deleted() -> None:
    """Four objects, four operations."""
    kept, gone, new = (
        step("Service", {}, name="kept"),
        step("Service", {}, name="gone"),
        step("Service", {}, name="new"),
    )
    found = steps([kept, gone, deployment(["a"])], [kept, new, deployment(["b"])])
    assert {one.name + one.kind: one.op for one in found} == {
        "keptService": "same",
        "newService": "create",
        "aDeployment": "update",
        "goneService": "delete",
    }


@pytest.mark.parametrize(
    ("before", "after", "op"),
    [
        (claim(), claim(storageClassName="slow"), "replace"),
        (claim(), claim(resources={"requests": {"storage": "9Gi"}}), "update"),
        (deployment([]), deployment([], selector={"matchLabels": {"a": "b"}}), "replace"),
        (step("Service", {"spec": {"clusterIP": "1"}}), step("Service", {"spec": {"clusterIP": "2"}}), "replace"),
        (step("Secret", {"data": "x"}), step("Secret", {"data": "y"}), "update"),
        (step("Service", {}), step("Service", {"metadata": {"name": "other"}}), "replace"),
    ],
)
def test_fields_that_cannot_be_changed_replace(before: Step, after: Step, op: str) -> None:
    """What the provider deletes and makes anew is a replacement, the rest an update."""
    assert compared(before, after).op == op


def test_what_differs_from_run_to_run_is_no_change() -> None:
    """The salted digest of secrets says nothing where each run has a salt of its own."""
    notes = [{"spec": {"template": {"metadata": {"annotations": {"voltaic/secrets": text}}}}} for text in ("a", "b")]
    before, after = (step("Deployment", inputs) for inputs in notes)
    assert compared(before, after).op == "same"


def test_names_that_the_provider_makes_up_are_no_change() -> None:
    """Random endings do not replace an object; a name that somebody wrote does."""
    names = [
        {"metadata": {"name": name, "annotations": {"pulumi.com/autonamed": "true"}}} for name in ("a-1f2e", "a-9c8d")
    ]
    before, after = (step("ConfigMap", inputs) for inputs in names)
    assert compared(before, after).op == "same"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (compared(deployment(["a"]), deployment(["b"])), ("restarts", 1, True)),
        (compared(deployment(["a"]), deployment(["a"], replicas=3)), ("scales", 3, True)),
        (compared(deployment(["a"]), deployment(["b"], strategy={"type": "RollingUpdate"})), ("restarts", 1, False)),
        (deployment(["a"]), ("starts", 1, True)),
    ],
)
def test_what_becomes_of_the_pods_of_our_server(found: Step, expected: tuple[Any, ...]) -> None:
    """A changed template restarts, a changed number scales, anything else leaves pods alone."""
    (pods,) = life.pods([found])
    assert (pods.fate, pods.count, pods.all_at_once) == expected
    assert pods == Pods("Deployment", "a-1", expected[0], expected[1], pods.before, expected[2], is_server=True)


@pytest.mark.parametrize(
    "found",
    [
        compared(deployment(["a"]), deployment(["a"])),
        compared(deployment(["a"]), deployment(["a"], progressDeadlineSeconds=9)),
        compared(step("Service", {}), step("Service", {"spec": {"type": "NodePort"}})),
    ],
)
def test_pods_go_on_where_nothing_of_theirs_changes(found: Step) -> None:
    """Deadlines and Services restart nothing."""
    assert life.pods([found]) == ()


def test_a_deleted_deployment_stops() -> None:
    """Unless it is kept in the cluster."""
    (gone,) = steps([deployment(["a"])], [])
    assert [pods.fate for pods in life.pods([gone])] == ["stops"]
    (kept,) = steps([step("Deployment", {}, retained=True)], [])
    assert life.pods([kept]) == ()


@pytest.mark.parametrize(
    ("found", "fate", "replaced"),
    [
        (compared(claim(), claim()), "stays", False),
        (claim(), "new", False),
        (compared(claim(), claim(resources={"requests": {"storage": "9Gi"}})), "changes", False),
        (compared(claim(), claim(storageClassName="slow")), "lost", True),
        (steps([claim()], [])[0], "lost", False),
        (steps([step("PersistentVolumeClaim", {}, retained=True)], [])[0], "released", False),
        (steps([step("Namespace", {})], [])[0], "lost", False),
    ],
)
def test_what_becomes_of_volumes(found: Step, fate: str, replaced: bool) -> None:  # noqa: FBT001
    """Deletion and replacement lose what is in them, unless they are told to be kept; a namespace takes them along."""
    (volume,) = life.volumes([found])
    assert (volume.fate, volume.replaced, volume.holds) == (fate, replaced, "model cache")


def test_lost_volumes_come_first() -> None:
    """And what stays comes last."""
    found = life.volumes([compared(claim(), claim()), steps([step("PersistentVolumeClaim", {}, name="b")], [])[0]])
    assert [volume.fate for volume in found] == ["lost", "stays"]
    assert isinstance(found[0], Volume)


def test_hostile_inputs_are_read() -> None:
    """Objects of any shape, as another program may make them, end in no error."""
    odd: list[dict[str, Any]] = [
        {"spec": None},
        {"metadata": []},
        {"spec": {"replicas": "many"}},
        {"metadata": {"name": 7}},
    ]
    for kind in ("Deployment", "PersistentVolumeClaim", "Pod", "Job", "StatefulSet"):
        found = steps([step(kind, inputs) for inputs in odd[:1]], [step(kind, inputs) for inputs in odd])
        assert isinstance(life.pods(found), tuple)
        assert isinstance(life.volumes(found), tuple)

"""What a stack asks a namespace for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.cluster import objects
from cli.preflights import needs as needed
from cli.preflights import stand_in
from voltaic import units

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parents[2] / "golden" / "v100-2gpu"


def golden(name: str) -> Any:
    """Return a manifest that components make of the same stack."""
    return yaml.safe_load((GOLDEN / f"{name}-v100-2gpu.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("part", "number"), [("tgi", 0), ("webui", 1)])
def test_pods_are_those_that_components_make(needs_of: Callable[..., Any], part: str, number: int) -> None:
    """Resources, image, user and security of each stand-in are those of the Deployment of the same stack."""
    made = golden(f"deployment-{part}")["spec"]["template"]["spec"]
    stood_in = stand_in.pods(needs_of())[number]["spec"]
    for kind in ("requests", "limits"):
        theirs = {name: needed.amount(name, value) for name, value in made["containers"][0]["resources"][kind].items()}
        ours = stood_in["containers"][0]["resources"][kind]
        assert {name: needed.amount(name, value) for name, value in ours.items()} == theirs
    assert made["containers"][0]["image"].partition("@")[0] == stood_in["containers"][0]["image"]
    assert made["containers"][0]["securityContext"] == stood_in["containers"][0]["securityContext"]
    theirs = {name: value for name, value in made["securityContext"].items() if name != "fsGroupChangePolicy"}
    assert theirs == stood_in["securityContext"]


def test_claims_are_those_that_components_make(needs_of: Callable[..., Any]) -> None:
    """Names and sizes of the volumes of the same stack."""
    made = [golden(f"persistentvolumeclaim-{part}") for part in ()] or [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("persistentvolumeclaim-*"))
    ]
    theirs = {
        item["metadata"]["name"]: units.size_of(item["spec"]["resources"]["requests"]["storage"]) for item in made
    }
    assert {claim.name: claim.size for claim in needs_of().claims} == theirs


def test_a_quota_counts_all_of_a_stack(needs_of: Callable[..., Any]) -> None:
    """Replicas count each; requests of CPU and memory have two names."""
    found = needs_of(replicas=2).quota()
    assert (found["pods"], found["requests.nvidia.com/gpu"], found["persistentvolumeclaims"]) == (3, 4, 2)
    assert found["requests.cpu"] == found["cpu"] == 8.25
    assert found["requests.storage"] == 80 * units.GIB


def test_a_parked_stack_without_page_holds_nothing(needs_of: Callable[..., Any]) -> None:
    """No replicas and no page: no pods; an ephemeral cache is no claim."""
    found = needs_of(replicas=0, webuiEnabled=False, modelCacheEphemeral=True).quota()
    assert (found["pods"], found["requests.nvidia.com/gpu"], found["persistentvolumeclaims"]) == (0, 0, 0)
    assert stand_in.pods(needs_of(replicas=0, webuiEnabled=False)) == []


def test_what_pods_hold_is_counted_as_a_quota_does() -> None:
    """A limit without request counts as a request; a pod that ended counts no more."""
    item = {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {"nvidia.com/gpu": "2", "cpu": "500m"}}}]},
        "status": {"phase": "Running"},
    }
    over = {**item, "status": {"phase": "Succeeded"}}
    found = needed.held([objects.pod(item), objects.pod(over)])
    assert found == {
        "pods": 1,
        "requests.nvidia.com/gpu": 2,
        "requests.cpu": 0.5,
        "limits.nvidia.com/gpu": 2,
        "limits.cpu": 0.5,
        "cpu": 0.5,
    }


@pytest.mark.parametrize(
    ("resource", "quantity", "amount"),
    [
        ("cpu", "500m", 0.5),
        ("limits.cpu", "2", 2.0),
        ("requests.memory", "1Gi", 2.0**30),
        ("persistentvolumeclaims", "10", 10.0),
        ("requests.nvidia.com/gpu", "1500m", 1.5),
        ("cpu", None, None),
        ("memory", "much", None),
    ],
)
def test_quantities_are_numbers(resource: str, quantity: Any, amount: float | None) -> None:
    """What cannot be read is no number, and nothing is said of it."""
    assert needed.amount(resource, quantity) == amount

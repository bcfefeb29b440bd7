"""What our own components create is held to our own standard by the pack, before anything of it exists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Project, Ran

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.slow]

STACK = "v100-1gpu"
KINDS = ("deployments", "services", "persistentvolumeclaims", "secrets", "serviceaccounts", "networkpolicies", "pods")
TRANSFORM = """
def change(args):
    if args.type_ == "{type}" and args.name == "tgi":
        {change}
    return pulumi.ResourceTransformResult(props=args.props, opts=args.opts)


pulumi.runtime.register_resource_transform(change)
pulumi.run("""
CASES = {
    "startup-probe": (
        "kubernetes:apps/v1:Deployment",
        'del args.props["spec"]["template"]["spec"]["containers"][0]["startupProbe"]',
    ),
    "service-port": ("kubernetes:core/v1:Service", 'args.props["spec"]["ports"][0]["targetPort"] = 9'),
}
"""A rule about one object, and one that looks at several: found when the Deployment is registered, and at the end."""


def policy_events(project: Project, *args: str) -> tuple[Ran, list[dict[str, Any]]]:
    """Run pulumi with the pack and return what it printed and its policy events."""
    log = project.folder / "events.jsonl"
    log.unlink(missing_ok=True)
    project.env["PULUMI_DEBUG_COMMANDS"] = "true"
    done = project.pulumi(*args, "--event-log", str(log))
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return done, [event["policyEvent"] for event in events if "policyEvent" in event]


def test_what_we_make_goes_through(project: Project) -> None:
    """No policy of the pack refuses what the components create, neither from its inputs nor as the cluster has it."""
    done, events = policy_events(project, "up", "--yes", "-s", STACK)

    assert done.code == 0, done.output
    assert [event for event in events if event["enforcementLevel"] == "mandatory"] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_transform_that_breaks_hygiene_stops_the_update(project: Project, rule: str) -> None:
    """What is advice about the objects of others ends `pulumi up` about ours, before anything is created."""
    program = project.folder / "__main__.py"
    own = program.read_text(encoding="utf-8")
    assert own.count("\npulumi.run(") == 1
    resource_type, change = CASES[rule]
    transform = TRANSFORM.format(type=resource_type, change=change)
    program.write_text(own.replace("\npulumi.run(", transform), encoding="utf-8")

    done, events = policy_events(project, "up", "--yes", "-s", STACK)

    assert done.code == 1, done.output
    assert {event["policyName"] for event in events if event["enforcementLevel"] == "mandatory"} == {rule}
    assert project.names(*KINDS) == set()

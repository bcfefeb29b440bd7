"""Pods that fail or take their time, as annotations ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from simulator.api import wait_for
from simulator.configure import is_ready

if TYPE_CHECKING:
    from conftest import MakePod

    from simulator.api import Api

pytestmark = pytest.mark.cluster
PODS = "/api/v1/namespaces/llm/pods"
SECONDS = 20.0  # for what takes a few on an idle machine


def ready(api: Api, name: str) -> dict[str, Any]:
    """The pod, once it is ready."""
    path = f"{PODS}/{name}"
    wait_for(f"{name} is not ready", lambda: is_ready(api.get(path)), seconds=SECONDS)
    found: dict[str, Any] = api.get(path)
    return found


def state(api: Api, name: str) -> dict[str, Any]:
    """State of the pod's container."""
    statuses = api.get(f"{PODS}/{name}")["status"].get("containerStatuses") or [{"state": {}}]
    found: dict[str, Any] = statuses[0]["state"]
    return found


def test_oom_kill_and_recovery(admin: Api, pod: MakePod) -> None:
    """A pod told to be killed once for memory shows exit code 137, restarts, and is ready after that."""
    admin.create(pod("greedy", sim_failure="oom", sim_failures="1", sim_run_for="100ms", sim_backoff="100ms"))
    status = ready(admin, "greedy")["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1
    last = status["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "OOMKilled")


def test_crash_loop_shows_code_and_message(admin: Api, pod: MakePod) -> None:
    """A crash loop carries the exit code and the termination message that the annotations name."""
    admin.create(
        pod("broken", sim_failure="crashloop", sim_exit_code="3", sim_message="no kernel image", sim_run_for="50ms")
    )
    wait_for(
        "no back-off",
        lambda: state(admin, "broken").get("waiting", {}).get("reason") == "CrashLoopBackOff",
        seconds=SECONDS,
    )
    last = admin.get(f"{PODS}/broken")["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"], last["message"]) == (3, "Error", "no kernel image")
    patch = {"metadata": {"annotations": {"sim/failure": None}}}
    admin.request("PATCH", f"{PODS}/broken", patch, "application/merge-patch+json")
    ready(admin, "broken")


def test_failed_job_pod_stays_failed(admin: Api, pod: MakePod) -> None:
    """A pod that is never restarted fails for good."""
    failing = pod("download", sim_failure="crashloop", sim_run_for="50ms")
    failing["spec"]["restartPolicy"] = "Never"
    admin.create(failing)
    wait_for("it does not fail", lambda: admin.get(f"{PODS}/download")["status"]["phase"] == "Failed", seconds=SECONDS)


def test_image_that_cannot_be_pulled(admin: Api, pod: MakePod) -> None:
    """ErrImagePull names the image, and ImagePullBackOff follows."""
    admin.create(pod("nowhere", sim_failure="imagepull", sim_pull_delay="50ms"))
    seen: dict[str, str] = {}

    def both() -> bool:
        waiting = state(admin, "nowhere").get("waiting", {})
        seen[waiting.get("reason", "")] = waiting.get("message", "")
        return {"ErrImagePull", "ImagePullBackOff"} <= set(seen)

    wait_for("not both states", both, seconds=SECONDS)
    assert seen["ErrImagePull"] == 'failed to pull and unpack image "registry.invalid/none": not found'


def test_slow_start(admin: Api, pod: MakePod) -> None:
    """A pod with a start delay runs before it is ready, and is not ready before the delay is over."""
    admin.create(pod("slow", sim_pull_delay="200ms", sim_start_delay="2s"))
    wait_for("it does not run", lambda: "running" in state(admin, "slow"), seconds=SECONDS)
    assert not is_ready(admin.get(f"{PODS}/slow"))
    ready(admin, "slow")

"""kwok stages that play the kubelet for pods: ready at once, or slow or failing where annotations ask for it.

Annotations on a pod (set them on the pod template):

| annotation | value | effect |
| --- | --- | --- |
| `sim/failure` | `oom`, `crashloop`, `probe`, `imagepull` | exit 137 OOMKilled, with an error, by a probe; no image |
| `sim/failures` | a number | so many exits, then the pod stays up; without it, for ever |
| `sim/exit-code`, `sim/message` | a number, a text | of each exit (`crashloop`) |
| `sim/run-for`, `sim/backoff` | a duration such as `2s` | from start to exit; from exit to the next start |
| `sim/pull-delay`, `sim/start-delay` | a duration | until the container runs; from then until it is ready |
| `sim/stop-delay` | a duration | from deletion until the pod is gone |

Taking `sim/failure` off a pod lets it recover.
"""

from __future__ import annotations

from typing import Any

from simulator.stage_parts import (
    ADDRESSES,
    ALIVE,
    COMPLETES_NOW,
    EXITS_NOW,
    INIT_CONTAINERS,
    KEEP_LAST,
    NEXT_COUNT,
    REMEMBER_EXIT,
    RUNS_ON,
    SAME_COUNT,
    STARTS_NOW,
    after,
    conditions,
    containers,
    event,
    stage,
    status,
    when,
)

FAILURE = '.metadata.annotations["sim/failure"]'
START_DELAY = '.metadata.annotations["sim/start-delay"]'
PULL_DELAY = '.metadata.annotations["sim/pull-delay"]'
PHASE = ".status.phase"
READY = '.status.conditions[]? | select(.type == "Ready") | .status'
WAITING = ".status.containerStatuses[]?.state.waiting.reason"
RUNNING = ".status.containerStatuses[]?.state.running.startedAt"
EXITED = ".status.containerStatuses[]?.state.terminated.exitCode"
MAY_FAIL = (  # true while the pod has failures left to show
    "(.status.containerStatuses[0].restartCount // 0) < "
    '((.metadata.annotations["sim/failures"] // "1000000") | tonumber)'
)

STARTED = [
    event("Normal", "Pulled", "Simulated: no image was pulled"),
    event("Normal", "Started", "Simulated: no container runs on this node"),
]
PROBE_FAILED = [  # as the kubelet says it; events of a stage know no container's name
    event("Warning", "Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 503"),
    event("Normal", "Killing", "Container failed startup probe, will be restarted"),
]


def pod_stages() -> list[dict[str, Any]]:
    """Every stage for pods."""
    return [*_healthy(), *_slow(), *_crashing(), *_pulling()]


def _healthy() -> list[dict[str, Any]]:
    """Start at once, finish a Job at once, go at once."""
    pending, running = when(PHASE, "In", "Pending"), when(PHASE, "In", "Running")
    return [
        stage(
            "pod-ready",
            [ALIVE, pending],
            [
                status(
                    conditions(ready=True),
                    INIT_CONTAINERS,
                    containers(STARTS_NOW, ready=True),
                    ADDRESSES,
                    "phase: Running\n",
                ),
                *STARTED,
            ],
        ),
        stage(
            "pod-complete",
            [ALIVE, running, when(READY, "In", "True"), when(".metadata.ownerReferences[]?.kind", "In", "Job")],
            [status(conditions(ready=False), containers(COMPLETES_NOW, count=SAME_COUNT), "phase: Succeeded\n")],
            delay=after(0, "sim/run-for"),
        ),
        stage(
            "pod-delete",
            [when(".metadata.deletionTimestamp", "Exists")],
            [{"delete": True}],
            delay=after(0, "sim/stop-delay"),
        ),
    ]


def _slow() -> list[dict[str, Any]]:
    """ContainerCreating, then running but not ready, then ready; the last step also brings pods back to ready."""
    healthy = when(FAILURE, "DoesNotExist")
    slow = when(f"{START_DELAY} // {PULL_DELAY}", "Exists")
    pending = when(PHASE, "In", "Pending")
    return [
        stage(
            "pod-slow-create",
            [ALIVE, healthy, slow, pending, when(WAITING, "DoesNotExist")],
            [
                status(conditions(ready=False), containers("waiting: {reason: ContainerCreating}"), ADDRESSES),
                event("Normal", "Pulling", "Simulated: pulling the image"),
            ],
            weight=1,
        ),
        stage(
            "pod-slow-run",
            [ALIVE, healthy, slow, pending, when(WAITING, "In", "ContainerCreating")],
            [status(conditions(ready=False), INIT_CONTAINERS, containers(STARTS_NOW), "phase: Running\n"), *STARTED],
            delay=after(0, "sim/pull-delay"),
            weight=1,
        ),
        stage(
            "pod-slow-ready",
            [ALIVE, healthy, when(PHASE, "In", "Running"), when(RUNNING, "Exists"), when(READY, "NotIn", "True")],
            [status(conditions(ready=True), containers(RUNS_ON, ready=True, count=SAME_COUNT, last=KEEP_LAST))],
            delay=after(0, "sim/start-delay"),
            weight=1,
        ),
    ]


def _crashing() -> list[dict[str, Any]]:
    """Running, terminated, CrashLoopBackOff, running again with one more restart."""
    crashes = when(FAILURE, "In", "oom", "crashloop", "probe")
    running = when(PHASE, "In", "Running")
    exits = [ALIVE, running, when(RUNNING, "Exists"), when(MAY_FAIL, "In", "true")]
    failed_for_good = '{{ if eq .spec.restartPolicy "Never" }}phase: Failed{{ end }}\n'
    exited = status(conditions(ready=False), containers(EXITS_NOW, count=SAME_COUNT, last=KEEP_LAST), failed_for_good)
    waiting = 'waiting: {reason: CrashLoopBackOff, message: "back-off restarting failed container"}'
    return [
        stage(
            "pod-crash-start",
            [ALIVE, crashes, when(PHASE, "In", "Pending")],
            [
                status(conditions(ready=False), INIT_CONTAINERS, containers(STARTS_NOW), ADDRESSES, "phase: Running\n"),
                *STARTED,
            ],
            weight=1,
        ),
        stage(
            "pod-crash-exit",
            [*exits, when(FAILURE, "In", "oom", "crashloop")],
            [exited],
            delay=after(2000, "sim/run-for"),
            weight=1,
        ),
        stage(
            "pod-probe-exit",
            [*exits, when(FAILURE, "In", "probe")],
            [*PROBE_FAILED, exited],
            delay=after(2000, "sim/run-for"),
            weight=1,
        ),
        stage(
            "pod-crash-backoff",
            [ALIVE, running, when(EXITED, "Exists")],
            [
                status(conditions(ready=False), containers(waiting, count=SAME_COUNT, last=REMEMBER_EXIT)),
                event("Warning", "BackOff", "Back-off restarting failed container"),
            ],
            delay=after(500),
            weight=1,
        ),
        stage(
            "pod-crash-restart",
            [ALIVE, running, when(WAITING, "In", "CrashLoopBackOff")],
            [status(conditions(ready=False), containers(STARTS_NOW, count=NEXT_COUNT, last=KEEP_LAST)), *STARTED],
            delay=after(5000, "sim/backoff"),
            weight=1,
        ),
        stage(
            "pod-crash-over",
            [
                *(ALIVE, crashes, running, when(RUNNING, "Exists")),
                *(when(MAY_FAIL, "In", "false"), when(READY, "NotIn", "True")),
            ],
            [status(conditions(ready=True), containers(RUNS_ON, ready=True, count=SAME_COUNT, last=KEEP_LAST))],
            delay=after(0, "sim/start-delay"),
            weight=1,
        ),
    ]


def _pulling() -> list[dict[str, Any]]:
    """ErrImagePull and ImagePullBackOff in turns."""
    fails = [ALIVE, when(FAILURE, "In", "imagepull"), when(PHASE, "In", "Pending")]
    text = "{{ printf %s $c.image | Quote }}"
    error = text % '"failed to pull and unpack image %q: not found"'
    backoff = text % '"Back-off pulling image %q"'
    return [
        stage(
            "pod-pull-error",
            [*fails, when(WAITING, "NotIn", "ErrImagePull")],
            [
                event("Normal", "Pulling", "Simulated: pulling the image"),
                status(
                    conditions(ready=False),
                    containers(f"waiting: {{reason: ErrImagePull, message: {error}}}"),
                    ADDRESSES,
                ),
                event("Warning", "Failed", "Error: ErrImagePull"),
            ],
            delay=after(1000, "sim/pull-delay"),
            weight=1,
        ),
        stage(
            "pod-pull-backoff",
            [*fails, when(WAITING, "In", "ErrImagePull")],
            [
                status(
                    conditions(ready=False), containers(f"waiting: {{reason: ImagePullBackOff, message: {backoff}}}")
                ),
                event("Warning", "Failed", "Error: ImagePullBackOff"),
            ],
            delay=after(1500),
            weight=1,
        ),
    ]

"""Pieces of kwok stages: conditions, steps, delays and status templates."""

from __future__ import annotations

from typing import Any

# --- pieces of the status templates (Go templates; kwok merges their result into the pod's status) ---

HEAD = "{{ $now := Now }}\n{{ $pod := . }}\n"
OLD = "(index $pod.status.containerStatuses $i)"  # the status of the same container before this stage
SAME_COUNT = "{{ " + OLD + ".restartCount }}"
NEXT_COUNT = "{{ add " + OLD + ".restartCount 1 }}"
KEEP_LAST = "  lastState: {{ toJson " + OLD + ".lastState }}\n"
REMEMBER_EXIT = "  lastState:\n    terminated: {{ toJson " + OLD + ".state.terminated }}\n"
STARTS_NOW = "running: {startedAt: {{ $now | Quote }}}"
RUNS_ON = "running: {startedAt: {{ " + OLD + ".state.running.startedAt | Quote }}}"
ADDRESSES = """\
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "") \
(or .metadata.namespace "") | Quote }}
startTime: {{ $now | Quote }}
"""
INIT_CONTAINERS = """\
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  {{ if eq (or .restartPolicy "") "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}
"""
IS_OOM = '(eq (index $pod.metadata.annotations "sim/failure") "oom")'
EXIT_CODE = (
    "{{ if " + IS_OOM + ' }}137{{ else }}{{ or (index $pod.metadata.annotations "sim/exit-code") "1" }}{{ end }}'
)
EXIT_REASON = "{{ if " + IS_OOM + " }}OOMKilled{{ else }}Error{{ end }}"
EXITS_NOW = (
    f"terminated: {{exitCode: {EXIT_CODE}, reason: {EXIT_REASON}, "
    "startedAt: {{ " + OLD + ".state.running.startedAt | Quote }}, finishedAt: {{ $now | Quote }}, "
    'message: {{ or (index $pod.metadata.annotations "sim/message") "" | Quote }}}'
)
COMPLETES_NOW = (
    "terminated: {exitCode: 0, reason: Completed, "
    "startedAt: {{ " + OLD + ".state.running.startedAt | Quote }}, finishedAt: {{ $now | Quote }}}"
)


def conditions(*, ready: bool) -> str:
    """The pod's conditions; what the scheduler wrote stays."""
    lines = ["conditions:", '- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}']
    reason = "" if ready else ', reason: ContainersNotReady, message: "containers with unready status"'
    status = "True" if ready else "False"
    lines += [
        f'- {{type: {kind}, status: "{status}", lastTransitionTime: {{{{ $now | Quote }}}}{reason}}}'
        for kind in ("ContainersReady", "Ready")
    ]
    gates = '{{ range .spec.readinessGates }}\n- {type: {{ .conditionType | Quote }}, status: "True"}\n{{ end }}\n'
    return "\n".join(lines) + "\n" + (gates if ready else "")


def containers(state: str, *, ready: bool = False, count: str = "0", last: str = "") -> str:
    """The status of every container: `state` is one line, `last` the previous state with its indentation."""
    flag = str(ready).lower()
    return (
        "containerStatuses:\n{{ range $i, $c := .spec.containers }}\n"
        '- name: {{ $c.name | Quote }}\n  image: {{ $c.image | Quote }}\n  imageID: ""\n'
        f"  ready: {flag}\n  started: {flag}\n  restartCount: {count}\n  state:\n    {state}\n{last}"
        "{{ end }}\n"
    )


def status(*parts: str) -> dict[str, Any]:
    """A step that merges a template's result into the pod's status."""
    return {"patch": {"root": "status", "subresource": "status", "template": HEAD + "".join(parts)}}


def event(kind: str, reason: str, message: str) -> dict[str, Any]:
    """A step that records an event about the pod."""
    return {"event": {"type": kind, "reason": reason, "message": message}}


def when(key: str, operator: str, *values: str) -> dict[str, Any]:
    """One condition of a stage: a jq expression over the object, an operator and its values."""
    return {"jq": {"key": key, "operator": operator} | ({"values": list(values)} if values else {})}


def after(milliseconds: int, annotation: str = "") -> dict[str, Any]:
    """A delay; the pod's annotation, where it is set, decides instead."""
    delay: dict[str, Any] = {"durationMilliseconds": milliseconds}
    if annotation:
        delay["durationFrom"] = {"jq": {"expression": f'.metadata.annotations["{annotation}"]'}}
    return delay


def stage(
    name: str,
    matches: list[dict[str, Any]],
    steps: list[dict[str, Any]],
    *,
    kind: str = "Pod",
    delay: dict[str, Any] | None = None,
    weight: int = 0,
) -> dict[str, Any]:
    """A Stage object. Where several match, one with a weight wins over those without."""
    spec: dict[str, Any] = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": matches},
        "steps": steps,
        "weight": weight,
    }
    if delay:
        spec["delay"] = delay
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


ALIVE = when(".metadata.deletionTimestamp", "DoesNotExist")

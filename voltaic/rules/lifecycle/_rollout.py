"""How an object replaces its pods, as the Deployment controller counts."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from voltaic.manifests.plain import at, mapping, whole

if TYPE_CHECKING:
    from voltaic.manifests.views import Pod

_PERCENT: Final = re.compile(r"([0-9]{1,9})%", re.ASCII)
_DEFAULT: Final = "25%"
"""Kubernetes API reference, apps/v1 RollingUpdateDeployment: maxSurge and maxUnavailable."""
GRACE: Final = 30
"""Kubernetes API reference, core/v1 PodSpec: terminationGracePeriodSeconds, in seconds."""


def share(value: Any, of: int, *, up: bool) -> int | None:
    """Return a number of pods, or a percentage of them rounded up or down; None where it cannot be read."""
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        number = int(match[1]) * of / 100
        return math.ceil(number) if up else math.floor(number)
    return whole(value)


def surge(pod: Pod) -> tuple[int, int] | None:
    """Return the pods that a rollout adds first, and those that it takes down first; None for other strategies."""
    spec, replicas = mapping(at(pod.holder.content, "spec")), pod.replicas
    kind = at(spec, "strategy", "type")
    if pod.holder.kind != "Deployment" or not replicas or kind not in {None, "RollingUpdate"}:
        return None
    stated = mapping(at(spec, "strategy", "rollingUpdate"))
    more = share(stated.get("maxSurge", _DEFAULT), replicas, up=True)
    fewer = share(stated.get("maxUnavailable", _DEFAULT), replicas, up=False)
    if more is None or fewer is None:
        return None
    # Where both round to nothing, the controller takes one pod down.
    return (0, 1) if more == fewer == 0 else (more, fewer)


def grace(pod: Pod) -> int | None:
    """Return the seconds that a pod has to end; None where they cannot be read."""
    stated = pod.spec.get("terminationGracePeriodSeconds")
    return GRACE if stated is None else whole(stated)


def pre_stop(lifecycle: Any) -> tuple[int, str]:
    """Return the seconds that a preStop hook sleeps, and the field that says so; 0 where it does something else."""
    seconds = whole(at(lifecycle, "preStop", "sleep", "seconds"))
    if seconds is not None:
        return seconds, "lifecycle.preStop.sleep.seconds"
    words = at(lifecycle, "preStop", "exec", "command")
    line = " ".join(str(word) for word in words) if isinstance(words, list) else ""
    shell = re.fullmatch(r"(?:\S*/)?(?:ba|da|a)?sh -c (.*)", line, re.ASCII)
    match = re.fullmatch(r"(?:\S*/)?sleep ([0-9]{1,6})s?;?", (shell[1] if shell else line).strip(), re.ASCII)
    return (int(match[1]) if match else 0), "lifecycle.preStop.exec.command"

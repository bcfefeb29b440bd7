"""What cannot be found in an object because parts of it are not known yet, or are secrets that are not shown.

A single value that is not known is no trouble: the rules know that they do not know it. Where a whole list or mapping
is not known, or the name of an entry, what it may hold would be taken for missing. A finding that rests on that would
be wrong, so it waits for the update, which knows everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voltaic import rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policies._properties import Properties
    from voltaic.checking import Said

_SERVER: Final = frozenset(
    {"spec", "template", "jobTemplate", "items", "containers", "initContainers", "env", "envFrom", "args", "command"}
    | {"resources", "limits", "requests", "claims", "valueFrom", "affinity", "nodeAffinity", "nodeSelector"}
)
"""Lists and mappings that decide whether a server starts (Kubernetes API reference 1.33, PodSpec and Container)."""
_AROUND: Final = frozenset(
    {"metadata", "labels", "annotations", "selector", "matchLabels", "strategy", "rollingUpdate", "tolerations"}
    | {"volumes", "volumeMounts", "emptyDir", "persistentVolumeClaim", "ports", "securityContext", "seccompProfile"}
    | {"capabilities", "drop", "add", "startupProbe", "livenessProbe", "readinessProbe", "httpGet", "lifecycle"}
    | {"preStop", "exec", "imagePullSecrets", "data", "stringData"}
)
"""Those that the rules around it read (the same, and DeploymentSpec)."""
_KEY: Final = re.compile(r"(?P<key>[A-Za-z]+)(\[\d+\])?$")
_WORD: Final = re.compile(r"\.(?P<list>args|command)\[(?P<place>\d+)\]$")
_ENTRY: Final = re.compile(r"\.(?P<list>env|envFrom|ports|volumes|volumeMounts)\[\d+\]\.(name|mountPath)$")
"""Without its name an entry may be any of those that a rule looks for."""
_CONTAINER: Final = re.compile(r"\.(containers|initContainers)\[\d+\]\.")
_GPUS: Final = re.compile(r"\.resources\b")
"""Without the number of GPUs nobody knows how many processes there are."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The parts of an object that nobody can look into."""

    paths: tuple[str, ...]
    """All values that are not known or not shown."""
    server: bool
    """Whether one of them may hold what decides whether a server starts."""
    around: bool
    """Whether one of them may hold what another rule looks for."""

    @classmethod
    def of(cls, properties: Properties) -> Unread:
        """Return what cannot be read among the properties of an object."""
        paths = (*properties.unknown, *properties.sealed)
        server = any(_may_hold(path, _SERVER, properties.values) for path in paths)
        return cls(paths, server, server or any(_may_hold(path, _AROUND, properties.values) for path in paths))

    def hides(self, said: Said) -> bool:
        """Return whether a finding may be wrong for want of these parts."""
        if not self.paths or said.finding.outcome == "unknown":
            return False
        if rules.rule(said.finding.rule) is not None:
            return self.server
        return self.around or _meet(self.paths, said.finding.path or "")


def _may_hold(path: str, structures: frozenset[str], values: dict[str, Any]) -> bool:
    """Return whether an unread value may hold more than one plain value of a known meaning."""
    word = _WORD.search(path)
    if word is not None:
        return structures is _SERVER and not _is_value(path, int(word["place"]), values)
    entry = _ENTRY.search(path)
    if entry is not None:
        return entry["list"] in structures
    key = _KEY.search(path)
    return (key is not None and key["key"] in structures) or (structures is _SERVER and bool(_GPUS.search(path)))


def _is_value(path: str, place: int, values: dict[str, Any]) -> bool:
    """Return whether a word is the value of the option before it: `--num-shard`, and then the word."""
    before = _at(values, path.rpartition("[")[0])
    option = before[place - 1] if isinstance(before, list) and 0 < place < len(before) else None
    return isinstance(option, str) and option.startswith("-") and "=" not in option


def _at(values: Any, path: str) -> Any:
    """Return what stands at a path; None where nothing does."""
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(values, list):
            values = values[int(step)] if step.isdigit() and int(step) < len(values) else None
        else:
            values = values.get(step) if isinstance(values, dict) else None
    return values


def _meet(paths: Iterable[str], place: str) -> bool:
    """Return whether one of the fields is this one, lies in it, or holds it."""
    # What a pod says of itself holds for its containers too.
    shared = _CONTAINER.sub(".", place)
    return any(_lies_in(path, one) or _lies_in(one, path) for path in paths for one in (place, shared))


def _lies_in(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))

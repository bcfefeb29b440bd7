"""One line a resource: what was done with it, and how long that took. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = "pulumi:pulumi:Stack"
PROVIDERS: Final = "pulumi:providers:"
QUIET: Final = frozenset({"same", "read", "refresh"})
"""Operations that change nothing."""
DONE: Final = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "create-replacement": "created anew",
    "delete-replaced": "deleted, replaced",
    "import": "imported",
    "import-replacement": "imported",
    "discard": "left alone",
    "discard-replaced": "left alone",
    "remove-pending-replace": "deleted, replaced",
    "read-replacement": "read",
}
DOING: Final = {
    "create": "being created",
    "update": "being updated",
    "delete": "being deleted",
    "create-replacement": "being created anew",
    "delete-replaced": "being deleted",
}
SIGNS: Final = {"create": "+", "update": "~", "delete": "-", "replace": "±"}
_LONG: Final = 1.0
"""Seconds from which on they are worth telling."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that Pulumi works on."""

    urn: str
    type: str
    op: str
    retained: bool
    """Whether a deletion leaves the object where it is."""
    label: str
    """Name of the object in the cluster; empty where that is not known."""

    @property
    def kind(self) -> str:
        """Its type as people say it: `Deployment`."""
        return self.type.rpartition(":")[2] or self.type

    @property
    def name(self) -> str:
        """Its name as people find it: in the cluster, else in the program."""
        return self.label or self.urn.rpartition("::")[2]

    def __str__(self) -> str:
        """Return kind and name."""
        return f"{self.kind} {self.name}"

    @property
    def is_object(self) -> bool:
        """Whether it is an object in the cluster."""
        return self.type.startswith("kubernetes:")

    @property
    def is_shown(self) -> bool:
        """Whether somebody who deploys wants to hear of it: an object, or what is not Pulumi's own."""
        return self.is_object or not self.type.startswith(("pulumi:", "voltaic:"))


def resource(metadata: Any) -> Resource:
    """Return the resource that an event of the engine is about (pulumi.automation, StepEventMetadata)."""
    op = str(getattr(metadata.op, "value", metadata.op))
    state = metadata.old if "delete" in op or "discard" in op else (metadata.new or metadata.old)
    label = ""
    for side in (metadata.new, metadata.old):
        found = _mapping(_mapping(getattr(side, "inputs", None)).get("metadata")).get("name")
        if isinstance(found, str):
            label = found
            break
    return Resource(metadata.urn, metadata.type, op, bool(getattr(state, "retain_on_delete", False)), label)


def done(found: Resource, seconds: float) -> str:
    """Return the line of a resource that is done with."""
    what = "leaves the stack, stays in the cluster" if _stays(found) else DONE.get(found.op, found.op)
    took = f" ({seconds:.0f} s)" if seconds >= _LONG else ""
    return f"{sign(found)} {found} {what}{took}"


def failed(found: Resource, seconds: float) -> str:
    """Return the line of a resource with which something went wrong."""
    took = f" after {seconds:.0f} s" if seconds >= _LONG else ""
    return f"! {found} not {DONE.get(found.op, found.op)}{took}"


def sign(found: Resource) -> str:
    """Return the sign of an operation."""
    return " " if _stays(found) else SIGNS.get(found.op.partition("-")[0], "·")


def _stays(found: Resource) -> bool:
    return found.retained and "delete" in found.op


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

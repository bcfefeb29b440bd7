"""What `destroy` takes away and what it leaves, read from the state: retained volumes stay in the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cli.deploying import deploy, locks
from cli.output import ACCEPT, REFUSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.deploying.deploy import Session
    from cli.deploying.engine import Work
    from cli.deploying.teller import Teller

HOLDS: Final = {"cache": "model cache", "data": "chat data", "login": "login that goes with the chat data"}
"""What an object holds, by the last word of its name (components/storage.py, components/web_ui.py)."""
DATA: Final = ("PersistentVolumeClaim", "Namespace")
"""Kinds whose deletion deletes data."""


@dataclass(frozen=True, slots=True)
class Thing:
    """An object of the stack."""

    kind: str
    name: str

    @property
    def holds(self) -> str:
        """What people would miss of it; empty for what is made anew."""
        return HOLDS.get(self.name.rpartition("-")[2], "")

    def __str__(self) -> str:
        """Return kind, name and what it holds."""
        return f"{self.kind} {self.name}" + (f" ({self.holds})" if self.holds else "")


@dataclass(frozen=True, slots=True)
class Going:
    """What goes and what stays."""

    goes: tuple[Thing, ...]
    stays: tuple[Thing, ...]
    resources: int
    """All resources of the state, those of Pulumi's own among them."""

    @property
    def anything(self) -> bool:
        """Whether there is anything to take down."""
        return self.resources > 0

    @property
    def lost(self) -> tuple[Thing, ...]:
        """What goes with data in it."""
        return tuple(thing for thing in self.goes if thing.kind in DATA)


def of_state(state: Mapping[str, Any]) -> Going:
    """Return what a destroy of this state does (an exported state of Pulumi)."""
    deployment = state.get("deployment") or {}
    listed = [each for each in deployment.get("resources") or () if isinstance(each, dict)]
    goes: list[Thing] = []
    stays: list[Thing] = []
    for each in listed:
        kind = str(each.get("type", ""))
        if not kind.startswith("kubernetes:") or each.get("external"):
            continue
        thing = Thing(kind.rpartition(":")[2], _name(each))
        (stays if each.get("retainOnDelete") else goes).append(thing)
    counted = [each for each in listed if each.get("type") != "pulumi:pulumi:Stack"]
    return Going(tuple(sorted(goes, key=str)), tuple(sorted(stays, key=str)), len(counted))


def _name(resource: Mapping[str, Any]) -> str:
    for side in ("outputs", "inputs"):
        metadata = (resource.get(side) or {}).get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
            return str(metadata["name"])
    return str(resource.get("urn", "")).rpartition("::")[2]


def tell(teller: Teller, going: Going, stack: str) -> None:
    """Tell what goes and what stays."""
    if not going.anything:
        teller.tell("done", f"Nothing of {stack} is deployed.", outcome="done")
        return
    goes = [str(thing) for thing in going.goes]
    teller.tell("plan", "\n".join(["Goes", *(goes or ["no object"])]), goes=goes, outcome="done")
    stays = [str(thing) for thing in going.stays]
    if stays:
        lines = ["Stays in the cluster, and is used again by the next up", *stays]
        teller.tell("plan", "\n".join(lines), stays=stays, outcome="done")
    lost = [str(thing) for thing in going.lost]
    if lost:
        teller.tell("plan", "\n".join(["IS DELETED WITH WHAT IS IN IT", *lost]), lost=lost, outcome="lost")


def ended(session: Session, work: Work, going: Going) -> int:
    """Tell how it ended, what is left, and what to type next; return the exit code."""
    teller, stack = session.teller, session.stack.name
    if work.interrupted:
        return deploy.interrupted(session, work, "destroy")
    if work.run.failed:
        if not work.run.began and (locks.is_locked(work.run.said) or not work.done):
            deploy.end_failed(session, work.run.said)
        for message in work.run.messages[: deploy.MOST]:
            deploy.tell_message(teller, message)
        text = f"{stack} is not taken down: {len(work.failed)} failed.\nGo on with: voltaic destroy --stack {stack}"
        teller.tell("done", text, outcome="failed", failed=len(work.failed))
        return REFUSE
    kept = [str(thing) for thing in going.stays]
    lines = [f"{stack} is taken down."]
    if kept:
        lines.append(f"Kept: {', '.join(kept)}")
        lines.append(f"Deploy it again, with them: voltaic up --stack {stack}")
        lines.append(f"Or delete them for good: voltaic cleanup --stack {stack} --include-data")
    teller.tell("done", "\n".join(lines), outcome="done", kept=kept)
    return ACCEPT

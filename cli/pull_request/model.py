"""What is found out about the stacks of a change: plain data that comment, report and document are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.host import Start
    from voltaic.memory.bill import Bill
    from voltaic.verdict import Verdict

Outcome = Literal["accept", "refuse", "unknown", "failed", "gone"]
"""A verdict; or `failed`: the stack cannot be previewed at all; or `gone`: its file is deleted."""
Against = Literal["state", "base", "nothing"]
"""What the steps are compared with: what is deployed, what the stack file at the base would deploy, or nothing."""
Operation = Literal["create", "update", "replace", "delete", "same", "read", "import", "other"]


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one resource."""

    op: Operation
    urn: str
    type: str
    """Pulumi's type: `kubernetes:apps/v1:Deployment`."""
    old: Mapping[str, Any] | None = None
    """Inputs before; secrets in them are marks without a value."""
    new: Mapping[str, Any] | None = None
    """Inputs after."""
    paths: tuple[str, ...] = ()
    """Properties that change: `spec.template.spec.containers[0].args[1]`."""
    retained: bool = False
    """Whether the object stays in the cluster when the stack lets go of it."""

    @property
    def name(self) -> str:
        """Its logical name: the last part of the URN."""
        return self.urn.rpartition("::")[2]

    @property
    def kind(self) -> str:
        """Kind of a Kubernetes object, last part of any other type."""
        return self.type.rpartition(":")[2]

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is an object in a cluster."""
        return self.type.startswith("kubernetes:")

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Inputs after, or those of what goes."""
        return self.new or self.old or {}


@dataclass(frozen=True, slots=True)
class Said:
    """One finding, of the judge or of a policy."""

    rule: str
    level: str
    outcome: str
    message: str
    why: str = ""
    fix: str = ""
    sources: tuple[str, ...] = ()
    about: str = ""
    """The resource that a policy speaks of; empty for the stack's own server."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """A change that was judged and is accepted, in words and as what to type."""

    text: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting in the operator's words, before and after; None: there is none."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Pods:
    """What becomes of the pods of one object."""

    kind: str
    name: str
    fate: Literal["starts", "restarts", "stops", "scales"]
    count: int | None
    """Pods afterwards; None where the object does not say."""
    before: int | None = None
    all_at_once: bool = True
    """Whether all of them end before the first new one starts."""
    is_server: bool = False
    """Whether it is the stack's own model server, whose start is estimated."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What becomes of data that outlives pods."""

    kind: str
    name: str
    fate: Literal["stays", "new", "changes", "released", "lost"]
    """`released`: it leaves the stack and stays in the cluster; `lost`: it is deleted with what is in it."""
    replaced: bool = False
    """Whether another one, which is empty, takes its place."""
    holds: str = ""
    """`model cache`, `chat data`; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class Message:
    """A warning or an error of the run."""

    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Side:
    """A stack as one version of its file says it."""

    where: str
    """`Pulumi.v100-2gpu.yaml at main`, `deployed`."""
    subject: str = ""
    """What is served on what: `MODEL on 2 x v100-16gb with tgi 3.0.1`."""
    outcome: Outcome = "failed"
    verdict: Verdict | None = None
    start: Start | None = None
    stated: Mapping[str, str] = field(default_factory=dict)
    """What the file states, as text by key, without secrets."""
    faults: tuple[str, ...] = ()
    """All that is wrong with the file."""
    plan: Mapping[str, Any] | None = None
    """Its plan document, without secrets; None until those are known."""

    @property
    def bill(self) -> Bill | None:
        """Its VRAM bill; None where there is none."""
        from voltaic.memory.bill import Bill

        found = None if self.verdict is None else self.verdict.bill
        return found if isinstance(found, Bill) else None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one stack."""

    stack: str
    outcome: Outcome
    against: Against = "nothing"
    before: Side | None = None
    after: Side | None = None
    settings: tuple[Setting, ...] = ()
    findings: tuple[Said, ...] = ()
    ways: tuple[WayOut, ...] = ()
    pods: tuple[Pods, ...] = ()
    volumes: tuple[Volume, ...] = ()
    downloads: bool = True
    """Whether the start that is estimated has to fetch the weights first."""
    stopped: bool = False
    """Whether the preview ended before it had shown all: nothing of this change would be deployed."""
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know about how this was found out."""
    messages: tuple[Message, ...] = ()
    faults: tuple[str, ...] = ()
    """Why it could not be previewed."""


@dataclass(frozen=True, slots=True)
class Change:
    """All stacks of a change."""

    project: str
    base: str | None
    reports: tuple[Report, ...] = ()
    faults: tuple[str, ...] = field(default=())
    """Why nothing could be previewed at all."""

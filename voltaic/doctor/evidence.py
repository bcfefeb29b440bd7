"""What is known of a workload that fails: objects as the API server has them, logs, and what tools said. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from voltaic.hardware import Profile
    from voltaic.spec import ServingSpec

Where = Literal["log", "state", "event", "client", "text"]
"""Where a fact comes from.

`log`: a container's output; `state`: how an object is; `event`: what happened to it; `client`: what a tool between here
and the cluster says (pulumi, kubectl, our own commands); `text`: a file of which nobody says what it is.
"""


@dataclass(frozen=True, slots=True)
class About:
    """What a fact is about."""

    kind: str = ""
    """`Pod`, `Deployment`, `PersistentVolumeClaim`; empty where nobody says it."""
    name: str = ""
    container: str | None = None

    def __str__(self) -> str:
        """Return it in words: `pod llm-tgi-0, container tgi`."""
        words = [f"{self.kind[:1].lower()}{self.kind[1:]} {self.name}".strip()] if self.kind or self.name else []
        return ", ".join([*words, *([f"container {self.container}"] if self.container else [])])


@dataclass(frozen=True, slots=True)
class Log:
    """Output of one container, the oldest line first."""

    lines: tuple[str, ...]
    pod: str = ""
    container: str | None = None
    previous: bool = False
    """Whether it is that of the container before its last restart."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack that the workload belongs to, as far as it is known."""

    name: str
    spec: ServingSpec | None = None
    """What its settings stand for; None where they cannot be read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a diagnosis rests on."""

    objects: tuple[Mapping[str, Any], ...] = ()
    """Kubernetes documents of any kind, events among them; a `List` is read as what it holds."""
    logs: tuple[Log, ...] = ()
    said: tuple[str, ...] = ()
    """Messages of tools between here and the cluster."""
    texts: tuple[Log, ...] = ()
    """Files of which nobody says what they are: pasted terminals, `kubectl describe`."""
    at: datetime | None = None
    """Now; None: as long as something goes on is not known."""
    namespace: str | None = None
    stack: Stack | None = None
    profile: Profile | None = None
    """GPUs to assume where neither node labels nor annotations name them."""
    missing: tuple[str, ...] = field(default=())
    """What could not be asked for, in words."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence as text, of one line or many."""

    where: Where
    text: str
    about: About = About()
    ready: bool = False
    """Whether what it is about serves all the same."""
    previous: bool = False
    """Whether it is about the container before its last restart."""

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        kinds = {"log": "log of", "state": "state of", "event": "event of", "client": "said by", "text": ""}
        head = f"{'earlier ' if self.previous else ''}{kinds[self.where]} {self.about}".strip()
        return (
            head if str(self.about) else {"log": "log", "client": "message", "text": "text"}.get(self.where, self.where)
        )

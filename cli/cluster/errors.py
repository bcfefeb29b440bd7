"""What can go wrong between here and a cluster: one class of error, in plain words, with the next step."""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "no-kubeconfig",
    "bad-kubeconfig",
    "no-context",
    "unreachable",
    "untrusted",
    "login",
    "forbidden",
    "no-namespace",
    "not-found",
    "conflict",
    "refused",
    "restarted",
    "unexpected",
]
"""`untrusted`: TLS; `login`: 401, or no credentials; `refused`: the API server says no to an object (quota, Pod
Security, schema); `restarted`: it went away under way and did not come back in time."""


class ClusterError(Exception):
    """A failure between here and the cluster.

    Attributes:
        kind: what sort of failure.
        message: what happened, in one or two sentences, without secrets.
        fix: next step, in one or two sentences; empty where there is none.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        fix: str = "",
        *,
        verb: str | None = None,
        resource: str | None = None,
        namespace: str | None = None,
    ) -> None:
        self.kind = kind
        self.message = message
        self.fix = fix
        self.verb = verb
        """Of a forbidden request: `list`, `create`."""
        self.resource = resource
        """Plural name of what was asked for, such as `pods` or `pods/log`."""
        self.namespace = namespace
        """None: the whole cluster."""
        super().__init__(f"{message} {fix}".rstrip())

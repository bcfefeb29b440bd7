"""Which rights a login has, asked by SelfSubjectAccessReviews: open to every user, and nothing is touched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.cluster import kinds
from cli.cluster.failures import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.cluster.connection import Connection

AT_ONCE = 8
"""Reviews that are asked at the same time."""


@dataclass(frozen=True, slots=True)
class Right:
    """A verb on a kind of object."""

    verb: str
    resource: str
    """Plural name, with the sub-resource: `deployments`, `pods/log`."""
    namespace: str | None
    """None: over the whole cluster."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a login has a right."""

    right: Right
    allowed: bool
    reason: str


async def ask(connection: Connection, rights: Sequence[Right]) -> list[Answer]:
    """Return an answer for each right.

    Raises:
        ClusterError: the API server cannot be asked.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def one(right: Right) -> Answer:
        kind, _, sub = right.resource.partition("/")
        attributes = {
            "verb": right.verb,
            "group": kinds.group(kind),
            "resource": kind,
            "subresource": sub,
            "namespace": right.namespace or "",
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
        }
        path = kinds.path("selfsubjectaccessreviews", None)
        async with places:
            found = await connection.request(
                "POST", path, Asked("create", "selfsubjectaccessreviews", None), None, body
            )
        status = found.get("status", {})
        return Answer(right, bool(status.get("allowed")), str(status.get("reason") or ""))

    return list(await asyncio.gather(*map(one, rights)))

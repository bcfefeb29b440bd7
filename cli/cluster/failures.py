"""Failures of requests in plain words: what the API server answered, or why nothing came back. Pure."""

from __future__ import annotations

import errno
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.cluster import credentials
from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.cluster.kubeconfig import Access

BAD, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, INVALID, BUSY = 400, 401, 403, 404, 409, 422, 429
SERVER_ERROR = 500
WITHOUT = {
    "events": "Why pods wait is told less exactly.",
    "pods/log": "Pods, restarts and events are shown all the same.",
    "pods/exec": "GPU memory is not shown; all else is.",
    "pods/portforward": "Logs, status and events work all the same; the API and the page cannot be reached from here.",
    "resourcequotas": "What is left of the quota is not known; Kubernetes refuses what goes beyond it.",
    "limitranges": "Defaults that the namespace sets for containers are not known.",
    "nodes": "Nothing of a stack needs it: GPUs are known from the profile.",
    "storageclasses": "Nothing of a stack needs it: the default class is used where none is named.",
    "namespaces": "Nothing of a stack needs it.",
    "deployments/scale": "Set replicas in the stack instead, and run: pulumi up",
}
"""What still works without a right, by what it is for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as messages name it."""

    verb: str
    """`list`, `get`, `create`, `watch` …"""
    resource: str
    """Plural name, with the sub-resource: `pods`, `pods/log`."""
    namespace: str | None
    """None: the whole cluster."""
    name: str | None = None

    def __str__(self) -> str:
        """Return it as a part of a sentence: `list pods in the namespace llm`."""
        named = f" {self.name}" if self.name else ""
        return f"{self.verb} {self.resource}{named} {self.place}"

    @property
    def place(self) -> str:
        """Where: in a namespace, or over the whole cluster."""
        return f"in the namespace {self.namespace}" if self.namespace else "over the whole cluster"


def of_answer(status: int, body: Mapping[str, Any], asked: Asked, access: Access) -> ClusterError:
    """Return what an answer other than success means.

    Args:
        status: HTTP status.
        body: the `Status` object of Kubernetes; empty where the answer was none.
        asked: the request.
        access: what was asked.
    """
    said = str(body.get("message") or f"HTTP {status}")
    if status == UNAUTHORIZED:
        return expired(access)
    if status == FORBIDDEN and _is_about_rights(said):
        return _forbidden(asked, access)
    if status == NOT_FOUND and asked.namespace and f'namespaces "{asked.namespace}" not found' in said:
        return no_namespace(asked.namespace)
    if status == NOT_FOUND:
        what = f"{_one(asked.resource.partition('/')[0])} {asked.name}" if asked.name else asked.resource
        return ClusterError("not-found", f"There is no {what} {asked.place}.", "", **_of(asked))
    if status in {BAD, FORBIDDEN, INVALID}:
        return ClusterError("refused", f"The API server refuses to {asked}: {said}", "", **_of(asked))
    if status == CONFLICT:
        return ClusterError("conflict", f"It changed meanwhile: {said}", "Run the same command again.", **_of(asked))
    if status == BUSY or status >= SERVER_ERROR:
        return ClusterError(
            "restarted",
            f"The API server {access.server} cannot answer now (HTTP {status}).",
            "It may be starting anew or overloaded: try again in a minute.",
            **_of(asked),
        )
    return ClusterError("unexpected", f"The API server did not {asked}: {said}", "", **_of(asked))


def expired(access: Access) -> ClusterError:
    """Return what a 401 means: the API server is there, and does not know who asks."""
    known = credentials.of_access(access)
    when = f": it ended {known.expires:%Y-%m-%d %H:%M} UTC" if known.expires else ""
    return ClusterError(
        "login",
        f"The API server {access.server} answers, and does not accept the login of the context {access.context} "
        f"({known.way}) any longer{when}.",
        credentials.again(known, access.context),
    )


def no_namespace(name: str) -> ClusterError:
    """Return that a namespace does not exist."""
    return ClusterError(
        "no-namespace",
        f"The namespace {name} does not exist in this cluster.",
        "Name yours with --namespace NAME, or for good with: pulumi config set namespace NAME",
        namespace=name,
    )


def no_answer(error: BaseException, access: Access) -> ClusterError:
    """Return why nothing came back: name, address, port, TLS, time."""
    server = access.server
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            why = getattr(cause, "verify_message", "") or "its certificate is not signed by the kubeconfig's authority"
            return ClusterError(
                "untrusted",
                f"What answers at {server} is not the API server that the kubeconfig knows: {why}.",
                "The cluster may have been made anew, or a proxy stands between: download a fresh kubeconfig, and take "
                "it over with: voltaic login FILE",
            )
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLWantReadError | ssl.SSLWantWriteError):
            return ClusterError(
                "untrusted",
                f"What answers at {server} does not speak TLS as an API server does.",
                "Check the address of the server in the kubeconfig, and the proxy variables.",
            )
    return ClusterError("unreachable", f"The API server {server} cannot be reached: {_why(error)}.", _way_in(error))


def is_unsent(error: BaseException) -> bool:
    """Return whether the request never reached the API server, so that even a change may be asked for again."""
    names = {type(cause).__name__ for cause in _causes(error)}
    return bool(names & {"ConnectError", "ConnectTimeout"}) and "ReadTimeout" not in names


def _why(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "no address is known for its name (DNS)"
        if isinstance(cause, ConnectionRefusedError) or getattr(cause, "errno", None) == errno.ECONNREFUSED:
            return "nothing listens at that port (connection refused)"
        if isinstance(cause, TimeoutError) or type(cause).__name__ in {"ConnectTimeout", "ReadTimeout", "PoolTimeout"}:
            return "no answer in time"
        if getattr(cause, "errno", None) in {errno.ENETUNREACH, errno.EHOSTUNREACH}:
            return "no way leads there (network unreachable)"
    text = str(error)
    if "name resolution" in text.lower() or "name or service not known" in text.lower():
        return "no address is known for its name (DNS)"
    if "connection attempts failed" in text.lower():
        return "nothing listens at that port (connection refused)"
    if type(error).__name__ in {"RemoteProtocolError", "ReadError", "WriteError", "ConnectionClosed"}:
        return "it ended the connection"
    return text or type(error).__name__


def _way_in(error: BaseException) -> str:
    if "DNS" in _why(error) or "network unreachable" in _why(error) or "in time" in _why(error):
        return "Check that the VPN is up and the address right; then try again."
    return "Check the VPN and the address; the simulated cluster starts with: make up"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, members of groups included."""
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        found = left.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        left += [found.__cause__, found.__context__, *getattr(found, "exceptions", ())]


def _is_about_rights(said: str) -> bool:
    """Return whether a 403 comes from missing rights; quotas and Pod Security answer 403 too."""
    return said == f"HTTP {FORBIDDEN}" or ("cannot " in said and " resource " in said)


def _forbidden(asked: Asked, access: Access) -> ClusterError:
    still = WITHOUT.get(asked.resource, "")
    right = f"the verb {asked.verb} on {asked.resource}"
    whom = "the namespace's owner" if asked.namespace else "an administrator of the cluster"
    return ClusterError(
        "forbidden",
        f"The login of the context {access.context} may not {asked}.",
        f"{still} Ask {whom} for {right}; all that is missing: voltaic preflight".strip(),
        **_of(asked),
    )


def _one(kind: str) -> str:
    """Return the singular of a plural name."""
    return f"{kind.removesuffix('ies')}y" if kind.endswith("ies") else kind.removesuffix("s")


def _of(asked: Asked) -> dict[str, Any]:
    return {"verb": asked.verb, "resource": asked.resource, "namespace": asked.namespace}

"""A small client of the Kubernetes API, for what the simulator writes and waits for."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote, urlsplit

from simulator.errors import SimulatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Result = TypeVar("Result")

FIELD_MANAGER = "voltaic-simulator"
APPLY = "application/apply-patch+yaml"  # JSON is YAML, so the body is plain JSON
TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.05

# kind -> (plural, namespaced): what the simulator and its tests handle, not all of Kubernetes
KINDS: dict[str, tuple[str, bool]] = {
    "ClusterExec": ("clusterexecs", False),
    "ClusterLogs": ("clusterlogs", False),
    "ClusterPortForward": ("clusterportforwards", False),
    "Deployment": ("deployments", True),
    "Event": ("events", True),
    "Job": ("jobs", True),
    "Namespace": ("namespaces", False),
    "Node": ("nodes", False),
    "PersistentVolume": ("persistentvolumes", False),
    "PersistentVolumeClaim": ("persistentvolumeclaims", True),
    "Pod": ("pods", True),
    "ResourceQuota": ("resourcequotas", True),
    "Role": ("roles", True),
    "RoleBinding": ("rolebindings", True),
    "Secret": ("secrets", True),
    "Service": ("services", True),
    "ServiceAccount": ("serviceaccounts", True),
    "Stage": ("stages", False),
    "StorageClass": ("storageclasses", False),
}


class ApiError(SimulatorError):
    """The API server answered with an error; `code` is the HTTP status, `body` the Status object's fields."""

    def __init__(self, method: str, path: str, code: int, body: Mapping[str, Any]) -> None:
        self.code = code
        self.body = dict(body)
        self.message = str(body.get("message", "no message"))
        super().__init__(f"{method} {path}: {code} {self.message}")


def path_of(obj: Mapping[str, Any]) -> str:
    """The path of an object at the API server, from its apiVersion, kind, namespace and name."""
    metadata = obj["metadata"]
    return path_to(obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace"))


def path_to(api_version: str, kind: str, name: str | None = None, namespace: str | None = None) -> str:
    """The path of one object, or of a list of them where there is no name."""
    plural, namespaced = KINDS[kind]
    parts = ["/apis" if "/" in api_version else "/api", api_version]
    if namespaced and namespace:
        parts += ["namespaces", quote(namespace)]
    parts.append(plural)
    if name:
        parts.append(quote(name))
    return "/".join(parts)


class Api:
    """One API server, spoken to with a client certificate or with a token.

    Args:
        server: its address, `https://127.0.0.1:PORT`.
        ca: file with the certificate authority.
        client: certificate and key files, or None.
        token: bearer token, or None.
    """

    def __init__(
        self, server: str, ca: Path, *, client: tuple[Path, Path] | None = None, token: str | None = None
    ) -> None:
        self.server = server
        context = ssl.create_default_context(cafile=str(ca))
        if client:
            context.load_cert_chain(*(str(path) for path in client))
        address = urlsplit(server)
        self._connection = http.client.HTTPSConnection(
            address.hostname or "", address.port, context=context, timeout=TIMEOUT_SECONDS
        )
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def request(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Any:
        """Send one request and return the decoded answer (text where it is no JSON).

        Raises:
            ApiError: the server refused.
            OSError: it cannot be reached.
        """
        headers = dict(self._headers)
        data = None
        if body is not None:
            data = json.dumps(body)
            headers["Content-Type"] = content_type
        try:
            self._connection.request(method, path, data, headers)
            response = self._connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()  # the next request opens a new one
            raise OSError(f"{self.server}: {error or type(error).__name__}") from error
        json_answer = (response.getheader("Content-Type") or "").startswith("application/json")
        answer = json.loads(text) if json_answer else text
        if response.status >= http.client.BAD_REQUEST:
            raise ApiError(method, path, response.status, answer if isinstance(answer, dict) else {"message": text})
        return answer

    def get(self, path: str) -> Any:
        """Read an object, or a list, or a text such as `/readyz`."""
        return self.request("GET", path)

    def create(self, obj: Mapping[str, Any]) -> Any:
        """Create an object."""
        metadata = obj["metadata"]
        return self.request("POST", path_to(obj["apiVersion"], obj["kind"], None, metadata.get("namespace")), obj)

    def apply(self, obj: Mapping[str, Any], subresource: str = "") -> Any:
        """Create or update an object by server-side apply; what the simulator says wins."""
        path = path_of(obj) + (f"/{subresource}" if subresource else "")
        return self.request("PATCH", f"{path}?fieldManager={FIELD_MANAGER}&force=true", obj, APPLY)

    def delete(self, path: str, *, grace_seconds: int | None = None) -> None:
        """Delete an object; one that is not there is no error."""
        query = "" if grace_seconds is None else f"?gracePeriodSeconds={grace_seconds}"
        try:
            self.request("DELETE", path + query)
        except ApiError as error:
            if error.code != http.client.NOT_FOUND:
                raise


def wait_for(
    what: str, check: Callable[[], Result | None], *, seconds: float, failed: Callable[[], str | None] | None = None
) -> Result:
    """Ask until `check` returns something true.

    Args:
        what: what is waited for, as it stands in the error message.
        check: returns something true when done; refusals and broken connections count as "not yet".
        seconds: how long at most.
        failed: returns a reason to give up at once, or None.

    Raises:
        SimulatorError: time is over, or `failed` gave a reason.
    """
    deadline = time.monotonic() + seconds
    last: Exception | None = None
    while True:
        try:
            result = check()
            if result:
                return result
            last = None
        except (OSError, ApiError) as error:
            last = error
        reason = failed() if failed else None
        if reason:
            raise SimulatorError(reason)
        if time.monotonic() > deadline:
            raise SimulatorError(f"{what}: not within {seconds:.0f} s" + (f" ({last})" if last else ""))
        time.sleep(POLL_SECONDS)

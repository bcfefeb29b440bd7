"""Which cluster a kubeconfig leads to, read as kubectl and the provider read it, without asking the cluster.

Only names, addresses and certificate authorities are taken from it; credentials are never read.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_SECONDS = 3.0
"""How long an API server may take to accept a connection before it counts as unreachable."""
HTTPS_PORT = 443
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class NoClusterError(Exception):
    """The kubeconfig leads to no cluster; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """The cluster that one context leads to."""

    context: str
    namespace: str | None
    """Namespace of the context; None where it names none."""
    server: str
    """Address of the API server: `https://host:6443`."""
    certificate_authority: str | None
    """SHA-256 of the certificate authority, hexadecimal; None where the system's own are trusted."""
    proxied: bool = False
    """True: a proxy stands between here and the API server."""

    def answers(self) -> bool:
        """Return whether the API server accepts connections; True where a proxy hides it."""
        if self.proxied:
            return True
        address = urlsplit(self.server if "//" in self.server else f"https://{self.server}")
        try:
            with socket.create_connection((address.hostname or "", address.port or HTTPS_PORT), CONNECT_SECONDS):
                return True
        except OSError:
            return False


def target(context: str | None, environment: Mapping[str, str] = os.environ) -> Target:
    """Return where a context leads.

    Args:
        context: name of the context; None: the kubeconfig's current one.
        environment: environment variables (`KUBECONFIG`, `HOME`, proxies).

    Raises:
        NoClusterError: no kubeconfig, no such context, or nothing usable in it.
    """
    files = _files(environment)
    documents = [(path, _document(path)) for path in files if path.is_file()]
    if not documents:
        raise NoClusterError(_nothing_found(files, environment))
    where = os.pathsep.join(str(path) for path, _ in documents)
    contexts = _entries(documents, "contexts", "context")
    name = context or next((found for _, document in documents if (found := _text(document, "current-context"))), None)
    if name is None:
        raise NoClusterError(f"{where} has no current context. Name one with: {_choose(sorted(contexts))}")
    if name not in contexts:
        close = get_close_matches(name, contexts, n=1)
        hint = f"did you mean {close[0]}?" if close else f"it has: {', '.join(sorted(contexts)) or 'none'}."
        raise NoClusterError(
            f"{where} has no context {name}; {hint} Name one with: {_choose(close or sorted(contexts))}"
        )
    _, entry = contexts[name]
    clusters = _entries(documents, "clusters", "cluster")
    cluster_name = _text(entry, "cluster")
    if cluster_name not in clusters:
        raise NoClusterError(f"context {name} in {where} names the cluster {cluster_name!r}, which is not there.")
    folder, cluster = clusters[cluster_name]
    server = _text(cluster, "server")
    if server is None:
        raise NoClusterError(f"cluster {cluster_name} in {where} has no server address.")
    return Target(
        context=name,
        namespace=_text(entry, "namespace"),
        server=server,
        certificate_authority=_authority(cluster, folder, cluster_name),
        proxied=bool(cluster.get("proxy-url")) or any(environment.get(variable) for variable in PROXY_VARIABLES),
    )


def _files(environment: Mapping[str, str]) -> list[Path]:
    named = [Path(text) for text in environment.get("KUBECONFIG", "").split(os.pathsep) if text]
    return named or [Path(environment.get("HOME") or Path.home()) / ".kube" / "config"]


def _nothing_found(files: list[Path], environment: Mapping[str, str]) -> str:
    looked = ", ".join(str(path) for path in files)
    how = "KUBECONFIG names" if environment.get("KUBECONFIG") else "KUBECONFIG is not set, and there is no"
    missing = f"{how} {looked}, which does not exist" if environment.get("KUBECONFIG") else f"{how} {looked}"
    return (
        f"no kubeconfig: {missing}. Set KUBECONFIG to the file that your cluster's administrator gave you, "
        "or start the simulated cluster with: make up, then: . ./activate"
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise NoClusterError(f"{path} cannot be read as a kubeconfig: {reason}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise NoClusterError(f"{path} is no kubeconfig: it holds {type(document).__name__}, not a mapping.")
    return document


def _entries(documents: list[tuple[Path, dict[str, Any]]], plural: str, singular: str) -> dict[str, tuple[Path, Any]]:
    """Return the entries of one kind by name, with the folder of their file; the first file that has a name wins."""
    found: dict[str, tuple[Path, Any]] = {}
    for path, document in documents:
        listed = document.get(plural)
        for item in listed if isinstance(listed, list) else []:
            if isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get(singular), dict):
                found.setdefault(item["name"], (path.parent, item[singular]))
    return found


def _text(mapping: Mapping[str, Any], key: str) -> str | None:
    value = mapping.get(key)
    return value if isinstance(value, str) and value else None


def _authority(cluster: Mapping[str, Any], folder: Path, name: str) -> str | None:
    data, file = _text(cluster, "certificate-authority-data"), _text(cluster, "certificate-authority")
    try:
        if data is not None:
            content = base64.b64decode(data)
        elif file is not None:
            content = (folder / file).read_bytes()  # relative to the kubeconfig; an absolute path stays as it is
        else:
            return None
    except (OSError, ValueError) as error:  # ValueError: not base64
        raise NoClusterError(f"the certificate authority of cluster {name} cannot be read: {error}") from None
    return hashlib.sha256(content.strip()).hexdigest()


def _choose(names: list[str]) -> str:
    return f"pulumi config set context {names[0] if len(names) == 1 else 'NAME'}"

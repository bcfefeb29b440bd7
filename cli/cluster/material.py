"""A kubeconfig of one context for the client: its login needs no program and no file of somebody else's any more."""

from __future__ import annotations

import base64
import os
import tempfile
from typing import TYPE_CHECKING, Any

from cli.cluster import exec_plugin
from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

    from cli.cluster.kubeconfig import Access

PREFIX = "voltaic-cluster-"
"""Beginning of the name of a folder with certificates; the process id follows."""
NAME = "it"
"""Name of all entries of a kubeconfig that has one of each."""


def folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for certificates: mode 700, gone when it is cleaned up or the process ends."""
    return tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-")


def material(access: Access, place: Path) -> dict[str, Any]:
    """Return the kubeconfig; a program that logs in is run for it.

    Args:
        access: what a context leads to.
        place: folder for certificates and keys, which TLS takes from files alone.

    Raises:
        ClusterError: a file of the kubeconfig cannot be read, or its program does not log in.
    """
    user = dict(access.user)
    if "exec" in user and not (user.get("token") or user.get("tokenFile")):
        user |= exec_plugin.login(access)
    for name in ("exec", "auth-provider", "username", "password"):
        provider = user.pop(name, None)
        if name == "auth-provider" and isinstance(provider, dict) and not user.get("token"):
            user["token"] = str((provider.get("config") or {}).get("id-token") or "")
    if file := user.pop("tokenFile", None):
        user["token"] = _read(access, access.user_folder / file, "token file").decode("utf-8", "replace").strip()
    cluster = dict(access.cluster) | {"server": access.server}
    for entry, name, origin in (
        (user, "client-certificate", access.user_folder),
        (user, "client-key", access.user_folder),
        (cluster, "certificate-authority", access.cluster_folder),
    ):
        content = _content(access, entry, name, origin)
        if content is not None:
            (place / name).touch(mode=0o600)
            (place / name).write_bytes(content)
            entry[name] = str(place / name)
    return {
        "current-context": NAME,
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": NAME, "user": {key: value for key, value in user.items() if value}}],
    }


def _content(access: Access, entry: dict[str, Any], name: str, origin: Path) -> bytes | None:
    """Take out of an entry what it holds, or names a file of."""
    data, file = entry.pop(f"{name}-data", None), entry.pop(name, None)
    if data:
        try:
            return base64.b64decode(str(data))
        except ValueError:
            raise ClusterError(
                "bad-kubeconfig", f"{name}-data of the context {access.context} is not base64."
            ) from None
    return _read(access, origin / str(file), name) if file else None


def _read(access: Access, path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        said = f"The {what} {path} that the context {access.context} names cannot be read: {error.strerror}."
        raise ClusterError("bad-kubeconfig", said) from None

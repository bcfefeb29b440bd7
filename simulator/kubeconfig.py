"""The kubeconfig of the namespace's user."""

from __future__ import annotations

import base64
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from simulator.names import CONTEXT

STALE_LOCK_SECONDS = 10.0  # kubectl holds the lock for milliseconds


def document(*, server: str, ca: str, token: str, namespace: str) -> dict[str, Any]:
    """A kubeconfig with one context.

    Args:
        server: address of the API server.
        ca: its certificate authority, PEM.
        token: bearer token of the user.
        namespace: where commands go that name none.
    """
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [
            {
                "name": CONTEXT,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": base64.b64encode(ca.encode()).decode(),
                },
            }
        ],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}}],
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the file in one step, readable by its owner alone, and remove a lock that a killed kubectl left."""
    lock = path.with_name(path.name + ".lock")
    try:
        if time.time() - lock.stat().st_mtime > STALE_LOCK_SECONDS:
            lock.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            yaml.safe_dump(content, stream, sort_keys=False)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

"""What kubectl knows: asked only where Pulumi itself cannot say, and never needed for a deployment."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

from voltaic import kubernetes_names

REQUEST_SECONDS = 10
"""How long the API server may take for an answer."""
SECONDS = 15.0
"""How long a question may take in all, a login by a plug-in of the kubeconfig included."""


def place(context: str | None, namespace: str | None) -> list[str]:
    """Return the arguments that name cluster and namespace; None: kubectl's own default."""
    return [*(["--context", context] if context else []), *(["-n", namespace] if namespace else [])]


def items(*question: str) -> list[dict[str, Any]]:
    """Return the objects that `kubectl get` finds; none where it cannot be asked."""
    command = ["kubectl", "get", *question, "-o", "json", f"--request-timeout={REQUEST_SECONDS}s"]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
        found = json.loads(answer.stdout)["items"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return []
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def kept_secret(name: str, *, context: str | None, namespace: str) -> dict[str, str]:
    """Return the values of a Secret that an earlier deployment of ours left; empty where there is none."""
    found = items("secrets", *place(context, namespace), "--field-selector", f"metadata.name={name}")
    manager = kubernetes_names.OWN_LABELS[-1]
    for item in found:
        if item.get("metadata", {}).get("labels", {}).get(manager) == "voltaic":
            data = item.get("data") or {}
            return {key: base64.b64decode(value).decode() for key, value in data.items()}
    return {}

"""Runs the program that a kubeconfig names to log in (client.authentication.k8s.io, exec plugins)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from cli.cluster import credentials
from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.cluster.kubeconfig import Access

PLUGIN_SECONDS = 180.0
"""How long a plugin may take: it may open a browser and wait for somebody to log in there."""
NEVER = "Never"
"""`interactiveMode` of a plugin that must not read from the terminal."""


def login(access: Access) -> Mapping[str, str]:
    """Return what the plugin hands out, as entries of a kubeconfig's user: a token, or a certificate and its key.

    Raises:
        ClusterError: it is not there, fails, or hands out nothing that can be used.
    """
    plugin: Mapping[str, Any] = access.user["exec"]
    known = credentials.of_access(access)
    if known.problem is not None:
        raise ClusterError("bad-kubeconfig", f"The user {access.user_name} cannot log in: {known.problem}.")
    output = _run(access, plugin, known)
    try:
        answer = json.loads(output)
        status = answer["status"]
        if status.get("token"):
            return {"token": str(status["token"])}
        return {
            "client-certificate-data": str(status["clientCertificateData"]),
            "client-key-data": str(status["clientKeyData"]),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ClusterError(
            "login",
            f"{known.plugin[0]}, which logs in for the context {access.context}, handed out no token.",
            credentials.again(known, access.context),
        ) from None


def _run(access: Access, plugin: Mapping[str, Any], known: credentials.Credentials) -> str:
    words = [str(plugin["command"]), *(str(word) for word in plugin.get("args") or [])]
    if os.sep in words[0] and not os.path.isabs(words[0]):  # noqa: PTH117  a bare name stays one: PATH finds it
        words[0] = str(access.user_folder / words[0])
    interactive = plugin.get("interactiveMode") != NEVER and sys.stdin is not None and sys.stdin.isatty()
    again = credentials.again(known, access.context)
    try:
        done = subprocess.run(
            words,
            env=_environment(access, plugin, interactive=interactive),
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # its stderr is for the user: "open this address and log in"
            timeout=PLUGIN_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        hint = f" {known.hint}" if known.hint else ""
        raise ClusterError(
            "login",
            f"The context {access.context} logs in with {words[0]}, which is not installed here.{hint}",
            "Install it, or ask for a kubeconfig with a token.",
        ) from None
    except subprocess.TimeoutExpired:
        raise ClusterError(
            "login", f"{words[0]}, which logs in, did not end within {PLUGIN_SECONDS:.0f} s.", again
        ) from None
    except OSError as error:
        raise ClusterError("login", f"{words[0]}, which logs in, cannot be run: {error.strerror}.", again) from None
    if done.returncode != 0:
        raise ClusterError("login", f"{words[0]}, which logs in, ended with exit code {done.returncode}.", again)
    return done.stdout.decode("utf-8", "replace")


def _environment(access: Access, plugin: Mapping[str, Any], *, interactive: bool) -> dict[str, str]:
    """Return the plugin's environment: ours, what its entry adds, and the cluster if it asks for that."""
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.get("provideClusterInfo"):
        names = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
        spec["cluster"] = {name: access.cluster[name] for name in names if name in access.cluster}
    info = {
        "kind": "ExecCredential",
        "apiVersion": plugin.get("apiVersion", "client.authentication.k8s.io/v1"),
        "spec": spec,
    }
    listed = plugin.get("env")
    added = {
        str(item["name"]): str(item.get("value", ""))
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict) and "name" in item
    }
    return {**os.environ, **added, "KUBERNETES_EXEC_INFO": json.dumps(info)}

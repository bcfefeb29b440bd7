"""The cluster that a stack lives in, as commands see it: plain objects, one class of error, no client's own types.

Only `cli.cluster.connection` knows the client library, and imports it when the first question is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

    from cli.cluster.cluster import Cluster

__all__ = ["ClusterError", "connect"]


def connect(kubeconfig: str | Path | None = None, context: str | None = None, namespace: str | None = None) -> Cluster:
    """Return the cluster that a kubeconfig leads to. Nothing is asked of it before the first question.

    Args:
        kubeconfig: file; None: those of KUBECONFIG, else `~/.kube/config`.
        context: context; None: the kubeconfig's current one.
        namespace: namespace; None: that of the context, else `default`.

    Raises:
        ClusterError: no kubeconfig, or no such context in it.
    """
    from cli.cluster import kubeconfig as files
    from cli.cluster.cluster import Cluster

    return Cluster(files.access(files.read(files.paths(kubeconfig)), context), namespace)

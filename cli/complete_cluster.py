"""Names of stacks and contexts that completion offers, from files; the cluster is not asked."""

from __future__ import annotations


def contexts(incomplete: str) -> list[str]:
    """Return the contexts of the kubeconfig."""
    from cli.cluster import ClusterError, kubeconfig

    try:
        found = kubeconfig.entries(kubeconfig.read(kubeconfig.paths()), "contexts", "context")
    except ClusterError:
        return []
    return sorted(name for name in found if name.startswith(incomplete))


def stacks(incomplete: str) -> list[str]:
    """Return the stacks of the project."""
    from cli import stacks as files

    return files.completed(incomplete)

"""Kubernetes objects read back into serving specs: our own, and what other people wrote."""

from voltaic.manifests.documents import Document
from voltaic.manifests.reading import Workload, workloads

__all__ = ["Document", "Workload", "workloads"]

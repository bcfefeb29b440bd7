"""A simulated GPU cluster: a real Kubernetes control plane whose nodes are simulated.

etcd, API server, controller manager and scheduler are the real ones. kwok plays the kubelets: no container runs, there
is no GPU, and nothing of a model is loaded. What a green run here proves is that manifests, rights, quota, admission,
scheduling, rollouts and the Pulumi path are right; it proves nothing about a GPU.
"""

from __future__ import annotations

from simulator.cluster import Cluster, ClusterStatus
from simulator.errors import SimulatorError
from simulator.names import NOTICE

__all__ = ["NOTICE", "Cluster", "ClusterStatus", "SimulatorError"]

"""Names that the simulated cluster promises to those who deploy into it."""

from __future__ import annotations

NOTICE = "The nodes are simulated: no GPU is used, no container runs, nothing of the model is loaded."

CONTEXT = "voltaic-sim"  # context, cluster and user entry in the kubeconfig of the namespace's user
NAMESPACE = "llm"
USER = "deployer"  # the ServiceAccount whose rights end at the namespace
GPU_RESOURCE = "nvidia.com/gpu"
# GKE puts exactly this taint on GPU nodes; other sites use the same key with other values, so tolerate it by `Exists`
GPU_TAINT = {"key": GPU_RESOURCE, "value": "present", "effect": "NoSchedule"}
STORAGE_CLASS = "simulated-block"
GPU_QUOTA = 4  # GPUs that the namespace may request, as a typical site grants a project
CLAIM_QUOTA = 10  # volume claims
STORAGE_QUOTA_GIB = 1024

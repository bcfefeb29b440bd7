"""kwok stages for nodes and volumes, and the list of all stages.

A stage says: where an object looks like this, wait so long, then change it like that. Here they play the kubelet
(nodes, pods) and the volume provisioner. The real controllers do the rest: they bind claims, count quota, move pods.
"""

from __future__ import annotations

from typing import Any

from simulator.names import NOTICE, STORAGE_CLASS
from simulator.pod_stages import pod_stages
from simulator.stage_parts import ALIVE, stage, status, when

HEARTBEAT_SECONDS = 20  # the controller manager waits 200 s before it calls a node lost (kwokctl's default)
PROVISIONER = "simulator.voltaic/volume"
NODE_READY = '.status.conditions[]? | select(.type == "Ready") | .status'

NODE_CONDITIONS = """\
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $.metadata.creationTimestamp | Quote }}
{{ end }}
"""
NODE_IDENTITY = f"""\
phase: Running
nodeInfo:
  architecture: amd64
  operatingSystem: linux
  osImage: {NOTICE!r}
  kernelVersion: none
  containerRuntimeVersion: none
  kubeletVersion: {{{{ printf "kwok-%s" Version }}}}
  kubeProxyVersion: ""
  bootID: ""
  machineID: ""
  systemUUID: ""
"""
KUBELET_PORT = "daemonEndpoints:\n  kubeletEndpoint:\n    Port: {{ NodePort }}\n"

VOLUME = f"""\
apiVersion: v1
kind: PersistentVolume
metadata:
  name: pvc-{{{{ .metadata.uid }}}}
  annotations: {{pv.kubernetes.io/provisioned-by: {PROVISIONER}}}
spec:
  storageClassName: {STORAGE_CLASS}
  accessModes: {{{{ toJson .spec.accessModes }}}}
  capacity: {{{{ toJson .spec.resources.requests }}}}
  volumeMode: {{{{ or .spec.volumeMode "Filesystem" }}}}
  persistentVolumeReclaimPolicy: Delete
  claimRef:
    apiVersion: v1
    kind: PersistentVolumeClaim
    namespace: {{{{ .metadata.namespace | Quote }}}}
    name: {{{{ .metadata.name | Quote }}}}
    uid: {{{{ .metadata.uid | Quote }}}}
  hostPath: {{path: /simulated/pvc-{{{{ .metadata.uid }}}}}}
"""


def stages() -> list[dict[str, Any]]:
    """Every stage of the simulated cluster."""
    return [*node_stages(), *pod_stages(), *volume_stages()]


def node_stages() -> list[dict[str, Any]]:
    """A node becomes ready at once and says so again and again."""
    heartbeat = HEARTBEAT_SECONDS * 1000
    return [
        stage(
            "node-ready",
            [ALIVE, when(NODE_READY, "NotIn", "True")],
            [status(NODE_CONDITIONS, NODE_IDENTITY, KUBELET_PORT)],
            kind="Node",
        ),
        stage(
            "node-heartbeat",
            [ALIVE, when(NODE_READY, "In", "True")],
            [status(NODE_CONDITIONS, KUBELET_PORT)],
            kind="Node",
            delay={"durationMilliseconds": heartbeat, "jitterDurationMilliseconds": heartbeat + heartbeat // 4},
        ),
    ]


def volume_stages() -> list[dict[str, Any]]:
    """What a volume provisioner does: make a volume once the scheduler chose a node, remove it after its claim."""
    chosen_node = '.metadata.annotations["volume.kubernetes.io/selected-node"]'
    return [
        stage(
            "claim-provision",
            [
                ALIVE,
                when(".spec.storageClassName", "In", STORAGE_CLASS),
                when(".spec.volumeName", "DoesNotExist"),
                when(chosen_node, "Exists"),
            ],
            [{"apply": {"template": VOLUME}}],
            kind="PersistentVolumeClaim",
        ),
        stage(
            "volume-reclaim",
            [
                ALIVE,
                when('.metadata.annotations["pv.kubernetes.io/provisioned-by"]', "In", PROVISIONER),
                when(".spec.persistentVolumeReclaimPolicy", "In", "Delete"),
                when(".status.phase", "In", "Released"),
            ],
            [{"delete": True}],
            kind="PersistentVolume",
        ),
    ]

"""Whatever a document holds, it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

IMAGE = "ghcr.io/huggingface/text-generation-inference:3.0.1"
PRODUCT = "nvidia.com/gpu.product"


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        [IMAGE, "${x}", "{{ x }}", "$(A)", "sh", "-c", "--model-id", "--num-shard", "2", PRODUCT, "In", "A"]
    )
    | st.text(max_size=5)
)
WORDS = (
    "image args command env envFrom name value valueFrom resources limits requests nvidia.com/gpu nodeSelector "
    "affinity containers initContainers key operator values nodeAffinity nodeSelectorTerms matchExpressions "
    "requiredDuringSchedulingIgnoredDuringExecution nvidia.com/gpu.product metadata annotations voltaic/profile "
    "kind items spec template restartPolicy apiVersion predictor model runtime storageUri leaderWorkerTemplate size "
    "leaderTemplate workerTemplate rayClusterConfig headGroupSpec workerGroupSpecs engine url data configMapRef "
    "secretRef configMapKeyRef key prefix inference services nvidia.com/gpu.shared gpu-fraction NotIn worker prefill"
)
KINDS = [
    *("v1 List", "apps/v1 Deployment", "serving.kserve.io/v1beta1 InferenceService", "kubeai.org/v1 Model"),
    *("serving.kserve.io/v1alpha1 LLMInferenceService", "leaderworkerset.x-k8s.io/v1 LeaderWorkerSet"),
    *("ray.io/v1 RayService", "kaito.sh/v1beta1 Workspace", "serving.kserve.io/v1alpha1 ServingRuntime", "a/b C"),
    *(
        "v1 ConfigMap",
        "v1 Secret",
        "v1 Service",
        "nvidia.com/v1alpha1 DynamoGraphDeployment",
        "batch.volcano.sh/v1 Job",
    ),
]
KEYS = st.sampled_from(WORDS.split())
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    server=st.dictionaries(KEYS, ANYTHING, max_size=6),
    pod=st.dictionaries(KEYS, ANYTHING, max_size=4),
    kind=st.sampled_from(["Deployment", "Pod", "CronJob", "List", "Job"]),
)
def test_nothing_makes_the_reader_raise(
    server: dict[str, Any], pod: dict[str, Any], kind: str, deployment: Make, read: Make
) -> None:
    """Whatever an object holds, it is read, or said to be unreadable."""
    content = deployment({"image": IMAGE} | server, kind=kind)
    content["spec"]["template"]["spec"] |= pod
    content["items"] = [content["spec"]["template"] | {"kind": "Pod"}, server]
    for workload in read(content, server, pod, [content]):
        assert workload.recognised in {None, "tgi"}
        assert (workload.spec is None) == (workload.recognised is None)


@given(content=ANYTHING)
def test_any_document_is_read(content: Any, read: Make) -> None:
    """Whatever a file holds, reading it ends."""
    read(content)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    contents=st.lists(
        st.tuples(st.sampled_from(KINDS), st.dictionaries(KEYS, ANYTHING, max_size=5), st.dictionaries(KEYS, ANYTHING)),
        max_size=4,
    )
)
def test_any_object_of_any_kind_is_read(contents: list[Any], read: Make) -> None:
    """Objects of controllers, and what they refer to, may hold anything."""
    made = [
        {"apiVersion": kind.split()[0], "kind": kind.split()[1], "metadata": {"name": "conf"}, **fields, "spec": spec}
        for kind, fields, spec in contents
    ]
    for workload in read(*made):
        assert (workload.spec is None) == (workload.recognised is None)
        for about in (None, "--model", "A", "resources.limits", ""):
            assert workload.place(about).file == "a.yaml"

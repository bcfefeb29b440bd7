"""Kubernetes objects read back into serving specs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic import hardware
from voltaic.manifests import Document, Workload, workloads

IMAGE = "ghcr.io/huggingface/text-generation-inference:3.0.1"
ARGS = ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2", "--num-shard", "1"]
V100 = {"nvidia.com/gpu.product": "Tesla-V100-SXM2-16GB"}


def container(**fields: Any) -> dict[str, Any]:
    """Return a TGI container on one GPU, with these fields in place of its own."""
    return {"name": "tgi", "image": IMAGE, "args": ARGS, "resources": {"limits": {"nvidia.com/gpu": 1}}} | fields


def deployment(*containers: Any, kind: str = "Deployment", **pod: Any) -> dict[str, Any]:
    """Return a Deployment (or its like) of these containers."""
    template = {"spec": {"nodeSelector": V100, "containers": list(containers)} | pod}
    return {"kind": kind, "metadata": {"name": "llm"}, "spec": {"template": template}}


def read(*contents: Any, profile: hardware.Profile | None = None) -> tuple[Workload, ...]:
    """Return the workloads of one file."""
    documents = [Document("a.yaml", number, content) for number, content in enumerate(contents, 1)]
    return workloads(documents, profile=profile)


def one(content: Any, profile: hardware.Profile | None = None) -> Workload:
    """Return the only workload of one document."""
    (found,) = read(content, profile=profile)
    return found


def unreadable(workload: Workload) -> dict[str, str]:
    """Return what could not be read, by place."""
    assert workload.spec is not None
    return {fault.where: fault.message for fault in workload.spec.command.faults if fault.unreadable}


def test_a_deployment_is_read_completely() -> None:
    """Release, GPU, count, model, arguments and environment come out as the manifest has them."""
    env = [{"name": "USE_FLASH_ATTENTION", "value": "false"}, {"name": "MAX_BATCH_SIZE", "value": "2"}]
    found = one(deployment(container(args=[*ARGS, "--max-total-tokens=2048"], env=env)))
    assert (found.file, found.document, found.kind, found.name) == ("a.yaml", 1, "Deployment", "llm")
    assert (found.container, found.recognised, found.reason) == ("tgi", "tgi", None)
    assert found.spec is not None
    assert str(found.spec.release) == "tgi 3.0.1"
    assert found.spec.gpu is hardware.gpu_model("v100-16gb")
    assert found.spec.gpus == 1
    assert found.spec.model.id == "mistralai/Mistral-7B-Instruct-v0.2"
    assert found.spec.model.architecture is not None
    assert found.spec.command.args == (*ARGS, "--max-total-tokens=2048")
    assert found.spec.option("max_total_tokens") == 2048
    assert found.spec.option("max_batch_size") == 2
    assert found.spec.command.env == {"USE_FLASH_ATTENTION": "false", "MAX_BATCH_SIZE": "2"}
    assert found.spec.command.faults == ()


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"])
def test_every_kind_with_a_pod_template_is_read(kind: str) -> None:
    """What holds a pod template is read alike."""
    found = one(deployment(container(), kind=kind))
    assert (found.kind, found.recognised) == (kind, "tgi")


def test_pods_and_cron_jobs_are_read() -> None:
    """A pod is its own template, and a CronJob keeps it deeper."""
    whole = deployment(container())
    pod = {"kind": "Pod", "metadata": {"generateName": "llm-"}, **whole["spec"]["template"]}
    cron = {"kind": "CronJob", "metadata": {"name": "llm"}, "spec": {"jobTemplate": whole}}
    assert [(found.kind, found.name, found.recognised) for found in read(pod, cron)] == [
        ("Pod", "llm-", "tgi"),
        ("CronJob", "llm", "tgi"),
    ]


def test_lists_are_unpacked_and_other_kinds_left_out() -> None:
    """`kubectl get` makes a List; a Service or a ConfigMap holds no pod."""
    items = [deployment(container()), {"kind": "Service"}, {"kind": "PodList", "items": [{"kind": "Pod"}]}]
    found = read({"kind": "ConfigMap"}, {"kind": "List", "items": items})
    assert [(workload.document, workload.kind, workload.recognised) for workload in found] == [
        (2, "Deployment", "tgi"),
        (2, "Pod", None),
    ]


def test_a_list_that_holds_itself_ends() -> None:
    """A list within itself, as a YAML alias can make one, is followed a few steps and no more."""
    endless: dict[str, Any] = {"kind": "List"}
    endless["items"] = [endless]
    assert read(endless) == ()


def test_what_is_no_model_server_is_listed_and_not_judged() -> None:
    """A web page is listed without an engine."""
    found = one(deployment({"name": "web", "image": "nginx:1.29"}))
    assert (found.recognised, found.container, found.spec, found.reason) == (None, None, None, None)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (IMAGE, "3.0.1"),
        (f"{IMAGE}@sha256:{'a' * 64}", "3.0.1"),
        ("mirror.example:5000/proxy/huggingface/text-generation-inference:2.0.4", "2.0.4"),
        ("ghcr.io/huggingface/text-generation-inference:3.0.1-rocm", "3.0.1-rocm"),
        ("ghcr.io/huggingface/text-generation-inference:v3.0.1", "3.0.1"),
        ("ghcr.io/huggingface/text-generation-inference:latest", None),
        ("ghcr.io/huggingface/text-generation-inference:3.0", None),
        ("ghcr.io/huggingface/text-generation-inference:sha-293b812", None),
        (f"ghcr.io/huggingface/text-generation-inference@sha256:{'a' * 64}", None),
        ("ghcr.io/huggingface/text-generation-inference", None),
        ("registry.example/huggingface-pytorch-tgi-inference:2.4.0-tgi3.0.1-gpu-py311-cu124", "3.0.1"),
        ("registry.example/ml/tgi:1.7.2", None),
        ("registry.example/ml/our-server:1.7.2", None),
    ],
)
def test_the_release_comes_from_the_tag_where_the_tag_is_one(image: str, version: str | None) -> None:
    """Mirrors and digests keep the tag's meaning; a tag of somebody's own image means nothing."""
    found = one(deployment(container(image=image)))
    assert found.recognised == "tgi"
    assert found.spec is not None
    assert found.spec.release.version == version


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"image": "ghcr.io/huggingface/text-generation-inference:3.3.5-intel-cpu"},
            "3.3.5-intel-cpu is a build of tgi",
        ),
        (
            {"image": "ghcr.io/huggingface/text-generation-inference:3.3.5-gaudi"},
            "3.3.5-gaudi is a build of tgi for ano",
        ),
        (
            {"command": ["text-generation-server", "download-weights", "x"], "args": []},
            "runs text-generation-server, w",
        ),
        ({"command": ["sleep"], "args": ["infinity"]}, "runs sleep, which serves no model"),
        ({"resources": {"limits": {"habana.ai/gaudi": 1}}}, "asks for habana.ai/gaudi, another kind of accelerator"),
        ({"image": "${image}", "args": []}, "the image ${image} is not filled in yet"),
        ({"image": "ghcr.io/predibase/lorax:0.12.1"}, ""),
    ],
)
def test_what_only_looks_like_the_engine_is_not_judged(fields: dict[str, Any], reason: str) -> None:
    """Builds for other accelerators and other programs of the image are listed with the reason."""
    found = one(deployment(container(**fields)))
    assert found.recognised is None
    assert (found.reason or "").startswith(reason)


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ["text-generation-launcher"], "args": ARGS},
        {"command": ["/usr/local/bin/text-generation-launcher", *ARGS], "args": []},
        {"command": ["text-generation-launcher", *ARGS], "args": None},
        {"command": ["/tgi-entrypoint.sh"], "args": ARGS},
        {"image": "registry.example/own:1", "command": ["text-generation-launcher"], "args": ARGS},
        {"image": "registry.example/own:1", "command": None, "args": ["text-generation-launcher", *ARGS][1:]},
    ],
)
def test_command_and_arguments_are_one_command_line(fields: dict[str, Any]) -> None:
    """The launcher's arguments are found wherever the manifest puts them."""
    found = one(deployment(container(**fields)))
    assert found.spec is not None
    assert found.spec.command.args == tuple(ARGS)
    assert found.spec.model.id == "mistralai/Mistral-7B-Instruct-v0.2"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sh", "-c"], "the launcher is called from a sh -c line, which is not read"),
        (["/bin/bash", "-ec", "x"], "the launcher is called from a bash -c line, which is not read"),
        (["{{ .Values.command }}"], "the command {{ .Values.command }} is not filled in yet"),
        (["/start.py"], "the launcher is called through start.py, which is not read"),
        ([7], "the launcher is called through a command that is no text, which is not read"),
    ],
)
def test_a_command_that_is_not_read_is_said_to_be_unreadable(command: list[Any], message: str) -> None:
    """A shell line or a script of somebody's own is never guessed at."""
    found = one(deployment(container(command=command)))
    assert found.recognised == "tgi"
    assert unreadable(found)["command"] == message
    assert found.spec is not None
    assert found.spec.model.architecture is None


def test_variables_of_kubernetes_are_replaced() -> None:
    """`$(NAME)` in an argument or a variable takes the value that Kubernetes would put there."""
    env = [{"name": "ORG", "value": "mistralai"}, {"name": "M", "value": "$(ORG)/Mistral-7B-Instruct-v0.2"}]
    args = ["--model-id", "$(M)", "--num-shard=1", "--revision", "$$(M)", "--otlp-service-name", "$(NOBODY)"]
    found = one(deployment(container(args=args, env=env)))
    assert found.spec is not None
    assert found.spec.model.id == "mistralai/Mistral-7B-Instruct-v0.2"
    assert found.spec.option("revision") == "$(M)"
    assert found.spec.option("otlp_service_name") == "$(NOBODY)"
    assert unreadable(found) == {}


def test_values_from_elsewhere_are_not_known() -> None:
    """A Secret's value is not known, and an argument that takes it is unreadable."""
    env = [{"name": "M", "valueFrom": {"secretKeyRef": {"name": "s"}}}]
    found = one(deployment(container(args=["--model-id", "$(M)"], env=env)))
    assert found.spec is not None
    assert found.spec.command.env == {"M": None}
    assert unreadable(found) == {"--model-id": "$(M) takes a variable whose value is not known here"}
    assert found.spec.model.architecture is None
    assert found.spec.model.unknown_because == (
        "which model is served cannot be read: $(M) takes a variable whose value is not known here"
    )


@pytest.mark.parametrize(
    ("args", "where", "message"),
    [
        (["--num-shard", "${n}"], "--num-shard", "the value '${n}' is not filled in yet"),
        (["--num-shard={{ n }}"], "--num-shard", "the value '--num-shard={{ n }}' is not filled in yet"),
        (["--json-output", "${more}"], "--json-output", "the value '${more}' is not filled in yet"),
        (["${all}"], "'${all}'", "the value '${all}' is not filled in yet"),
        (["--num-shard", 2], "--num-shard", "the argument 2 is no text, which Kubernetes refuses"),
    ],
)
def test_a_template_that_is_not_filled_in_is_unreadable(args: list[Any], where: str, message: str) -> None:
    """Placeholders are never guessed, and never taken for a wrong value."""
    found = one(deployment(container(args=["--model-id", "gpt2", *args])))
    assert unreadable(found) == {where: message}
    assert found.spec is not None
    assert found.spec.option("num_shard") is None
    assert [fault for fault in found.spec.command.faults if not fault.unreadable] == []


def test_variables_that_come_whole_from_elsewhere_are_unreadable() -> None:
    """A ConfigMap or a Secret may set any option."""
    found = one(deployment(container(envFrom=[{"configMapRef": {"name": "conf"}}])))
    assert unreadable(found) == {"envFrom": "variables come from ConfigMap conf, which is not read"}
    found = one(deployment(container(envFrom=[{"secretRef": {"name": "token"}}])))
    assert unreadable(found) == {"envFrom": "variables come from Secret token, which is not read"}


def test_a_variable_that_is_no_text_is_unreadable() -> None:
    """Kubernetes takes text only."""
    found = one(deployment(container(env=[{"name": "NUM_SHARD", "value": 2}])))
    assert unreadable(found)["NUM_SHARD"] == "the value of NUM_SHARD, 2, is no text, which Kubernetes refuses"


@pytest.mark.parametrize(
    ("resources", "gpus"),
    [
        ({"limits": {"nvidia.com/gpu": 2}}, 2),
        ({"limits": {"nvidia.com/gpu": "2"}}, 2),
        ({"limits": {"nvidia.com/gpu": 2.0}}, 2),
        ({"requests": {"nvidia.com/gpu": "4"}}, 4),
        ({"requests": {"nvidia.com/gpu": 4}, "limits": {"nvidia.com/gpu": 2}}, 2),
        ({"limits": {"amd.com/gpu": 1}}, 1),
    ],
)
def test_gpus_are_counted(resources: dict[str, Any], gpus: int) -> None:
    """Limits count, else requests, in every spelling of a whole number."""
    found = one(deployment(container(resources=resources)))
    assert found.spec is not None
    assert found.spec.gpus == gpus
    assert unreadable(found) == {}


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ({}, "no limit on nvidia.com/gpu or amd.com/gpu"),
        ({"limits": {"nvidia.com/gpu": "1.5"}}, "the limit nvidia.com/gpu is '1.5', which is no whole number"),
        ({"limits": {"nvidia.com/gpu": True}}, "the limit nvidia.com/gpu is True, which is no whole number"),
        ({"limits": {"nvidia.com/gpu": "${n}"}}, "the limit nvidia.com/gpu is '${n}', which is no whole number"),
        ({"limits": {"nvidia.com/gpu": 0}}, "the limit nvidia.com/gpu is 0, which is no GPU at all"),
        ({"limits": {"nvidia.com/mig-1g.5gb": 1}}, "nvidia.com/mig-1g.5gb is a part of a GPU, whose memory is not kno"),
        ({"claims": [{"name": "gpu"}]}, "its GPUs come through resource claims, which are not read"),
    ],
)
def test_a_count_that_cannot_be_read_is_said(resources: dict[str, Any], reason: str) -> None:
    """Without a whole number of GPUs the count is not known, never guessed."""
    found = one(deployment(container(resources=resources)))
    assert found.spec is not None
    assert found.spec.gpus is None
    message = unreadable(found)["resources.limits"]
    assert message.startswith(f"how many GPUs the pod gets cannot be read: {reason}")


def affinity(*terms: list[tuple[str, str, list[str]]]) -> dict[str, Any]:
    """Return a node affinity of these terms, each of expressions (key, operator, values)."""
    rows = [
        {"matchExpressions": [{"key": key, "operator": operator, "values": values} for key, operator, values in term]}
        for term in terms
    ]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": rows}}}


PRODUCT = "nvidia.com/gpu.product"
NO_LABEL = (
    "no node label tells the GPU model; select nodes by amd.com/gpu.product-name or nvidia.com/gpu.product, "
    "or name a profile"
)


@pytest.mark.parametrize(
    ("pod", "gpu", "reason"),
    [
        ({"nodeSelector": {PRODUCT: "Tesla-V100-PCIE-32GB"}}, "v100-32gb", None),
        ({"nodeSelector": {}, "affinity": affinity([(PRODUCT, "In", ["Tesla-T4"])])}, "t4-16gb", None),
        (
            {
                "nodeSelector": {},
                "affinity": affinity([(PRODUCT, "In", ["Tesla-V100-SXM2-16GB", "Tesla-V100-PCIE-16GB"])]),
            },
            "v100-16gb",
            None,
        ),
        (
            {"nodeSelector": {}, "affinity": affinity([(PRODUCT, "In", ["Tesla-T4", "Tesla-V100-PCIE-16GB"])])},
            None,
            "the pod may be placed on t4-16gb or v100-16gb; select one GPU model",
        ),
        (
            {
                "nodeSelector": {PRODUCT: "Tesla-T4"},
                "affinity": affinity([(PRODUCT, "In", ["Tesla-T4", "Tesla-V100-PCIE-16GB"])]),
            },
            "t4-16gb",
            None,
        ),
        (
            {"nodeSelector": {PRODUCT: "Quadro-P4000"}},
            None,
            "nvidia.com/gpu.product=Quadro-P4000: not a GPU model that voltaic knows",
        ),
        ({"nodeSelector": {"node.kubernetes.io/instance-type": "p3.2xlarge"}}, "v100-16gb", None),
        ({"nodeSelector": {"node.kubernetes.io/instance-type": "m5.large"}}, None, NO_LABEL),
        (
            {"nodeSelector": {"node.kubernetes.io/instance-type": "p3.2xlarge", PRODUCT: "Tesla-T4"}},
            None,
            "the pod may be placed on t4-16gb or v100-16gb; select one GPU model",
        ),
        (
            {"nodeSelector": {PRODUCT: "${gpu}"}},
            None,
            "the node label nvidia.com/gpu.product=${gpu} is not filled in yet",
        ),
        (
            {"nodeSelector": {}, "affinity": affinity([(PRODUCT, "In", ["Tesla-T4"])], [("zone", "In", ["a"])])},
            None,
            NO_LABEL,
        ),
        (
            {"nodeSelector": {}, "affinity": affinity([(PRODUCT, "NotIn", ["Tesla-T4"])])},
            None,
            NO_LABEL,
        ),
    ],
)
def test_the_gpu_model_comes_from_node_labels(pod: dict[str, Any], gpu: str | None, reason: str | None) -> None:
    """Selector and affinity name the GPU model, or it is not known."""
    found = one(deployment(container(), **pod))
    assert found.spec is not None
    assert (found.spec.gpu.name if found.spec.gpu else None) == gpu
    assert found.spec.gpu_unknown_because == reason


def test_an_annotation_names_the_profile_where_labels_do_not() -> None:
    """Sites with labels of their own name the profile on the pod template or on the object."""
    stated = {"annotations": {"voltaic/profile": "v100-32gb-2gpu"}}
    on_object = deployment(container(), nodeSelector={"gpu": "big"}) | {"metadata": stated}
    on_template = deployment(container(), nodeSelector={"gpu": "big"})
    on_template["spec"]["template"]["metadata"] = stated
    for content in (on_object, on_template):
        found = one(content, profile=hardware.profile("v100-1gpu"))
        assert found.spec is not None
        assert found.spec.gpu is hardware.gpu_model("v100-32gb")


def test_a_label_wins_over_annotation_and_profile() -> None:
    """Where the pod can be placed is a fact; what is said about it is not."""
    content = deployment(container()) | {"metadata": {"annotations": {"voltaic/profile": "t4-1gpu"}}}
    found = one(content, profile=hardware.profile("t4-1gpu"))
    assert found.spec is not None
    assert found.spec.gpu is hardware.gpu_model("v100-16gb")


def test_an_annotation_that_names_no_profile_is_said() -> None:
    """A profile that does not exist leaves the GPU model unknown, with the reason."""
    content = deployment(container(), nodeSelector={})
    content["metadata"]["annotations"] = {"voltaic/profile": "v200"}
    found = one(content)
    assert found.spec is not None
    assert found.spec.gpu is None
    assert (found.spec.gpu_unknown_because or "").startswith("annotation voltaic/profile: unknown profile 'v200'")


def test_the_profile_given_fills_in_the_gpu_model() -> None:
    """Without label and annotation the caller's profile counts."""
    found = one(deployment(container(), nodeSelector={}), profile=hardware.profile("v100-2gpu"))
    assert found.spec is not None
    assert found.spec.gpu is hardware.gpu_model("v100-16gb")
    assert found.spec.gpus == 1


def test_the_engine_need_not_be_the_first_container() -> None:
    """Sidecars before the server, and servers that start as sidecars, are looked through."""
    sidecar = {"name": "proxy", "image": "nginx:1.29"}
    assert one(deployment(sidecar, container())).container == "tgi"
    staying = container(restartPolicy="Always")
    assert one(deployment(sidecar, initContainers=[staying])).container == "tgi"
    assert one(deployment(sidecar, initContainers=[container()])).recognised is None


def test_two_servers_in_one_pod_are_two_workloads() -> None:
    """Each server container is judged for itself."""
    found = read(deployment(container(name="a"), container(name="b")))
    assert [workload.spec.id for workload in found if workload.spec] == ["Deployment/llm/a", "Deployment/llm/b"]


def test_a_server_without_a_model_is_not_taken_for_the_default_one() -> None:
    """Without --model-id nothing is known about the model."""
    found = one(deployment(container(args=["--num-shard", "1"])))
    assert found.spec is not None
    assert found.spec.model.unknown_because == "no --model-id is given, so that the launcher serves its own default"


@pytest.mark.parametrize(
    "broken", [None, 7, "${unknown}", [], {}, {"template": 1}, {"template": {"spec": {"containers": 5}}}]
)
def test_an_object_that_cannot_be_read_is_listed(broken: Any) -> None:
    """A Deployment without readable containers is listed with the reason."""
    found = one({"kind": "Deployment", "metadata": {"name": "llm"}, "spec": broken})
    assert (found.recognised, found.reason) == (None, "no containers that can be read")


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
    "kind items spec template restartPolicy"
)
KEYS = st.sampled_from(WORDS.split())
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)


@settings(max_examples=300)
@given(
    st.dictionaries(KEYS, ANYTHING, max_size=6),
    st.dictionaries(KEYS, ANYTHING, max_size=4),
    st.sampled_from(["Deployment", "Pod", "CronJob", "List", "Job"]),
)
def test_nothing_makes_the_reader_raise(server: dict[str, Any], pod: dict[str, Any], kind: str) -> None:
    """Whatever an object holds, it is read, or said to be unreadable."""
    content = deployment({"image": IMAGE} | server, kind=kind)
    content["spec"]["template"]["spec"] |= pod
    content["items"] = [content["spec"]["template"] | {"kind": "Pod"}, server]
    for workload in read(content, server, pod, [content]):
        assert workload.recognised in {None, "tgi"}
        assert (workload.spec is None) == (workload.recognised is None)


@given(ANYTHING)
def test_any_document_is_read(content: Any) -> None:
    """Whatever a file holds, reading it ends."""
    read(content)

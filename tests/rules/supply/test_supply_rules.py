"""Edges of the rules about images, models, keys and pods that no manifest alone shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking, images
from voltaic.manifests import Document, workloads
from voltaic.manifests.views import Objects
from voltaic.rules.supply import _tags

BASELINES: Final = Path(__file__).parents[1] / "fixtures/baseline"


def said(rule: str, base: str, *edits: tuple[str, str], tail: str = "") -> list[str]:
    """Return what a rule says of a baseline with some words replaced."""
    text = (BASELINES / f"{base}.yaml").read_text("utf-8")
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    documents = [Document("all.yaml", number, one) for number, one in enumerate(load_documents(text + tail), 1)]
    found = checking.check(documents)
    return [one.finding.message for checked in found for one in checked.said if one.finding.rule == rule]


@pytest.mark.parametrize(
    ("moves", "reference"),
    [
        (True, "ghcr.io/huggingface/text-generation-inference"),
        (True, "ghcr.io/huggingface/text-generation-inference:latest"),
        (True, "ghcr.io/huggingface/text-generation-inference:latest-rocm"),
        (True, "ghcr.io/huggingface/text-generation-inference:3.0"),
        (True, "registry.example/mirror/text-generation-inference:3.3-rocm"),
        (False, "ghcr.io/huggingface/text-generation-inference:3.0.1"),
        (False, "ghcr.io/huggingface/text-generation-inference:sha-9f5c9a5"),
        (True, "vllm/vllm-openai:nightly"),
        (False, "vllm/vllm-openai:nightly-0b7db411b5d3a2f4c1e5a4a8b1f1d0a6a1e8d9c3"),
        (False, "vllm/vllm-openai:v0.8.5"),
        (True, "ghcr.io/ggml-org/llama.cpp:server-cuda"),
        (False, "ghcr.io/ggml-org/llama.cpp:server-cuda-b9000"),
        (True, "ghcr.io/open-webui/open-webui:main"),
        (True, "ghcr.io/open-webui/open-webui:cuda"),
        (True, "ghcr.io/open-webui/open-webui:0.6"),
        (False, "ghcr.io/open-webui/open-webui:v0.11.4"),
        (False, "ghcr.io/open-webui/open-webui:git-1a2b3c4"),
        (False, "python:3.11"),
        (False, "busybox:1.36"),
        (True, "busybox:LATEST"),
        (False, "example.org/engine:maintenance"),
        (False, "ghcr.io/open-webui/open-webui:main@sha256:" + "4" * 64),
    ],
)
def test_tags_that_move(moves: bool, reference: str) -> None:  # noqa: FBT001  a column of the table
    """Of any repository those that everybody moves; of known ones theirs; a digest holds whatever the tag says."""
    image = images.image(reference)
    assert image is not None
    assert moves is _tags.moving(image)


TOKENS: Final = (
    "        - name: HF_TOKEN\n          valueFrom: {secretKeyRef: {name: hub, key: token}}\n"
    "        - name: HUGGING_FACE_HUB_TOKEN\n          valueFrom: {secretKeyRef: {name: hub, key: token}}\n"
)
NEW: Final = "        - {name: HF_TOKEN, valueFrom: {secretKeyRef: {name: hub, key: token}}}\n"
OLD: Final = NEW.replace("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


@pytest.mark.parametrize(
    ("words", "release", "variables"),
    [
        (None, "2.0.4", OLD),
        ("tgi 2.0.4 does not read the token under HF_TOKEN", "2.0.4", NEW),
        (None, "2.1.0", NEW),
        (None, "2.1.0", OLD),
        ("no token is given", "2.0.4", ""),
        ("tgi 3.0.1 does not read the token under HF_API_KEY", "3.0.1", NEW.replace("HF_TOKEN", "HF_API_KEY")),
        ("no token is given", "3.0.1", '        - {name: HF_TOKEN, value: ""}\n'),
        (None, "3.0.1", "        - {name: HF_TOKEN_PATH, value: /run/secrets/hub}\n"),
        (None, "3.0.1", "        - {name: HF_ENDPOINT, value: 'https://models.example.org'}\n"),
    ],
)
def test_the_token_of_a_gated_model_by_release(words: str | None, release: str, variables: str) -> None:
    """TGI before 2.1 reads the old name alone; an empty value is none; a mirror and a file are not asked for one."""
    found = said("gated-model-token", "tgi", (TOKENS, variables), (":3.0.1@", f":{release}@"))
    assert len(found) == (words is not None)
    assert all(words is not None and words in one for one in found)


def test_a_token_may_come_by_another_container() -> None:
    """What an init container fetched, or a mounted Secret holds, needs no variable of the server."""
    fetched = (
        "      containers:\n",
        "      initContainers:\n      - {name: fetch, image: 'busybox:1.36'}\n      containers:\n",
    )
    mounted = ("persistentVolumeClaim: {claimName: llm-cache}", "secret: {secretName: hub}")
    assert len(said("gated-model-token", "tgi", (TOKENS, ""))) == 1
    assert said("gated-model-token", "tgi", (TOKENS, ""), fetched) == []
    assert said("gated-model-token", "tgi", (TOKENS, ""), mounted) == []


@pytest.mark.parametrize(
    ("count", "model"),
    [(0, "/models/mistral"), (0, "s3://bucket/mistral"), (0, "gpt2"), (1, "Qwen/Qwen2.5-7B-Instruct")],
)
def test_only_repositories_have_revisions(count: int, model: str) -> None:
    """A folder, a bucket and a bare name are not asked for a commit."""
    revision = "        - --revision=a09a35458c702b33eeacc393d103063234e8bc28\n"
    assert len(said("model-revision", "vllm", (revision, ""), ("Qwen/Qwen2.5-7B-Instruct", model))) == count


def test_a_revision_from_elsewhere_is_not_known() -> None:
    """A variable that a Secret or a script sets may name the commit."""
    revision = ("        - --revision=3ad372fc79158a2148299e3318516c786aeded6c\n", "")
    variable = (
        "        env:\n",
        "        env:\n        - {name: REVISION, valueFrom: {secretKeyRef: {name: a, key: b}}}\n",
    )
    assert len(said("model-revision", "tgi", revision)) == 1
    assert said("model-revision", "tgi", revision, variable) == []
    assert (
        said(
            "model-revision",
            "tgi",
            revision,
            ("        env:\n", "        envFrom:\n        - secretRef: {name: a}\n        env:\n"),
        )
        == []
    )


def test_trust_without_a_pin_is_told_once() -> None:
    """Whoever trusts the code of the newest commit hears of the code, not of the weights as well."""
    edit = ("--revision=a09a35458c702b33eeacc393d103063234e8bc28", "--trust-remote-code")
    assert len(said("trust-remote-code", "vllm", edit)) == 1
    assert said("model-revision", "vllm", edit) == []


def test_a_name_that_the_engine_ignores_is_named() -> None:
    """A key under a name that nobody reads is worse than none, since its owner thinks that there is one."""
    key = ("        - name: API_KEY\n", "        - name: TGI_API_KEY\n")
    service = ("  selector: {app: llm}\n", "  type: NodePort\n  selector: {app: llm}\n")
    (message,) = said("exposed-without-key", "stack", key, service)
    assert "does not read TGI_API_KEY" in message


def test_a_release_without_keys_is_told_what_goes_before_it() -> None:
    """TGI before 2.3.0 cannot ask for a key."""
    service = ("  selector: {app: llm}\n", "  type: LoadBalancer\n  selector: {app: llm}\n")
    (message,) = said("exposed-without-key", "stack", service, (":3.0.1@", ":2.0.4@"))
    assert "which cannot ask for a key" in message


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ("No security context is set for container tgi", 4),
        ("securityContext.seccompProfile of container tgi is not set", 1),
    ],
)
def test_a_pod_without_any_security_context_is_told_once(fields: str, missing: int) -> None:
    """Where nobody set anything one finding names all; else each control is told for itself."""
    edits = [("        seccompProfile: {type: RuntimeDefault}\n", "")]
    if missing > 1:
        edits += [
            ("        runAsNonRoot: true\n", ""),
            ("          allowPrivilegeEscalation: false\n", ""),
            ("          capabilities: {drop: [ALL]}\n", ""),
        ]
    (message,) = said("pod-security-restricted", "tgi", *edits)
    assert fields in message


def test_every_container_counts() -> None:
    """A container that is not set right is named, init containers too, beside one that is."""
    other = "      initContainers:\n      - {name: wait, image: 'busybox:1.36'}\n      containers:\n"
    found = said("pod-security-restricted", "tgi", ("      containers:\n", other))
    assert [one.partition(" is ")[0].rpartition(" of ")[2] for one in found] == ["init container wait"] * 2


GOLDEN: Final = sorted(folder for folder in (Path(__file__).parents[2] / "golden").iterdir() if folder.is_dir())


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda folder: folder.name)
def test_our_own_stacks_have_no_mandatory_finding(folder: Path) -> None:
    """What our components make is held to the levels of our own stacks, and passes."""
    files = sorted(folder.glob("*.yaml"))
    documents: list[Any] = [
        Document(file.name, number, one)
        for file in files
        for number, one in enumerate(load_documents(file.read_text("utf-8")), 1)
    ]
    found = checking.of_workloads(workloads(documents), Objects.of(documents), ours=True)
    mandatory = [one.finding.message for checked in found for one in checked.said if one.finding.level == "mandatory"]
    assert [checked.workload.recognised for checked in found] == ["tgi", None]
    assert mandatory == []


AUTO: Final = ("      automountServiceAccountToken: false\n", "")
SIDECAR: Final = ("      containers:\n", "      containers:\n      - {name: helper, image: 'example.org/helper:1.0'}\n")
LOCKED: Final = ("capabilities: {drop: [ALL]}", "capabilities: {drop: [ALL], add: [IPC_LOCK]}")
REVISION: Final = ("        - --revision=a09a35458c702b33eeacc393d103063234e8bc28\n", "")


@pytest.mark.parametrize(
    ("rule", "base", "fault", "exception"),
    [
        ("service-account-token", "tgi", AUTO, SIDECAR),
        (
            "pod-security-baseline",
            "vllm",
            LOCKED,
            ("nvidia.com/gpu: 2}", "nvidia.com/gpu: 2, vpc.amazonaws.com/efa: 1}"),
        ),
        ("model-revision", "vllm", REVISION, ("{name: DO_NOT_TRACK,", "{name: VLLM_USE_MODELSCOPE,")),
        ("model-revision", "vllm", REVISION, ("{name: DO_NOT_TRACK,", "{name: HF_HUB_OFFLINE,")),
        ("model-revision", "vllm", REVISION, ("vllm/vllm-openai:v0.8.5", "lmsysorg/sglang:v0.5.9")),
        ("usage-statistics", "tgi", ("        - --usage-stats=off\n", ""), (":3.0.1@", ":2.1.1@")),
        ("usage-statistics", "tgi", ("        - --usage-stats=off\n", ""), (":3.0.1@", ":latest@")),
        (
            "image-pull-policy",
            "tgi",
            ("        args:\n", "        imagePullPolicy: Never\n        args:\n"),
            ("ghcr.io/huggingface/", ""),
        ),
        ("image-user", "tgi", (":3.0.1@", ":3.3.4@"), (":3.3.4@", ":3.1.0@")),
        ("image-user", "tgi", (":3.0.1@", ":3.3.4@"), ("/text-generation-inference:", "/our-own-tgi:")),
        (
            "image-user",
            "tgi",
            (":3.0.1@", ":3.3.4@"),
            ("runAsNonRoot: true\n        runAsUser: 1000", "runAsNonRoot: false\n        runAsUser: 0"),
        ),
        ("image-digest", "tgi", ("@sha256:" + "3" * 64, ""), (":3.0.1", ":latest")),
    ],
)
def test_what_takes_a_finding_away(rule: str, base: str, fault: tuple[str, str], exception: tuple[str, str]) -> None:
    """A fault is told, and is not where one more thing makes it legal or leaves it open."""
    assert len(said(rule, base, fault)) == 1
    assert said(rule, base, fault, exception) == []


def test_a_node_that_keeps_a_moving_tag_is_worth_a_word() -> None:
    """With IfNotPresent two nodes may run two builds under one tag."""
    text = (BASELINES / "tgi.yaml").read_text("utf-8").replace(":3.0.1@sha256:" + "3" * 64, ":latest")
    for policy, kept in (("IfNotPresent", True), ("Always", False)):
        changed = text.replace("        args:\n", f"        imagePullPolicy: {policy}\n        args:\n")
        checked = checking.check([Document("all.yaml", 1, load_documents(changed)[0])])
        (found,) = [one.finding for each in checked for one in each.said if one.finding.rule == "image-tag"]
        assert ("each node keeps the build" in found.why) is kept


CONFIG: Final = (
    "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: team-a}\n"
    "data: {SEARCH_API_KEY: correct-horse-battery, NAME: chat}\n"
)
LLAMA: Final = ("Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.2-3B-Instruct")
TRUSTED: Final = ("--dtype=half", "--dtype=half\n        - --trust-remote-code")
NEVER: Final = "        imagePullPolicy: Never\n        args:\n"
FETCHED: Final = (
    "      containers:\n",
    "      initContainers:\n      - {name: fetch, image: 'busybox:1.36'}\n      containers:\n",
)
HUB_FILE: Final = ("persistentVolumeClaim: {claimName: llm-cache}", "projected: {sources: [{secret: {name: hub}}]}")
ROOT: Final = ("        runAsNonRoot: true\n        runAsUser: 1000\n", "        runAsNonRoot: false\n")
RDMA: Final = ("nvidia.com/gpu: 2}", "nvidia.com/gpu: 2, rdma/hca_shared: 1}")
ACCOUNT: Final = ("      automountServiceAccountToken: false\n", "      serviceAccount: llm\n")
BINDING: Final = (
    "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: llm, namespace: team-a}\n"
    "subjects: [{kind: %s, name: %s, namespace: team-a}]\n"
)


def _key(name: str) -> tuple[str, str]:
    """Return the change that takes a variable of the page from one key of the ConfigMap."""
    entry = f"        - {{name: {name}, valueFrom: {{configMapKeyRef: {{name: more, key: {name}}}}}}}\n"
    return "        - {name: DATA_DIR", f"{entry}        - {{name: DATA_DIR"


@pytest.mark.parametrize(
    ("found", "rule", "base", "edits", "tail"),
    [
        ([], "configmap-secret", "page", [_key("NAME")], CONFIG),
        (
            ["The value under SEARCH_API_KEY"],
            "configmap-secret",
            "page",
            [_key("SEARCH_API_KEY"), _key("NAME")],
            CONFIG,
        ),
        ([], "gated-model-token", "tgi", [(TOKENS, ""), HUB_FILE], ""),
        ([], "gated-model-token", "vllm", [LLAMA, ("--dtype=half", "--dtype=half\n        - --hf-token=$(HUB)")], ""),
        (["meta-llama/Llama-3.2-3B-Instruct is gated"], "gated-model-token", "vllm", [LLAMA], ""),
        (["securityContext.runAsNonRoot of container tgi is false"], "pod-security-restricted", "tgi", [ROOT], ""),
        ([], "pod-security-restricted", "page", [ROOT, (":v0.11.4@", ":v0.6.15@")], ""),
        (
            ["securityContext.capabilities of container tgi is without drop ALL"],
            "pod-security-restricted",
            "tgi",
            [("drop: [ALL]", "drop: [NET_RAW]")],
            "",
        ),
        (
            ["securityContext.allowPrivilegeEscalation of container tgi is true"],
            "pod-security-restricted",
            "tgi",
            [("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")],
            "",
        ),
        ([], "pod-security-baseline", "vllm", [LOCKED, RDMA], ""),
        (
            [],
            "pod-security-baseline",
            "tgi",
            [("seccompProfile:", "seLinuxOptions: {type: container_t}\n        seccompProfile:")],
            "",
        ),
        (["The token of service account llm"], "service-account-token", "tgi", [ACCOUNT], ""),
        ([], "service-account-token", "tgi", [ACCOUNT], BINDING % ("ServiceAccount", "llm")),
        (["The token of service account llm"], "service-account-token", "tgi", [ACCOUNT], BINDING % ("User", "llm")),
        (
            ["The token of service account llm"],
            "service-account-token",
            "tgi",
            [ACCOUNT],
            BINDING % ("ServiceAccount", "a"),
        ),
        (["The token of service account llm"], "service-account-token", "tgi", [ACCOUNT, FETCHED], ""),
        ([], "trust-remote-code", "vllm", [TRUSTED, ("Qwen/Qwen2.5-7B-Instruct", "some/Model-7B")], ""),
        ([], "image-pull-policy", "tgi", [("        args:\n", NEVER), ("ghcr.io/huggingface/", "localhost/")], ""),
    ],
)
def test_one_fault_among_what_is_legal(
    found: list[str], rule: str, base: str, edits: list[tuple[str, str]], tail: str
) -> None:
    """What is found, in the order in which it is told."""
    told = said(rule, base, *edits, tail=tail)
    assert [words in one for words, one in zip(found, told, strict=True)] == [True] * len(found)

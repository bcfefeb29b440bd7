"""The inference server: judged first, then deployed as the core says."""

from __future__ import annotations

import json
import re
from typing import Any

import pulumi
import pytest

from components import TGIServer, arguments
from components.cluster import Cluster
from components.tgi_server import SECRET_ARGS, TGIServerArgs, read
from tests.components import harness
from voltaic import settings

GOOD = {"profile": "v100-2gpu", "model": harness.MODEL}
ONE = {"profile": "v100-1gpu", "model": harness.MODEL}
REFUSED = {**ONE, "model": "meta-llama/Llama-2-13b-chat-hf"}
TOKEN = {**GOOD, "hfToken": "hf_secret_value", "apiKey": "my-own-key"}


def pod_of(run: harness.Run, name: str = "tgi") -> dict[str, Any]:
    """The pod specification of a Deployment."""
    spec: dict[str, Any] = run.one("Deployment", name).inputs["spec"]["template"]["spec"]
    return spec


def plain_env(run: harness.Run, name: str = "tgi") -> dict[str, str]:
    """Variables with plain values."""
    return {one["name"]: one["value"] for one in run.container(name)["env"] if "value" in one}


def secret_env(run: harness.Run, name: str = "tgi") -> dict[str, tuple[str, str]]:
    """Variables from Secrets: name and key."""
    found = [
        (one["name"], one["valueFrom"]["secretKeyRef"]) for one in run.container(name)["env"] if "valueFrom" in one
    ]
    return {variable: (reference["name"], reference["key"]) for variable, reference in found}


def test_a_refused_server_registers_itself_and_no_child(program: harness.Program) -> None:
    """Policies see what would have been deployed; no object is declared, and the program fails."""
    run = program(REFUSED, stack="v100-1gpu")
    assert [one.type for one in run.resources] == [
        "pulumi:index:Stash",
        "pulumi:providers:kubernetes",
        "voltaic:index:TGIServer",
    ]
    assert run.one("TGIServer", "tgi").inputs["verdict"] == "refuse"
    assert run.exit_code == 32


def test_a_refusal_names_number_reason_and_way_out(program: harness.Program) -> None:
    """The error has what the judge says, and commands that lead to an accepted configuration."""
    (error,) = program(REFUSED, stack="v100-1gpu").errors
    lines = error.splitlines()
    assert lines[0] == "tgi 3.0.1 with meta-llama/Llama-2-13b-chat-hf on 1 x NVIDIA V100 16 GB would not start:"
    assert lines[1].startswith("  vram-budget: Needs 26.55 GiB on the GPU, which has 15.77 GiB")
    assert lines[2].startswith("    why: The weights alone do not fit")
    assert lines[3] == "    way out: Serve a smaller model, or use GPUs with more memory or more of them."
    assert lines[4] == "  accepted by the same rules:"
    at = lines.index("    profile v100-2gpu (13.51 GiB on the fullest GPU):")
    assert lines[at + 1] == "      pulumi config set -s v100-1gpu profile v100-2gpu"


def test_every_way_out_is_accepted(program: harness.Program) -> None:
    """Typing a command that the refusal shows leads to a deployment."""
    (error,) = program(REFUSED, stack="v100-1gpu").errors
    commands = [line.strip() for line in error.splitlines() if line.startswith("      pulumi config set")]
    assert commands
    for command in commands:
        changed = dict(one.split()[-2:] for one in command.split("; "))
        assert program({**REFUSED, **changed}, stack="v100-1gpu").errors == []


def test_a_release_that_the_chat_page_cannot_use_is_no_way_out(program: harness.Program) -> None:
    """Where a chat page will ask the server, every command that a refusal shows leads to one that has chat."""
    refused = {**GOOD, "engineVersion": "1.2.0", "quantization": "awq", "shards": "2"}
    (error,) = program(refused).errors
    releases = re.findall(r"config set -s v100-2gpu engineVersion ([0-9.]+)", error)
    assert all(tuple(map(int, version.split("."))) >= (1, 4, 0) for version in releases)


def test_an_unknown_is_refused_unless_it_is_allowed(program: harness.Program) -> None:
    """Missing facts are no accept; the owner of the stack may let them through."""
    unknown = {**GOOD, "model": "somebody/unheard-of-model"}
    (error,) = program(unknown).errors
    assert "cannot be judged for want of facts:" in error
    assert "to deploy it all the same: pulumi config set -s v100-2gpu allowUnknown true" in error
    run = program({**unknown, "allowUnknown": "true"})
    assert run.errors == []
    assert run.one("TGIServer", "tgi").inputs["verdict"] == "unknown"
    annotation = "voltaic/allow-unknown"
    assert run.one("Deployment", "tgi").inputs["metadata"]["annotations"][annotation] == "true"
    assert annotation not in program(GOOD).one("Deployment", "tgi").inputs["metadata"]["annotations"]


def test_a_refusal_is_never_let_through(program: harness.Program) -> None:
    """`allowUnknown` lets an unknown through, not a refusal."""
    assert program({**REFUSED, "allowUnknown": "true"}, stack="v100-1gpu").exit_code == 32


def test_what_a_mirror_holds_is_written_beside_it(program: harness.Program) -> None:
    """An image whose name says nothing is read back as the release that the stack names for it, by policies too."""
    from voltaic.manifests import Document, workloads

    image = "mirror.example/llm/server@sha256:" + "a" * 64
    run = program({**GOOD, "image": image, "engineVersion": "3.0.1"})
    template = run.one("Deployment", "tgi").inputs["spec"]["template"]
    assert template["metadata"]["annotations"]["voltaic/release"] == f"{image} 3.0.1"
    (found,) = workloads([Document("a.yaml", 1, run.one("Deployment", "tgi").inputs)])
    assert found.spec is not None
    assert str(found.spec.release) == "tgi 3.0.1"
    own = program(GOOD).one("Deployment", "tgi").inputs["spec"]["template"]["metadata"]["annotations"]
    assert "voltaic/release" not in own


def test_the_digest_of_a_weak_key_cannot_be_guessed(program: harness.Program) -> None:
    """The annotation that starts new pods depends on a generated secret too, not on the user's own words alone."""

    def digest(generated: str, key: str) -> str:
        run = program({**GOOD, "apiKey": key}, recorded={"tgi-api-key": generated}, secret=("apiKey",))
        template = run.one("Deployment", "tgi").inputs["spec"]["template"]
        return str(template["metadata"]["annotations"]["voltaic/secrets"])

    assert digest("one", "letmein") == digest("one", "letmein")
    assert len({digest("one", "letmein"), digest("two", "letmein"), digest("one", "sesame")}) == 3


def test_policies_get_plain_resolved_values(program: harness.Program) -> None:
    """The component's properties hold the spec that the judge can read back, and nothing secret or unknown."""
    from voltaic import judge, spec_from_line

    one = program(TOKEN, secret=("hfToken", "apiKey")).one("TGIServer", "tgi")
    assert judge(spec_from_line(one.inputs["spec"])).verdict == one.inputs["verdict"] == "accept"
    assert one.inputs["allowUnknown"] is False
    assert one.inputs["memory"]["per_gpu"][0]["budget"] > 0
    assert one.secret_paths == frozenset()
    assert "04da6b54-80e4-46f7-96ec-b56ff0331ba9" not in json.dumps(one.inputs)  # Pulumi's sentinel for an unknown
    assert "hf_secret_value" not in json.dumps(one.inputs)
    assert "my-own-key" not in json.dumps(one.inputs)


def test_secret_values_stand_in_secrets_alone(program: harness.Program) -> None:
    """Tokens and keys reach the cluster only in Secrets, marked secret, and pods only by reference."""
    run = program(TOKEN, secret=("hfToken", "apiKey"))
    for one in run.resources:
        text = json.dumps(one.inputs)
        if one.type.endswith(":Secret"):
            assert one.secret_paths, one.name
            assert all(path.startswith("stringData") for path in one.secret_paths)
        else:
            assert "hf_secret_value" not in text, one.name
            assert "my-own-key" not in text, one.name
    assert run.one("Secret", "tgi-huggingface").inputs["stringData"] == {"token": "hf_secret_value"}
    assert run.one("Secret", "tgi-api").inputs["stringData"] == {"key": "my-own-key"}
    assert secret_env(run) == {
        "API_KEY": ("tgi-v100-2gpu-api", "key"),
        "HF_TOKEN": ("tgi-v100-2gpu-huggingface", "token"),
        "HUGGING_FACE_HUB_TOKEN": ("tgi-v100-2gpu-huggingface", "token"),
    }


@pytest.mark.parametrize("words", [["--api-key", "abc-secret"], ["--ngrok-authtoken=abc-secret"]])
def test_a_secret_among_arguments_is_refused(program: harness.Program, words: list[str]) -> None:
    """Arguments stand in the pod and in the state for everybody to read: refused without showing the value."""
    run = program({**GOOD, "extraArgs": words})
    expected = (
        f"tgi: extraArgs holds {words[0].partition('=')[0]}, and would show a secret to everybody who may see the pod "
        "or the state. Leave it out; the key of the API is set with: "
        "pulumi config set -s v100-2gpu --secret apiKey"
    )
    assert run.errors == [expected]
    assert "abc-secret" not in json.dumps([one.inputs for one in run.resources])


@pytest.mark.parametrize("values", [GOOD, TOKEN, {**GOOD, "profile": "v100-4gpu", "replicas": "2"}])
def test_no_variable_overrides_the_gpus_of_the_device_plugin(program: harness.Program, values: dict[str, str]) -> None:
    """With NVIDIA_VISIBLE_DEVICES or CUDA_VISIBLE_DEVICES a pod would see GPUs of others."""
    for name in ("tgi", "webui"):
        variables = {one["name"] for one in program(values).container(name)["env"]}
        assert not {name for name in variables if name.endswith("VISIBLE_DEVICES")}


def test_a_key_is_generated_once_and_stays(program: harness.Program) -> None:
    """Without a key of one's own, the state's first offer is used in every later run."""
    run = program(GOOD, recorded={"tgi-api-key": "first-offer"})
    stash = run.one("Stash", "tgi-api-key")
    assert stash.secret_paths == {"input"}
    assert stash.options["ignoreChanges"] == ["input"]
    assert run.one("Secret", "tgi-api").inputs["stringData"] == {"key": "first-offer"}
    assert run.outputs["apiKey"] == "first-offer"
    assert "apiKey" in run.secret_outputs


def test_every_offer_is_new_and_long(program: harness.Program) -> None:
    """What is offered is random and hexadecimal: TGI compares keys without regard to case."""
    offers = {program(GOOD).one("Stash", "tgi-api-key").inputs["input"] for _ in range(2)}
    assert len(offers) == 2
    assert all(len(offer) == 64 and int(offer, 16) >= 0 for offer in offers)


def test_a_new_secret_value_starts_new_pods(program: harness.Program) -> None:
    """Pods read Secrets when they start, so a changed value changes the pod; the value cannot be told from it."""

    def annotations(values: dict[str, str]) -> dict[str, str]:
        template = program(values).one("Deployment", "tgi").inputs["spec"]["template"]
        found: dict[str, str] = template["metadata"]["annotations"]
        return found

    before, after = annotations({**GOOD, "apiKey": "one"}), annotations({**GOOD, "apiKey": "two"})
    assert before["voltaic/secrets"] != after["voltaic/secrets"]
    assert before == annotations({**GOOD, "apiKey": "one"})
    assert len(before["voltaic/secrets"]) == 8


def test_a_model_change_keeps_names_selectors_and_volumes(program: harness.Program) -> None:
    """Another model changes pods; no object gets another name, no selector moves, no volume is asked for anew."""
    before, after = program(GOOD), program({**GOOD, "model": "meta-llama/Llama-2-13b-chat-hf"})
    assert before.errors == after.errors == []

    def kept(run: harness.Run) -> list[Any]:
        named = [(one.type, one.name, one.inputs.get("metadata", {}).get("name", "")) for one in run.resources]
        selecting = sorted((*run.all("Deployment"), *run.all("Service")), key=lambda one: (one.type, one.name))
        claims = sorted(run.all("PersistentVolumeClaim"), key=lambda one: one.name)
        return [sorted(named), [one.inputs["spec"]["selector"] for one in selecting], [one.inputs for one in claims]]

    assert kept(before) == kept(after)
    assert before.container("tgi")["args"] != after.container("tgi")["args"]


def test_no_name_holds_a_model_or_a_release(program: harness.Program) -> None:
    """Names and labels say what an object is for, not what runs in it today."""
    run = program(GOOD)
    for one in run.resources:
        metadata = one.inputs.get("metadata", {})
        text = json.dumps([one.name, metadata.get("name"), metadata.get("labels")]).lower()
        assert not any(word in text for word in ("mistral", "3.0.1", "3-0-1")), text


def test_two_stacks_share_no_name(program: harness.Program) -> None:
    """Two stacks may live in one namespace: a create takes over an object of the same name without a word."""

    def names(stack: str) -> set[tuple[str, str]]:
        run = program(harness.stack_values(stack), stack=stack)
        return {
            (one.type, one.inputs["metadata"]["name"]) for one in run.resources if one.type.startswith("kubernetes:")
        }

    assert not names("v100-1gpu") & names("v100-2gpu")


def test_the_gpus_are_a_limit_and_nothing_else_shows_devices(program: harness.Program) -> None:
    """Device plugin and scheduler decide which GPUs a pod sees; a variable would override them."""
    for values in (GOOD, ONE, {**GOOD, "gpus": "1"}):
        run = program(values)
        resources = run.container("tgi")["resources"]
        count = resources["limits"]["nvidia.com/gpu"]
        assert count == resources["requests"]["nvidia.com/gpu"] == values.get("gpus", "2" if values is GOOD else "1")
        assert not {name for name in {**plain_env(run), **secret_env(run)} if "VISIBLE_DEVICES" in name}


def test_flash_attention_is_off_where_the_gpu_has_none(program: harness.Program) -> None:
    """On a V100 the release would choose flash attention and die in the warm-up."""
    assert plain_env(program(GOOD))["USE_FLASH_ATTENTION"] == "false"


def test_shards_are_always_stated(program: harness.Program) -> None:
    """One shard with the layers over both GPUs is what starts on two V100."""
    words = program(GOOD).container("tgi")["args"]
    assert words[words.index("--num-shard") + 1] == "1"


def test_deadlines_follow_from_each_other(program: harness.Program) -> None:
    """Startup budget ≤ progress deadline ≤ Pulumi's timeout, all of them longer for a larger download."""

    def times(model: str) -> tuple[int, int, int]:
        run = program({**GOOD, "model": model})
        one = run.one("Deployment", "tgi")
        probe = run.container("tgi")["startupProbe"]
        timeouts = one.options["customTimeouts"]
        assert set(timeouts) == {"create", "update", "delete"}
        assert len(set(timeouts.values())) == 1
        budget = probe["periodSeconds"] * probe["failureThreshold"]
        return budget, one.inputs["spec"]["progressDeadlineSeconds"], int(timeouts["create"].removesuffix("s"))

    small, large = times(harness.MODEL), times("meta-llama/Llama-2-13b-chat-hf")
    assert small == tuple(sorted(small))
    assert large == tuple(sorted(large))
    assert all(more > less for less, more in zip(small, large, strict=True))


def test_the_end_is_long_enough(program: harness.Program) -> None:
    """The engine drains for up to 90 s after the wait for the nodes; Kubernetes' own 30 s would cut requests off."""
    run = program(GOOD)
    wait = int(run.container("tgi")["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod_of(run)["terminationGracePeriodSeconds"] >= wait + 90


def test_memory_holds_shared_memory_and_working_set(program: harness.Program) -> None:
    """Pages of /dev/shm count in the pod's memory, so the limit is larger than it; request and limit agree."""
    run = program(GOOD)
    shm = next(volume for volume in pod_of(run)["volumes"] if volume["name"] == "shm")["emptyDir"]
    assert shm["medium"] == "Memory"
    resources = run.container("tgi")["resources"]
    assert resources["limits"]["memory"] == resources["requests"]["memory"]
    from voltaic import units

    assert units.size_of(resources["limits"]["memory"]) > units.size_of(shm["sizeLimit"])


def restricted(spec: dict[str, Any]) -> list[str]:
    """What Pod Security `restricted` objects to, by the rules of its profile that a pod of ours could break."""
    found = []
    context = spec.get("securityContext", {})
    for container in spec["containers"]:
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            found.append("allowPrivilegeEscalation")
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own.get("capabilities", {}).get("add"):
            found.append("capabilities")
        if not own.get("runAsNonRoot", context.get("runAsNonRoot")):
            found.append("runAsNonRoot")
        if own.get("runAsUser", context.get("runAsUser")) == 0:
            found.append("runAsUser")
        if own.get("seccompProfile", context.get("seccompProfile", {})).get("type") != "RuntimeDefault":
            found.append("seccompProfile")
        if any("hostPort" in port for port in container.get("ports", [])):
            found.append("hostPort")
    if any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        found.append("host namespaces")
    allowed = {"name", "emptyDir", "persistentVolumeClaim", "secret", "configMap", "projected", "downwardAPI", "csi"}
    return found + [f"volume {volume['name']}" for volume in spec["volumes"] if set(volume) - allowed]


def test_pods_satisfy_pod_security_restricted(program: harness.Program) -> None:
    """Both pods may run in a namespace that enforces `restricted`."""
    run = program(GOOD)
    assert restricted(pod_of(run)) == []
    assert restricted(pod_of(run, "webui")) == []


def test_a_release_that_needs_root_says_why(program: harness.Program) -> None:
    """Where only root works, the pod runs as root, all else stays restricted, and the reason is shown."""
    run = program({**GOOD, "engineVersion": "3.2.0", "maxBatchSize": "1", "webuiEnabled": "false"})
    assert run.errors == []
    assert restricted(pod_of(run)) == ["runAsNonRoot"]
    assert (
        "tgi 3.2.0 runs as root, since the image keeps libpython below /root, where only root may read: "
        "a namespace that enforces Pod Security `restricted` refuses its pods. "
        "Another release with: pulumi config set -s v100-2gpu engineVersion VERSION" in run.warnings
    )


def test_an_entrypoint_that_hides_signals_is_replaced(program: harness.Program) -> None:
    """2.0.4's own entrypoint would swallow the signal to end; 3.0.1's is left alone."""
    old = program({**ONE, "engineVersion": "2.0.4", "webuiEnabled": "false"})
    assert old.errors == []
    assert old.container("tgi")["command"] == ["text-generation-launcher"]
    assert "command" not in program(GOOD).container("tgi")


def test_a_release_without_keys_gets_none(program: harness.Program) -> None:
    """Before 2.3.0 the API cannot ask for a key: no Secret, no variable, and a warning."""
    run = program({**ONE, "engineVersion": "2.0.4", "webuiEnabled": "false"})
    assert [one.name for one in run.all("Secret")] == []
    assert "API_KEY" not in secret_env(run)
    assert "apiKey" not in run.outputs or run.outputs["apiKey"] is None
    assert "tgi 2.0.4 cannot ask for a key: every pod of the namespace may use the API." in run.warnings


def test_replicas_are_replaced_without_a_spare_gpu(program: harness.Program) -> None:
    """One replica ends before its successor starts; several are replaced one by one, and drained one by one."""
    one, three, none = (program({**ONE, "replicas": count}) for count in ("1", "3", "0"))
    strategies = [run.one("Deployment", "tgi").inputs["spec"]["strategy"] for run in (one, three, none)]
    assert strategies == [
        {"type": "Recreate"},
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        {"type": "Recreate"},
    ]
    assert [len(run.all("PodDisruptionBudget")) for run in (one, three, none)] == [0, 1, 0]
    assert any(warning.startswith("replicas: 3 pods share a model cache") for warning in three.warnings)


def test_up_waits_for_the_new_pods(program: harness.Program) -> None:
    """The wait names pods of the new revision and all of them; a parked server is not waited for."""
    annotation = "pulumi.com/waitFor"
    metadata = [program({**ONE, "replicas": count}).one("Deployment", "tgi").inputs["metadata"] for count in "130"]
    assert [json.loads(one.get("annotations", {}).get(annotation, "null")) for one in metadata] == [
        ["jsonpath={.status.updatedReplicas}=1", "jsonpath={.status.availableReplicas}=1"],
        ["jsonpath={.status.updatedReplicas}=3", "jsonpath={.status.availableReplicas}=3"],
        None,
    ]


def test_the_cache_outlives_the_stack_unless_told_otherwise(program: harness.Program) -> None:
    """`destroy` leaves the weights; both wishes are heard."""
    kept = program(GOOD).one("PersistentVolumeClaim", "tgi-cache")
    gone = program({**GOOD, "modelCacheDeleteOnDestroy": "true"}).one("PersistentVolumeClaim", "tgi-cache")
    assert kept.options["retainOnDelete"] is True
    assert gone.options["retainOnDelete"] is False
    assert kept.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_a_derived_size_never_resizes_a_volume(program: harness.Program) -> None:
    """A volume that exists keeps its size unless the stack states one: volumes never shrink, and many do not grow."""
    derived = program(GOOD).one("PersistentVolumeClaim", "tgi-cache")
    stated = program({**GOOD, "modelCacheSize": "200Gi"}).one("PersistentVolumeClaim", "tgi-cache")
    assert derived.options["ignoreChanges"] == ["spec.resources.requests.storage"]
    assert "ignoreChanges" not in stated.options
    assert stated.inputs["spec"]["resources"]["requests"]["storage"] == "200Gi"


def test_a_cache_in_the_pod_is_warned_of(program: harness.Program) -> None:
    """On request the weights live in the pod, with a size, and a word on what that costs."""
    run = program({**GOOD, "modelCacheEphemeral": "true"})
    assert [one.name for one in run.all("PersistentVolumeClaim")] == ["webui-data"]
    cache = next(volume for volume in pod_of(run)["volumes"] if volume["name"] == "cache")
    assert set(cache["emptyDir"]) == {"sizeLimit"}
    assert any(warning.startswith("modelCacheEphemeral: the weights end with the pod") for warning in run.warnings)


def test_a_gated_model_without_token_is_warned_of(program: harness.Program) -> None:
    """The download of a gated model needs a token; with one there is nothing to say."""
    warning = (
        f"{harness.MODEL} is gated: the download ends with 401 without a token of an account that was let in. "
        "Set it with: pulumi config set -s v100-2gpu --secret hfToken"
    )
    assert warning in program(GOOD).warnings
    assert warning not in program(TOKEN, secret=("hfToken", "apiKey")).warnings


def test_nodes_are_chosen_by_gpu_and_by_the_sites_own_wishes(program: harness.Program) -> None:
    """By default nodes with that GPU product, taint tolerated; a site's own labels and taints take their place."""
    usual = pod_of(program(GOOD))
    (term,) = usual["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["key"] == "nvidia.com/gpu.product"
    assert "Tesla-V100-SXM2-16GB" in term["matchExpressions"][0]["values"]
    assert not any("32GB" in value for value in term["matchExpressions"][0]["values"])
    assert usual["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]

    taint = {"key": "gpu", "operator": "Equal", "value": "v100", "effect": "NoExecute"}
    own = pod_of(program({**GOOD, "nodeSelector": {"site/gpu": "v100"}, "tolerations": [taint]}))
    assert "affinity" not in own
    assert own["nodeSelector"] == {"site/gpu": "v100"}
    assert own["tolerations"] == [taint]


def test_no_pod_calls_the_api_of_kubernetes(program: harness.Program) -> None:
    """No token is mounted, and no Service's address gets into the environment."""
    run = program(GOOD)
    for name in ("tgi", "webui"):
        assert pod_of(run, name)["automountServiceAccountToken"] is False
        assert pod_of(run, name)["enableServiceLinks"] is False
        assert run.one("ServiceAccount", name).inputs["automountServiceAccountToken"] is False


def test_nobody_comes_in_from_outside_the_namespace(program: harness.Program) -> None:
    """Both components are reached inside the cluster only, and by pods of their own namespace only."""
    run = program(GOOD)
    for name in ("tgi", "webui"):
        assert run.one("Service", name).inputs["spec"]["type"] == "ClusterIP"
        policy = run.one("NetworkPolicy", name).inputs["spec"]
        assert policy["policyTypes"] == ["Ingress"]
        assert policy["podSelector"]["matchLabels"] == run.one("Service", name).inputs["spec"]["selector"]
        assert policy["ingress"] == [{"from": [{"podSelector": {}}], "ports": [{"port": "http", "protocol": "TCP"}]}]


def test_labels_of_the_owner_reach_every_object(program: harness.Program) -> None:
    """Every object and every pod carries them; selectors do not."""
    run = program({**GOOD, "labels": {"team": "nlp"}})
    for one in run.resources:
        if one.type.startswith("kubernetes:"):
            assert one.inputs["metadata"]["labels"]["team"] == "nlp", one.name
    deployment = run.one("Deployment", "tgi").inputs["spec"]
    assert deployment["template"]["metadata"]["labels"]["team"] == "nlp"
    assert "team" not in deployment["selector"]["matchLabels"]


def test_arguments_are_the_settings_of_a_server(program: harness.Program) -> None:
    """The component takes every setting of a server under its own name, and none that only the page knows."""
    fields = {name for name in settings.Settings.model_fields if not name.startswith("webui_")}
    others = {"create_namespace"}
    assert set(TGIServerArgs.__annotations__) - {"webui_enabled"} == fields - others


def test_every_setting_survives_the_way_through_the_component(kubeconfig: object) -> None:
    """What the stack says is what the component reads, whatever the type."""
    said = {
        **GOOD,
        "extraArgs": ["--validation-workers", "4"],
        "labels": {"team": "nlp"},
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "modelCacheSize": "200Gi",
        "maxInputTokens": 512,
        "downloadMegabytesPerSecond": 10,
        "replicas": 2,
    }
    chosen = settings.read(said, where="x")
    target = Cluster(None, "ns", "ns", None, answers=False)  # type: ignore[arg-type]  # no provider is needed to read arguments
    again = read("tgi", arguments.of_server(chosen, target)).settings
    for key in said:
        name = next(field for field, info in settings.Settings.model_fields.items() if info.alias == key)
        assert getattr(again, name) == getattr(chosen, name), key


def test_invalid_arguments_are_one_error() -> None:
    """The component itself checks what it is given, with every fault, before it registers anything."""

    def alone() -> None:
        wrong: Any = {"profile": "v100-2gpu", "model": harness.MODEL, "gpus": 3, "shard": 1, "namespace": "ns"}
        TGIServer("tgi", wrong)

    run = harness.perform(alone, stack="s")
    (error,) = run.errors
    assert error.startswith("tgi: 2 settings are not valid")
    assert "gpus: 3 is too large; allowed: 1 to 2." in error
    assert "shard: unknown setting. Did you mean shards?" in error
    assert run.resources == []


def test_the_component_stands_alone() -> None:
    """Another program may use the server without our stack, with promises for secrets and namespace."""

    def alone() -> None:
        TGIServer(
            "tgi",
            {
                "profile": "v100-1gpu",
                "model": harness.MODEL,
                "namespace": pulumi.Output.from_input("elsewhere"),
                "hf_token": pulumi.Output.secret("hf_promised"),
            },
        )

    run = harness.perform(alone, stack="s")
    assert run.errors == []
    assert run.one("Service", "tgi").inputs["metadata"]["namespace"] == "elsewhere"
    assert run.one("Secret", "tgi-huggingface").inputs["stringData"] == {"token": "hf_promised"}


@pytest.mark.parametrize("argument", SECRET_ARGS)
def test_secret_arguments_are_no_properties(argument: str) -> None:
    """What policies read never holds them, under either spelling."""

    def alone() -> None:
        args: Any = {"profile": "v100-1gpu", "model": harness.MODEL, "namespace": "ns", argument: "s3cret-value"}
        TGIServer("tgi", args)

    inputs = harness.perform(alone, stack="s").one("TGIServer", "tgi").inputs
    assert "s3cret-value" not in json.dumps(inputs)

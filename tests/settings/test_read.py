"""Reading a stack file's values: strictly, completely, with every fault in one error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import settings
from voltaic.settings import InvalidSettings, Toleration
from voltaic.units import GIB

WHERE = "Pulumi.v100-2gpu.yaml"
BARE = {"profile": "v100-2gpu", "model": "mistralai/Mistral-7B-Instruct-v0.2"}


def faults(**values: Any) -> dict[str, str]:
    """Return the faults of a stack file by key, as shown."""
    with pytest.raises(InvalidSettings) as caught:
        settings.read(BARE | values, where=WHERE)
    return {fault.key: str(fault) for fault in caught.value.faults}


def test_profile_and_model_are_enough() -> None:
    """A stack file that says only profile and model is complete; the rest is left to the core."""
    found = settings.read(BARE, where=WHERE)
    assert (found.profile, found.model) == ("v100-2gpu", "mistralai/Mistral-7B-Instruct-v0.2")
    assert (found.gpus, found.shards, found.max_total_tokens, found.engine_version) == (None, None, None, None)
    assert (found.replicas, found.webui_enabled, found.allow_unknown) == (1, True, False)


def test_text_and_typed_values_mean_the_same() -> None:
    """Pulumi hands over text, a YAML reader types: both give the same settings."""
    text = {
        "gpus": "1",
        "createNamespace": "true",
        "namespace": "team-a",
        "extraArgs": '["--validation-workers", "4"]',
        "labels": '{"team": "nlp"}',
        "tolerations": '[{"key": "gpu", "operator": "Exists"}]',
        "modelCacheSize": "50Gi",
    }
    typed = {
        "gpus": 1,
        "createNamespace": True,
        "namespace": "team-a",
        "extraArgs": ["--validation-workers", "4"],
        "labels": {"team": "nlp"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "modelCacheSize": "50Gi",
    }
    found = settings.read(BARE | text, where=WHERE)
    assert found == settings.read(BARE | typed, where=WHERE)
    assert found.gpus == 1
    assert found.extra_args == ("--validation-workers", "4")
    assert found.tolerations == (Toleration(key="gpu", operator="Exists"),)
    assert found.model_cache_size == 50 * GIB


def test_extra_arguments_may_be_one_line() -> None:
    """Extra arguments may be written as a shell takes them."""
    found = settings.read(BARE | {"extraArgs": "--otlp-service-name 'my tgi'"}, where=WHERE)
    assert found.extra_args == ("--otlp-service-name", "my tgi")


def test_the_generic_spelling_of_a_profile_is_accepted() -> None:
    """A GPU model with a count names the same profile as its stack name."""
    assert settings.read(BARE | {"profile": "v100-16gb x2"}, where=WHERE).profile == "v100-2gpu"


def test_bounds_are_allowed_themselves() -> None:
    """The largest and the smallest value allowed are accepted."""
    found = settings.read(
        BARE | {"gpus": "2", "replicas": "0", "maxBatchSize": 1, "modelCacheSize": "1Gi"}, where=WHERE
    )
    assert (found.gpus, found.replicas, found.max_batch_size, found.model_cache_size) == (2, 0, 1, GIB)


def test_all_faults_come_in_one_error() -> None:
    """Every fault is reported at once, in the order of the file, under its name."""
    values = {"modle": "x", "profile": "v100-2gpu", "maxInputTokens": "0", "gpus": "1.5"}
    with pytest.raises(InvalidSettings) as caught:
        settings.read(values, where=WHERE)
    assert str(caught.value) == (
        "Pulumi.v100-2gpu.yaml: 4 settings are not valid\n"
        "  modle: unknown setting. Did you mean model? Remove this one with: pulumi config rm modle\n"
        "  maxInputTokens: 0 is too small; allowed: 1 to the context of the model, tokens. "
        "Set it with: pulumi config set maxInputTokens VALUE, "
        "or use its default with: pulumi config rm maxInputTokens\n"
        "  gpus: 1.5 is not a whole number of GPUs; allowed: 1 to 2. "
        "Set it with: pulumi config set gpus VALUE, or use its default with: pulumi config rm gpus\n"
        "  model: missing; allowed: a repository id such as mistralai/Mistral-7B-Instruct-v0.2, or an absolute path. "
        "Set it with: pulumi config set model VALUE"
    )


def test_one_fault_is_counted_as_one_and_carries_its_line() -> None:
    """A fault names the line of its key where it is known."""
    with pytest.raises(InvalidSettings) as caught:
        settings.read(BARE | {"replicas": "-1"}, where=WHERE, lines={"replicas": 7})
    assert caught.value.faults[0].where == "Pulumi.v100-2gpu.yaml:7"
    assert caught.value.faults[0].value == "-1"
    assert str(caught.value) == (
        "Pulumi.v100-2gpu.yaml: 1 setting is not valid\n"
        "  line 7: replicas: -1 is too small; allowed: 0 or more replicas. "
        "Set it with: pulumi config set replicas VALUE, or use its default with: pulumi config rm replicas"
    )


def test_tokens_are_explained_with_the_context_of_a_known_model() -> None:
    """What a token limit may be is said in numbers where the model is known."""
    assert faults(maxInputTokens="many")["maxInputTokens"].startswith(
        "maxInputTokens: many is not a whole number of tokens; allowed: 1 to 32768, tokens. "
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("gpus", "4", "gpus: 4 is too large; allowed: 1 to 2"),
        ("gpus", True, "gpus: true is not a whole number of GPUs; allowed: 1 to 2"),
        ("gpus", "", "gpus: empty; allowed: 1 to 2"),
        ("gpus", None, "gpus: empty; allowed: 1 to 2"),
        ("gpus", " 2", "gpus: ' 2' is not a whole number of GPUs; allowed: 1 to 2"),
        ("gpus", "1_0", "gpus: 1_0 is not a whole number of GPUs; allowed: 1 to 2"),
        ("gpus", "٢", "gpus: ٢ is not a whole number of GPUs; allowed: 1 to 2"),
        ("replicas", 2**31, "replicas: 2147483648 is too large; allowed: 0 to 2147483647 replicas"),
        ("shards", "0", "shards: 0 is too small; allowed: 1 or more shards"),
        ("maxBatchSize", "1e3", "maxBatchSize: 1e3 is not a whole number of requests; allowed: 1 or more requests"),
        ("maxBatchSize", 2.0, "maxBatchSize: 2.0 is not a whole number of requests; allowed: 1 or more requests"),
        ("createNamespace", "yes", "createNamespace: yes is neither true nor false; allowed: true, false"),
        ("allowUnknown", 1, "allowUnknown: 1 is neither true nor false; allowed: true, false"),
        ("profile", "v100-9gpux", "profile: v100-9gpux is not known; allowed: v100-2gpu, or a GPU model and its "),
        ("engine", "vlm", "engine: vlm is not known; allowed: tgi"),
        ("dtype", "fp16", "dtype: fp16 is not known; allowed: float16, bfloat16, float32. Did you mean float16?"),
        ("engineVersion", "v3.0.1", "engineVersion: v3.0.1 is not valid; allowed: a release such as 3.0.1. "),
        (
            "engineVersion",
            "v3.0",
            "engineVersion: v3.0 is not valid; allowed: a release such as 3.0.1. Set it with: pul",
        ),
        (
            "engineVersion",
            "latest",
            "engineVersion: latest is not valid; allowed: a release such as 3.0.1. latest changes under a ",
        ),
        (
            "engineVersion",
            "3.0",
            "engineVersion: 3.0 is not valid; allowed: a release such as 3.0.1. Give all three numbers",
        ),
        ("image", "https://a/b:3.0.1", "image: https://a/b:3.0.1 is not valid; allowed: name:tag, name@sha256:… or "),
        ("labels", {"a/b/c": "d"}, "labels: a/b/c is not a label name; allowed: an object of label names and values"),
        ("engineVersion", 3.0, "engineVersion: 3.0 is not text; allowed: a release such as 3.0.1. Put the value into"),
        ("model", "https://huggingface.co/x", "model: https://huggingface.co/x is not valid; allowed: a repository id"),
        ("model", "a/b\n", "model: 'a/b\\n' is not valid; allowed: a repository id"),
        ("quantization", "none", "quantization: none is not valid; allowed: a method of the engine such as bitsandbyt"),
        ("namespace", "Team_A", "namespace: Team_A is not valid; allowed: a DNS label such as team-a"),
        ("namespace", "a" * 64, f"namespace: {'a' * 60}… (64 characters) is not valid (longer than 63 characters); "),
        ("image", "mirror/tgi", "image: mirror/tgi has neither tag nor digest; allowed: name:tag, name@sha256:… or b"),
        ("image", "mirror/tgi:mine", "image: its tag does not say which release it holds; allowed: a tag such as 3.0."),
        ("modelCacheSize", "50", "modelCacheSize: 50 has no unit; allowed: a size of 1Gi or more with its unit, such"),
        ("modelCacheSize", "50 GB", "modelCacheSize: 50 GB is not a size; allowed: a size of 1Gi or more with its un"),
        (
            "webuiDataSize",
            "10Mi",
            "webuiDataSize: 10Mi is too small; allowed: a size of 1Gi or more with its unit, suc",
        ),
        ("labels", "team=nlp", "labels: team=nlp is not JSON; allowed: an object of label names and values"),
        ("labels", "[]", "labels: [] is not an object; allowed: an object of label names and values"),
        ("labels", {"a b": "c"}, "labels: a b is not a label name; allowed: an object of label names and values"),
        ("labels", {"a": 1}, "labels: the value of a, 1, is not a label value; allowed: up to 63 letters"),
        ("labels", {"app.kubernetes.io/name": "x"}, "labels: app.kubernetes.io/name is set by voltaic itself; allowed"),
        ("tolerations", "{}", "tolerations: {} is not a list; allowed: a list such as"),
        ("tolerations", [{"operator": "exists"}], "tolerations: operator of toleration 1, exists, is not known; allow"),
        ("tolerations", [{}], "tolerations: toleration 1 has no key; allowed: a key, or operator Exists"),
        ("tolerations", [{"keys": "a"}], "tolerations: toleration 1 has a field that is not known: keys; allowed: key"),
        ("tolerations", ["a"], "tolerations: toleration 1 is not an object; allowed: a list such as"),
        ("tolerations", [{"key": 1}], "tolerations: key of toleration 1, 1, is not text; allowed: a list such as"),
        ("tolerations", [{"key": "a", "effect": "x"}], "tolerations: effect of toleration 1, x, is not known; allowed"),
        (
            "tolerations",
            [{"key": "a", "operator": "Exists", "value": "b"}],
            "tolerations: toleration 1 has operator Exists and a value; allowed: a value only with operator Equal",
        ),
        ("extraArgs", '["a', "extraArgs: the text cannot be split into arguments; allowed: a list of text such as"),
        ("extraArgs", {"a": "b"}, "extraArgs: not a list of arguments; allowed: a list of text such as"),
        ("extraArgs", ["--a", 1], "extraArgs: argument 2 is not text of one line; allowed: a list of text such as"),
        ("webuiAdminEmail", "admin", "webuiAdminEmail: admin is not valid; allowed: an address such as admin@example"),
        ("createNamespace", "true", "createNamespace: true, but no namespace is named; allowed: false, or a namespac"),
    ],
)
def test_a_fault_names_value_and_values_allowed(key: str, value: Any, message: str) -> None:
    """Each fault says what was found and what is allowed, with its unit."""
    found = faults(**{key: value})
    assert list(found) == [key]
    assert found[key].startswith(message)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("modle", "model"),
        ("max_input_tokens", "maxInputTokens"),
        ("max-total-tokens", "maxTotalTokens"),
        ("MAXBATCHSIZE", "maxBatchSize"),
        ("numShard", "shards"),
        ("quantize", "quantization"),
        ("hfTokn", "hfToken"),
    ],
)
def test_an_unknown_key_is_answered_with_the_one_that_was_meant(key: str, meant: str) -> None:
    """Typing errors and other tools' names for a key lead to ours."""
    assert faults(**{key: "x"}) == {
        key: f"{key}: unknown setting. Did you mean {meant}? Remove this one with: pulumi config rm {key}"
    }


def test_an_unknown_key_that_is_near_to_nothing_is_to_be_removed() -> None:
    """Nothing is suggested where nothing is near."""
    assert faults(zzz="x") == {"zzz": "zzz: unknown setting. Remove it with: pulumi config rm zzz"}


@pytest.mark.parametrize("key", ["hfToken", "apiKey", "webuiAdminPassword", "webuiDatabaseUrl", "hfTokn", "extraArgs"])
def test_no_message_holds_what_is_or_may_be_a_secret(key: str) -> None:
    """Neither a secret, nor the value of a key that is not known, nor an argument is ever shown."""
    with pytest.raises(InvalidSettings) as caught:
        settings.read(BARE | {key: "'s3cret\n" * 700}, where=WHERE)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(caught.value.faults)


def test_settings_do_not_show_their_secrets() -> None:
    """Printed settings hide the secrets in them."""
    found = settings.read(BARE | {"hfToken": "hf_s3cret", "apiKey": "k3y"}, where=WHERE)
    assert found.hf_token is not None
    assert found.hf_token.get_secret_value() == "hf_s3cret"
    assert "s3cret" not in repr(found)
    assert "k3y" not in str(found)


def test_settings_that_contradict_each_other_are_reported_beside_other_faults() -> None:
    """What shows only in several settings together is said in the same round as faults of single ones."""
    found = faults(modle="x", modelCacheEphemeral="true", modelCacheStorageClass="fast")
    assert found.keys() == {"modle", "modelCacheStorageClass"}
    assert found["modelCacheStorageClass"] == (
        "modelCacheStorageClass: means nothing beside modelCacheEphemeral: the weights then live and end with the pod; "
        "allowed: no value beside modelCacheEphemeral. "
        "Remove one of the two with: pulumi config rm modelCacheStorageClass"
    )


def test_a_contradiction_with_a_setting_at_fault_is_not_reported() -> None:
    """A namespace that is not valid is one fault, and not a missing namespace as well."""
    assert faults(createNamespace="true", namespace="A_B").keys() == {"namespace"}


def test_an_image_and_a_release_that_disagree_are_refused() -> None:
    """An image whose tag says one release cannot be stated to hold another."""
    image = f"mirror.example/tgi:2.0.4@sha256:{'0' * 64}"
    assert faults(image=image, engineVersion="3.0.1")["image"].startswith(
        "image: its tag says release 2.0.4, engineVersion says 3.0.1; allowed: the same release in both. "
    )
    assert settings.read(BARE | {"image": image, "engineVersion": "2.0.4"}, where=WHERE).image == image
    assert settings.read(BARE | {"image": image}, where=WHERE).engine_version is None


@pytest.mark.parametrize("storage_class", ["nfs-client", "ceph-cephfs", "aws-efs", "azurefile-csi"])
def test_chats_in_sqlite_on_a_network_file_system_are_refused(storage_class: str) -> None:
    """A network file system is told by the class's name, and the ways out are named."""
    message = faults(webuiStorageClass=storage_class)["webuiStorageClass"]
    assert message.startswith(
        "webuiStorageClass: chats would be kept in SQLite on a network file system, where it locks up and loses them; "
        "allowed: a class of local or block volumes. "
    )
    for way_out in (
        {"webuiDatabaseUrl": "postgresql://user:password@db/chat"},
        {"webuiNetworkStorage": "false"},
        {"webuiEnabled": "false"},
    ):
        assert settings.read(BARE | {"webuiStorageClass": storage_class} | way_out, where=WHERE)


def test_a_network_file_system_may_be_stated() -> None:
    """A class whose name does not tell can be said to be a network file system."""
    assert faults(webuiNetworkStorage="true").keys() == {"webuiNetworkStorage"}


def test_only_the_project_s_own_keys_are_taken() -> None:
    """Values of other namespaces are left to those they belong to."""
    values = {"voltaic:model": "phi-2", "kubernetes:context": "x", "model": "y"}
    assert settings.of_project(values, "voltaic") == {"model": "phi-2"}


def test_every_key_is_explained() -> None:
    """Each key has a type, a description and, where it is not derived, its default."""
    keys = {key.name: key for key in settings.schema()}
    assert all(len(key.description) > 10 for key in keys.values())
    assert {key.name for key in keys.values() if key.required} == {"profile", "model"}
    assert {key.name for key in keys.values() if key.secret} == {
        "hfToken",
        "apiKey",
        "webuiAdminPassword",
        "webuiDatabaseUrl",
    }
    assert (keys["replicas"].type, keys["replicas"].default) == ("integer", "1")
    assert (keys["webuiDataSize"].type, keys["webuiDataSize"].default) == ("string", "10Gi")
    assert (keys["labels"].type, keys["tolerations"].type, keys["createNamespace"].default) == (
        "object",
        "array",
        "false",
    )
    assert keys["maxTotalTokens"].default is None


def test_every_default_is_accepted_as_written() -> None:
    """What the reference page shows as a default can be written into a stack file."""
    written = {key.name: key.default for key in settings.schema() if key.default is not None}
    assert settings.read(BARE | written, where=WHERE) == settings.read(BARE, where=WHERE)


def test_settings_cannot_be_changed() -> None:
    """Settings are read once and stay as they were judged."""
    found = settings.read(BARE | {"labels": {"a": "b"}}, where=WHERE)
    with pytest.raises(ValueError, match="frozen"):
        found.gpus = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        found.labels["c"] = "d"  # type: ignore[index]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from([key.name for key in settings.schema()]) | st.text(max_size=8), ANYTHING, max_size=6
    )
)
def test_anything_is_read_or_refused(values: dict[str, Any]) -> None:
    """Whatever a stack file holds, it is read, or refused with one line a fault."""
    try:
        settings.read(values, where=WHERE)
    except InvalidSettings as invalid:
        assert len(str(invalid).splitlines()) == len(invalid.faults) + 1  # noqa: PT017 - nothing raised is fine, too


def test_an_image_with_a_scheme_is_told_to_leave_it_out() -> None:
    """An image is no web address."""
    assert faults(image="https://a/b:3.0.1")["image"].endswith(". Leave out https://.")

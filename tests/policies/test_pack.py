"""The pack as the engine meets it: a process that serves gRPC."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.proxy import UNKNOWN_NUMBER_VALUE

from policies._server import DESCRIPTION
from voltaic.rules import RULES, catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Pack, Said

ROOT = Path(__file__).parents[2]
COMPONENT = "voltaic:index:TGIServer"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
LIMITS = [
    *("--max-input-tokens", "3072", "--max-total-tokens", "4096"),
    *("--max-batch-prefill-tokens", "3072", "--max-batch-size", "2"),
]


def component(gpus: Any = 2, shards: str = "1") -> dict[str, Any]:
    """Return properties of our component: Mistral 7B on two V100 unless told otherwise."""
    spec = {
        "gpu": "v100-16gb",
        "gpus": gpus,
        "engine": "tgi",
        "engine_version": "3.0.1",
        "model": "mistralai/Mistral-7B-Instruct-v0.2",
        "args": ["--num-shard", shards, *LIMITS],
        "env": {"USE_FLASH_ATTENTION": "false"},
    }
    return {"spec": spec, "allowUnknown": False}


def deployment(gpus: Any = 2, shards: str = "1", token: str = "") -> dict[str, Any]:
    """Return a hand-written Deployment of the same server, without a word on the GPU model."""
    container = {
        "name": "server",
        "image": "ghcr.io/huggingface/text-generation-inference:3.0.1",
        "args": ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2", "--num-shard", shards, *LIMITS],
        "env": [{"name": "USE_FLASH_ATTENTION", "value": "false"}, {"name": "ODD", "value": token}],
        "resources": {"limits": {"nvidia.com/gpu": gpus}},
    }
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def policies(said: list[Said]) -> set[tuple[str, str]]:
    """Return which policies spoke, and at which level."""
    return {(one.policy, one.level) for one in said}


def test_the_pack_boots_and_names_its_policies(pack: Pack) -> None:
    """The pack serves one policy per rule at its level and one for advice, and says how long it took to boot."""
    print(f"policy pack boot: {pack.boot_seconds * 1000:.0f} ms")  # noqa: T201  shown with -s

    info = pack.info()

    levels = {policy.name: analyzer_pb2.EnforcementLevel.Name(policy.enforcementLevel) for policy in info.policies}
    expected = {"readable-spec": "MANDATORY", "readable-spec-advice": "ADVISORY"}
    for rule in catalogue.catalogue():
        expected |= {rule.policy(level): level.upper() for level in rule.levels()}
    assert (info.name, info.version, info.supportsConfig) == ("voltaic", version("voltaic"), True)
    assert levels == expected
    together = {policy.name for policy in info.policies if policy.policy_type == analyzer_pb2.POLICY_TYPE_STACK}
    assert together == {
        rule.policy(level) for rule in catalogue.catalogue() if rule.whole_input for level in rule.levels()
    }


@pytest.mark.parametrize(
    ("file", "environment"), [("PulumiPolicy.yaml", "../.venv"), ("installed/PulumiPolicy.yaml", "../../../..")]
)
def test_the_description_names_the_environment_and_the_version(file: str, environment: str) -> None:
    """Pulumi finds the interpreter beside the checkout, or around the installed pack; the version is the project's."""
    description = yaml.safe_load((ROOT / "policies" / file).read_text(encoding="utf-8"))

    assert description["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": environment}}
    assert f'version = "{description["version"]}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert description["description"] == DESCRIPTION


def test_an_accepted_component_passes(pack: Pack) -> None:
    """Numbers that arrive as floats are the counts that were written."""
    assert pack.analyze(COMPONENT, component()) == []


def test_a_refusal_reaches_the_engine(pack: Pack) -> None:
    """A violation comes as a mandatory diagnostic: the question of the rule, then its answer."""
    (said,) = [
        one
        for one in pack.ask(COMPONENT, component(gpus=1, shards="2")).diagnostics
        if one.policyName == "single-gpu-shard"
    ]
    rule = next(rule for rule in RULES if rule.id == "single-gpu-shard")
    assert said.description == rule.title
    assert said.message.startswith(f"{rule.title}\n")
    assert "\nWhy: " in said.message
    assert "\nWay out: " in said.message
    assert (said.policyPackName, said.policyPackVersion) == ("voltaic", version("voltaic"))
    assert said.enforcementLevel == analyzer_pb2.MANDATORY
    assert said.severity == analyzer_pb2.POLICY_SEVERITY_HIGH


def test_a_foreign_deployment_is_judged_by_the_profile_of_the_stack(start_pack: Callable[..., Pack]) -> None:
    """`voltaic:profile` of the stack, which the pack gets in its environment, tells the GPU model."""
    pack = start_pack(config={"voltaic:profile": "v100-2gpu"})

    assert {level for _, level in policies(pack.analyze(DEPLOYMENT, deployment()))} == {"advisory"}
    assert ("single-gpu-shard", "mandatory") in policies(pack.analyze(DEPLOYMENT, deployment(gpus=1, shards="2")))


def test_an_unknown_value_is_never_an_accept(pack: Pack) -> None:
    """A number that the preview does not know is a violation on our component and advice on a foreign object."""
    ours = pack.analyze(COMPONENT, component(gpus=UNKNOWN_NUMBER_VALUE))
    foreign = pack.analyze(DEPLOYMENT, deployment(gpus=UNKNOWN_NUMBER_VALUE))

    assert policies(ours) == {("readable-spec", "mandatory")}
    assert {level for _, level in policies(foreign)} == {"advisory"}
    assert "spec.template.spec.containers[0].resources.limits.nvidia.com/gpu: not known" in foreign[0].text


@pytest.mark.parametrize(
    "properties", [{}, {"spec": None}, {"spec": {"args": {}}}, {"spec": []}, {"spec": {"gpu": []}}]
)
@pytest.mark.parametrize("resource_type", [COMPONENT, DEPLOYMENT, "kubernetes:core/v1:Pod", "kubernetes:core/v1:List"])
def test_no_shape_of_properties_ends_the_pack(pack: Pack, resource_type: str, properties: dict[str, Any]) -> None:
    """Whatever arrives is answered; the engine would show a crash as a bare gRPC error."""
    said = pack.analyze(resource_type, properties)

    assert policies(said) == ({("readable-spec", "mandatory")} if resource_type == COMPONENT else set())


def test_secret_configuration_is_hidden(start_pack: Callable[..., Pack]) -> None:
    """A secret of the stack does not appear in a message, wherever the resource repeats it."""
    secret = "correct horse battery"
    pack = start_pack(config={"voltaic:password": secret}, secret_keys=("voltaic:password",))

    said = pack.analyze(DEPLOYMENT, deployment(shards=secret, token=secret))

    assert said
    assert not [one.text for one in said if secret in one.text]
    assert [one.text for one in said if "(hidden)" in one.text]


def test_levels_can_be_set_for_each_policy(start_pack: Callable[..., Pack]) -> None:
    """Pulumi's own policy configuration lowers, raises and silences policies one by one."""
    pack = start_pack()
    refused = component(gpus=1, shards="2")
    before = policies(pack.analyze(COMPONENT, refused))

    pack.configure({"single-gpu-shard": analyzer_pb2.ADVISORY, "engine-model-support": analyzer_pb2.DISABLED})

    after = policies(pack.analyze(COMPONENT, refused))
    assert before >= {("single-gpu-shard", "mandatory"), ("engine-model-support", "mandatory")}
    assert ("single-gpu-shard", "advisory") in after
    assert "engine-model-support" not in {policy for policy, _ in after}

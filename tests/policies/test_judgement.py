"""What the policies say of our own component and of anybody's Kubernetes objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi_policy.proxy import UNKNOWN_ARRAY_VALUE, UNKNOWN_NUMBER_VALUE, UNKNOWN_STRING_VALUE

from policies import _component
from voltaic import rules, settings
from voltaic.document import line_from_spec
from voltaic.findings import Finding, Source
from voltaic.manifests.documents import POD_TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Said

    Ask = Callable[..., list[Said]]

COMPONENT = "voltaic:index:TGIServer"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LIMITS = (
    *("--max-input-tokens", "3072", "--max-total-tokens", "4096"),
    *("--max-batch-prefill-tokens", "3072", "--max-batch-size", "2"),
)
NO_FLASH = {"USE_FLASH_ATTENTION": "false"}
ALLOWED = {"metadata": {"name": "mine", "annotations": {"voltaic/allow-unknown": "true"}}}
"""What our component writes beside the objects of a stack whose owner lets the unknown through."""


def component(**changes: Any) -> dict[str, Any]:
    """Return properties of our component: Mistral 7B on two V100, which is accepted, and what a test changes."""
    spec = {
        "gpu": "v100-16gb",
        "gpus": 2,
        "engine": "tgi",
        "engine_version": "3.0.1",
        "model": MISTRAL,
        "args": ["--num-shard", "1", *LIMITS],
        "env": NO_FLASH,
    }
    return {"spec": spec | changes, "allowUnknown": False}


def pod(**changes: Any) -> dict[str, Any]:
    """Return a pod specification of the same server as somebody would write it by hand, and what a test changes."""
    given = {
        "version": "3.0.1",
        "gpus": 2,
        "model": MISTRAL,
        "args": ["--num-shard", "1", *LIMITS],
        "env": NO_FLASH,
        "node": {"nvidia.com/gpu.product": "Tesla-V100-SXM2-16GB"},
    } | changes
    return {
        "nodeSelector": given["node"],
        "containers": [
            {
                "name": "server",
                "image": f"ghcr.io/huggingface/text-generation-inference:{given['version']}",
                "args": ["--model-id", given["model"], *given["args"]],
                "env": [{"name": name, "value": value} for name, value in given["env"].items()],
                "resources": {"limits": {"nvidia.com/gpu": given["gpus"]}},
            }
        ],
    }


def deployment(**changes: Any) -> dict[str, Any]:
    """Return a hand-written Deployment of the same server."""
    return {"metadata": {"name": "mine"}, "spec": {"template": {"spec": pod(**changes)}}}


def within(kind: str, template: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a kind around a pod template."""
    for key in reversed(POD_TEMPLATES[kind]):
        template = {key: template}
    return {"metadata": {"name": "mine"}, **template}


def policies(said: list[Said]) -> list[tuple[str, str]]:
    """Return which policies spoke, and at which level."""
    return [(one.policy, one.level) for one in said]


def texts(said: list[Said], rule: str) -> list[str]:
    """Return what a rule says."""
    return [one.text for one in said if one.policy == rule]


def without_place(text: str) -> str:
    """Return a text without the field of the manifest that it is about: our component has none."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("Where: "))


@pytest.fixture
def stack_config() -> Iterator[Callable[..., None]]:
    """Return a function that sets the stack's configuration, as it comes to the pack's process."""

    def configure(**values: str) -> None:
        for key, value in values.items():
            pulumi.runtime.set_config(f"voltaic:{key}", value)

    yield configure
    pulumi.runtime.set_all_config({})


def test_what_starts_passes_in_silence(ask: Ask) -> None:
    """An accepted server, ours or hand-written, gets no word from the policies that decide whether it starts."""
    assert ask(COMPONENT, component()) == []
    assert ask(DEPLOYMENT, deployment()) == []


def test_what_is_in_order_passes_in_silence(
    ask_all: Ask, ask_program: Ask, baseline: list[tuple[str, dict[str, Any]]]
) -> None:
    """Objects that nothing is to be said about get no word from any policy, alone or together."""
    assert [said for resource_type, content in baseline for said in ask_all(resource_type, content)] == []
    assert ask_program(*((kind, str(index), content) for index, (kind, content) in enumerate(baseline))) == []


SHARDED_ALONE = {"gpus": 1, "args": ["--num-shard", "2", *LIMITS]}
TOO_LARGE = {"gpus": 1, "model": "meta-llama/Llama-2-13b-chat-hf"}
PUBLIC_RECIPE = {
    "version": "1.2.0",
    "args": ["--num-shard", "2", "--quantize", "awq", "--max-input-length", "3072", "--max-total-tokens", "4096"],
}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        pytest.param(SHARDED_ALONE, "single-gpu-shard", id="two shards on one GPU"),
        pytest.param(TOO_LARGE, "vram-budget", id="13B on one GPU"),
        pytest.param(PUBLIC_RECIPE, "engine-model-support", id="sharded AWQ with 1.2.0"),
        pytest.param({"version": "3.3.7"}, "engine-gpu-support", id="release without code for the GPU"),
    ],
)
def test_what_would_fail_is_refused_alike_wherever_it_comes_from(ask: Ask, changes: dict[str, Any], rule: str) -> None:
    """The component, a hand-written Deployment and what a transform made of ours get the same refusal."""
    line = {"engine_version" if key == "version" else key: value for key, value in changes.items()}

    ours = ask(COMPONENT, component(**line))
    foreign = ask(DEPLOYMENT, deployment(**changes))
    transformed = ask(DEPLOYMENT, deployment(**changes), parent=COMPONENT)

    assert (rule, "mandatory") in policies(ours)
    assert texts(ours, rule) == [without_place(text) for text in texts(foreign, rule)]
    assert texts(foreign, rule) == texts(transformed, rule)


@pytest.mark.parametrize("kind", sorted(POD_TEMPLATES))
def test_every_kind_that_holds_a_pod_is_judged(ask: Ask, kind: str) -> None:
    """No kind of object lets a server slip past."""
    said = ask(f"kubernetes:batch/v1:{kind}", within(kind, {"spec": pod(**SHARDED_ALONE)}))

    assert ("single-gpu-shard", "mandatory") in policies(said)


def test_lists_of_objects_are_judged(ask: Ask) -> None:
    """A list resource is judged by its items."""
    items = [{"kind": "Deployment", **deployment(**SHARDED_ALONE)}]

    assert ("single-gpu-shard", "mandatory") in policies(ask("kubernetes:apps/v1:DeploymentList", {"items": items}))


@pytest.mark.parametrize(
    ("resource_type", "properties"),
    [
        ("kubernetes:core/v1:ConfigMap", {"data": {"a": "b"}}),
        ("pulumi:providers:kubernetes", {"kubeconfig": UNKNOWN_STRING_VALUE}),
        ("pulumi:pulumi:Stack", {}),
        ("voltaic:index:WebUI", {"spec": {}}),
        ("aws:ecs/taskDefinition:TaskDefinition", deployment(**SHARDED_ALONE)),
        (DEPLOYMENT, {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]}}}}),
        (DEPLOYMENT, {}),
        (DEPLOYMENT, {"spec": {"template": {"metadata": {"name": UNKNOWN_STRING_VALUE}}}}),
    ],
)
def test_what_is_no_model_server_passes(ask: Ask, resource_type: str, properties: dict[str, Any]) -> None:
    """Other resources, and pods that serve no model, get no word."""
    assert ask(resource_type, properties) == []


def test_a_report_is_the_finding_with_its_reason_way_out_and_sources(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole message, as it is shown under the title of the policy; a container is named where there may be many."""
    finding = Finding(
        rule="single-gpu-shard",
        message="2 shards on 1 GPU.",
        why="Every shard takes a GPU of its own.",
        fix="Set shards 1.",
        sources=(Source("launcher/src/main.rs"), Source("arithmetic", "derived"), Source("a"), Source("b")),
    )
    monkeypatch.setattr(rules, "ask", lambda _: (finding,))
    text = (
        "2 shards on 1 GPU.\n"
        "Why: Every shard takes a GPU of its own.\n"
        "Way out: Set shards 1.\n"
        "Sources: launcher/src/main.rs (read); arithmetic (derived); and 2 more (voltaic check --json)"
    )

    assert ask(COMPONENT, component(env={})) == [("single-gpu-shard", "mandatory", text, "")]
    place = "Where: spec.template.spec.containers[0] (container server)\nWhy: "
    assert ask(DEPLOYMENT, deployment(env={})) == [("single-gpu-shard", "mandatory", text.replace("Why: ", place), "")]


def test_a_refusal_has_numbers_and_an_accepted_way_out(ask: Ask) -> None:
    """The message carries need and budget, and a way out that the same policies accept."""
    said = ask(COMPONENT, component(**TOO_LARGE))

    assert policies(said) == [("vram-budget", "mandatory")]
    message, _, way_out, _ = said[0].text.splitlines()
    assert re.match(r"Needs \d\d\.\d\d GiB on the GPU, which has 15\.77 GiB: \d\d\.\d\d GiB too much", message)
    assert re.search(r"^Way out: .*4 x NVIDIA V100 16 GB \(\d\d\.\d\d GiB on the fullest GPU\)", way_out)
    assert ask(COMPONENT, component(**TOO_LARGE | {"gpus": 4})) == []


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({}, "profile v100-2gpu ("),
        ({"gpus": "1"}, "profile v100-2gpu, gpus 2 ("),
        ({"gpus": "many"}, "2 x NVIDIA V100 16 GB ("),
    ],
)
def test_ways_out_of_our_component_are_those_of_its_settings(ask: Ask, stated: dict[str, str], told: str) -> None:
    """What a stack states is heeded and named by its keys; where a transform has spoilt it, the GPUs are named."""
    stack = {"profile": "v100-1gpu", "model": "meta-llama/Llama-2-13b-chat-hf"}
    spec = settings.serving_spec(settings.read(stack, where="test"))
    properties = {"spec": line_from_spec(spec), "settings": stack | stated, "allowUnknown": False}
    (said,) = ask(COMPONENT, properties)
    assert f"Accepted by the same rules: {told}" in said.text


UNKNOWN_RELEASE = {"engine_version": "9.9.9"}
"""A release that no fact covers."""


def levels_of_unknown(said: list[Said]) -> set[str]:
    """Return the levels at which something was said, without the rules' names: facts may come to cover more."""
    return {one.level for one in said}


def test_what_our_component_cannot_promise_is_refused(ask: Ask) -> None:
    """For our own component unknown is a violation of the mandatory rule that could not answer."""
    said = ask(COMPONENT, component(**UNKNOWN_RELEASE))

    assert levels_of_unknown(said) == {"mandatory"}


def test_allow_unknown_lets_an_unknown_through_as_advice(ask: Ask) -> None:
    """With `allowUnknown` the same is advice, said by the rules' advice policies."""
    said = ask(COMPONENT, component(**UNKNOWN_RELEASE) | {"allowUnknown": True})

    assert levels_of_unknown(said) == {"advisory"}
    assert all(policy.endswith("-advice") for policy, _ in policies(said))


def test_allow_unknown_lets_no_refusal_through(ask: Ask) -> None:
    """A violation stays one."""
    said = ask(COMPONENT, component(**SHARDED_ALONE) | {"allowUnknown": True})

    assert ("single-gpu-shard", "mandatory") in policies(said)


def test_unknown_in_foreign_manifests_is_advice(ask: Ask) -> None:
    """What somebody else wrote is not refused for want of facts, and not passed in silence either."""
    said = ask(DEPLOYMENT, deployment(version="9.9.9"))

    assert levels_of_unknown(said) == {"advisory"}


def test_unknown_in_what_we_created_is_refused_unless_allowed(ask: Ask) -> None:
    """A transform cannot turn our own server into one that nobody can judge."""
    created = deployment(version="9.9.9")

    assert levels_of_unknown(ask(DEPLOYMENT, created, parent=COMPONENT)) == {"mandatory"}
    assert levels_of_unknown(ask(DEPLOYMENT, created | ALLOWED, parent=COMPONENT)) == {"advisory"}


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "x"}]}}}}, id="other image"),
        pytest.param({"spec": {"template": {"spec": UNKNOWN_STRING_VALUE}}}, id="unknown"),
        pytest.param({}, id="nothing"),
    ],
)
def test_a_server_that_a_transform_hides_is_refused(ask: Ask, properties: dict[str, Any]) -> None:
    """What our component made to serve a model has to be recognised as that."""
    said = ask(DEPLOYMENT, properties, parent=COMPONENT)

    assert said[0].policy == "readable-spec"
    assert said[0].level == "mandatory"
    assert said[0].text.startswith("No container of it can be recognised as the inference server")
    assert levels_of_unknown(ask(DEPLOYMENT, properties | ALLOWED, parent=COMPONENT)) == {"advisory"}


def test_a_patch_of_containers_is_said_to_have_no_verdict(ask: Ask) -> None:
    """The rest of the object decides too and is not in the program; a patch of labels is nobody's business."""
    said = ask("kubernetes:apps/v1:DeploymentPatch", deployment(**SHARDED_ALONE))

    assert policies(said) == [("readable-spec-advice", "advisory")]
    assert said[0].text.startswith("It changes containers of an object whose rest is not in this program.")
    assert ask("kubernetes:apps/v1:DeploymentPatch", {"metadata": {"labels": {"a": "b"}}}) == []
    assert ask("kubernetes:core/v1:ConfigMapPatch", {"data": {"a": "b"}}) == []


def test_promises_in_our_component_are_refused(ask: Ask) -> None:
    """A property that the preview does not know is named; it is no accept."""
    said = ask(COMPONENT, component(gpus=UNKNOWN_NUMBER_VALUE, args=["--num-shard", UNKNOWN_STRING_VALUE]))

    assert said == [
        (
            "readable-spec",
            "mandatory",
            (
                "spec.args[1], spec.gpus: not known before the update.\n"
                "Why: A preview would have to guess what the server will be, and a guess is not accepted.\n"
                "Way out: Give the component plain values from the configuration, not outputs of other resources."
            ),
            "",
        )
    ]


def test_promises_beside_the_spec_do_not_matter(ask: Ask) -> None:
    """Other properties of the component may be known later."""
    assert ask(COMPONENT, component() | {"url": UNKNOWN_STRING_VALUE}) == []


@pytest.mark.parametrize(
    ("properties", "faults"),
    [
        pytest.param({}, "The property spec is missing.", id="nothing"),
        pytest.param({"spec": 3}, "The property spec is missing.", id="no object"),
        pytest.param(
            component(gpus=1.5, model=7),
            "spec.gpus: 1.5 is not a number of GPUs of the pod; allowed: whole numbers from 1\n"
            "spec.model: 7 is not a text; allowed: a repository id such as mistralai/Mistral-7B-Instruct-v0.2",
            id="all faults",
        ),
    ],
)
def test_a_spec_that_cannot_be_read_is_refused(ask: Ask, properties: dict[str, Any], faults: str) -> None:
    """Missing or malformed properties are a violation with every fault, not a crash and not silence."""
    said = ask(COMPONENT, properties)

    assert policies(said) == [("readable-spec", "mandatory")]
    assert said[0].text.startswith(f"{faults}\nWhy: ")


def test_values_that_a_preview_does_not_know_are_named(ask: Ask) -> None:
    """A foreign server with unknown values gets advice with their paths; nothing turns them into an accept."""
    properties = deployment(gpus=UNKNOWN_NUMBER_VALUE, args=["--num-shard", UNKNOWN_STRING_VALUE, *LIMITS])

    said = ask(DEPLOYMENT, properties)

    assert said[0] == (
        "readable-spec-advice",
        "advisory",
        (
            "spec.template.spec.containers[0].args[3], "
            "spec.template.spec.containers[0].resources.limits.nvidia.com/gpu: not known before the update.\n"
            "Why: A preview cannot judge what it does not know; the update judges it before the resource is changed.\n"
            "Way out: Give these fields plain values to have the verdict in the preview."
        ),
        "",
    )
    assert len(said) > 1, "the rules say themselves what they could not answer"
    assert levels_of_unknown(said) == {"advisory"}


def test_what_is_known_beside_unknown_values_is_still_judged(ask: Ask) -> None:
    """A known contradiction is refused even where other values are not known yet."""
    properties = deployment(**SHARDED_ALONE, env={"HF_TOKEN": UNKNOWN_STRING_VALUE, **NO_FLASH})

    assert ("single-gpu-shard", "mandatory") in policies(ask(DEPLOYMENT, properties))


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"spec": {"template": {"spec": {"containers": UNKNOWN_ARRAY_VALUE}}}}, id="containers"),
        pytest.param({"spec": UNKNOWN_STRING_VALUE}, id="spec"),
        pytest.param(
            {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": UNKNOWN_STRING_VALUE}]}}}}, id="image"
        ),
    ],
)
def test_an_unknown_image_may_be_a_server(ask: Ask, properties: dict[str, Any]) -> None:
    """Where not even the image is known, the preview says that it could not judge."""
    said = ask(DEPLOYMENT, properties)

    assert policies(said) == [("readable-spec-advice", "advisory")]
    assert "not known before the update." in said[0].text


def test_the_stack_names_the_gpu_of_manifests_that_do_not(ask: Ask, stack_config: Callable[..., None]) -> None:
    """`voltaic:profile` stands in for the node label; the label wins where it is there."""
    assert levels_of_unknown(ask(DEPLOYMENT, deployment(node={}))) == {"advisory"}

    stack_config(profile="v100-2gpu")
    assert ask(DEPLOYMENT, deployment(node={})) == []


def test_a_profile_that_cannot_be_read_is_said(ask: Ask, stack_config: Callable[..., None]) -> None:
    """A typing error in `voltaic:profile` is advice on every server that would have needed it."""
    stack_config(profile="v100-2gpuu")

    said = ask(DEPLOYMENT, deployment(node={}))

    assert policies(said)[0] == ("readable-spec-advice", "advisory")
    assert said[0].text.startswith("voltaic:profile: unknown profile 'v100-2gpuu'; did you mean 'v100-2gpu'?")


def test_a_rule_that_crashes_says_so_itself(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault of one rule is that rule's finding; the others still speak."""
    broken = rules.Rule("launcher-arguments", "", "", lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    replaced = tuple(broken if rule.id == broken.id else rule for rule in rules.RULES)
    monkeypatch.setattr(rules, "RULES", replaced)

    said = ask(COMPONENT, component(**SHARDED_ALONE))

    assert ("single-gpu-shard", "mandatory") in policies(said)
    assert [one.text.splitlines()[0] for one in said if (one.policy, one.level) == (broken.id, "mandatory")] == [
        "The rule launcher-arguments could not answer: ZeroDivisionError: division by zero"
    ]


def test_a_fault_of_ours_is_no_silence(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks before the rules are asked is a violation that says so."""
    monkeypatch.setattr(_component, "judge", lambda _: 1 / 0)

    said = ask(COMPONENT, component())

    assert said == [
        (
            "readable-spec",
            "mandatory",
            (
                "It could not be judged: ZeroDivisionError: division by zero\n"
                "Why: This is a fault in voltaic, not in the configuration. Without an answer nothing is accepted.\n"
                "Way out: Report it. To go on without this check, lower its level with --policy-pack-config."
            ),
            "",
        )
    ]


def test_a_finding_of_a_rule_that_the_pack_does_not_know_is_not_lost(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the judge says is dropped on the way."""
    stray = rules.Rule("stray", "", "", lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(rules, "ask", stray.ask)

    said = ask(COMPONENT, component())

    assert policies(said) == [("readable-spec", "mandatory")]
    assert said[0].text.startswith("stray: The rule stray could not answer: ")


def test_a_resource_is_judged_once(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """All policies share one judgement; a changed resource is judged anew."""
    judged: list[Any] = []
    judge = _component.judge
    monkeypatch.setattr(_component, "judge", lambda spec: judged.append(spec) or judge(spec))

    ask(COMPONENT, component())
    assert len(judged) == 1

    ask(COMPONENT, component(gpus=1))
    assert len(judged) == 2


def test_no_secret_is_repeated(ask: Ask) -> None:
    """A message about an argument does not repeat the secret beside it."""
    secret = "hf_qIYvLpXyZ"
    properties = deployment(env={"HF_TOKEN": secret, **NO_FLASH}, args=["--api-key", secret, f"--{secret}"])

    said = ask(DEPLOYMENT, properties)

    assert said
    assert not [one.text for one in said if secret in one.text]

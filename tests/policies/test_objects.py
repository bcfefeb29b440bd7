"""What the pack adds to the rules: levels at home and abroad, waivers, whole programs, faults, secrets."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policies import _catalogue, _judgement, _policies
from policies._server import Pack
from voltaic.findings import Finding
from voltaic.manifests.plain import at
from voltaic.rules import catalogue
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from conftest import Said

    from voltaic.manifests.views import Subject

    Ask = Callable[..., list[Said]]
    Inject = Callable[..., None]

SERVER = "tgi"
COMPONENT = "voltaic:index:TGIServer"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("**/*.yaml"))
TGI = Path(__file__).parents[1] / "rules" / "fixtures" / "baseline" / "tgi.yaml"


@pytest.fixture
def server() -> dict[str, Any]:
    """Return a Deployment that nothing is to be said about."""
    content: dict[str, Any] = yaml.safe_load(TGI.read_text(encoding="utf-8"))
    return content


def container(content: dict[str, Any]) -> dict[str, Any]:
    """Return the server's container."""
    found: dict[str, Any] = content["spec"]["template"]["spec"]["containers"][0]
    return found


def told(said: list[Said]) -> list[tuple[str, str, str]]:
    """Return policy, level and first line of each message."""
    return [(one.policy, one.level, one.text.splitlines()[0]) for one in said]


@pytest.fixture
def inject(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Inject]:
    """Return a function that makes rules of a test the only ones besides those of the verdict."""

    def put(*rules: Rule[Any]) -> None:
        monkeypatch.setattr(catalogue, "manifest_rules", lambda: rules)
        monkeypatch.setattr(catalogue, "about", lambda *what: tuple(rule for rule in rules if rule.about in what))
        monkeypatch.setattr(catalogue, "catalogue", lambda: (*catalogue.rules.RULES, *rules))
        (tmp_path / "index.json").write_text(_catalogue.index(), encoding="utf-8")
        monkeypatch.setattr(_policies, "INDEX", tmp_path / "index.json")
        _policies.policies.cache_clear()

    yield put
    _policies.policies.cache_clear()


def rule(check: Callable[[Subject], Iterable[Finding]], **fields: Any) -> Rule[Subject]:
    """Return a rule of a test about servers, mandatory at home and advisory abroad unless told otherwise."""
    given = {"level": "mandatory", "foreign": "advisory", "about": "server"} | fields
    return Rule(id="tested", title="Is it tested?", why="Because.", check=check, **given)


def says(message: str, **fields: Any) -> Finding:
    """Return a finding of the rule of a test."""
    return Finding("tested", message, "Because.", "Test it.", **fields)


@pytest.mark.parametrize(
    ("parent", "expected"),
    [
        (None, ("image-tag-advice", "advisory")),
        (COMPONENT, ("image-tag", "mandatory")),
        ("voltaic:index:WebUI", ("image-tag", "mandatory")),
        (f"voltaic:index:Stack${COMPONENT}", ("image-tag", "mandatory")),
        ("acme:index:Serving", ("image-tag-advice", "advisory")),
    ],
)
def test_hygiene_is_mandatory_at_home_and_advice_abroad(
    ask_all: Ask, server: dict[str, Any], parent: str | None, expected: tuple[str, str]
) -> None:
    """What a component of ours made is held to our own standard, wherever it stands in the program."""
    container(server)["image"] = "ghcr.io/huggingface/text-generation-inference:latest"
    server["spec"]["template"]["metadata"]["annotations"] = {
        "voltaic/release": "ghcr.io/huggingface/text-generation-inference:latest 3.0.1"
    }

    said = [one for one in ask_all(DEPLOYMENT, server, parent=parent) if one.policy.startswith("image-tag")]

    assert [(one.policy, one.level) for one in said] == [expected]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_our_components_make_is_not_refused(ask_all: Ask, path: Path) -> None:
    """No rule is mandatory about what the component makes itself."""
    documents = [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]
    pods = [one for one in documents if at(one, "spec", "template", "spec", "containers")]
    parents = {"inference": COMPONENT}

    said = [
        one
        for content in pods
        for one in ask_all(
            f"kubernetes:{content['apiVersion']}:{content['kind']}",
            content,
            parent=parents.get(
                str(at(content, "metadata", "labels", "app.kubernetes.io/component")), "voltaic:index:WebUI"
            ),
        )
    ]

    assert [(one.policy, one.text) for one in said if one.level == "mandatory"] == []


def test_a_field_is_named_with_its_container(ask_all: Ask, server: dict[str, Any]) -> None:
    """A message about one field says which, and in which container."""
    container(server)["image"] = "ghcr.io/huggingface/text-generation-inference:3.0.1"

    (said,) = [one for one in ask_all(DEPLOYMENT, server) if one.policy == "image-digest"]

    assert said.text.splitlines()[1] == "Where: spec.template.spec.containers[0].image (container tgi)"


def waived(content: dict[str, Any], rule_id: str, reason: str) -> dict[str, Any]:
    """Return an object whose owner lives with what a rule finds."""
    content = copy.deepcopy(content)
    content["metadata"].setdefault("annotations", {})[f"voltaic/waive-{rule_id}"] = reason
    return content


@pytest.mark.parametrize(
    ("levels", "policy"),
    [
        ({"foreign": None}, "tested"),
        ({"foreign": "mandatory", "level": "advisory"}, "tested"),
        ({"foreign": "advisory"}, "tested-advice"),
    ],
)
def test_a_waived_violation_is_advice_with_its_reason(
    ask_all: Ask, inject: Inject, server: dict[str, Any], levels: dict[str, Any], policy: str
) -> None:
    """The owner of a foreign object may live with a finding, even of a mandatory rule; it stays to be seen."""
    inject(rule(lambda _: [says("found")], **levels))
    assert told(ask_all(DEPLOYMENT, server)) == [(policy, levels["foreign"] or "mandatory", "found")]

    after = ask_all(DEPLOYMENT, waived(server, "tested", "tried on the node itself"))

    assert told(after) == [(policy, "advisory", "Waived (tried on the node itself): found")]


def test_nothing_of_ours_can_be_waived(ask: Ask, server: dict[str, Any]) -> None:
    """An annotation that a transform adds changes nothing."""
    container(server)["args"] = [word.replace("--num-shard=1", "--num-shard=4") for word in container(server)["args"]]
    refused = ask(DEPLOYMENT, server, parent=COMPONENT)
    assert "single-gpu-shard" in {one.policy for one in refused if one.level == "mandatory"}

    assert ask(DEPLOYMENT, waived(server, "single-gpu-shard", "please"), parent=COMPONENT) == refused


def test_pulumis_own_time_out_reaches_the_rules(ask_all: Ask, inject: Inject, server: dict[str, Any]) -> None:
    """A rule knows how long Pulumi waits for this resource; where the program does not say it, it does not."""
    inject(rule(lambda subject: [says(f"{subject.timeout_seconds} seconds")]))

    assert told(ask_all(DEPLOYMENT, server, timeout=1800)) == [("tested-advice", "advisory", "1800 seconds")]
    assert told(ask_all(DEPLOYMENT, server)) == [("tested-advice", "advisory", "None seconds")]


@pytest.mark.parametrize(
    ("level", "policy"), [("mandatory", "tested"), ("advisory", "tested-advice")], ids=["mandatory", "advice"]
)
def test_rules_about_a_spec_are_asked_of_our_component(ask_all: Ask, inject: Inject, level: Any, policy: str) -> None:
    """What is asked of every serving spec is asked of ours, before any object of it exists."""
    spec = {
        "gpu": "v100-16gb",
        "gpus": 2,
        "engine": "tgi",
        "engine_version": "3.0.1",
        "model": "mistralai/Mistral-7B-Instruct-v0.2",
        "args": ["--num-shard", "1", "--max-batch-size", "2", "--max-total-tokens", "4096"],
        "env": {"USE_FLASH_ATTENTION": "false"},
    }
    inject(rule(lambda asked: [says(f"{asked.gpus} GPUs", level=level)], about="spec"))

    said = ask_all(COMPONENT, {"spec": spec, "allowUnknown": False})

    assert [one for one in told(said) if one[0].startswith("tested")] == [(policy, level, "2 GPUs")]


def broken(_: Subject) -> Iterable[Finding]:
    """Fail, as a rule with a fault does."""
    raise LookupError("gone")


@pytest.mark.parametrize(
    ("parent", "told_as"), [(None, ("tested-advice", "advisory")), (COMPONENT, ("tested", "mandatory"))]
)
def test_a_rule_that_fails_is_its_own_finding(
    ask_all: Ask, inject: Inject, server: dict[str, Any], parent: str | None, told_as: tuple[str, str]
) -> None:
    """A fault in one rule is told under that rule, at the level at which it is held, and the others still speak."""
    inject(rule(broken))
    container(server)["args"] = [word.replace("--num-shard=1", "--num-shard=4") for word in container(server)["args"]]

    said = ask_all(DEPLOYMENT, server, parent=parent)

    assert (*told_as, "The rule tested could not answer: LookupError: gone") in told(said)
    assert ("single-gpu-shard", "mandatory") in {(one.policy, one.level) for one in said}


def test_a_fault_of_the_adapter_is_told(ask_all: Ask, server: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails outside the rules is a violation that says so, and shows no secret."""
    container(server)["env"].append({"name": "OTHER_TOKEN", "value": "hunter2 hunter2"})

    def fail(resource: Any) -> Iterator[Any]:
        raise LookupError(container(resource.document.content)["env"])

    monkeypatch.setattr(_judgement._objects, "reports", fail)

    said = ask_all(DEPLOYMENT, server)

    assert [(one.policy, one.level) for one in said] == [("readable-spec", "mandatory")]
    assert said[0].text.startswith("It could not be judged: LookupError: ")
    assert "hunter2" not in said[0].text


def test_a_fault_about_a_program_is_told(ask_program: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds where all resources are judged together."""
    monkeypatch.setattr(_judgement._objects, "reports_together", lambda _: 1 / 0)

    said = ask_program((DEPLOYMENT, "a", {}))

    assert told(said) == [("readable-spec", "mandatory", "It could not be judged: ZeroDivisionError: division by zero")]


def beside(subject: Subject) -> Iterator[Finding]:
    """Say which Service stands beside the server: what only a program as a whole tells."""
    for service in subject.others.of_kind("Service", namespace=subject.pod.namespace):
        yield says(f"beside {service.name}")


def test_rules_about_other_objects_are_asked_once_the_program_has_run(
    ask_all: Ask, ask_program: Ask, inject: Inject, server: dict[str, Any]
) -> None:
    """They are not asked of a resource alone; what they find is told of the resource that it is about."""
    inject(rule(beside, whole_input=True))
    service = {"metadata": {"name": "door", "namespace": "team-a"}, "spec": {}}

    assert ask_all(DEPLOYMENT, server) == []
    said = ask_program((DEPLOYMENT, "llm", server), ("kubernetes:core/v1:Service", "door", service))
    assert told(said) == [("tested-advice", "advisory", "beside door")]
    assert said[0].urn.endswith(f"::{DEPLOYMENT}::llm")
    assert ask_program((DEPLOYMENT, "llm", server)) == []


def test_a_rule_about_other_objects_is_told_once(
    ask_all: Ask, ask_program: Ask, inject: Inject, server: dict[str, Any]
) -> None:
    """Even what such a rule finds without other objects waits until all of them are there."""
    inject(rule(lambda _: [says("found")], whole_input=True))

    assert ask_all(DEPLOYMENT, server) == []
    assert told(ask_program((DEPLOYMENT, "llm", server))) == [("tested-advice", "advisory", "found")]


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_a_program_does_not_matter(
    ask_program: Ask, inject: Inject, server: dict[str, Any], order: int
) -> None:
    """Pulumi sends resources in an order that may change; what is said does not."""
    inject(rule(beside, whole_input=True))
    services = [
        ("kubernetes:core/v1:Service", name, {"metadata": {"name": name, "namespace": "team-a"}}) for name in "abc"
    ]

    said = ask_program(*[(DEPLOYMENT, "llm", server), *services][::order])

    assert [one.text.splitlines()[0] for one in said] == ["beside a", "beside b", "beside c"]


CONFIG = {"metadata": {"name": "limits", "namespace": "team-a"}, "data": {"NUM_SHARD": "4"}}


def test_settings_in_another_object_are_judged_once_the_program_has_run(
    ask: Ask, ask_program: Ask, server: dict[str, Any]
) -> None:
    """What a ConfigMap of the program sets is judged with the server that reads it, and nothing is said twice."""
    container(server)["args"] = [word for word in container(server)["args"] if not word.startswith("--num-shard")]
    container(server)["envFrom"] = [{"configMapRef": {"name": "limits"}}]
    assert "mandatory" not in {one.level for one in ask(DEPLOYMENT, server)}

    said = ask_program((DEPLOYMENT, "llm", server), ("kubernetes:core/v1:ConfigMap", "limits", CONFIG))

    assert ("single-gpu-shard", "mandatory") in {(one.policy, one.level) for one in said}
    assert "readable-spec" not in {one.policy for one in said}


def test_what_was_said_of_a_resource_is_not_said_again(ask: Ask, ask_program: Ask, server: dict[str, Any]) -> None:
    """A server that is refused by itself is refused when it is registered, and not once more at the end."""
    container(server)["args"] = [word.replace("--num-shard=1", "--num-shard=4") for word in container(server)["args"]]

    assert "single-gpu-shard" in {one.policy for one in ask(DEPLOYMENT, server)}
    assert ask_program((DEPLOYMENT, "llm", server)) == []


@pytest.mark.parametrize("properties", [{}, {"spec": None}, {"items": [1]}, {"metadata": {"annotations": 3}}])
@pytest.mark.parametrize("kind", ["Deployment", "DeploymentPatch", "ConfigMap", "List", "Pod"])
def test_no_program_ends_the_pack(ask_program: Ask, kind: str, properties: dict[str, Any]) -> None:
    """Whatever a program holds is answered."""
    assert ask_program((f"kubernetes:apps/v1:{kind}", "a", properties)) == []


@pytest.mark.parametrize(
    "resource_type", ["kubernetes:apiextensions.k8s.io:CustomResource", "kubernetes:apps/v1:Deployment"]
)
def test_an_object_is_judged_by_its_own_kind(ask: Ask, server: dict[str, Any], resource_type: str) -> None:
    """An object of the untyped kind names its own among its properties."""
    container(server)["args"] = [word.replace("--num-shard=1", "--num-shard=4") for word in container(server)["args"]]

    assert "single-gpu-shard" in {one.policy for one in ask(resource_type, server)}


def test_custom_resources_that_hold_pods_are_judged(ask: Ask, server: dict[str, Any]) -> None:
    """The kinds of other operators are read as `voltaic check` reads them."""
    container(server)["args"] = [word.replace("--num-shard=1", "--num-shard=4") for word in container(server)["args"]]
    pod = server["spec"]["template"]["spec"]
    predictor = {"metadata": {"name": "llm"}, "spec": {"predictor": pod}}

    said = ask("kubernetes:serving.kserve.io/v1beta1:InferenceService", predictor)

    assert "single-gpu-shard" in {one.policy for one in said}
    assert ask("kubernetes:acme.example/v1:InferenceService", predictor) == []


@pytest.mark.parametrize(
    ("properties", "sign"),
    [
        ({"chart": "vllm-stack"}, "chart vllm-stack"),
        ({"chart": "x", "values": {"image": {"repository": "vllm/vllm-openai"}}}, "image vllm/vllm-openai"),
        (
            {"chart": "x", "values": {"servers": [{"image": "vllm/vllm-openai:v0.8.5"}]}},
            "image vllm/vllm-openai:v0.8.5",
        ),
        ({"chart": "x", "values": {"resources": {"limits": {"nvidia.com/gpu": 1}}}}, "asks for nvidia.com/gpu"),
    ],
)
def test_a_chart_that_may_run_a_server_is_said_to_be_unseen(ask: Ask, properties: dict[str, Any], sign: str) -> None:
    """The objects of a Helm release are made where no policy sees them."""
    said = ask("kubernetes:helm.sh/v3:Release", properties)

    assert [(one.policy, one.level) for one in said] == [("readable-spec-advice", "advisory")]
    assert said[0].text.startswith(f"The chart may run a model server ({sign}), ")


@pytest.mark.parametrize(
    "properties",
    [{}, {"chart": "cert-manager", "values": {"installCRDs": True, "replicas": 2}}, {"chart": 3, "values": [None]}],
)
def test_other_charts_pass(ask: Ask, properties: dict[str, Any]) -> None:
    """Nothing is said about a chart that speaks of no server and no GPU."""
    assert ask("kubernetes:helm.sh/v3:Release", properties) == []


def test_values_that_a_program_calls_secret_are_hidden(ask: Ask, server: dict[str, Any]) -> None:
    """A secret output of another resource is shown in no message, whatever its name is."""
    container(server)["env"] = {
        SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG,
        "value": [*container(server)["env"], {"name": "NUM_SHARD", "value": "plainly-said"}],
    }
    container(server)["args"] = [word for word in container(server)["args"] if not word.startswith("--num-shard")]

    said = ask(DEPLOYMENT, server)

    assert said
    assert not [one.text for one in said if "plainly-said" in one.text]


def test_secrets_of_other_objects_are_hidden_too(ask_program: Ask, inject: Inject, server: dict[str, Any]) -> None:
    """A rule that looks at other objects shows none of their secrets."""
    inject(rule(lambda subject: [says(f"found {json.dumps(subject.others.all[-1].content)}")], whole_input=True))
    secret = {"metadata": {"name": "key"}, "stringData": {"plain": "s3cret-value"}}

    said = ask_program((DEPLOYMENT, "llm", server), ("kubernetes:core/v1:Secret", "z", secret))

    assert said
    assert "s3cret-value" not in said[0].text


def test_a_level_for_a_policy_that_does_not_exist_is_said() -> None:
    """Pulumi accepts a misspelt name in silence; the pack names it, and the one that was perhaps meant."""
    from pulumi.runtime.proto import analyzer_pb2

    pack = Pack()
    names = ("vram-bugdet", "all", "vram-budget")
    config = {name: analyzer_pb2.PolicyConfig(enforcementLevel=analyzer_pb2.ADVISORY) for name in names}
    pack.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config), None)

    (said,) = pack.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(), None).diagnostics

    assert (said.policyName, said.enforcementLevel) == ("readable-spec-advice", analyzer_pb2.ADVISORY)
    assert said.message.splitlines()[1] == (
        "The policy configuration names vram-bugdet, and there is no such policy; did you mean vram-budget?"
    )


def test_unknown_values_of_a_program_are_no_findings(ask_program: Ask, server: dict[str, Any]) -> None:
    """What a preview does not know was said when the resource was registered."""
    container(server)["args"].append(UNKNOWN_STRING_VALUE)

    assert ask_program((DEPLOYMENT, "llm", server)) == []

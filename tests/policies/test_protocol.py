"""The pack answers as Pulumi's own policy SDK would: the engine cannot tell them apart."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy, Severity, StackValidationPolicy
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policies import _judgement
from policies._policies import Policy, policies
from policies._server import DESCRIPTION, NAME, Pack

if TYPE_CHECKING:
    from collections.abc import Callable

COMPONENT = "voltaic:index:TGIServer"
SHARDED_ALONE = {
    "allowUnknown": False,
    "spec": {
        "gpu": "v100-16gb",
        "gpus": 1,
        "engine": "tgi",
        "engine_version": "3.0.1",
        "model": "mistralai/Mistral-7B-Instruct-v0.2",
        "args": ["--num-shard", "2"],
        "env": {"USE_FLASH_ATTENTION": "false"},
    },
}


class Sdk:
    """The same policies behind the server of Pulumi's own SDK."""

    def __init__(self) -> None:
        self.asked: Any = None
        made = [self._stack(one) if one.whole_program else self._resource(one) for one in policies().values()]
        self.server = _PolicyAnalyzerServicer(
            NAME, version("voltaic"), made, EnforcementLevel.MANDATORY, None, DESCRIPTION, NAME
        )

    def _resource(self, policy: Policy) -> ResourceValidationPolicy:
        def validate(_args: Any, report: Callable[[str, str | None], None]) -> None:
            for said in _judgement.of_resource(self.asked):
                if said.policy == policy.name:
                    report(said.text, said.urn)

        return ResourceValidationPolicy(policy.name, policy.title, validate, *self._held(policy))

    def _stack(self, policy: Policy) -> StackValidationPolicy:
        return StackValidationPolicy(policy.name, policy.title, lambda _args, _report: None, *self._held(policy))

    @staticmethod
    def _held(policy: Policy) -> tuple[Any, ...]:
        severity = Severity.HIGH if policy.level == "mandatory" else Severity.LOW
        return EnforcementLevel(policy.level), None, *((None,) * _UNUSED[policy.whole_program]), None, severity


_UNUSED = {True: 0, False: 2}
"""Arguments of the two kinds of policies between level and display name that are not used here."""


@pytest.fixture
def sdk() -> Sdk:
    """Return the same policies behind Pulumi's own server."""
    return Sdk()


def request_of(resource_type: str, properties: dict[str, Any]) -> analyzer_pb2.AnalyzeRequest:
    """Return the question about one resource as the engine asks it."""
    request = analyzer_pb2.AnalyzeRequest(type=resource_type, urn=f"urn:pulumi:a::b::{resource_type}::c", name="c")
    request.properties.update(properties)
    return request


def test_it_introduces_itself_alike(sdk: Sdk) -> None:
    """Names, titles, levels, kinds and severities of the policies are those that the SDK would send."""
    assert Pack().GetAnalyzerInfo(empty_pb2.Empty(), None) == sdk.server.GetAnalyzerInfo(empty_pb2.Empty(), None)


LEVELS: dict[str, dict[str, int]] = {
    "none": {},
    "lowered": {"single-gpu-shard": analyzer_pb2.ADVISORY},
    "silenced": {"single-gpu-shard": analyzer_pb2.DISABLED},
    "remediated": {"single-gpu-shard": analyzer_pb2.REMEDIATE},
    "raised": {"single-gpu-shard-advice": analyzer_pb2.MANDATORY},
    "a name that no policy has": {"single-gpu-shards": analyzer_pb2.DISABLED},
}


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize(
    ("resource_type", "properties"),
    [
        pytest.param(COMPONENT, SHARDED_ALONE, id="refused"),
        pytest.param(COMPONENT, {}, id="unreadable"),
        pytest.param("kubernetes:core/v1:ConfigMap", {"data": {"a": "b"}}, id="not judged"),
        pytest.param("aws:s3/bucket:Bucket", {}, id="foreign"),
    ],
)
def test_it_answers_alike(sdk: Sdk, resource_type: str, properties: dict[str, Any], levels: dict[str, int]) -> None:
    """What is said, under which policy and at which level is what the SDK would send, whatever levels are set."""
    ours = Pack()
    config = {name: analyzer_pb2.PolicyConfig(enforcementLevel=level) for name, level in levels.items()}
    for server in (ours, sdk.server):
        server.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config), None)
    sdk.asked = request_of(resource_type, properties)

    assert ours.Analyze(sdk.asked, None) == sdk.server.Analyze(sdk.asked, None)


def test_nothing_is_remediated() -> None:
    """The pack changes no property."""
    request = request_of(COMPONENT, SHARDED_ALONE)

    assert Pack().Remediate(request, None) == analyzer_pb2.RemediateResponse()


def test_the_rest_of_the_protocol_is_answered() -> None:
    """The version is that of the project, and the stack's settings are taken."""
    assert Pack().GetPluginInfo(empty_pb2.Empty(), None).version == version("voltaic")
    answer = Pack().ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="a"), None)
    assert answer == analyzer_pb2.AnalyzerStackConfigureResponse()

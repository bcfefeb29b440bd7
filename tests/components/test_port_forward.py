"""The way from a person's machine to the stack."""

from __future__ import annotations

from components.port_forward import forward_command
from tests.components import harness

GOOD = {"profile": "v100-2gpu", "model": harness.MODEL}


def test_outputs_are_addresses_and_exact_commands(program: harness.Program) -> None:
    """The commands name context, namespace and Service, and open the addresses that the stack shows."""
    run = program(GOOD)
    assert run.outputs["apiUrl"] == "http://localhost:8080"
    assert run.outputs["chatUrl"] == "http://localhost:3000"
    assert run.outputs["forwardCommands"] == [
        "kubectl --context site -n team-a port-forward service/tgi-v100-2gpu 8080:8080",
        "kubectl --context site -n team-a port-forward service/webui-v100-2gpu 3000:8080",
    ]


def test_forwarded_services_exist_under_these_names(program: harness.Program) -> None:
    """What the commands forward to is deployed, on the port that they name."""
    run = program(GOOD)
    for command, name in zip(run.outputs["forwardCommands"], ("tgi", "webui"), strict=True):
        service = run.one("Service", name).inputs
        assert f"service/{service['metadata']['name']} " in command
        assert command.endswith(f":{service['spec']['ports'][0]['port']}")


def test_the_helper_is_no_resource_of_the_cluster(program: harness.Program) -> None:
    """A port-forward is a process: the component has no children."""
    run = program(GOOD)
    one = run.one("PortForwardHelper", "forward")
    assert not [other for other in run.resources if "PortForwardHelper" in str(other.options.get("parent", ""))]
    assert one.inputs == {
        "namespace": "team-a",
        "api_service": "tgi-v100-2gpu",
        "chat_service": "webui-v100-2gpu",
        "context": "site",
    }


def test_names_are_quoted_for_the_shell() -> None:
    """A context may hold what a shell would take apart; without one, kubectl's current context is used."""
    assert forward_command("a b", "ns", "tgi", 1) == "kubectl --context 'a b' -n ns port-forward service/tgi 1:8080"
    assert forward_command(None, "ns", "tgi", 1) == "kubectl -n ns port-forward service/tgi 1:8080"

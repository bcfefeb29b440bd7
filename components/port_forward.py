"""How people reach a stack that is open to its namespace only."""

# No `from __future__ import annotations` here: Pulumi makes a schema of components from their annotations, and cannot
# read them as text (pulumi 3.259.0 provider/experimental/analyzer.py).

import shlex
from typing import NotRequired, TypedDict

import pulumi

from components.network import PORT

API_PORT = 8080
"""Local port of the API."""
CHAT_PORT = 3000
"""Local port of the chat page; the first of `CHAT_PORTS`."""
CHAT_PORTS = range(CHAT_PORT, CHAT_PORT + 10)
"""Local ports from which the chat page lets itself be used, so that a taken one can be stepped over."""


class PortForwardHelperArgs(TypedDict):
    """What is forwarded, and from where."""

    namespace: pulumi.Input[str]
    """Namespace of both Services."""
    api_service: str
    """Service of the inference server."""
    chat_service: NotRequired[str]
    """Service of the chat page; absent: there is none."""
    context: NotRequired[str]
    """Context of the kubeconfig; absent: the current one."""


class PortForwardHelper(pulumi.ComponentResource):
    """Local addresses and the exact commands that open them.

    Outputs only: a port-forward is a process on somebody's machine and nothing that a state could hold.
    """

    api_local_port: pulumi.Output[int]
    api_url: pulumi.Output[str]
    """Address of the API on the machine that runs `api_command`."""
    api_command: pulumi.Output[str]
    chat_local_port: pulumi.Output[int | None]
    chat_url: pulumi.Output[str | None]
    chat_command: pulumi.Output[str | None]
    commands: pulumi.Output[list[str]]

    def __init__(self, name: str, args: PortForwardHelperArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; it has no children.

        Args:
            name: logical name.
            args: what is forwarded.
            opts: options of the component.
        """
        super().__init__("voltaic:index:PortForwardHelper", name, {**args}, opts)
        namespace = pulumi.Output.from_input(args["namespace"])
        context, chat = args.get("context"), args.get("chat_service")

        def command(service: str, local: int) -> pulumi.Output[str]:
            return namespace.apply(lambda known: forward_command(context, known, service, local))

        self.api_local_port = pulumi.Output.from_input(API_PORT)
        self.api_url = pulumi.Output.from_input(f"http://localhost:{API_PORT}")
        self.api_command = command(args["api_service"], API_PORT)
        self.chat_local_port = pulumi.Output.from_input(CHAT_PORT if chat else None)
        self.chat_url = pulumi.Output.from_input(f"http://localhost:{CHAT_PORT}" if chat else None)
        self.chat_command = command(chat, CHAT_PORT) if chat else pulumi.Output.from_input(None)
        self.commands = pulumi.Output.all(self.api_command, self.chat_command).apply(
            lambda lines: [line for line in lines if line]
        )
        self.register_outputs(
            {
                "api_local_port": self.api_local_port,
                "api_url": self.api_url,
                "api_command": self.api_command,
                "chat_local_port": self.chat_local_port,
                "chat_url": self.chat_url,
                "chat_command": self.chat_command,
                "commands": self.commands,
            }
        )


def forward_command(context: str | None, namespace: str, service: str, local: int) -> str:
    """Return the command that forwards a local port to a Service, as a shell takes it."""
    where = ["--context", context] if context else []
    return shlex.join(["kubectl", *where, "-n", namespace, "port-forward", f"service/{service}", f"{local}:{PORT}"])

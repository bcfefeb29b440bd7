"""The main job of `make up`: start the simulated cluster, deploy into it with the real pulumi, say what runs."""

from __future__ import annotations

import fcntl
import os
import shlex
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from simulator import names
from simulator.cli import inventory
from simulator.cluster import CHECKOUT, Cluster
from simulator.errors import run_with_one_message
from simulator.stacks import Stacks, environment
from simulator.summary import show

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT_STACK = "v100-2gpu"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


@app.command()
def quickstart(stack: Annotated[str, typer.Option(help="The stack to deploy.")] = DEFAULT_STACK) -> None:
    """Start the simulated cluster and deploy a stack into it; the exit code is that of `pulumi up`."""
    raise typer.Exit(deploy(CHECKOUT, Cluster(say=console.print), stack))


def deploy(root: Path, cluster: Cluster, stack: str) -> int:
    """Start the cluster, deploy the stack and print what runs.

    Args:
        root: folder of `Pulumi.yaml`, with the environment of set-up in `.voltaic/env.sh`.
        cluster: where it goes; its kubeconfig is the one that the environment names.
        stack: name of the stack.

    Returns:
        pulumi's exit code.

    Raises:
        SimulatorError: the cluster does not start, or pulumi cannot be run.
    """
    with _one_at_a_time(root / ".voltaic"):
        return _deploy(root, cluster, stack)


def _deploy(root: Path, cluster: Cluster, stack: str) -> int:
    began = time.monotonic()
    stacks = Stacks(root, environment(root), console.print)
    console.print("Simulated cluster: starting …")
    new = cluster.start().new
    console.print(f"Simulated cluster: ready after {time.monotonic() - began:.1f} s, {inventory()}. {names.NOTICE}")
    resources = stacks.ensure(stack)
    stacks.recover(stack)
    lost = new and resources > 0
    if lost:
        console.print(f"The cluster is new, but {stack} has {resources} resources by its state: comparing first.")
    command = stacks.up_command(stack, refilled=lost)
    console.print(f"{shlex.join(command)}\n", style="bold")
    code = stacks.up(command)
    if code != 0:
        console.print(f"\n`pulumi up` ended with exit code {code}. The simulated cluster keeps running.", style="bold")
        return code
    with cluster.user() as api:
        pods = api.get(f"/api/v1/namespaces/{cluster.namespace}/pods")["items"]
    show(console, stack, stacks.outputs(stack), pods)
    console.print(f"Done in {time.monotonic() - began:.0f} s.")
    return code


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait for another `make up` of the same checkout; the kernel gives the lock back however its holder ends."""
    with (folder / "up.lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            console.print(f"Another `make up` (process {file.read().strip()}) is at work here: waiting for it …")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def run() -> None:
    """Run the command line."""
    run_with_one_message("make up", app)


if __name__ == "__main__":
    run()

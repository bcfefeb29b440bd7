"""The commands `start`, `stop`, `delete`, `status` and `list`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from simulator import names
from simulator.cluster import Cluster, clusters
from simulator.errors import run_with_one_message
from simulator.nodes import table

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=f"The simulated GPU cluster. {names.NOTICE}",
)
console = Console(highlight=False, soft_wrap=True)

Name = Annotated[str | None, typer.Option(help="Name of the cluster; by default derived from the folder of its state.")]
Root = Annotated[Path | None, typer.Option(help="Folder of its state; by default .voltaic in the checkout.")]
Everything = Annotated[bool, typer.Option("--all", help="Also every other cluster whose state is in this folder.")]
Namespace = Annotated[str, typer.Option(help="Namespace that the user of the kubeconfig may use.")]
GpuQuota = Annotated[int, typer.Option(min=0, help="GPUs that its pods together may request.")]


@app.command()
def start(
    name: Name = None, root: Root = None, namespace: Namespace = names.NAMESPACE, gpu_quota: GpuQuota = names.GPU_QUOTA
) -> None:
    """Start the cluster, or bring the running one up to date; returns when a pod can run in it."""
    cluster = Cluster(name, root, namespace=namespace, gpu_quota=gpu_quota, say=console.print)
    began = time.monotonic()
    cluster.start()
    console.print(f"Simulated cluster {cluster.name} is ready after {time.monotonic() - began:.1f} s: {inventory()}.")
    console.print(names.NOTICE)
    console.print(f"  API server  {cluster.server}")
    console.print(f"  kubeconfig  {cluster.user_kubeconfig} (context {names.CONTEXT}, namespace {namespace} only)")


@app.command()
def stop(name: Name = None, root: Root = None) -> None:
    """Stop the cluster and keep what is in it."""
    cluster = Cluster(name, root)
    stopped = cluster.stop()
    known = cluster.status().state == "stopped"
    kept = "Stopped it; what is in it is kept." if stopped else "It was not running."
    console.print(f"Simulated cluster {cluster.name}: {kept if stopped or known else 'there is none.'}")


@app.command()
def delete(name: Name = None, root: Root = None, *, everything: Everything = False) -> None:
    """Stop the cluster and remove everything of it."""
    for cluster in [*(clusters(root) if everything else []), Cluster(name, root)]:
        removed = cluster.delete()
        if removed or not everything:
            console.print(f"Simulated cluster {cluster.name}: {'removed.' if removed else 'there was none.'}")


@app.command()
def status(name: Name = None, root: Root = None) -> None:
    """Say how the cluster stands; exit code 0 when it runs, else 1."""
    cluster = Cluster(name, root)
    found = cluster.status()
    console.print(f"Simulated cluster {found.name}: {found.state}")
    if found.missing:
        console.print(f"  not running: {', '.join(found.missing)}. `python -m simulator start` cleans up and restarts.")
    if found.state == "running":
        console.print(f"  {inventory()}. {names.NOTICE}")
        console.print(f"  API server        {found.server}")
        console.print(f"  kubeconfig        {cluster.user_kubeconfig} (context {names.CONTEXT})")
        console.print(f"  of administrators {cluster.admin_kubeconfig}")
    raise typer.Exit(0 if found.state == "running" else 1)


@app.command(name="list")
def list_clusters(root: Root = None) -> None:
    """List the clusters whose state is in this folder."""
    found = clusters(root)
    if not found:
        console.print("There is no simulated cluster.")
    for cluster in found:
        console.print(f"{cluster.name}  {cluster.status().state}")


def inventory() -> str:
    """How many nodes with how many GPUs there are, in words."""
    data = table()
    gpus = sum(line["count"] for line in data["gpu_nodes"])
    return f"{len(data['gpu_nodes'])} nodes with {gpus} V100 in all and {len(data['cpu_nodes'])} without GPU"


def run() -> None:
    """Run the command line."""
    run_with_one_message("simulator", app)

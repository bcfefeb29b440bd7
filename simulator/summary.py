"""What `make up` prints at its end: what runs, its VRAM bill, where it is reached, and what to do next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.table import Table

from simulator.configure import is_ready
from simulator.names import GPU_RESOURCE, NOTICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

GIB = 1024**3
# lines of a bill in the order in which they are read; what a bill has beside them comes before the total
BILL_LINES = ("context", "weights", "kv_cache", "activations", "other")
LABELS = {"kv_cache": "KV cache", "other": "planning margin"}
PLACES = {"apiUrl": "API", "chatUrl": "chat page"}
BILL_TOTALS = ("total", "budget", "headroom")


def pods_table(pods: Sequence[Mapping[str, Any]]) -> Table:
    """Pods with their state, node and GPUs."""
    table = Table("pod", "state", "ready", "node", "GPUs", title="What runs", title_justify="left")
    for pod in pods:
        gpus = sum(
            int(container.get("resources", {}).get("limits", {}).get(GPU_RESOURCE, 0))
            for container in pod["spec"]["containers"]
        )
        table.add_row(
            pod["metadata"]["name"],
            _state(pod),
            "yes" if is_ready(dict(pod)) else "no",
            pod["spec"].get("nodeName", "-"),
            str(gpus or "-"),
        )
    return table


def bill_table(output: object) -> Table | None:
    """The VRAM bill, one column per GPU; None when the output is no bill.

    Args:
        output: the stack output `bill`: a plan document, its `memory` or bills per GPU, or one of them as JSON.
    """
    bills = _bills(output)
    if not bills:
        return None
    found = list(dict.fromkeys(name for bill in bills for name in bill if _is_size(bill[name])))
    lines = [name for name in BILL_LINES if name in found]
    lines += [name for name in found if name not in (*BILL_LINES, *BILL_TOTALS)]
    table = Table("", title="VRAM bill in GiB", title_justify="left")
    for number in range(len(bills)):
        table.add_column(f"GPU {number}", justify="right")
    for name in [*lines, *(name for name in BILL_TOTALS if name in found)]:
        values = [_gib(bill.get(name)) for bill in bills]
        table.add_row(LABELS.get(name, name.replace("_", " ")), *values, end_section=bool(lines) and name == lines[-1])
    return table


def addresses(outputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and address of every output that is an address on this machine."""
    found = [(name, value) for name, value in _texts(outputs) if value.startswith(("http://", "https://"))]
    return [(name, value) for name, value in found if urlsplit(value).hostname in ("localhost", "127.0.0.1")]


def forward_commands(outputs: Mapping[str, Any]) -> list[str]:
    """Every port-forward command among the outputs, once."""
    return list(dict.fromkeys(value for _, value in _texts(outputs) if "port-forward" in value))


def next_commands(stack: str) -> list[tuple[str, str]]:
    """The three commands that people want next, each with what it does."""
    return [
        (". ./activate", "pulumi, kubectl and voltaic in this shell, with the policy pack enforced"),
        (
            f"voltaic plan --profile {stack} --model meta-llama/Llama-2-13b-chat-hf",
            "ask before you change: would it start?",
        ),
        ("pulumi config set model NAME && pulumi up", "serve another model; cache and chats stay"),
    ]


def show(console: Console, stack: str, outputs: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> None:
    """Print all of it."""
    console.print()
    console.print(pods_table(pods))
    console.print(NOTICE, style="yellow")
    bill = bill_table(outputs.get("bill"))
    console.print()
    console.print(bill or "The stack has no output `bill`.")
    found = addresses(outputs)
    if found:
        console.print("\nWhere it is reached, while these commands run:")
        for name, address in found:
            console.print(f"  {PLACES.get(name, name):10} {address}")
        for command in forward_commands(outputs):
            console.print(f"  {command}", style="bold")
        if "chatAdminEmail" in outputs:
            console.print(f"  log in as {outputs['chatAdminEmail']}, with the password that this prints:")
            console.print(f"  pulumi stack output chatAdminPassword --show-secrets --stack {stack}", style="bold")
        console.print("In the simulated cluster nothing answers there, because no container runs.")
    console.print("\nNext:")
    for command, purpose in next_commands(stack):
        console.print(f"  [bold]{command}[/bold]\n      {purpose}")
    console.print("`make down` stops the cluster and keeps its state; `make clean` removes everything.")


def _state(pod: Mapping[str, Any]) -> str:
    """Phase of a pod, or why its first container waits."""
    status = pod.get("status", {})
    for container in status.get("containerStatuses", []):
        reason = container.get("state", {}).get("waiting", {}).get("reason")
        if reason:
            return str(reason)
    return str(status.get("phase", "unknown"))


def _bills(output: object) -> list[dict[str, Any]]:
    if isinstance(output, str):
        try:
            output = json.loads(output)
        except ValueError:
            return []
    if isinstance(output, dict):
        for key in ("memory", "bytes", "per_gpu"):  # beside `bytes`, `per_gpu` holds texts for people
            if key in output:
                return _bills(output[key])
        return [output] if any(_is_size(value) for value in output.values()) else []
    if isinstance(output, list):
        return [bill for bill in output if isinstance(bill, dict)]
    return []


def _is_size(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _gib(value: object) -> str:
    return f"{value / GIB:.2f}" if isinstance(value, int | float) and not isinstance(value, bool) else "-"


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in nested outputs, with the name nearest to it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)

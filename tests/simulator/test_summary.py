"""What `make up` prints at its end."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from simulator.summary import addresses, bill_table, forward_commands, next_commands, show

GIB = 1024**3
ONE = {"budget": 15.77 * GIB, "context": 0, "weights": 7 * GIB, "kv_cache": 2 * GIB, "total": 9 * GIB, "headroom": GIB}
BILL = {"per_gpu": [ONE, ONE | {"weights": 6 * GIB, "kv_cache": 3 * GIB}], "kv_cache_tokens": 1000}
POD = {
    "metadata": {"name": "tgi-0"},
    "spec": {"nodeName": "v100-16gb-x2", "containers": [{"resources": {"limits": {"nvidia.com/gpu": "2"}}}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}
WAITING = {
    "metadata": {"name": "open-webui-0"},
    "spec": {"containers": [{}]},
    "status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
}


def printed(outputs: dict, pods: list) -> str:
    """What is shown, as plain text."""
    text = StringIO()
    show(Console(file=text, width=200, highlight=False, soft_wrap=True), "v100-2gpu", outputs, pods)
    return text.getvalue()


@pytest.mark.parametrize(
    "output",
    [BILL, BILL["per_gpu"], {"memory": BILL}, {"bytes": BILL, "per_gpu": [{"total": "9.00 GiB"}]}, json.dumps(BILL)],
    ids=["memory", "list", "plan", "beside texts", "text"],
)
def test_bill_is_read_in_every_shape(output: object) -> None:
    """A plan document, its memory, its list and its text give the same columns, in GiB with two decimals."""
    table = bill_table(output)
    assert table is not None
    cells = [list(column.cells) for column in table.columns]
    assert cells[0] == ["context", "weights", "KV cache", "total", "budget", "headroom"]
    assert cells[1] == ["0.00", "7.00", "2.00", "9.00", "15.77", "1.00"]
    assert cells[2] == ["0.00", "6.00", "3.00", "9.00", "15.77", "1.00"]


@pytest.mark.parametrize("output", [None, "", "{", [], {}, {"per_gpu": None}, 3])
def test_no_bill_is_no_error(output: object) -> None:
    """A stack without a bill is summarised all the same."""
    assert bill_table(output) is None
    assert "The stack has no output `bill`." in printed({"bill": output}, [])


def test_lines_that_are_not_known_come_before_the_total() -> None:
    """A bill with a line of its own shows it with the others, not after the total."""
    table = bill_table([{"total": 3 * GIB, "adapters": GIB, "weights": 2 * GIB}])
    assert table is not None
    assert list(table.columns[0].cells) == ["weights", "adapters", "total"]


def test_pods_are_listed_with_state_node_and_gpus() -> None:
    """Ready pods say so with node and GPUs; a pod that waits says why."""
    lines = printed({}, [POD, WAITING]).splitlines()
    ready = next(line for line in lines if "tgi-0" in line)
    assert [cell.strip() for cell in ready.strip("│").split("│")] == ["tgi-0", "Running", "yes", "v100-16gb-x2", "2"]
    waiting = next(line for line in lines if "open-webui-0" in line)
    cells = [cell.strip() for cell in waiting.strip("│").split("│")]
    assert cells == ["open-webui-0", "ImagePullBackOff", "no", "-", "-"]


def test_addresses_and_commands_are_found_wherever_they_are() -> None:
    """URLs and port-forward commands are taken from nested outputs, commands once."""
    forward = "kubectl -n llm port-forward svc/tgi 8080:8080"
    outputs = {
        "apiUrl": "http://localhost:8080/v1",
        "apiInClusterUrl": "http://tgi.llm.svc:8080",
        "page": {"chatUrl": "http://localhost:3000"},
        "chatAdminEmail": "admin@example.org",
        "x": [forward, forward],
    }
    assert addresses(outputs) == [("apiUrl", "http://localhost:8080/v1"), ("chatUrl", "http://localhost:3000")]
    assert forward_commands(outputs) == [forward]
    text = printed(outputs, [])
    assert "chat page  http://localhost:3000" in text
    assert "tgi.llm.svc" not in text
    assert "log in as admin@example.org" in text
    assert text.count(forward) == 1
    assert "In the simulated cluster nothing answers there, because no container runs." in text


def test_it_ends_with_three_commands_and_says_what_is_simulated() -> None:
    """Three commands come next, and it is said that nothing of the model runs."""
    text = printed({}, [])
    assert len(next_commands("v100-2gpu")) == 3
    assert all(command in text for command, _ in next_commands("v100-2gpu"))
    assert "The nodes are simulated: no GPU is used, no container runs, nothing of the model is loaded." in text

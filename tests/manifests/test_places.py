"""Where a reader looks for what a finding is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

IMAGE = "vllm/vllm-openai:v0.8.5"
BASE = "spec.template.spec.containers[0]"
SCRIPT = "set -e\nexport VLLM_USE_V1=0\nvllm serve a/b --max-model-len 4096\n"


@pytest.mark.parametrize(
    ("fields", "about", "path"),
    [
        ({"args": ["--model", "a/b", "--max-model-len", "4096"]}, "--max-model-len", f"{BASE}.args[2]"),
        ({"args": ["--model", "a/b", "--max-model-len=4096"]}, "--max-model-len", f"{BASE}.args[2]"),
        ({"args": ["--model", "a/b", "--max_model_len=4096"]}, "--max-model-len", f"{BASE}.args[2]"),
        ({"args": ["--model", "a/b", "--max-model-len=4096"]}, "max_model_len", f"{BASE}.args[2]"),
        ({"command": ["vllm", "serve", "a/b", "--dtype", "half"], "args": None}, "--dtype", f"{BASE}.command[3]"),
        ({"command": ["vllm", "serve"], "args": ["a/b", "--dtype", "half"]}, "--dtype", f"{BASE}.args[1]"),
        ({"command": ["sh", "-c", SCRIPT], "args": None}, "--max-model-len", f"{BASE}.command[2]"),
        ({"command": ["sh", "-c"], "args": [SCRIPT]}, "--max-model-len", f"{BASE}.args[0]"),
        ({"env": [{"name": "A", "value": "x"}, {"name": "B", "value": "y"}]}, "B", f"{BASE}.env[1]"),
        ({}, "resources.limits", f"{BASE}.resources.limits"),
        ({"resources": {}}, "resources.limits", f"{BASE}.resources"),
        ({}, "image", f"{BASE}.image"),
        ({}, "--nowhere", BASE),
        ({}, None, BASE),
    ],
)
def test_an_option_is_placed_where_it_is_set(
    fields: dict[str, Any], about: str | None, path: str, *, container: Make, deployment: Make, one: Make
) -> None:
    """The word, the entry, the script or the field that sets it; else the container."""
    found = one(deployment(container(**({"image": IMAGE, "args": ["--model", "a/b"]} | fields))))
    place = found.place(about)
    assert (place.file, place.document, place.path) == ("a.yaml", 1, path)


def test_what_is_no_server_is_placed_at_its_pod(deployment: Make, one: Make) -> None:
    """There is no container to name."""
    assert one(deployment({"name": "web", "image": "nginx:1.29"})).place().path == "spec.template"


@pytest.mark.parametrize(
    ("fields", "where", "path"),
    [
        ({"args": ["--model", "a/b", "--max-model-len=${n}"]}, "--max-model-len", f"{BASE}.args[2]"),
        ({"args": ["--model", "a/b", "--max-model-len", "${n}"]}, "--max-model-len", f"{BASE}.args[3]"),
        ({"args": ["--model", "a/b", "--max-model-len", "{{ n }}"]}, "--max-model-len", f"{BASE}.args[3]"),
        ({"args": ["--model", "a/b", "--max-model-len", "$N"]}, "--max-model-len", f"{BASE}.args[3]"),
        ({"args": ["--model", "<YOUR_MODEL>"]}, "--model", f"{BASE}.args[1]"),
        ({"command": ["sh", "-c", "x; y"], "args": None}, "command", f"{BASE}.command"),
        ({"resources": {}}, "resources.limits", f"{BASE}.resources"),
        ({"envFrom": [{"configMapRef": {"name": "c"}}]}, "envFrom", f"{BASE}.envFrom[0]"),
    ],
)
def test_what_cannot_be_read_says_where_it_stands(
    fields: dict[str, Any], where: str, path: str, *, container: Make, deployment: Make, one: Make
) -> None:
    """A placeholder is reported with its field, so that its line can be shown."""
    found = one(deployment(container(**({"image": IMAGE, "args": ["--model", "a/b"]} | fields))))
    faults = {fault.where: fault for fault in found.spec.command.faults}
    assert (faults[where].unreadable, faults[where].path) == (True, path)

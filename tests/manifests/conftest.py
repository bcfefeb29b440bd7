"""Manifests to read, and their readings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic.manifests import Document, Workload, workloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from voltaic import hardware

IMAGE = "ghcr.io/huggingface/text-generation-inference:3.0.1"
ARGS = ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2", "--num-shard", "1"]
V100 = {"nvidia.com/gpu.product": "Tesla-V100-SXM2-16GB"}


def container(**fields: Any) -> dict[str, Any]:
    """Return a TGI container on one GPU, with these fields in place of its own."""
    return {"name": "tgi", "image": IMAGE, "args": ARGS, "resources": {"limits": {"nvidia.com/gpu": 1}}} | fields


def deployment(*containers: Any, kind: str = "Deployment", **pod: Any) -> dict[str, Any]:
    """Return a Deployment (or its like) of these containers."""
    template = {"spec": {"nodeSelector": V100, "containers": list(containers)} | pod}
    return {"kind": kind, "metadata": {"name": "llm"}, "spec": {"template": template}}


def read(*contents: Any, profile: hardware.Profile | None = None) -> tuple[Workload, ...]:
    """Return the workloads of one file."""
    documents = [Document("a.yaml", number, content) for number, content in enumerate(contents, 1)]
    return workloads(documents, profile=profile)


def one(content: Any, profile: hardware.Profile | None = None) -> Workload:
    """Return the only workload of one document."""
    (found,) = read(content, profile=profile)
    return found


def unreadable(workload: Workload) -> dict[str, str]:
    """Return what could not be read, by place."""
    assert workload.spec is not None
    return {fault.where: fault.message for fault in workload.spec.command.faults if fault.unreadable}


@pytest.fixture(name="container", scope="session")
def container_fixture() -> Callable[..., Any]:
    """`container`, for tests."""
    return container


@pytest.fixture(name="deployment", scope="session")
def deployment_fixture() -> Callable[..., Any]:
    """`deployment`, for tests."""
    return deployment


@pytest.fixture(name="read", scope="session")
def read_fixture() -> Callable[..., Any]:
    """`read`, for tests."""
    return read


@pytest.fixture(name="one", scope="session")
def one_fixture() -> Callable[..., Any]:
    """`one`, for tests."""
    return one


@pytest.fixture(name="unreadable", scope="session")
def unreadable_fixture() -> Callable[..., Any]:
    """`unreadable`, for tests."""
    return unreadable

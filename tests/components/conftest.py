"""Fixtures for running the program without engine and cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.components import harness

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig of a cluster that answers."""
    from components import kubeconfig as module
    from components import kubectl

    path = harness.write_kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setattr(module.Target, "answers", lambda _self: True)
    monkeypatch.setattr(kubectl, "items", lambda *_question: [])
    return path


@pytest.fixture
def program(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> harness.Program:
    """The stack's program, run as `pulumi up` runs it."""

    def run(
        values: Mapping[str, Any],
        *,
        stack: str = "v100-2gpu",
        preview: bool = False,
        secret: tuple[str, ...] = (),
        recorded: Mapping[str, Any] | None = None,
    ) -> harness.Run:
        harness.configured(monkeypatch, values, secret)
        return harness.perform(harness.main_program, stack=stack, preview=preview, recorded=recorded)

    return run

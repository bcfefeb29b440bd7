"""The kubeconfig of the namespace's user."""

from __future__ import annotations

import base64
import os
import stat
import time
from typing import TYPE_CHECKING

import pytest
import yaml

from simulator import kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = kubeconfig.document(server="https://127.0.0.1:20000", ca="PEM", token="secret", namespace="llm")


def test_one_context_with_the_namespace() -> None:
    """The file has the promised context and sends commands to the namespace."""
    assert CONTENT["current-context"] == "voltaic-sim"
    assert CONTENT["contexts"] == [
        {"name": "voltaic-sim", "context": {"cluster": "voltaic-sim", "user": "voltaic-sim", "namespace": "llm"}}
    ]
    cluster = CONTENT["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:20000"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"PEM"
    assert CONTENT["users"] == [{"name": "voltaic-sim", "user": {"token": "secret"}}]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """The file holds a token: mode 600, even where an older file was open to all."""
    path = tmp_path / "kubeconfig"
    path.write_text("old")
    path.chmod(0o644)
    kubeconfig.write(path, CONTENT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert yaml.safe_load(path.read_text()) == CONTENT


def test_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails, the old file stays and nothing is left beside it."""
    path = tmp_path / "kubeconfig"
    path.write_text("old")

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(kubeconfig.yaml, "safe_dump", fail)
    with pytest.raises(OSError, match="disk full"):
        kubeconfig.write(path, CONTENT)
    assert [entry.name for entry in tmp_path.iterdir()] == ["kubeconfig"]
    assert path.read_text() == "old"


def test_lock_of_a_killed_kubectl_is_removed(tmp_path: Path) -> None:
    """An old lock goes, since kubectl would refuse to write for ever; a fresh one may be in use and stays."""
    path, lock = tmp_path / "kubeconfig", tmp_path / "kubeconfig.lock"
    lock.touch()
    kubeconfig.write(path, CONTENT)
    assert lock.exists()
    old = time.time() - 60
    os.utime(lock, (old, old))
    kubeconfig.write(path, CONTENT)
    assert not lock.exists()

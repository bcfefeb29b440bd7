"""Cleaning removes what was made and nothing else."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from toolchain.setup import build, clean, files
from toolchain.setup.errors import SetupError
from toolchain.setup.modules import CLUSTER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.toolchain.conftest import Checkout


def tracked(root: Path) -> list[str]:
    """Everything in a folder, by name."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


@pytest.fixture
def used(checkout: Checkout) -> Checkout:
    """A checkout that was set up and worked with; its Python writes down what it is asked."""
    layout = checkout.layout
    layout.python.parent.mkdir(parents=True)
    layout.python.write_text('#!/bin/sh\necho "$*" >> "$GO_LOG"\nexit "${FAKE_CODE:-0}"\n', encoding="utf-8")
    layout.python.chmod(0o755)
    layout.state.mkdir(parents=True)
    layout.clusters.mkdir()
    for name in (".pytest_cache", ".mypy_cache", "htmlcov"):
        (layout.root / name).mkdir()
    (layout.root / ".coverage").write_text("x", encoding="utf-8")
    (layout.root / "toolchain" / "__pycache__").mkdir()
    return checkout


def test_clean_leaves_what_was_cloned(checkout: Checkout, used: Checkout) -> None:
    """Every cluster is deleted first; then the checkout is as it was before set-up."""
    clean.checkout(used.layout, used.environ)
    assert used.go_calls == ["-m simulator delete --all"]
    names = {path.name for path in used.layout.root.iterdir()}
    assert names == {"activate", "pyproject.toml", "requirements.txt", "toolchain"}
    assert not (used.layout.root / "toolchain" / "__pycache__").exists()


def test_clean_keeps_everything_while_the_cluster_runs(used: Checkout) -> None:
    """A cluster that cannot be stopped would be left without its files: nothing is removed, and the reason is said."""
    before = tracked(used.layout.root)
    with pytest.raises(SetupError, match="the simulated cluster cannot be stopped, so nothing was removed"):
        clean.checkout(used.layout, used.environ | {"FAKE_CODE": "1"})
    assert tracked(used.layout.root) == before


def test_clean_without_the_environment(used: Checkout) -> None:
    """Without the environment a cluster cannot be stopped: nothing is removed, and the error says what to do."""
    files.remove(used.layout.venv)
    before = tracked(used.layout.root)
    with pytest.raises(SetupError) as refused:
        clean.checkout(used.layout, used.environ)
    assert str(refused.value) == (
        f"{used.layout.venv} is gone, but the simulated cluster is stopped with it, so nothing was removed: "
        f"run `make setup` first; or end what runs from {used.layout.own}/kwok and remove {used.layout.own}"
    )
    assert tracked(used.layout.root) == before


def test_clean_without_a_cluster(used: Checkout) -> None:
    """Where no cluster was ever started, a broken environment does not keep anybody from cleaning."""
    files.remove(used.layout.clusters)
    files.remove(used.layout.venv)
    clean.checkout(used.layout, used.environ)
    assert used.go_calls == []
    assert not used.layout.own.exists()


def test_clean_twice(checkout: Checkout) -> None:
    """There is nothing to remove, and that is no fault."""
    before = tracked(checkout.layout.root)
    clean.checkout(checkout.layout, checkout.environ)
    assert tracked(checkout.layout.root) == before


def test_clean_cache(checkout: Checkout) -> None:
    """The tool chain that checkouts share is removed; a checkout itself is not touched."""
    build.ensure([CLUSTER], checkout.layout, checkout.environ)
    before = tracked(checkout.layout.root)
    clean.cache(checkout.layout)
    assert [path.name for path in checkout.layout.cache.iterdir()] == ["toolchain.lock"]
    assert tracked(checkout.layout.root) == before


def test_everything_made_is_ignored_by_git() -> None:
    """What set-up makes can never be committed by accident."""
    made = [".venv/x", ".voltaic/x", "uv.lock", "pylock.toml", ".coverage", "voltaic/__pycache__/x.pyc"]
    done = subprocess.run(["git", "check-ignore", *made], capture_output=True, text=True, check=False)
    assert done.stdout.split() == made

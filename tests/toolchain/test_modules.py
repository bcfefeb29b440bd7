"""What the Go modules are built from, and what tells one build from another."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolchain.setup import modules
from toolchain.setup.modules import CLUSTER, PROVIDER, PROVIDER_VERSION, PULUMI, RECIPES, Recipe

if TYPE_CHECKING:
    from tests.toolchain.conftest import Checkout

ROOT = Path(__file__).parents[2]
LINUX = ("linux", "amd64")


def go_mod(recipe: Recipe) -> str:
    """The go.mod of a module of this repository."""
    return (ROOT / "toolchain" / recipe.name / "go.mod").read_text(encoding="utf-8")


def test_versions_are_stamped_from_go_mod() -> None:
    """The linker gets the versions that go.mod requires, whole or by number."""
    assert "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.259.0" in modules.link_flags(
        PULUMI, go_mod(PULUMI)
    )
    flags = modules.link_flags(CLUSTER, go_mod(CLUSTER))
    for stamp in ("gitVersion=v1.36.1", "gitMajor=1", "gitMinor=36"):
        assert f"-X k8s.io/component-base/version.{stamp}" in flags
        assert f"-X k8s.io/client-go/pkg/version.{stamp}" in flags


def test_pins_agree_with_the_python_packages() -> None:
    """The Pulumi and provider that are built are those that the Python packages are made for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = modules.requirements(go_mod(PULUMI))
    assert f"pulumi=={required['github.com/pulumi/pulumi/sdk/v3'].removeprefix('v')}" in project["dependencies"]
    assert f"pulumi-kubernetes=={PROVIDER_VERSION}" in project["dependencies"]
    main = (ROOT / "toolchain/kubernetes-provider/main.go").read_text(encoding="utf-8")
    assert f'fallbackVersion = "{PROVIDER_VERSION}"' in main


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_go_sum_is_complete(recipe: Recipe) -> None:
    """Every module that go.mod requires has its hash in go.sum, so that nobody needs a checksum database."""
    text = go_mod(recipe)
    replaced = dict(re.findall(r"^(?:replace |\t)(\S+) => (\S+) v", text, flags=re.MULTILINE))
    hashed = {line.split()[0] for line in (ROOT / "toolchain" / recipe.name / "go.sum").read_text().splitlines()}
    required = {replaced.get(module, module) for module in modules.requirements(text)}
    assert required
    assert required <= hashed


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_stamp_names_a_requirement(recipe: Recipe) -> None:
    """A recipe whose module is renamed or removed fails here, not after minutes of building."""
    assert "{" not in modules.link_flags(recipe, go_mod(recipe))


def test_key_is_the_content(checkout: Checkout) -> None:
    """The key changes with a source, the system and the recipe, and with nothing else."""
    key = modules.key(PULUMI, checkout.layout, LINUX)
    assert re.fullmatch(r"[0-9a-f]{16}", key)
    source = checkout.layout.root / "toolchain/pulumi/cmd/pulumi-language-python/main.go"
    assert modules.key(PULUMI, checkout.layout, ("darwin", "arm64")) != key
    (source.parent / ".editor-backup").write_text("x", encoding="utf-8")
    (source.parents[2] / "__pycache__").mkdir()
    (source.parents[2] / "__pycache__" / "x.pyc").write_text("x", encoding="utf-8")
    assert modules.key(PULUMI, checkout.layout, LINUX) == key
    source.write_text(source.read_text(encoding="utf-8") + "// changed\n", encoding="utf-8")
    assert modules.key(PULUMI, checkout.layout, LINUX) != key
    assert modules.key(PROVIDER, checkout.layout, LINUX) != modules.key(CLUSTER, checkout.layout, LINUX)


def test_key_does_not_depend_on_the_place(checkout: Checkout) -> None:
    """Two checkouts of the same commit share one build."""
    moved = type(checkout.layout)(checkout.layout.root.with_name("elsewhere"), checkout.layout.cache)
    checkout.layout.root.rename(moved.root)
    here = modules.key(CLUSTER, moved, LINUX)
    moved.root.rename(checkout.layout.root)
    assert modules.key(CLUSTER, checkout.layout, LINUX) == here


def test_go_mod_without_a_version_is_said() -> None:
    """A damaged go.mod is reported with how to restore it."""
    with pytest.raises(modules.SetupError, match="has no `go` line: restore it with `git checkout toolchain`"):
        modules.go_version("module x\n")

"""The three Go modules: what is built of each, how, and where the result is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolchain.setup import files
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path

    from toolchain.setup.layout import Layout

#: Release of Pulumi's Kubernetes provider: its module has no version of its own, only a commit.
PROVIDER_VERSION = "4.25.0"
#: File name of the provider, as Pulumi looks for it.
PROVIDER_BINARY = "pulumi-resource-kubernetes"

_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"


@dataclass(frozen=True)
class ModuleFile:
    """A file of a required module: ``path`` inside the module ``module``."""

    module: str
    path: str


@dataclass(frozen=True)
class Recipe:
    """How one Go module becomes binaries.

    Attributes:
        name: folder of the module in ``toolchain/``, and name in messages.
        packages: Go package to build → name of its binary.
        stamps: variable that the linker sets → its value; ``{MODULE}`` stands for the version of a requirement,
            ``{MODULE#v}`` for the version without its v, ``{MODULE#1}`` for its first number, and so on.
        copies: files of required modules that lie beside the binaries.
        overlay: file of this module → file of a required module that takes its place in the build.
        tests: package of this module whose tests are built too, or empty.
    """

    name: str
    packages: dict[str, str]
    stamps: dict[str, str]
    copies: tuple[ModuleFile, ...] = ()
    overlay: dict[str, ModuleFile] = field(default_factory=dict)
    tests: str = ""

    @property
    def binaries(self) -> tuple[str, ...]:
        """Names of the binaries that people and programs look for on PATH."""
        return tuple(self.packages.values())

    def folder(self, layout: Layout) -> Path:
        """Return the folder of the module's sources."""
        return layout.root / "toolchain" / self.name


PULUMI = Recipe(
    name="pulumi",
    packages={
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi": "pulumi",
        "./cmd/pulumi-language-python": "pulumi-language-python",
    },
    # Without it requiredPulumiVersion is not checked, and the Automation API refuses the command line.
    stamps={f"{_PULUMI_SDK}/go/common/version.Version": f"{{{_PULUMI_SDK}}}"},
    copies=(
        ModuleFile(_PULUMI_SDK, "python/cmd/pulumi-language-python-exec"),
        ModuleFile(_PULUMI_SDK, "python/dist/pulumi-resource-pulumi-python"),
    ),
    tests="./internal/host",
)

PROVIDER = Recipe(
    name="kubernetes-provider",
    packages={".": PROVIDER_BINARY},
    stamps={f"{_PROVIDER}/pkg/version.Version": PROVIDER_VERSION},
    overlay={
        name: ModuleFile(_PROVIDER, f"cmd/pulumi-resource-kubernetes/{name}")
        for name in ("schema.json", "terraform-mapping.json")
    },
)

CLUSTER = Recipe(
    name="cluster",
    packages={
        "go.etcd.io/etcd/server/v3": "etcd",
        "k8s.io/kubernetes/cmd/kube-apiserver": "kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-controller-manager": "kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-scheduler": "kube-scheduler",
        "k8s.io/kubernetes/cmd/kubectl": "kubectl",
        "sigs.k8s.io/kwok/cmd/kwok": "kwok",
        "sigs.k8s.io/kwok/cmd/kwokctl": "kwokctl",
    },
    stamps={
        f"{package}.{variable}": f"{{k8s.io/kubernetes{part}}}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for variable, part in (("gitVersion", ""), ("gitMajor", "#1"), ("gitMinor", "#2"))
    },
)

#: All recipes, in the order in which they are built: the shortest wait for something that works first.
RECIPES = (CLUSTER, PULUMI, PROVIDER)

#: Flags that every build gets. Paths of the machine stay out of the binaries, so that they do not depend on it.
BUILD_FLAGS = ("-trimpath",)
#: No symbol tables and no debugging data: half the size.
LINK_FLAGS = "-s -w"


def requirements(go_mod: str) -> dict[str, str]:
    """Return the versions that a go.mod requires: module path → version, with its v."""
    return dict(re.findall(r"^(?:require\s+|\t)(\S+) (v\S+)", go_mod, flags=re.MULTILINE))


def go_version(go_mod: str) -> str:
    """Return the oldest Go that a go.mod allows, such as ``1.26.0``.

    Raises:
        SetupError: if it does not say.
    """
    if match := re.search(r"^go (\S+)$", go_mod, flags=re.MULTILINE):
        return match[1]
    raise SetupError("a go.mod of the tool chain has no `go` line: restore it with `git checkout toolchain`")


def link_flags(recipe: Recipe, go_mod: str) -> str:
    """Return the linker's flags, with the versions of go.mod filled in."""
    required = requirements(go_mod)

    def fill(match: re.Match[str]) -> str:
        module, _, part = match[1].partition("#")
        version = required[module]
        if not part:
            return version
        return version[1:] if part == "v" else version[1:].split(".")[int(part) - 1]

    stamps = (f"-X {variable}={re.sub(r'{([^}]+)}', fill, value)}" for variable, value in recipe.stamps.items())
    return " ".join([LINK_FLAGS, *stamps])


def key(recipe: Recipe, layout: Layout, platform: tuple[str, str]) -> str:
    """Return what tells this build from every other: the sources, the recipe, the system, and the class of Go.

    The class of Go is the oldest version that go.mod allows: which newer one happens to be installed does not matter,
    and a machine without Go can use what is in the cache.
    """
    return files.digest(
        [files.tree_digest(recipe.folder(layout)), repr(recipe), repr((BUILD_FLAGS, LINK_FLAGS, platform))]
    )[:16]


def installed(recipe: Recipe, layout: Layout, platform: tuple[str, str]) -> Path:
    """Return the folder of the finished build: it exists only when everything in it is complete."""
    return layout.builds / f"{recipe.name}-{key(recipe, layout, platform)}"

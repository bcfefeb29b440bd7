"""A checkout of its own for each test, and stand-ins for the programs that set-up runs."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolchain.setup.layout import Layout

ROOT = Path(__file__).parents[2]

#: Stands for Go: it tells its version, "builds" files that name their package, and writes down what it is asked.
FAKE_GO = r"""#!/bin/sh
echo "$*" >> "$GO_LOG"
case "$1" in
env) echo "${FAKE_GO_VERSION:-go1.26.8}" ;;
list)
    if [ "$2" = -m ]; then
        mkdir -p "$GOMODCACHE/module" && echo "$GOMODCACHE/module"
    else
        echo "go: downloading example.org/module v1.0.0" >&2
        printf 'example.org/a\nexample.org/b\n'
    fi
    ;;
build | test)
    while [ "$1" != -o ]; do shift; done
    out=$2
    shift 2
    mkdir -p "$GOMODCACHE/download"
    if [ -n "${FAKE_GO_SLEEP:-}" ]; then echo $$ > "$out/half-written" && sleep "$FAKE_GO_SLEEP"; fi
    if [ -n "${FAKE_GO_FAULT:-}" ]; then echo "$FAKE_GO_FAULT" >&2; exit 1; fi
    echo example.org/a >&2
    case "$out" in
    */) for package in "$@"; do
            name=$(echo "$package" | sed 's,/v[0-9]*$,,; s,.*/,,')
            [ "$name" = . ] && name=$(sed -n 's,^module .*/,,p' go.mod)
            printf '#!/bin/sh\necho %s\n' "$package" > "$out$name" && chmod +x "$out$name"
        done ;;
    *) mkdir -p "$(dirname "$out")" && echo tests > "$out" ;;
    esac
    ;;
esac
"""


@dataclass(frozen=True)
class Checkout:
    """A checkout with the sources of the tool chain, a cache, and a machine with the given programs on PATH."""

    layout: Layout
    programs: Path
    log: Path

    def program(self, name: str, text: str) -> Path:
        """Put a program on PATH."""
        path = self.programs / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a set-up on this machine."""
        return {
            "PATH": f"{self.programs}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(self.programs.parent / "home"),
            "GO_LOG": str(self.log),
            "VOLTAIC_CACHE": str(self.layout.cache),
        }

    @property
    def go_calls(self) -> list[str]:
        """What Go was asked so far."""
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout in a folder with blanks and quotes in its name, on a machine with a Go that costs nothing."""
    root = tmp_path / "it's a checkout"
    for name in ("pulumi", "kubernetes-provider", "cluster"):
        source = ROOT / "toolchain" / name
        shutil.copytree(source, root / "toolchain" / name, ignore=shutil.ignore_patterns("*_test.go"))
    for source in (ROOT / "activate", ROOT / "pyproject.toml", ROOT / "requirements.txt"):
        shutil.copy(source, root)
    shutil.copytree(
        ROOT / "toolchain" / "setup", root / "toolchain" / "setup", ignore=shutil.ignore_patterns("__pycache__")
    )
    programs = tmp_path / "programs"
    programs.mkdir()
    cache = tmp_path / "a cache"
    module = cache / "go" / "mod" / "module"
    for name in (
        "python/cmd/pulumi-language-python-exec",
        "python/dist/pulumi-resource-pulumi-python",
        "cmd/pulumi-resource-kubernetes/schema.json",
        "cmd/pulumi-resource-kubernetes/terraform-mapping.json",
    ):
        (module / name).parent.mkdir(parents=True, exist_ok=True)
        (module / name).write_text("from the module\n", encoding="utf-8")
    made = Checkout(Layout(root, cache), programs, tmp_path / "go.log")
    made.program("go", FAKE_GO)
    return made

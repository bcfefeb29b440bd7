"""Where everything lies: what belongs to one checkout, and what all checkouts of a user share."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names of processors as Go writes them.
_GOARCH = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Layout:
    """Paths of one checkout and of the user's cache. All are absolute."""

    root: Path
    cache: Path

    @property
    def own(self) -> Path:
        """Folder of everything that set-up makes in this checkout, apart from the Python environment."""
        return self.root / ".voltaic"

    @property
    def venv(self) -> Path:
        """The Python environment; Pulumi.yaml names it too."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.venv / "bin" / "python"

    @property
    def bin(self) -> Path:
        """Folder with a link to every tool."""
        return self.own / "bin"

    @property
    def tools(self) -> Path:
        """Folder of tools that set-up has installed for itself."""
        return self.own / "tools"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's own folder, with the plugins; the user's ~/.pulumi is left alone."""
        return self.own / "pulumi"

    @property
    def state(self) -> Path:
        """Folder of the stacks' state."""
        return self.own / "state"

    @property
    def kubeconfig(self) -> Path:
        """The simulated cluster's kubeconfig; the user's ~/.kube/config is left alone."""
        return self.own / "kubeconfig"

    @property
    def clusters(self) -> Path:
        """Folder that the simulator has as long as a cluster was not deleted."""
        return self.own / "kwok"

    @property
    def env_file(self) -> Path:
        """Shell file with the environment in which the tools work."""
        return self.own / "env.sh"

    @property
    def builds(self) -> Path:
        """Folder of the built tool chain, shared by all checkouts."""
        return self.cache / "toolchain"

    @property
    def go_caches(self) -> Path:
        """Go's caches while the tool chain is built; the user's own are left alone."""
        return self.cache / "go"


def find_layout(environ: Mapping[str, str], root: Path | None = None) -> Layout:
    """Return the layout of the checkout that this file belongs to.

    Args:
        environ: VOLTAIC_CACHE names the cache folder, else it lies in XDG_CACHE_HOME or ~/.cache.
        root: another checkout.
    """
    here = root or Path(__file__).parents[2]
    if chosen := environ.get("VOLTAIC_CACHE"):
        cache = Path(chosen).expanduser()
    else:
        base = environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        cache = Path(base) / "voltaic"
    return Layout(root=Path(os.path.abspath(here)), cache=Path(os.path.abspath(cache)))  # noqa: PTH100  keeps links


def go_platform() -> tuple[str, str]:
    """Return this machine's operating system and processor as Go names them.

    Raises:
        SetupError: on a system that the tool chain is not built for.
    """
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform)
    processor = _GOARCH.get(platform.machine().lower())
    if system is None or processor is None:
        raise SetupError(
            f"this machine is {sys.platform} on {platform.machine()}, but the tool chain is built on Linux and macOS"
            " with an x86-64 or ARM64 processor only; on Windows use WSL"
        )
    return system, processor

"""A Pulumi that the user has installed: used as it is where it is new enough."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.setup import files, processes
from toolchain.setup.console import note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolchain.setup.layout import Layout

#: The first release whose Python host shares one environment between a program and a policy pack.
OLDEST = (3, 227, 0)
#: Its part for Python programs.
HOST = "pulumi-language-python"


@dataclass(frozen=True)
class Pulumi:
    """An installed Pulumi.

    Attributes:
        path: the command.
        version: such as (3, 259, 0).
        host_beside: whether its Python host lies in the same folder, as in a release; else it is found on PATH.
    """

    path: str
    version: tuple[int, int, int]
    host_beside: bool


def find(layout: Layout, environ: Mapping[str, str]) -> Pulumi | None:
    """Return the user's Pulumi if it can be used; say why not if there is one that cannot.

    VOLTAIC_PULUMI=build asks for our own in any case.
    """
    if environ.get("VOLTAIC_PULUMI") == "build":
        return None
    path = _foreign_path(layout, environ)
    command = shutil.which("pulumi", path=path)
    if command is None:
        return None
    version = _version(Path(command), layout, environ)
    oldest = ".".join(map(str, OLDEST))
    if version is None:
        note(f"{command} does not tell its version: the tool chain's own Pulumi is used instead")
        return None
    if version < OLDEST:
        found = ".".join(map(str, version))
        note(f"{command} is {found}, but {oldest} is needed: the tool chain's own Pulumi is used instead")
        return None
    beside = Path(command).resolve().with_name(HOST).exists()
    if not beside and shutil.which(HOST, path=path) is None:
        note(f"{command} has no {HOST}: the tool chain's own Pulumi is used instead")
        return None
    return Pulumi(command, version, beside)


def cached_plugin(environ: Mapping[str, str], layout: Layout, folder: str, binary: str) -> Path | None:
    """Return a plugin from the user's own plugin cache, which is only read."""
    homes = [environ.get("PULUMI_HOME"), str(Path("~/.pulumi").expanduser())]
    for home in homes:
        if home and Path(home) != layout.pulumi_home:
            plugin = Path(home) / "plugins" / folder / binary
            if os.access(plugin, os.X_OK):
                return plugin
    return None


def _foreign_path(layout: Layout, environ: Mapping[str, str]) -> str:
    """Return PATH without the folders of this and any other checkout's tool chain."""
    entries = environ.get("PATH", "").split(os.pathsep)
    own = (layout.bin, layout.builds)
    kept = [
        entry
        for entry in entries
        if entry
        and Path(entry).parts[-2:] != (".voltaic", "bin")
        and not any(Path(entry).is_relative_to(folder) for folder in own)
    ]
    return os.pathsep.join(kept)


def _version(command: Path, layout: Layout, environ: Mapping[str, str]) -> tuple[int, int, int] | None:
    """Return the version of a pulumi command. Asking takes a good part of a second, so the answer is remembered."""
    memory = layout.tools / "installed-pulumi.json"
    try:
        status = command.resolve().stat()
        identity: list[str | int] = [str(command.resolve()), status.st_mtime_ns, status.st_size]
        remembered = json.loads(memory.read_text(encoding="utf-8"))
        if remembered["identity"] == identity:
            major, minor, patch = remembered["version"]
            return int(major), int(minor), int(patch)
    except (OSError, ValueError, KeyError):
        pass
    quiet = {**environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_HOME": str(layout.pulumi_home)}
    try:
        printed = processes.output([str(command), "version"], environ=quiet, folder=layout.root, timeout=60)
    except processes.ProgramError:
        return None
    match = re.search(r"v?(\d+)\.(\d+)\.(\d+)", printed)
    if match is None:
        return None
    version = (int(match[1]), int(match[2]), int(match[3]))
    files.write_if_changed(memory, json.dumps({"identity": identity, "version": version}))
    return version

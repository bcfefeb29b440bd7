"""Where pulumi is, and with which environment it runs: that of this shell, else what `. ./activate` would give."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.pull_request.project import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS: Final = 30
NEXT_STEP = "run `make setup`, then: . ./activate"


def environment(root: Path, own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment in which pulumi is found.

    Args:
        root: the project's folder.
        own: the environment of this process.

    Raises:
        Unreadable: there is no pulumi.
    """
    if shutil.which("pulumi", path=own.get("PATH")):
        return dict(own)
    checkout = Path(__file__).resolve().parents[2]
    for folder in dict.fromkeys((root, checkout)):
        file = folder / ".voltaic" / "env.sh"
        if file.is_file():
            found = _sourced(file, own)
            if shutil.which("pulumi", path=found.get("PATH")):
                return found
    raise Unreadable(f"pulumi is not on PATH: {NEXT_STEP}")


def _sourced(file: Path, own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment after a shell has read the file that set-up wrote."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", '. "$1" && env -0', "sh", str(file)],
            env=dict(own),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return dict(own)
    return dict(entry.split("=", 1) for entry in os.fsdecode(done.stdout).split("\0") if "=" in entry)


def pack() -> Path:
    """Return the folder of the policy pack that belongs to this command.

    Raises:
        Unreadable: Pulumi could not start it.
    """
    from cli.policy_pack import NoEnvironment, folder

    try:
        return folder()
    except NoEnvironment as fault:
        raise Unreadable(str(fault)) from None

"""A name without blanks for the work folder.

kwokctl cuts the path of its work folder at the first blank, and would start a cluster in the folder of that shorter
name; kwok takes a comma for the end of a path. So a folder with such characters is reached through a link. The link
lies in /tmp, whatever TMPDIR and HOME say: every shell must find the processes by the same path.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

from simulator.errors import SimulatorError

PLAIN = re.compile(r"[A-Za-z0-9/._+@~-]+")
LINKS = Path("/tmp")  # noqa: S108  the folder of links in it is made safe below


def plain(folder: Path) -> Path:
    """The path by which kwok gets this folder: its own, or that of a link, which may not be there yet."""
    if PLAIN.fullmatch(str(folder)):
        return folder
    return LINKS / f"voltaic-{os.getuid()}" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def ensure_link(folder: Path) -> None:
    """Make the link to the folder, where it needs one.

    Raises:
        SimulatorError: somebody else has the folder of the links.
    """
    link = plain(folder)
    if link == folder:
        return
    with contextlib.suppress(FileExistsError):
        link.parent.mkdir(mode=0o700)
    found = link.parent.lstat()
    if not link.parent.is_dir() or link.parent.is_symlink() or found.st_uid != os.getuid():
        raise SimulatorError(
            f"{folder} has a blank or another character in its path that kwok cannot work with, and {link.parent}, "
            "where a link to it would lie, belongs to somebody else: remove that, or move the checkout"
        )
    link.parent.chmod(0o700)
    if not (link.is_symlink() and link.readlink() == folder):
        link.unlink(missing_ok=True)
        link.symlink_to(folder)


def remove_link(folder: Path) -> None:
    """Remove the link to the folder, if there is one, and the folder of the links after the last."""
    link = plain(folder)
    if link != folder:
        link.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            link.parent.rmdir()

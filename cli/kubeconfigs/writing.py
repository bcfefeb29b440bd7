"""Kubeconfigs on disk: read with their comments, written whole, for their owner alone."""

from __future__ import annotations

import io
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from cli import files
from cli.files import Unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODE = 0o600
FOLDER_MODE = 0o700
WIDE = 1 << 20
"""Columns: nothing is folded, so that lines stay as they were."""


def load(text: str) -> Any:
    """Return a YAML document with its comments; None for an empty one. The text was read as a kubeconfig before."""
    return _yaml().load(text)


def dump(document: Any) -> str:
    """Return a document as text."""
    stream = io.StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.width = WIDE
    yaml.preserve_quotes = True
    return yaml


def others_may(path: Path) -> str | None:
    """Return what others may do with a file that holds a login; None where they may nothing."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may change it"
    return "others may read it" if mode & (stat.S_IRGRP | stat.S_IROTH) else None


def write(path: Path, text: str) -> None:
    """Write a kubeconfig as a whole, with mode 600; a link stays one.

    Raises:
        Unwritable: it cannot be written, or kubectl is writing it.
    """
    try:
        place = path.resolve()
        place.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with _locked(place):
            files.replace(place, text.encode(), mode=MODE, settle=lambda number: os.fchmod(number, MODE))
    except OSError as fault:
        if isinstance(fault, Unwritable):
            raise
        raise Unwritable(f"{path}: {fault.strerror or fault}") from fault


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Hold the lock that kubectl takes too (k8s.io/client-go tools/clientcmd/loader.go)."""
    lock = place.with_name(f"{place.name}.lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0))
    except FileExistsError:
        raise Unwritable(
            f"{place}: another program is writing it ({lock} is there). If none runs, remove that file"
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()

"""Evidence from files: what kubectl printed, logs, or a whole folder of both; no cluster is asked."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.doctor import Evidence, Log

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from voltaic.hardware import Profile

STDIN: Final = "-"
MOST_BYTES: Final = 32 * 2**20
"""Bytes of a file that are read: of a log its end, where tracebacks stand."""
DOCUMENTS: Final = frozenset({".yaml", ".yml", ".json"})
BEGINNINGS: Final = ("apiVersion:", "kind:", "items:")
"""Beginnings of lines by which text is YAML of Kubernetes."""
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", re.ASCII)
"""A moment as Kubernetes writes it (RFC 3339)."""
PREVIOUS: Final = "previous"
"""Word in the name of a file by which it is the log of the time before the last restart."""


@dataclass(slots=True)
class Read:
    """What was read."""

    objects: list[Any] = field(default_factory=list)
    logs: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Logs by the name of their file, without its ending."""
    texts: list[tuple[str, ...]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def evidence(paths: Iterable[str], profile: Profile | None = None) -> tuple[Evidence, list[str]]:
    """Return the evidence in these files, and what cannot be read of them.

    Files with YAML or JSON are objects, those that end in `.log` logs: POD.log, POD_CONTAINER.log and
    POD_CONTAINER.previous.log say whose. Everything else is read as text, `kubectl describe` and terminals among it.

    Args:
        paths: files, folders (recursively), or `-` for standard input.
        profile: GPUs of what names none.
    """
    read = Read()
    for path in paths:
        for name, text in _contents(path, read.faults):
            _sort(name, text, read)
    names = _pod_names(read.objects)
    logs = tuple(_log(name, lines, names) for name, lines in read.logs)
    texts = tuple(Log(lines) for lines in read.texts)
    found = Evidence(
        objects=tuple(read.objects),
        logs=logs,
        texts=texts,
        at=_latest(read.objects),
        namespace=_namespace(read),
        profile=profile,
    )
    return found, read.faults


def _latest(objects: Iterable[Any]) -> datetime | None:
    """Return the newest moment that objects name: they were printed then, or later."""
    from voltaic.doctor.states import moment

    found: datetime | None = None
    left = list(objects)
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += each.values()
        elif isinstance(each, list):
            left += each
        elif isinstance(each, str) and MOMENT.fullmatch(each):
            told = moment(each)
            found = told if found is None or (told is not None and told > found) else found
    return found


def _contents(path: str, faults: list[str]) -> Iterator[tuple[str, str]]:
    if path == STDIN:
        yield STDIN, sys.stdin.buffer.read(MOST_BYTES).decode("utf-8", "replace")
        return
    place = Path(path)
    files = sorted(each for each in place.rglob("*") if each.is_file()) if place.is_dir() else [place]
    if not files:
        faults.append(f"{path}: no files in it")
    for file in files:
        try:
            with file.open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(0 if file.suffix in DOCUMENTS else max(0, size - MOST_BYTES))
                yield str(file), stream.read(MOST_BYTES).decode("utf-8", "replace")
        except OSError as error:
            faults.append(f"{file}: {error.strerror}")


def _sort(name: str, text: str, read: Read) -> None:
    suffix = Path(name).suffix
    if suffix == ".log":
        read.logs.append((Path(name).stem, tuple(text.splitlines())))
        return
    documents = _documents(text) if suffix in DOCUMENTS or _looks_like_objects(text) else None
    if documents is not None:
        read.objects += documents
    elif suffix in DOCUMENTS:
        read.faults.append(f"{name}: neither YAML nor JSON that can be read")
    elif text.strip():
        read.texts.append(tuple(text.splitlines()))


def _looks_like_objects(text: str) -> bool:
    head = text.lstrip()[:2000]
    return head.startswith("{") or any(
        line.startswith(("apiVersion:", "kind:", "items:")) for line in head.splitlines()
    )


def _documents(text: str) -> list[Any] | None:
    from cli.bounded_yaml import load_documents
    from cli.bounds import Fault

    try:
        found = [each for each in load_documents(text) if isinstance(each, dict)]
    except (Fault, ValueError, RecursionError):
        return None
    return [each for each in found if "kind" in each or "items" in each] or None


def _pod_names(objects: Iterable[Any]) -> list[str]:
    from voltaic.doctor.states import objects as flattened

    found = [each for each in flattened(objects) if each.get("kind") == "Pod"]
    return sorted((str(each.get("metadata", {}).get("name", "")) for each in found), key=len, reverse=True)


def _log(stem: str, lines: tuple[str, ...], pods: list[str]) -> Log:
    """Return a log with the pod and the container that its file's name says."""
    previous = PREVIOUS in stem
    name = stem.replace(f".{PREVIOUS}", "").replace(f"_{PREVIOUS}", "").replace(f"-{PREVIOUS}", "")
    pod = next((each for each in pods if each and name.startswith(each)), None)
    if pod is None:
        pod, _, container = name.partition("_")
        return Log(lines, "" if pods else pod, container or None, previous)
    return Log(lines, pod, name[len(pod) :].strip("_.-") or None, previous)


def _namespace(read: Read) -> str | None:
    from voltaic.doctor.states import objects as flattened

    found = {str(each.get("metadata", {}).get("namespace") or "") for each in flattened(read.objects)}
    return next(iter(found)) or None if len(found) == 1 else None

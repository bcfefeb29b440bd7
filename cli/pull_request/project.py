"""The project in a folder: its Pulumi.yaml, its stack files here and at another commit, read and never written."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.bounded_yaml import load_documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROJECT_FILE = "Pulumi.yaml"
LARGEST = 1024 * 1024
"""Bytes of a stack file that is read; real ones are below 10 KiB."""
SECONDS = 60
"""How long git may take for an answer."""
_STACK_FILE = re.compile(r"Pulumi\.(?P<stack>[^/\\]+)\.ya?ml")
_SHOWN = 200


class Unreadable(Exception):  # noqa: N818  named for what it says
    """What was asked for cannot be read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class StackFile:
    """A stack file as text and as what it says."""

    name: str
    """Its file name: `Pulumi.v100-2gpu.yaml`."""
    text: str
    content: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None
    """Why its content cannot be read."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Its configuration, by full key: `voltaic:model`."""
        found = self.content.get("config")
        return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a Pulumi.yaml."""

    root: Path
    name: str
    settings: Mapping[str, Any]
    """What Pulumi.yaml says."""

    def file_name(self, stack: str) -> str:
        """Return the name of a stack's file; an organization before the stack's name is no part of it."""
        base = f"Pulumi.{stack.rpartition('/')[2]}"
        return f"{base}.yml" if (self.root / f"{base}.yml").exists() else f"{base}.yaml"

    def here(self, stack: str) -> StackFile | None:
        """Return a stack's file as it lies here; None where there is none.

        Raises:
            Unreadable: it is there and cannot be read.
        """
        name = self.file_name(stack)
        try:
            with (self.root / name).open("rb") as stream:
                return _parsed(name, stream.read(LARGEST + 1))
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise Unreadable(f"{name}: {fault.strerror or fault}") from None

    def stacks_here(self) -> list[str]:
        """Return the names of the stacks that have a file here."""
        names = (_STACK_FILE.fullmatch(path.name) for path in self.root.glob("Pulumi.*"))
        return sorted({found["stack"] for found in names if found})

    def defaults(self) -> dict[str, Any]:
        """Return the values that Pulumi.yaml gives to keys of this project, without those that it leaves empty."""
        given: dict[str, Any] = {}
        declared = self.settings.get("config")
        for key, about in declared.items() if isinstance(declared, dict) else ():
            value = about.get("value", about.get("default")) if isinstance(about, dict) else about
            if value not in ("", None):
                given[str(key).removeprefix(f"{self.name}:")] = value
        return given


@dataclass(frozen=True, slots=True)
class Base:
    """Another commit, with the stack files that it has."""

    ref: str
    """As it was typed."""
    commit: str
    project: Project

    def file(self, stack: str) -> StackFile | None:
        """Return a stack's file at that commit; None where it is not there.

        Raises:
            Unreadable: git does not give it.
        """
        found = self._names()
        stem = f"Pulumi.{stack.rpartition('/')[2]}"
        name = next((name for name in (f"{stem}.yaml", f"{stem}.yml") if name in found), None)
        if name is None:
            return None
        data = _git(self.project.root, "show", "--no-textconv", f"{self.commit}:./{name}")
        return _parsed(name, data[: LARGEST + 1])

    def stacks(self) -> list[str]:
        """Return the names of the stacks that have a file there."""
        return sorted({found["stack"] for name in self._names() if (found := _STACK_FILE.fullmatch(name))})

    def _names(self) -> set[str]:
        listed = _git(self.project.root, "ls-tree", "-z", "--name-only", self.commit, "--", "./")
        return {os.fsdecode(name).rpartition("/")[2] for name in listed.split(b"\0") if name}


def find(start: Path) -> Project:
    """Return the project of a folder: as Pulumi does, it or the nearest folder above it with a Pulumi.yaml.

    Raises:
        Unreadable: there is none, or it cannot be read.
    """
    for folder in (start, *start.parents):
        path = folder / PROJECT_FILE
        if path.is_file():
            return _project(path)
    raise Unreadable(f"no {PROJECT_FILE} in {start} or above it; change into the folder of your stack")


def _project(path: Path) -> Project:
    try:
        found = _parsed(path.name, path.read_bytes())
    except OSError as fault:
        raise Unreadable(f"{path}: {fault.strerror or fault}") from None
    if found.fault is not None:
        raise Unreadable(f"{path}: {found.fault}")
    name = found.content.get("name")
    if not isinstance(name, str) or not name:
        raise Unreadable(f"{path} names no project: its key `name` is missing")
    return Project(path.parent, name, found.content)


def at(project: Project, ref: str) -> Base:
    """Return the commit that a branch, tag or hash names.

    Raises:
        Unreadable: it names none, or there is no git here.
    """
    try:
        # With its ending, nothing that is typed there is an option of git.
        commit = _git(project.root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except _GitFault as fault:
        if fault.said:
            raise Unreadable(f"--base {ref}: {fault.said}") from None
        close = _like(project, ref)
        hint = f"did you mean {close}?" if close else f"fetch it first: git fetch origin {ref}"
        raise Unreadable(f"--base {ref}: no branch, tag or commit of this name here; {hint}") from None
    return Base(ref, commit.decode().strip(), project)


def _like(project: Project, ref: str) -> str | None:
    """Return a branch or tag whose name is near; a branch of the remote where the name alone is not known here."""
    from difflib import get_close_matches

    try:
        listed = _git(project.root, "for-each-ref", "--format=%(refname:short)").decode(errors="replace").split("\n")
    except Unreadable:
        return None
    names = [name for name in listed if name]
    remote = [name for name in names if name.partition("/")[2] == ref]
    return next(iter(remote or get_close_matches(ref, names, n=1)), None)


class _GitFault(Unreadable):
    """Git ended with an error; `said` is what it printed, in one line."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(said or "git failed")


def _git(folder: Path, *words: str) -> bytes:
    """Return what git prints.

    Raises:
        Unreadable: there is no git, or no repository, or it fails.
    """
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise Unreadable(
            "git is not on PATH, and --base needs it; leave --base out to compare with the state"
        ) from None
    except subprocess.TimeoutExpired:
        raise Unreadable(f"git did not answer within {SECONDS} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise _GitFault(lines[0][:_SHOWN] if lines else "")
    return done.stdout


def _parsed(name: str, data: bytes) -> StackFile:
    """Return a file with its content, or with why that cannot be read."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        return StackFile(name, "", fault=f"not UTF-8 text (byte {fault.start})")
    if len(data) > LARGEST:
        return StackFile(name, "", fault=f"larger than {LARGEST // 1024} KiB; no stack file is")
    try:
        documents = [document for document in load_documents(text) if document is not None]
    except ValueError as fault:
        return StackFile(name, text, fault=str(fault))
    if len(documents) > 1 or not all(isinstance(document, dict) for document in documents):
        return StackFile(name, text, fault="not one mapping of keys")
    return StackFile(name, text, documents[0] if documents else {})


def lines_of(text: str, project: str) -> Mapping[str, int]:
    """Return the line of each key of a project in a stack file."""
    prefix = re.compile(rf"""^\s+["']?{re.escape(project)}:(?P<key>[\w.-]+)["']?\s*:""")
    return {found["key"]: number for number, line in enumerate(text.splitlines(), 1) if (found := prefix.match(line))}


def secrets_in(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that hold an encrypted value, in it or below it."""
    for key, value in config.items():
        if is_encrypted(value) or (isinstance(value, dict | list) and _has_encrypted(value)):
            yield key


def is_encrypted(value: Any) -> bool:
    """Return whether a value stands there encrypted."""
    return isinstance(value, dict) and set(value) == {"secure"}


def _has_encrypted(value: Any) -> bool:
    if is_encrypted(value):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_has_encrypted(item) for item in inner)

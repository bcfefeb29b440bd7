"""One change of a stack file: the text before and after, and what the judge says of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cli.bounded_yaml import load_documents
from cli.editing import words
from cli.editing.text import Uneditable, edited
from cli.pull_request import project as projects
from cli.pull_request import sides
from cli.pull_request.project import StackFile, Unreadable, is_encrypted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cli.pull_request.model import Side
    from cli.pull_request.project import Project
    from voltaic.verdict import Verdict

ENCRYPTED: Final = "(encrypted)"
HIDDEN: Final = "(hidden)"
_MARK: Final = "\ufeff"
"""Byte order mark that some editors put before a text."""


class NotEditable(ValueError):  # noqa: N818  named for what it says
    """A stack file that cannot be changed; carries every fault."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


@dataclass(frozen=True, slots=True)
class Change:
    """One setting as the file states it, before and after; None: it does not."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """Return it on one line."""
        if self.before is None:
            return f"{self.key}: {self.after}  (was not set)"
        return f"{self.key}: {self.before} → {'not set, derived' if self.after is None else self.after}"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that is ready to be written."""

    stack: str
    project: Project
    path: Path
    old: bytes | None
    """The file as it was read; None: there is none."""
    new: bytes
    asked: Mapping[str, Any]
    """Values by key; None: removed."""
    changes: tuple[Change, ...]
    """What differs then."""
    before: Side | None
    """None: there was no file."""
    after: Side
    afresh: bool = False
    """Whether plain settings that were not asked for are removed."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the stack as it would be."""
        if self.after.verdict is None:
            raise AssertionError("an edit without verdict is not made")
        return self.after.verdict

    @property
    def lets_unknown_through(self) -> bool:
        """Whether the stack says that what cannot be judged is deployed all the same."""
        return self.after.stated.get("allowUnknown") == "true"


def find(folder: Path) -> Project:
    """Return the project of a folder.

    Raises:
        NotEditable: there is none, or it cannot be read.
    """
    try:
        return projects.find(folder)
    except Unreadable as fault:
        raise NotEditable((str(fault),)) from None


def prepare(project: Project, stack: str, asked: Mapping[str, Any], *, afresh: bool = False) -> Edit:
    """Return a change of a stack file, judged.

    Args:
        project: where it lies.
        stack: its name.
        asked: values by key; None: removed.
        afresh: whether every other plain setting is removed; secrets and what belongs to others stay.

    Raises:
        NotEditable: the file cannot be read or edited, or its settings would not be valid.
    """
    name = project.file_name(stack)
    path = project.root / name
    old, text, mark = _read(path, name)
    before = _parsed(name, text)
    changes = {**(_others(project, before, asked) if afresh else {}), **asked}
    prefix = f"{project.name}:"
    try:
        new = edited(text, {f"{prefix}{key}": value for key, value in changes.items()})
    except Uneditable as fault:
        raise NotEditable((f"{name}: {fault}",)) from None
    after = sides.side(project, _parsed(name, new), name)
    if after.verdict is None:
        faults = after.faults or (f"{name}: it states neither profile nor model: it is no stack of this program",)
        raise NotEditable(tuple(_told(fault, name, asked) for fault in faults))
    return Edit(
        stack=stack,
        project=project,
        path=path,
        old=old,
        new=(mark + new).encode(),
        asked=dict(asked),
        changes=tuple(_changes(before.config, _parsed(name, new).config, prefix)),
        before=None if old is None else sides.side(project, before, name),
        after=after,
        afresh=afresh,
    )


def _told(fault: str, name: str, asked: Mapping[str, Any]) -> str:
    """Return a fault in the words of this program; one of what was just typed has no line yet."""
    where, colon, said = words.ours(fault).partition(": ")
    typed = where.partition(":")[0] == name and said.partition(":")[0] in asked
    return said if typed else f"{where}{colon}{said}"


def _read(path: Path, name: str) -> tuple[bytes | None, str, str]:
    """Return a file as bytes, as text, and the mark before its text."""
    try:
        with path.open("rb") as stream:
            data = stream.read(projects.LARGEST + 1)
    except FileNotFoundError:
        return None, "", ""
    except OSError as fault:
        raise NotEditable((f"{name}: {fault.strerror or fault}",)) from None
    if len(data) > projects.LARGEST:
        raise NotEditable((f"{name}: larger than {projects.LARGEST // 1024} KiB; no stack file is",))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise NotEditable((f"{name}: not UTF-8 text (byte {fault.start})",)) from None
    return data, text.removeprefix(_MARK), _MARK if text.startswith(_MARK) else ""


def _parsed(name: str, text: str) -> StackFile:
    try:
        documents = [document for document in load_documents(text) if document is not None]
    except ValueError as fault:
        raise NotEditable((f"{name}: {fault}",)) from None
    if len(documents) > 1 or not all(isinstance(document, dict) for document in documents):
        raise NotEditable((f"{name}: not one mapping of keys",))
    return StackFile(name, text, documents[0] if documents else {})


def _others(project: Project, file: StackFile, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the removal of every plain setting of this project that is not asked for."""
    prefix = f"{project.name}:"
    ours = {key.removeprefix(prefix): value for key, value in file.config.items() if key.startswith(prefix)}
    return {key: None for key, value in ours.items() if key not in asked and not is_encrypted(value)}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> list[Change]:
    keys = dict.fromkeys((*(key for key in old if key not in new), *new))
    return [
        Change(key.removeprefix(prefix), _shown(key, old.get(key)), _shown(key, new.get(key)))
        for key in keys
        if old.get(key) != new.get(key) or (key in old) != (key in new)
    ]


def _shown(key: str, value: Any) -> str | None:
    from voltaic import redaction

    if value is None:
        return None
    if is_encrypted(value):
        return ENCRYPTED
    if redaction.is_secret_name(key.rpartition(":")[2]) or redaction.form_of(words.text(value)) is not None:
        return HIDDEN
    return words.text(value)

"""An old configuration on its way to a stack file: read, judged, and mended where what replaces a line is certain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cli.bounds import Fault
from cli.editing.edit import prepare
from voltaic.imports import config_sh
from voltaic.imports import manifest as manifests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.editing.edit import Edit
    from cli.pull_request.project import Project
    from voltaic.fixes import Fix
    from voltaic.imports.old import Line, Translation

LARGEST: Final = 1024 * 1024
"""Bytes of a file that is read."""
LIMITS: Final = frozenset(
    {"maxInputTokens", "maxTotalTokens", "maxBatchPrefillTokens", "maxBatchTotalTokens", "maxBatchSize"}
)
_SUFFIXES: Final = (".yaml", ".yml", ".json")


class NotReadable(ValueError):  # noqa: N818  named for what it says
    """A file that is no configuration that is known; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Imported:
    """An old configuration and the stack that it becomes."""

    translation: Translation
    lines: tuple[Line, ...]
    edit: Edit
    notes: tuple[str, ...] = ()


def read(file: str, text: str, *, name: str | None = None, profile: str | None = None) -> Translation:
    """Return what a file becomes.

    Args:
        file: its name; `-` for standard input.
        text: what it holds.
        name: the object of a manifest with several servers.
        profile: the GPUs, where a manifest does not say.

    Raises:
        NotReadable: it is neither a shell configuration nor a manifest with one model server.
    """
    if file.lower().endswith(_SUFFIXES) or _looks_like_yaml(text):
        return _of_manifest(file, text, name, profile)
    found = config_sh.translated(text)
    if not any(line.name in config_sh.variables() for line in found.lines):
        raise NotReadable(f"{file} sets no variable of the old scripts (MODEL_NAME, GPU_COUNT, …), and is no manifest")
    return found


def _looks_like_yaml(text: str) -> bool:
    starts = ("apiVersion:", "kind:", "{", "---", "- apiVersion")
    return any(line.startswith(starts) for line in text.splitlines()[:100])


def _of_manifest(file: str, text: str, name: str | None, profile: str | None) -> Translation:
    from cli.bounded_yaml import load_documents
    from voltaic import hardware
    from voltaic.manifests import Document, workloads

    try:
        contents = load_documents(text)
        given = hardware.profile(profile) if profile else None
    except (Fault, hardware.UnknownProfile) as fault:
        raise NotReadable(f"{file}: {fault}") from None
    documents = [Document(file, number, content) for number, content in enumerate(contents, 1)]
    servers = [one for one in workloads(documents, profile=given) if one.spec is not None]
    chosen = [one for one in servers if name is None or one.name == name]
    if len(chosen) == 1:
        return manifests.translated(chosen[0])
    listed = ", ".join(str(one.name) for one in servers)
    if not servers:
        raise NotReadable(f"{file}: no model server that is known stands in it; what was read: voltaic check {file}")
    what = f"holds no server {name}" if name is not None else f"holds {len(servers)} servers"
    raise NotReadable(f"{file} {what}; name one with --name: {listed}")


def imported(project: Project, stack: str, found: Translation, given: Mapping[str, Any]) -> Imported:
    """Return the stack that a configuration becomes, judged.

    Where it is refused, and what replaces a line is certain (a quantization that does nothing goes, limits that do not
    fit become those that do), that is done and said. GPUs and model are never changed unasked.

    Args:
        project: where the stack lies.
        stack: its name.
        found: what was read.
        given: settings that were named beside, and go before those of the file.

    Raises:
        NotEditable: as for any change of a stack file.
    """
    asked = {**_in_order(found.settings), **given}
    edit = prepare(project, stack, asked, afresh=True)
    fix = next((fix for fix in edit.verdict.fixes if _is_certain(fix, asked)), None)
    if edit.verdict.verdict != "refuse" or fix is None:
        return Imported(found, tuple(_refused(found.lines, edit)), edit)
    reasons = [finding.message for finding in edit.verdict.answers if finding.outcome == "violation"]
    mended = {key: value for key, value in {**asked, **fix.settings}.items() if value is not None}
    lines = tuple(_replaced(line, fix, " ".join(reasons)) for line in found.lines)
    return Imported(found, lines, prepare(project, stack, mended, afresh=True))


def _in_order(settings: Mapping[str, Any]) -> dict[str, Any]:
    first = ("profile", "model", "modelRevision", "namespace")
    return {key: settings[key] for key in (*first, *settings) if key in settings}


def _is_certain(fix: Fix, asked: Mapping[str, Any]) -> bool:
    """Return whether a way out only takes back what the old file asked for too much."""
    return all(
        (key in asked and value is None) or (key in LIMITS and not fix.tight) for key, value in fix.settings.items()
    )


def _replaced(line: Line, fix: Fix, because: str) -> Line:
    if line.outcome != "taken" or line.key is None or line.key not in fix.settings:
        return line
    value = fix.settings[line.key]
    now = f"{line.key} is left out" if value is None else f"{line.key} {value}"
    return replace(line, outcome="replaced", says=f"{because} In its place: {now}")


def _refused(lines: list[Line], edit: Edit) -> list[Line]:
    """Return the lines of a stack that is refused, the culprits marked as far as ways out tell them."""
    if edit.verdict.verdict != "refuse":
        return lines
    culprits = {key for fix in edit.verdict.fixes[:1] for key in fix.settings}
    return [
        replace(line, outcome="refused", says="does not start here: see below") if _is_one(line, culprits) else line
        for line in lines
    ]


def _is_one(line: Line, culprits: set[str]) -> bool:
    return line.outcome == "taken" and line.key in culprits

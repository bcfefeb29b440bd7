"""What `voltaic check` finds out: every file read, every workload judged, every finding with its place."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from cli import stack_files
from cli.check_positions import Position, positions
from cli.manifest_files import STDIN, Manifest, Unreadable, files, read
from voltaic import checking
from voltaic.hidden import hide, is_secret, secrets_of
from voltaic.manifests import Document, workloads
from voltaic.manifests.documents import joined
from voltaic.manifests.plain import at, items, text
from voltaic.manifests.views import Objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from voltaic.checking import Checked, Said
    from voltaic.findings import Finding
    from voltaic.hardware import Profile
    from voltaic.levels import Levels
    from voltaic.manifests import Workload

SHORTEST_SECRET: Final = 6
"""Characters from which a value is taken out of messages: shorter ones are words of these by chance."""


@dataclass(frozen=True, slots=True)
class Told:
    """One finding as it is told: without secrets, and with its place."""

    finding: Finding
    said: Said
    position: Position | None
    """None where the file could not be read once more."""

    @property
    def place(self) -> str:
        """File and line as editors and terminals take them: `llm.yaml:31`."""
        return self.said.file if self.position is None else f"{self.said.file}:{self.position.line}"

    @property
    def rank(self) -> int:
        """Order of what is told: 0 refuses, 1 leaves it open, 2 and 3 advise, 4 is waived."""
        if self.said.waived is not None:
            return 4
        return (0 if self.finding.level == "mandatory" else 2) + (self.finding.outcome == "unknown")


@dataclass(frozen=True, slots=True)
class Judged:
    """A workload, what is said about it, and where it begins."""

    checked: Checked
    told: tuple[Told, ...]
    position: Position | None

    @property
    def workload(self) -> Workload:
        """The object that holds a pod, or the stack."""
        return self.checked.workload

    @property
    def title(self) -> str:
        """Where it stands and what it is: `llm.yaml:4: Deployment llm, container tgi`."""
        workload = self.workload
        line = "" if self.position is None else f":{self.position.line}"
        part = f", {workload.part}" if workload.part else ""
        container = f", container {workload.container}" if workload.container else ""
        return f"{workload.file}{line}: {workload.kind} {workload.name or 'without a name'}{part}{container}"


@dataclass(frozen=True, slots=True)
class Run:
    """All of one call of the command."""

    files: int
    """Files that were read."""
    judged: tuple[Judged, ...]
    """In the order of the files, and in them."""
    unreadable: tuple[Unreadable, ...]


def run(
    paths: Sequence[str],
    *,
    profile: Profile | None = None,
    levels: Levels | None = None,
    advance: Callable[[int, int], None] = lambda _done, _all: None,
) -> Run:
    """Return what is to be said about the files under these paths.

    What a server is read from (a ConfigMap, a ServingRuntime) is looked for in all files. What the rules read around it
    (a Service, a budget) counts within its folder, since other folders may be other environments; stdin is a folder.

    Args:
        paths: files, folders, `-`.
        profile: the GPUs of manifests that do not name a GPU model.
        levels: how strictly each rule is held.
        advance: told how many of how many steps are done.
    """
    found = list(files(paths))
    outcomes: dict[str, list[Judged] | Unreadable] = {}
    manifests: dict[str, Manifest] = {}
    steps = 2 * len(found)
    for done, file in enumerate(found, 1):
        manifest = file if isinstance(file, Unreadable) else read(file)
        if isinstance(manifest, Unreadable):
            outcomes[manifest.file] = manifest
        else:
            manifests[manifest.file] = manifest
        advance(done, steps)
    for done, (name, judged) in enumerate(_judgements(manifests, profile, levels), len(found) + 1):
        outcomes[name] = judged
        advance(done, steps)
    order = [outcomes[file if isinstance(file, str) else file.file] for file in found]
    unreadable = tuple(one for one in order if isinstance(one, Unreadable))
    everything = tuple(one for each in order if not isinstance(each, Unreadable) for one in each)
    return Run(len(order) - len(unreadable), everything, unreadable)


def _judgements(
    manifests: dict[str, Manifest], profile: Profile | None, levels: Levels | None
) -> Iterator[tuple[str, list[Judged] | Unreadable]]:
    """Yield what is said of each file."""
    documents: dict[str, list[Document]] = {}
    for name, manifest in manifests.items():
        stack = _stack(manifest, levels)
        if stack is None:
            content = enumerate(manifest.documents, 1)
            documents[name] = [Document(name, number, value) for number, value in content]
        else:
            yield name, stack
    folders: dict[str, list[Document]] = {}
    for name, each in documents.items():
        folders.setdefault(_folder(name), []).extend(each)
    others = {folder: Objects.of(each) for folder, each in folders.items()}
    found: dict[str, list[Workload]] = {name: [] for name in documents}
    for workload in workloads(chain.from_iterable(documents.values()), profile=profile):
        found[workload.file].append(workload)
    for name, there in found.items():
        checked = checking.of_workloads(there, others[_folder(name)], levels=levels)
        yield name, _placed(checked, manifests)


def _folder(file: str) -> str:
    return STDIN if file == STDIN else os.path.dirname(file)  # noqa: PTH120  as it was typed


def _stack(manifest: Manifest, levels: Levels | None) -> list[Judged] | Unreadable | None:
    """Return what is said of a stack file; None for any other."""
    if len(manifest.documents) != 1:
        return None
    content = manifest.documents[0]
    try:
        workload = stack_files.workload(manifest.file, content)
    except stack_files.InvalidStack as invalid:
        where = positions(manifest.text(), [(1, path) for path in invalid.paths])
        lines = [where[1, path].line for path in invalid.paths]
        faults = tuple(f"line {line}: {fault}" for line, fault in zip(lines, invalid.faults, strict=True))
        return Unreadable(manifest.file, faults, lines[0])
    if workload is None:
        return None
    (checked,) = checking.of_workloads([workload], Objects(), levels=levels)
    said = tuple(
        replace(one, finding=replace(one.finding, path=stack_files.path(one.finding, content))) for one in checked.said
    )
    return _placed([replace(checked, said=said)], {manifest.file: manifest})


def _placed(found: Sequence[Checked], manifests: dict[str, Manifest]) -> list[Judged]:
    """Return the workloads of a file with the places of all that is said about them."""
    wanted: dict[str, dict[tuple[int, str], Position | None]] = {}
    for one in found:
        wanted.setdefault(one.workload.file, {})[one.workload.document, _head(one.workload)] = None
        for said in one.said:
            wanted.setdefault(said.file, {})[said.document, said.finding.path or ""] = None
    where = {file: positions(manifests[file].text(), fields) for file, fields in wanted.items() if file in manifests}
    return [_judged(one, where) for one in found]


def _judged(checked: Checked, where: dict[str, dict[tuple[int, str], Position]]) -> Judged:
    workload, verdict = checked.workload, checked.verdict
    secrets = () if verdict is None else secrets_of(verdict.spec.command.args, verdict.spec.command.env)
    secrets = (*secrets, *_literal_secrets(workload))
    told = tuple(
        Told(
            _without(said.finding, secrets),
            said,
            where.get(said.file, {}).get((said.document, said.finding.path or "")),
        )
        for said in checked.said
    )
    return Judged(checked, told, where.get(workload.file, {}).get((workload.document, _head(workload))))


def _head(workload: Workload) -> str:
    """Return the field at which an object is shown."""
    return "config" if workload.pod is None else joined(workload.pod.holder.path, "metadata.name")


def _literal_secrets(workload: Workload) -> Iterator[str]:
    """Yield the values of secret variables that stand in a manifest, in whichever container of the pod."""
    for view in workload.pod.containers if workload.pod is not None else ():
        for entry in items(view.content.get("env")):
            value = text(at(entry, "value")) or ""
            if is_secret(text(at(entry, "name")) or "") and len(value) >= SHORTEST_SECRET:
                yield value


def _without(finding: Finding, secrets: Sequence[str]) -> Finding:
    if not secrets:
        return finding
    hidden: dict[str, Any] = {name: hide(getattr(finding, name), secrets) for name in ("message", "why", "fix")}
    return replace(finding, **hidden)

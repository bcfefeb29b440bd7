"""From a stack's name to a report: its file judged, Pulumi's preview run, both put together, and secrets taken out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cli.pull_request import compare, engine, life, sides, words
from cli.pull_request.findings import findings, is_told, outcome, ways
from cli.pull_request.model import Report
from cli.pull_request.project import Unreadable, secrets_in
from cli.pull_request.secrets import Secrets, of_state
from cli.pull_request.workplace import backend_of, place, state_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cli.pull_request.engine import Run, Running
    from cli.pull_request.model import Against, Side
    from cli.pull_request.project import Base, Project, StackFile


@dataclass(frozen=True, slots=True)
class Previewer:
    """Previews the stacks of one project."""

    project: Project
    base: Base | None
    env: Mapping[str, str]
    """Environment in which pulumi is found."""
    pack: Path
    running: Running
    progress: Callable[[str], None]
    """Told what is being done now."""

    def report(self, stack: str) -> Report:
        """Return everything about one stack. What is wrong with it becomes part of the report."""
        secrets = Secrets(self.env)
        try:
            found = self._report(stack, secrets)
        except Unreadable as fault:
            found = Report(stack, "failed", faults=(str(fault),))
        return secrets.taken_out(found)

    def _report(self, stack: str, secrets: Secrets) -> Report:
        file = self.project.here(stack)
        old = self.base.file(stack) if self.base is not None else None
        if file is None:
            return self._without_file(stack, old)
        secrets.add_file(file, self.project)
        renamed = self._renamed(file) if self.base is not None and old is None else None
        other = old or (renamed[1] if renamed else None)
        if other is not None:
            secrets.add_file(other, self.project)
        after = sides.side(self.project, file, file.name)
        before = None
        if other is not None and self.base is not None:
            before = sides.side(self.project, other, f"{other.name} at {self.base.ref}")
        notes = list(self._notes_of_file(file, old, renamed))
        if after.outcome == "failed":
            return Report(stack, "failed", before=before, after=after, notes=tuple(notes))
        work = _Work(self, stack, file, old, secrets, notes)
        run, against, deployed = work.run(before)
        if self.base is None:
            before = deployed
        elif before is not None and deployed is not None and deployed.subject != before.subject:
            notes.append(f"Deployed is {deployed.subject}, and not what {before.where} says. Steps start from there.")
        steps = tuple(run.steps.values())
        result = outcome(after, run)
        changes = (old, file) if self.base is not None else (None, None)
        shows = result not in {"refuse", "failed"} and not run.failed
        return Report(
            stack=stack,
            outcome=result,
            against=against,
            before=before,
            after=after,
            settings=sides.settings_changed(before, after, changes, self.project),
            findings=findings(after, run),
            ways=ways(after, stack),
            pods=life.pods(steps) if shows else (),
            volumes=life.volumes(steps) if shows else (),
            downloads=_downloads(before, after, steps, against),
            stopped=not shows,
            steps=steps if shows else (),
            notes=tuple(notes),
            messages=tuple(message for message in run.messages if not is_told(message, after)),
            faults=_why_failed(run) if result == "failed" else (),
        )

    def _without_file(self, stack: str, old: StackFile | None) -> Report:
        if old is None or self.base is None:
            from difflib import get_close_matches

            known = self.project.stacks_here()
            close = get_close_matches(stack, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"stacks with a file here: {', '.join(known) or 'none'}"
            where = f" and not at {self.base.ref}" if self.base is not None else ""
            fault = f"{stack}: there is no {self.project.file_name(stack)} in {self.project.root}{where}; {hint}"
            return Report(stack, "failed", faults=(fault,))
        before = sides.side(self.project, old, f"{old.name} at {self.base.ref}")
        note = (
            f"{old.name} is deleted. That stops nothing: what the stack deployed runs on, and is removed with "
            f"`pulumi destroy -s {stack}` from a checkout that still has the file."
        )
        return Report(stack, "gone", "nothing", before=before, notes=(note,))

    def _renamed(self, file: StackFile) -> tuple[str, StackFile] | None:
        """Return a stack of the base that has no file here and says mostly the same as this new one."""
        assert self.base is not None  # noqa: S101  asked for with a base alone
        here = set(self.project.stacks_here())
        best, most = None, 0.5
        for stack in self.base.stacks():
            old = self.base.file(stack) if stack not in here else None
            if old is None or not file.config:
                continue
            same = sum(old.config.get(key) == value for key, value in file.config.items())
            share = same / max(len(file.config), len(old.config))
            if share >= most:
                best, most = (stack, old), share
        return best

    def _notes_of_file(
        self, file: StackFile, old: StackFile | None, renamed: tuple[str, StackFile] | None
    ) -> tuple[str, ...]:
        if self.base is None or old is not None:
            return ()
        if renamed is None:
            return (f"New stack: there is no {file.name} at {self.base.ref}.",)
        stack, other = renamed
        note = (
            f"{file.name} looks like {other.name} at {self.base.ref} under another name. For Pulumi it is a new stack: "
            f"what runs as {stack} is left as it is, unless the stack itself is renamed with: pulumi stack rename"
        )
        return (note,)


@dataclass(frozen=True, slots=True)
class _Work:
    """One stack under way."""

    all: Previewer
    stack: str
    file: StackFile
    old: StackFile | None
    secrets: Secrets
    notes: list[str]

    def run(self, before: Side | None) -> tuple[Run, Against, Side | None]:
        """Return what a preview shows, what its steps are compared with, and what the state says is deployed."""
        url = backend_of(self.all.project, self.all.env)
        why = "no backend is configured" if url is None else self._no_state(url)
        if why is None:
            found = self._on_state()
            if not isinstance(found, str):
                return found[0], "state", found[1]
            why = found
        self.notes.append(f"Previewed without a state and without a cluster: {why}.")
        count = sum(1 for _ in secrets_in(self.file.config))
        if count:
            values = "1 encrypted value" if count == 1 else f"{count} encrypted values"
            self.notes.append(f"Stand-ins took the place of {values} of {self.file.name}: nothing was decrypted.")
        run, against = self._on_nothing(before)
        return run, against, None

    def _no_state(self, url: str) -> str | None:
        """Return why there is no state to compare with; None where there may be one."""
        if url.startswith("file://") and state_file(url, self.all.project, self.stack, self.all.env) is None:
            return "the backend has no stack of this name yet"
        return None

    def _on_state(self) -> tuple[Run, Side | None] | str:
        """Return a preview against the user's own state, and what is deployed; or why that cannot be had."""
        from pulumi.automation.errors import CommandError

        with place(self.all.project, self.file, self.stack, self.all.env, ephemeral=False) as made:
            try:
                self.all.progress(f"reading the state of {self.stack}")
                if not engine.has_stack(made, self.all.running):
                    return "the backend has no stack of this name yet"
                if any(secrets_in(self.file.config)):
                    self.secrets.add(engine.opened_config(made, self.all.running))
                state = engine.exported(made, self.all.running, open_secrets=True)
            except CommandError as fault:
                return f"the state cannot be read here ({words.first_error(str(fault))})"
            self.secrets.add(of_state(state))
            self.all.progress(f"previewing {self.stack} against its state")
            run = engine.preview(made, self.all.pack, self.all.running)
        if run.failed and not run.began:
            return f"the state cannot be used here ({words.first_error(run.said)})"
        return run, self._deployed(state)

    def _deployed(self, state: Mapping[str, Any]) -> Side | None:
        for resource in state.get("deployment", {}).get("resources", ()):
            if resource.get("type") == life.SERVER and not resource.get("delete"):
                return sides.deployed(resource.get("inputs", {}), "deployed")
        return None

    def _on_nothing(self, before: Side | None) -> tuple[Run, Against]:
        """Return a preview against an empty state, its steps compared with those of the file at the base."""
        self.all.progress(f"previewing {self.stack}")
        run = self._preview(self.file, self.all.pack)
        if self.old is None or before is None or self.all.base is None or run.failed:
            return run, "nothing"
        where = f"{self.old.name} at {self.all.base.ref}"
        if before.outcome not in {"accept", "unknown"}:
            self.notes.append(
                f"{where} is itself {words.OUTCOMES[before.outcome]}: it deploys nothing to compare with."
            )
            return run, "nothing"
        self.all.progress(f"previewing {self.stack} as it was at {self.all.base.ref}")
        other = self._preview(self.old, None)
        if other.failed:
            self.notes.append(f"{where} cannot be previewed any more: there is nothing to compare with.")
            return run, "nothing"
        self.notes.append(
            f"Restarts and steps compare what {where} would deploy with what it would deploy now, both by the program "
            "of this checkout."
        )
        steps = compare.steps(tuple(other.steps.values()), tuple(run.steps.values()))
        return replace(run, steps={step.urn: step for step in steps}), "base"

    def _preview(self, file: StackFile, pack: Path | None) -> Run:
        from pulumi.automation.errors import CommandError

        with place(self.all.project, file, self.stack, self.all.env, ephemeral=True) as made:
            try:
                return engine.preview(made, pack, self.all.running)
            except CommandError as fault:
                return engine.Run(failed=True, said=words.first_error(str(fault)))


def _why_failed(run: Run) -> tuple[str, ...]:
    errors = tuple(message.text for message in run.messages if message.severity == "error")
    return errors or (run.said or "the preview ended with an error and did not say which",)


def _downloads(before: Side | None, after: Side, steps: tuple[Any, ...], against: Against) -> bool:
    """Return whether the weights have to be fetched: another model, another revision, or a cache that is not kept."""
    if against == "nothing" or before is None or before.verdict is None or after.verdict is None:
        return True
    old, new = before.verdict.spec, after.verdict.spec
    if (old.model.id, old.model.revision) != (new.model.id, new.model.revision):
        return True
    return not any(found.holds == "model cache" and found.fate in {"stays", "changes"} for found in life.volumes(steps))

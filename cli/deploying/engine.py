"""Runs `pulumi up` and `pulumi destroy` through the Automation API, and hands on what its engine does."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, Any, Final

from cli.deploying import resources
from cli.pull_request import engine as previews

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping

    from pulumi.automation import EngineEvent

    from cli.deploying.teller import Teller
    from cli.pull_request.workplace import Place

ASKED_ONCE: Final = (
    "Interrupted: Pulumi ends what it has begun, and begins nothing new. Ctrl-C once more stops it at once."
)
ASKED_TWICE: Final = "Interrupted again: stopped at once."


class Runner(previews.Running):
    """Runs Pulumi so that the first Ctrl-C cancels in order, and the second stops at once."""

    def __init__(self, teller: Teller) -> None:
        super().__init__()
        self._teller = teller
        self.in_order = False
        """Whether what runs now changes something, and is to be cancelled in order."""
        self.stopped = False
        """Whether it was stopped at once, and so left its lock."""

    def _end(self, process: subprocess.Popen[str]) -> None:  # type: ignore[override]
        if not self.in_order:
            super()._end(process)
            return
        try:
            # To Pulumi alone: what it started is ended by it.
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)
            self._teller.tell("interrupted", ASKED_ONCE, outcome="warning")
            process.communicate()
        except KeyboardInterrupt:
            self.stopped = True
            self._teller.tell("interrupted", ASKED_TWICE, outcome="warning")
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)
            with suppress(TimeoutExpired, KeyboardInterrupt):
                process.communicate(timeout=previews.GRACE)
        finally:
            for pid in previews.session_of(process.pid):
                if process.returncode is None or pid != process.pid:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
            process.wait()


@dataclass(slots=True)
class Work:
    """What a run did, as far as it came."""

    run: previews.Run = field(default_factory=previews.Run)
    """Steps, findings and messages, as a preview has them."""
    begun: dict[str, tuple[resources.Resource, float]] = field(default_factory=dict)
    """What is under way, by URN, with the moment at which it began."""
    done: list[resources.Resource] = field(default_factory=list)
    failed: list[resources.Resource] = field(default_factory=list)
    unchanged: int = 0
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs of the stack that are not secret."""
    interrupted: bool = False

    @property
    def left(self) -> list[resources.Resource]:
        """What was under way when it ended; what is cancelled in order counts as failed."""
        under_way = [*self.failed, *(found for found, _ in self.begun.values())]
        return [found for found in under_way if found.is_shown]


def up(place: Place, pack: Path, runner: Runner, teller: Teller) -> Work:
    """Deploy; what went wrong is part of what is returned."""
    return _run(place, pack, runner, teller, "up")


def destroy(place: Place, runner: Runner, teller: Teller) -> Work:
    """Take down; what went wrong is part of what is returned."""
    return _run(place, None, runner, teller, "destroy")


def _run(place: Place, pack: Path | None, runner: Runner, teller: Teller, what: str) -> Work:
    from pulumi.automation import errors

    work = Work()
    with tempfile.TemporaryDirectory(prefix="voltaic-run-", ignore_cleanup_errors=True) as scratch:
        packs, configurations = previews.packs_of(replace(place, folder=Path(scratch)), pack)
        named = {name: value for name, value in place.env.items() if name not in previews.PACK_VARIABLES}
        stack = previews.stack_of(replace(place, env=named), runner)
        common: dict[str, Any] = {"on_event": listener(work, teller), "color": "never", "show_secrets": False}
        runner.in_order = True
        try:
            if what == "up":
                done = stack.up(
                    policy_packs=packs or None,
                    policy_pack_configs=configurations or None,
                    suppress_outputs=True,
                    **common,
                )
                work.outputs = {name: each.value for name, each in done.outputs.items() if not each.secret}
            else:
                stack.destroy(suppress_outputs=True, **common)
        except errors.CommandError as fault:
            work.run.failed = True
            work.run.said = str(fault)
        except RuntimeError as fault:
            work.run.failed = True
            work.run.said = str(fault)
        except KeyboardInterrupt:
            work.interrupted = True
        finally:
            runner.in_order = False
    return work


def listener(work: Work, teller: Teller) -> Callable[[EngineEvent], None]:
    """Return what hears the events of the engine: it tells them, and keeps them in `work`."""
    keep = previews.listener(work.run)

    def on_event(event: EngineEvent) -> None:
        keep(event)
        if event.resource_pre_event is not None:
            found = resources.resource(event.resource_pre_event.metadata)
            if found.op not in resources.QUIET and _counts(found):
                work.begun[found.urn + found.op] = (found, time.monotonic())
                teller.progress(f"{found} {resources.DOING.get(found.op, found.op)} …")
        elif event.res_outputs_event is not None:
            _done(resources.resource(event.res_outputs_event.metadata), work, teller)
        elif event.res_op_failed_event is not None:
            _failed(resources.resource(event.res_op_failed_event.metadata), work, teller)

    return on_event


def _counts(found: resources.Resource) -> bool:
    return found.type != resources.ROOT and not found.type.startswith(resources.PROVIDERS)


def _done(found: resources.Resource, work: Work, teller: Teller) -> None:
    if not _counts(found) or found.op == "replace":  # of a replacement its parts are told
        work.begun.pop(found.urn + found.op, None)
        return
    if found.op in resources.QUIET:
        work.unchanged += 1
        return
    began = work.begun.pop(found.urn + found.op, None)
    seconds = time.monotonic() - began[1] if began else 0.0
    work.done.append(found)
    if found.is_shown:
        teller.tell("resource", resources.done(found, seconds), **_facts(found, seconds, "changed"))


def _failed(found: resources.Resource, work: Work, teller: Teller) -> None:
    if not _counts(found):
        return
    began = work.begun.pop(found.urn + found.op, None)
    seconds = time.monotonic() - began[1] if began else 0.0
    work.failed.append(found)
    teller.tell("resource", resources.failed(found, seconds), **_facts(found, seconds, "failed"))


def _facts(found: resources.Resource, seconds: float, outcome: str) -> dict[str, Any]:
    return {
        "op": found.op,
        "type": found.type,
        "name": found.name,
        "urn": found.urn,
        "stays": found.retained and "delete" in found.op,
        "seconds": round(seconds, 1),
        "outcome": outcome,
    }

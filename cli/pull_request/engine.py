"""Runs Pulumi's own preview through its Automation API, and keeps of its events what a reader needs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.pull_request.model import Message, Step
from cli.pull_request.project import Unreadable
from cli.pull_request.tools import NEXT_STEP
from cli.pull_request.workplace import NO_CLUSTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pulumi import automation
    from pulumi.automation import EngineEvent

    from cli.pull_request.model import Operation
    from cli.pull_request.workplace import Place

GRACE: Final = 10
"""Seconds that Pulumi has to end by itself, after it was asked to."""
_OPERATIONS: Final[Mapping[str, Operation]] = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "same": "same",
    "read": "read",
    "import": "import",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "import-replacement": "replace",
    "read-replacement": "replace",
    "refresh": "read",
}
_REPLACED: Final = "replace"
_NOTHING_DONE: Final = frozenset({"same", "read"})
_SUMMARY: Final = "preview failed"
"""What the engine adds to errors that were told before."""
_ROOT: Final = "pulumi:pulumi:Stack"
_PROVIDERS: Final = "pulumi:providers:"
PACK_VARIABLES: Final = ("PULUMI_OPTION_POLICY_PACK", "PULUMI_OPTION_POLICY_PACK_CONFIG")
"""Variables that name policy packs and their configurations, in the same order."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What a policy says of a resource."""

    policy: str
    pack: str
    level: str
    message: str
    urn: str


@dataclass(slots=True)
class Run:
    """What one preview showed."""

    steps: dict[str, Step] = field(default_factory=dict)
    """By URN, in the order in which they came."""
    violations: list[Violation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    failed: bool = False
    """Whether it ended with an error."""
    began: bool = False
    """Whether the program was started: before that, backend, passphrase or tools are what failed."""
    said: str = ""
    """What Pulumi printed, where it failed before the program was started."""


def preview(place: Place, pack: Path | None, running: Running) -> Run:
    """Return what a preview in this place shows; with the policy pack where one is given."""
    run = Run()
    if place.ephemeral:
        _make_stack(place, running)
    packs, configurations = packs_of(place, pack)
    stack = stack_of(
        replace(place, env={name: value for name, value in place.env.items() if name not in PACK_VARIABLES}), running
    )
    from pulumi.automation import errors

    try:
        stack.preview(
            on_event=listener(run),
            policy_packs=packs or None,
            policy_pack_configs=configurations or None,
            color="never",
            suppress_outputs=True,
        )
    except errors.CommandError as fault:
        run.failed = True
        run.said = _told(str(fault))
    except RuntimeError as fault:  # "summary event never found": it ended before there was anything to sum up
        run.failed = True
        run.said = str(fault)
    return _in_order(run)


def _in_order(run: Run) -> Run:
    """Return a run in an order that is the same each time: what is independent comes in any order from Pulumi."""
    run.steps = {urn: run.steps[urn] for urn in sorted(run.steps)}
    run.violations.sort(key=lambda found: (found.level != "mandatory", found.policy, found.urn, found.message))
    run.messages.sort(key=lambda found: (found.severity != "error", found.text))
    return run


def packs_of(place: Place, pack: Path | None) -> tuple[list[str], list[str]]:
    """Return the packs to ask, those of the environment included, and a configuration for each where any has one."""
    if pack is None:
        return [], []
    packs, configurations = ([word for word in place.env.get(name, "").split(",") if word] for name in PACK_VARIABLES)
    if not any(os.path.realpath(entry) == os.path.realpath(pack) for entry in packs):
        packs.append(str(pack))
        if configurations:
            empty = place.folder / "Pulumi.no-levels.json"
            empty.write_text("{}", encoding="utf-8")
            configurations.append(str(empty))
    return packs, configurations


def has_stack(place: Place, running: Running) -> bool:
    """Return whether the backend of a place has the stack.

    Raises:
        CommandError: the backend cannot be asked.
    """
    done = _command(place, running).run(["stack", "ls", "--json"], str(place.folder), {})
    names = [entry.get("name", "") for entry in json.loads(done.stdout or "[]")]
    asked = place.stack
    return any(name == asked or name.rpartition("/")[2] == asked for name in names)


def exported(place: Place, running: Running, *, open_secrets: bool) -> Mapping[str, Any]:
    """Return the state of a stack.

    Raises:
        CommandError: it cannot be read, or its secrets cannot be opened.
    """
    words = ["stack", "export", "--stack", place.stack, *(["--show-secrets"] if open_secrets else [])]
    done = _command(place, running).run(words, str(place.folder), {})
    found = json.loads(done.stdout)
    return found if isinstance(found, dict) else {}


def opened_config(place: Place, running: Running) -> list[str]:
    """Return the decrypted secret values of a stack's configuration, to keep them out of what is printed.

    Raises:
        CommandError: they cannot be decrypted.
    """
    words = ["config", "--show-secrets", "--json", "--stack", place.stack]
    done = _command(place, running).run(words, str(place.folder), {})
    found = json.loads(done.stdout or "{}")
    return [str(entry.get("value", "")) for entry in found.values() if entry.get("secret")]


def _make_stack(place: Place, running: Running) -> None:
    command = _command(place, running)
    command.run(["stack", "init", place.stack, "--no-select"], str(place.folder), {})
    if place.secrets:
        words = [word for key, value in place.secrets.items() for word in ("--secret", f"{key}={value}")]
        command.run(["config", "set-all", "--stack", place.stack, *words], str(place.folder), {})


def stack_of(place: Place, running: Running) -> automation.Stack:
    """Return the stack without selecting it: a selection would be written down in the user's home."""
    from pulumi import automation

    class Unselected(automation.Stack):
        def __init__(self, name: str, workspace: automation.Workspace) -> None:
            self.name = name
            self.workspace = workspace

    workspace = automation.LocalWorkspace(work_dir=str(place.folder), pulumi_command=_command(place, running))
    return Unselected(place.stack, workspace)


def _command(place: Place, running: Running) -> automation.PulumiCommand:
    return running.command(place.env)


class Running:
    """Runs Pulumi in process groups of its own, so that whatever ends this command ends all that it started."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._version: Any = None

    def command(self, env: Mapping[str, str]) -> automation.PulumiCommand:
        """Return the command that the Automation API runs, in this environment and no other."""
        from pulumi import automation

        running = self

        class Command(automation.PulumiCommand):
            def __init__(self) -> None:
                self.command = "pulumi"
                self.version = running.version(env)

            def run(
                self,
                args: list[str],
                cwd: str,
                additional_env: Mapping[str, str],
                on_output: Callable[[str], Any] | None = None,
                on_error: Callable[[str], Any] | None = None,
            ) -> Any:
                del on_output, on_error
                return running.run(args, cwd, {**env, **additional_env})

        return Command()

    def version(self, env: Mapping[str, str]) -> Any:
        """Return the version of Pulumi, asked once.

        Raises:
            Unreadable: what is called pulumi here is none.
        """
        if self._version is None:
            from semver import VersionInfo

            try:
                done = subprocess.run(
                    ["pulumi", "version"], env=_quiet(env), capture_output=True, text=True, check=True, timeout=60
                )
                self._version = VersionInfo.parse(done.stdout.strip().removeprefix("v"))
            except (OSError, subprocess.SubprocessError, ValueError) as fault:
                raise Unreadable(
                    f"pulumi on PATH does not tell its version ({type(fault).__name__}): {NEXT_STEP}"
                ) from None
        return self._version

    def run(self, args: Sequence[str], cwd: str, env: Mapping[str, str]) -> Any:
        """Run Pulumi and return what it printed.

        Raises:
            CommandError: it ended with an error.
        """
        from pulumi.automation._cmd import CommandResult
        from pulumi.automation.errors import create_command_error

        words = ["pulumi", "--non-interactive", *args]
        # A session of its own: Ctrl-C on the terminal reaches this command alone, which then ends Pulumi once.
        with subprocess.Popen(
            words,
            cwd=cwd,
            env=_quiet(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            self._process = process
            try:
                stdout, stderr = process.communicate()
            except BaseException:
                self._end(process)
                raise
            finally:
                self._process = None
        result = CommandResult(stdout=stdout.rstrip("\n"), stderr=stderr.rstrip("\n"), code=process.returncode)
        if process.returncode:
            raise create_command_error(result)
        return result

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        """End Pulumi and all that it started: asked first, since it then ends its plugins by itself."""
        try:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(GRACE)
        except (ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt):
            pass  # whoever asks twice does not want to wait
        finally:
            for pid in session_of(process.pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)


def session_of(leader: int) -> list[int]:
    """Return the processes of a session, wherever they can be listed: plugins have groups of their own."""
    found = [leader]
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(folder.name)) == leader:
                found.append(int(folder.name))
    return list(dict.fromkeys(found))


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end this command as Ctrl-C does: with everything that it started, and all cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _quiet(env: Mapping[str, str]) -> dict[str, str]:
    return {**env, "PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_AUTOMATION_API": "true", "NO_COLOR": "1"}


def listener(run: Run) -> Callable[[EngineEvent], None]:
    """Return what hears the events of the engine, and keeps in `run` what a reader needs."""

    def on_event(event: EngineEvent) -> None:
        run.began = run.began or event.prelude_event is not None
        if event.resource_pre_event is not None:
            _add_step(run, event.resource_pre_event.metadata)
        elif event.policy_event is not None:
            _add_violation(run, event.policy_event)
        elif event.diagnostic_event is not None:
            _add_message(run, event.diagnostic_event)

    return on_event


def _add_step(run: Run, found: Any) -> None:
    op = _OPERATIONS.get(getattr(found.op, "value", str(found.op)), "other")
    known = run.steps.get(found.urn)
    # A replacement comes in three events, and a refresh comes before what is done.
    if known is not None and (known.op == _REPLACED or op in _NOTHING_DONE):
        return
    if found.type == _ROOT or (found.type.startswith(_PROVIDERS) and op in {"create", "same"}):
        return
    old, new = (None if state is None else _plain(state.inputs) for state in (found.old, found.new))
    state = found.old if op in {"delete", "replace"} and found.old is not None else found.new
    run.steps[found.urn] = Step(
        op=op,
        urn=found.urn,
        type=found.type,
        old=old if op != "create" else None,
        new=new if op != "delete" else None,
        paths=_paths(found, old, new) if op in {"update", "replace"} else (),
        retained=bool(state is not None and state.retain_on_delete),
    )


def _paths(found: Any, old: Any, new: Any) -> tuple[str, ...]:
    """Return what changes: by the provider's own account, and where inputs differ."""
    from cli.pull_request.compare import differences

    return tuple(dict.fromkeys((*(found.detailed_diff or {}), *differences(old or {}, new or {}))))


def _plain(value: Any) -> dict[str, Any]:
    return dict(value) if value else {}


def _add_violation(run: Run, found: Any) -> None:
    said = Violation(
        found.policy_name, found.policy_pack_name, found.enforcement_level, found.message, found.resource_urn or ""
    )
    if said not in run.violations:  # a preview may tell the same twice
        run.violations.append(said)


def _add_message(run: Run, found: Any) -> None:
    if found.severity not in {"warning", "error"} or found.ephemeral:
        return
    # That there is no cluster where none was given is ours to say.
    if f"/{NO_CLUSTER}" in found.message:
        return
    message = Message(found.severity, found.message.strip())
    if message.text and message.text != _SUMMARY and message not in run.messages:
        run.messages.append(message)


def _told(text: str) -> str:
    """Return the last lines of what Pulumi printed, without the frame that the Automation API puts around it."""
    lines = [line.strip().removeprefix("stderr: ") for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line.lower()]
    return "\n".join(errors or lines[-20:])

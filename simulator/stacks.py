"""Running the real pulumi on the stacks of this checkout."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from simulator.errors import SimulatorError
from simulator.names import CONTEXT
from simulator.processes import programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

COMMAND_SECONDS = 120.0  # for everything but `up`, which has timeouts of its own
RECORD = "::pulumi:index:Stash::cluster"  # where the stack writes down which cluster it lives in
OTHER_KEY = (
    "The encryptionsalt in {file} belongs to another passphrase. The committed one belongs to the empty passphrase: "
    "unset PULUMI_CONFIG_PASSPHRASE, or delete the line `encryptionsalt` there to begin with your own."
)


def environment(root: Path) -> dict[str, str]:
    """The environment of this checkout: what `.voltaic/env.sh` makes of the present one.

    Raises:
        SimulatorError: set-up has not written it, or a shell cannot read it.
    """
    script = root / ".voltaic" / "env.sh"
    if not script.is_file():
        raise SimulatorError(f"{script} is missing: run `make up`, which sets everything up first")
    command = ["/bin/sh", "-c", '. "$1" && env -0', "sh", str(script)]
    done = subprocess.run(command, capture_output=True, timeout=COMMAND_SECONDS, check=False)
    if done.returncode != 0:
        raise SimulatorError(f"{script} cannot be read by /bin/sh: {done.stderr.decode(errors='replace').strip()}")
    pairs = (os.fsdecode(entry).partition("=") for entry in done.stdout.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


class Stacks:
    """The stacks of one Pulumi project.

    Args:
        root: folder of `Pulumi.yaml`.
        env: environment in which pulumi runs.
        say: is told in one sentence what was found and repaired.
    """

    def __init__(self, root: Path, env: Mapping[str, str], say: Callable[[str], None]) -> None:
        self.root = root
        self._env = dict(env)
        self._say = say

    def names(self) -> list[str]:
        """The stacks that have a file, `Pulumi.NAME.yaml`."""
        return sorted(path.name.split(".")[1] for path in self.root.glob("Pulumi.*.yaml"))

    def ensure(self, selected: str) -> int:
        """Create the stacks that do not exist yet, select one, and return how many resources it has by its state.

        Raises:
            SimulatorError: there is no such stack file, or pulumi refuses.
        """
        names = self.names()
        if selected not in names:
            raise SimulatorError(f"there is no stack {selected}: {self.root} has {', '.join(names) or 'no stack file'}")
        backend = self._backend_folder()
        if backend:
            backend.mkdir(parents=True, exist_ok=True)
        listed = json.loads(self._must("stack", "ls", "--json"))
        resources = {entry["name"].rpartition("/")[2]: entry.get("resourceCount") or 0 for entry in listed}
        for name in names:
            if name not in resources:
                self._must("stack", "init", "--no-select", name)
        self._must("stack", "select", selected)
        return int(resources.get(selected, 0))

    def recover(self, stack: str) -> None:
        """Lift the lock of a run that was killed; the lock of one that lives, or of another machine, stays."""
        locks = self._locks(stack)
        if not locks or not all(_of_a_dead_run(lock) for lock in locks):
            return
        self._must("cancel", "--yes", "--stack", stack)
        pids = ", ".join(str(lock["pid"]) for lock in locks)
        self._say(f"An earlier run (process {pids}) was killed and left {stack} locked: lifted by `pulumi cancel`.")
        # What that run was creating would be called unknown for ever. `up` adopts it: our objects have fixed names.
        done = self._run("refresh", "--clear-pending-creates", "--yes", "--skip-preview", "--stack", stack)
        if done.returncode != 0:
            self._say(f"`pulumi refresh` could not compare {stack} with the cluster; `pulumi up` goes on without.")

    def up_command(self, stack: str, *, refilled: bool = False) -> list[str]:
        """The `pulumi up` that is needed.

        Args:
            stack: name of the stack.
            refilled: its objects went with a cluster that was deleted: compare state and cluster first, and accept
                the new cluster where the stack wrote down that it lives in the simulated one.
        """
        command = ["pulumi", "up", "--stack", stack, "--yes"]
        if not refilled:
            return command
        state = json.loads(self._must("stack", "export", "--stack", stack))
        records = [found for found in state["deployment"].get("resources", []) if found["urn"].endswith(RECORD)]
        ours = [found["urn"] for found in records if found["outputs"]["output"].get("context") == CONTEXT]
        return [*command, "--refresh", *(f"--replace={urn}" for urn in ours)]

    def up(self, command: list[str]) -> int:
        """Run `pulumi up`, with its output where ours goes, and return its exit code."""
        program = [self._pulumi(), *command[1:]]
        with subprocess.Popen(program, cwd=self.root, env=self._env) as process, _signals_go_to(process):
            code = process.wait()
        return code if code >= 0 else 128 - code  # ended by a signal: as a shell says it

    def outputs(self, stack: str) -> dict[str, Any]:
        """Outputs of the stack; empty when pulumi does not give them."""
        done = self._run("stack", "output", "--json", "--stack", stack)
        try:
            found = json.loads(done.stdout) if done.returncode == 0 else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _must(self, *arguments: str) -> str:
        """Run pulumi and return its output.

        Raises:
            SimulatorError: it failed; with its own words.
        """
        done = self._run(*arguments)
        if done.returncode != 0:
            text = f"`pulumi {' '.join(arguments)}` failed:\n{done.stderr.strip()}"
            if "incorrect passphrase" in text:
                text += f"\n{OTHER_KEY.format(file=f'Pulumi.{arguments[-1]}.yaml')}"
            raise SimulatorError(text)
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._pulumi(), "--non-interactive", "--color=never", *arguments],
            cwd=self.root,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def _pulumi(self) -> str:
        found = shutil.which("pulumi", path=self._env.get("PATH"))
        if not found:
            raise SimulatorError(
                "pulumi is not on the PATH of .voltaic/env.sh: run `make up`, which builds or finds it"
            )
        return found

    def _backend_folder(self) -> Path | None:
        """Folder of a file backend; None for any other."""
        address = urlsplit(self._env.get("PULUMI_BACKEND_URL", ""))
        return Path(unquote(address.path)) if address.scheme == "file" else None

    def _locks(self, stack: str) -> list[dict[str, Any]]:
        """Locks on the stack in a file backend."""
        backend = self._backend_folder()
        if not backend:
            return []
        found = []
        for path in (backend / ".pulumi" / "locks").glob(f"*/*/{stack}/*.json"):
            try:
                found.append(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError):
                found.append({})
        return found


def _of_a_dead_run(lock: Mapping[str, Any]) -> bool:
    """Whether the process that took a lock is known to be gone."""
    if lock.get("hostname") != socket.gethostname() or not isinstance(lock.get("pid"), int):
        return False
    # neither an ended process that nobody reaped nor a program that got its process id later holds a lock
    return Path(dict(programs()).get(lock["pid"], "")).name != "pulumi"


@contextmanager
def _signals_go_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let pulumi end its work in order: Ctrl-C reaches it from the terminal, other signals to end are handed on."""

    def hand_on(_number: int, _frame: object) -> None:
        process.send_signal(signal.SIGINT)

    handlers = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda _number, _frame: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, hand_on),
        signal.SIGHUP: signal.signal(signal.SIGHUP, hand_on),
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)

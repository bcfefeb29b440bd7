"""Running pulumi: environment, stacks, left-over locks, signals."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from simulator import SimulatorError
from simulator.api import wait_for
from simulator.cluster import CHECKOUT
from simulator.stacks import Stacks, environment

if TYPE_CHECKING:
    from pathlib import Path

STACK = "v100-2gpu"
# Stands in for pulumi: writes down its arguments, lists one stack, and does what FAKE says.
FAKE = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
  *"stack ls"*) echo '[{"name": "organization/voltaic/v100-1gpu", "resourceCount": 7}]' ;;
  *"stack output"*) echo "$OUTPUTS" ;;
  *"stack export"*) echo "$EXPORT" ;;
  up*) eval "$UP" ;;
esac
case "$*" in *"$FAIL"*) echo "error: incorrect passphrase" >&2; exit 255 ;; esac
"""


class World:
    """A project, a backend and a pulumi that only writes down what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls, self.said = folder, folder / "calls", list[str]()
        program = folder / "bin" / "pulumi"
        program.parent.mkdir()
        program.write_text(FAKE)
        program.chmod(0o755)
        for name in ("v100-1gpu", "v100-2gpu"):
            (folder / f"Pulumi.{name}.yaml").write_text("config: {}\n")
        self.env = {
            "PATH": f"{program.parent}:/usr/bin:/bin",
            "CALLS": str(self.calls),
            "FAIL": "nothing",
            "UP": "true",
            "OUTPUTS": "{}",
            "PULUMI_BACKEND_URL": f"file://{folder}/the%20state",
        }

    def stacks(self, **env: str) -> Stacks:
        """The stacks, with changes to the environment."""
        return Stacks(self.folder, self.env | env, self.said.append)

    def lock(self, **content: object) -> Path:
        """Lock the stack as pulumi does."""
        path = self.folder / "the state" / ".pulumi" / "locks" / "organization" / "voltaic" / STACK / "1.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"pid": 1, "hostname": socket.gethostname(), "username": "me"} | content))
        return path

    def called(self) -> list[str]:
        """What pulumi was asked, without the options that are always there."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line.removeprefix("--non-interactive --color=never ") for line in lines]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A project of the test's own."""
    return World(tmp_path)


def dead_pid() -> int:
    """The id of a process that ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_environment_is_what_the_shell_makes_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of set-up is read by a shell: quotes, blanks, line breaks and the present PATH all count."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (tmp_path / ".voltaic").mkdir()
    (tmp_path / ".voltaic" / "env.sh").write_text("export A='one two\nthree' PATH=/own:$PATH EMPTY=\n")
    found = environment(tmp_path)
    assert (found["A"], found["PATH"], found["EMPTY"]) == ("one two\nthree", "/own:/usr/bin:/bin", "")


def test_environment_that_is_missing_or_broken(tmp_path: Path) -> None:
    """Without set-up, or with a script that fails, one message says so."""
    with pytest.raises(SimulatorError, match=r"env\.sh is missing: run `make up`, which sets everything up first"):
        environment(tmp_path)
    (tmp_path / ".voltaic").mkdir()
    (tmp_path / ".voltaic" / "env.sh").write_text("echo broken >&2; return 3\n")
    with pytest.raises(SimulatorError, match=r"env\.sh cannot be read by /bin/sh: broken"):
        environment(tmp_path)


def test_missing_stacks_are_made_and_one_is_selected(world: World) -> None:
    """Only stacks that do not exist are created, and the number of resources by the state is returned."""
    assert world.stacks().ensure(STACK) == 0
    assert world.called() == ["stack ls --json", "stack init --no-select v100-2gpu", "stack select v100-2gpu"]
    assert (world.folder / "the state").is_dir()
    assert world.stacks().ensure("v100-1gpu") == 7


def test_unknown_stack_is_refused_with_the_known_ones(world: World) -> None:
    """A stack without a file is refused before pulumi runs."""
    with pytest.raises(SimulatorError, match=r"there is no stack x: .* has v100-1gpu, v100-2gpu"):
        world.stacks().ensure("x")
    assert world.called() == []


def test_other_passphrase_is_explained(world: World) -> None:
    """A passphrase that does not fit the committed salt is explained with both ways out."""
    with pytest.raises(SimulatorError) as failed:
        world.stacks(FAIL="stack init").ensure(STACK)
    assert str(failed.value) == (
        "`pulumi stack init --no-select v100-2gpu` failed:\nerror: incorrect passphrase\n"
        "The encryptionsalt in Pulumi.v100-2gpu.yaml belongs to another passphrase. The committed one belongs to the "
        "empty passphrase: unset PULUMI_CONFIG_PASSPHRASE, or delete the line `encryptionsalt` there to begin with "
        "your own."
    )


def test_missing_pulumi_is_named(world: World) -> None:
    """Without pulumi on the path the way out is named."""
    with pytest.raises(SimulatorError, match=r"pulumi is not on the PATH of \.voltaic/env\.sh: run `make up`"):
        world.stacks(PATH="/nowhere").ensure(STACK)


def test_lock_of_a_killed_run_is_lifted(world: World) -> None:
    """A lock whose process is gone is cancelled, and what that run was creating is cleared from the state."""
    pid = dead_pid()
    world.lock(pid=pid)
    world.stacks().recover(STACK)
    assert world.called() == [
        "cancel --yes --stack v100-2gpu",
        "refresh --clear-pending-creates --yes --skip-preview --stack v100-2gpu",
    ]
    assert world.said == [
        f"An earlier run (process {pid}) was killed and left v100-2gpu locked: lifted by `pulumi cancel`."
    ]


def test_ended_process_that_nobody_reaped_counts_as_gone(world: World, tmp_path: Path) -> None:
    """A killed pulumi may stay in the process table for ever; it holds no lock."""
    program = tmp_path / "pulumi"
    program.symlink_to("/bin/true")
    with subprocess.Popen([program]) as process:
        time.sleep(0.5)  # ended, and not waited for
        world.lock(pid=process.pid)
        world.stacks().recover(STACK)
    assert world.called()[0] == "cancel --yes --stack v100-2gpu"


def test_process_id_of_another_program_counts_as_gone(world: World) -> None:
    """After a restart of the machine the process id may belong to anything: only a pulumi holds the lock."""
    world.lock(pid=os.getpid())
    world.stacks().recover(STACK)
    assert world.called()[0] == "cancel --yes --stack v100-2gpu"


@pytest.mark.parametrize("content", [{"hostname": "elsewhere", "pid": 999_999_999}, {"pid": "x"}])
def test_lock_of_another_machine_stays(world: World, content: dict) -> None:
    """Whose process cannot be seen from here keeps its lock: pulumi itself says who holds it."""
    world.lock(**content)
    world.stacks().recover(STACK)
    assert world.called() == []


def test_lock_of_a_living_run_stays(world: World, tmp_path: Path) -> None:
    """A pulumi that is at work keeps its lock."""
    program = tmp_path / "pulumi"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "30"]) as process:
        world.lock(pid=process.pid)
        time.sleep(0.1)
        world.stacks().recover(STACK)
        process.kill()
    assert world.called() == []


def test_other_backends_are_left_alone(world: World) -> None:
    """Locks in a bucket or in Pulumi Cloud are pulumi's own business."""
    world.lock(pid=dead_pid())
    world.stacks(PULUMI_BACKEND_URL="s3://bucket").recover(STACK)
    assert world.called() == []


@pytest.mark.parametrize(("script", "code"), [("true", 0), ("exit 255", 255), ("kill -9 $$", 137)])
def test_exit_code_is_pulumis_own(world: World, script: str, code: int) -> None:
    """The exit code of `pulumi up` is handed on, and a signal as a shell would say it."""
    assert world.stacks(UP=script).up(["pulumi", "up", "--yes"]) == code
    assert world.called() == ["up --yes"]


def test_stack_of_a_deleted_cluster_is_moved(world: World) -> None:
    """Objects that went with the simulated cluster are compared; the record of that cluster is replaced, no other."""
    urn = "urn:pulumi:v100-2gpu::voltaic::pulumi:index:Stash::cluster"

    def exported(context: str) -> str:
        resources = [
            {"urn": "urn:pulumi:v100-2gpu::voltaic::x::y"},
            {"urn": urn, "outputs": {"output": {"context": context}}},
        ]
        return json.dumps({"deployment": {"resources": resources}})

    assert world.stacks().up_command(STACK) == ["pulumi", "up", "--stack", STACK, "--yes"]
    assert world.called() == []
    moved = world.stacks(EXPORT=exported("voltaic-sim")).up_command(STACK, refilled=True)
    assert moved == ["pulumi", "up", "--stack", STACK, "--yes", "--refresh", f"--replace={urn}"]
    elsewhere = world.stacks(EXPORT=exported("production")).up_command(STACK, refilled=True)
    assert elsewhere == ["pulumi", "up", "--stack", STACK, "--yes", "--refresh"]


def test_outputs_that_cannot_be_read_are_empty(world: World) -> None:
    """Outputs are a courtesy at the end: when there are none, nothing breaks."""
    assert world.stacks(OUTPUTS='{"a": 1}').outputs(STACK) == {"a": 1}
    assert world.stacks(OUTPUTS="{").outputs(STACK) == {}
    assert world.stacks(OUTPUTS="[]").outputs(STACK) == {}
    assert world.stacks(FAIL="stack output").outputs(STACK) == {}


def test_termination_reaches_pulumi_as_an_interrupt(world: World) -> None:
    """Who ends `make up` ends pulumi in order: it gets an interrupt and its exit code is returned."""
    script = "trap 'exit 7' INT; touch started; while true; do sleep 0.05; done"
    code = (
        "import os, pathlib, sys; from simulator.stacks import Stacks; "
        f"sys.exit(Stacks(pathlib.Path({str(world.folder)!r}), os.environ, print).up(['pulumi', 'up']))"
    )
    env = world.env | {"UP": script, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen([sys.executable, "-c", code], env=env, cwd=world.folder, start_new_session=True) as process:
        try:
            wait_for("pulumi does not start", (world.folder / "started").exists, seconds=20)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 7
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_committed_stack_files_carry_their_salt() -> None:
    """Creating a stack would write a salt into a file without one, and so change the checkout."""
    files = sorted(CHECKOUT.glob("Pulumi.*.yaml"))
    assert files
    assert [path.name for path in files if not re.search("^encryptionsalt: v1:", path.read_text(), re.MULTILINE)] == []

"""`voltaic preview` without cluster, login and passphrase; and what it leaves behind: nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EXAMPLES = CHECKOUT / "docs" / "examples"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
TOKEN = "hf_" + "planted" * 4
PASSWORD = "planted pass/word+1"
WHO = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Fork:
    """A checkout of the stack's program as continuous integration has it: in git, with tools, and without secrets."""

    folder: Path
    env: dict[str, str]

    def git(self, *words: str) -> None:
        """Run git as somebody."""
        subprocess.run(["git", *WHO, *words], cwd=self.folder, check=True, capture_output=True, env=self.env)

    def set(self, stack: str, **values: str) -> None:
        """Edit a stack file as a person does: by hand."""
        path = self.folder / f"Pulumi.{stack}.yaml"
        text = path.read_text(encoding="utf-8")
        for key, value in values.items():
            line = f"  voltaic:{key}: {value}"
            text, found = re.subn(rf"(?m)^  voltaic:{key}: .*$", line, text)
            text = text if found else f"{text.rstrip()}\n{line}\n"
        path.write_text(text, encoding="utf-8")

    def command(self, *words: str) -> list[str]:
        """Return the command line of `voltaic preview`."""
        return [sys.executable, "-m", "cli", "preview", *words]

    def preview(self, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run it."""
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


def contents(*folders: Path) -> dict[str, Any]:
    """Return everything under these folders, by path: bytes, or where a link leads."""
    found: dict[str, Any] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_symlink():
                found[str(path)] = path.readlink()
            elif path.is_file() and "__pycache__" not in path.parts:
                found[str(path)] = path.read_bytes()
    return found


@pytest.fixture
def fork(tmp_path: Path, tools: dict[str, str]) -> Fork:
    """The program with its stacks committed; the environment has tools, and no backend, passphrase or cluster."""
    folder, home = tmp_path / "checkout", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    for name in ("Pulumi.yaml", "__main__.py", "Pulumi.v100-1gpu.yaml", "Pulumi.v100-2gpu.yaml"):
        shutil.copy(CHECKOUT / name, folder / name)
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    kept = ("PATH", "LANG", "PULUMI_IGNORE_AMBIENT_PLUGINS", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION")
    env = {name: tools[name] for name in kept if name in tools}
    temporary, pulumi_home = tmp_path / "tmp", home / ".pulumi"
    temporary.mkdir()
    pulumi_home.mkdir()
    (pulumi_home / "plugins").symlink_to(Path(tools["PULUMI_HOME"]) / "plugins")
    env |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(CHECKOUT), "VOLTAIC_MODELS": os.devnull}
    made = Fork(folder, env)
    made.git("init")
    (folder / ".gitignore").write_text("__pycache__\n", encoding="utf-8")
    made.git("add", "--", "Pulumi.yaml", "__main__.py", "Pulumi.v100-1gpu.yaml", "Pulumi.v100-2gpu.yaml", ".gitignore")
    made.git("commit", "-m", "one")
    return made


@pytest.mark.parametrize(
    ("example", "model", "code"),
    [
        ("comment-accepted.md", "meta-llama/Llama-2-13b-chat-hf", 0),
        ("comment-refused.md", "Qwen/Qwen2.5-32B-Instruct", 1),
    ],
)
def test_the_comments_of_the_documentation_are_what_the_command_writes(  # noqa: PLR0917  one row of a table
    fork: Fork, tmp_path: Path, request: pytest.FixtureRequest, example: str, model: str, code: int
) -> None:
    """One edited line of a stack file, and the whole comment, to the letter; nothing in it differs from run to run."""
    fork.set("v100-2gpu", model=model)
    comment = tmp_path / "comment.md"
    done = fork.preview("-s", "v100-2gpu", "--base", "main", "--comment", str(comment))
    assert done.returncode == code, done.stdout + done.stderr
    written = comment.read_text(encoding="utf-8")
    if request.config.getoption("--golden"):
        (EXAMPLES / example).write_text(written, encoding="utf-8")
    assert written == (EXAMPLES / example).read_text(encoding="utf-8")


def test_nothing_of_the_users_is_made_or_changed(fork: Fork, tmp_path: Path) -> None:
    """Not a byte of checkout, home and temporary files, also where Pulumi would write a salt into the stack file."""
    (fork.folder / "Pulumi.new.yaml").write_text(
        f"# no salt yet\nconfig: {{'voltaic:profile': v100-1gpu, 'voltaic:model': {MISTRAL}}}\n", encoding="utf-8"
    )
    before = contents(fork.folder, tmp_path / "home", tmp_path / "tmp")
    for backend in ({}, {"PULUMI_BACKEND_URL": f"file://{tmp_path}/empty-state"}):
        done = fork.preview("-s", "new", "-s", "v100-1gpu", env=backend)
        assert done.returncode == 0, done.stdout + done.stderr
        assert contents(fork.folder, tmp_path / "home", tmp_path / "tmp") == before
        assert not (tmp_path / "empty-state").exists()


def test_secrets_that_cannot_be_opened_stop_nothing(fork: Fork) -> None:
    """A fork has no passphrase: stand-ins take the place of encrypted values, and the comment says so."""
    path = fork.folder / "Pulumi.v100-1gpu.yaml"
    foreign = "encryptionsalt: v1:AAAAAAAAAAA=:v1:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n"
    secure = "{secure: v1:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}"
    text = "".join(line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if "salt" not in line)
    keys = ("hfToken", "apiKey", "webuiAdminPassword", "webuiDatabaseUrl")
    path.write_text(foreign + text + "".join(f"  voltaic:{key}: {secure}\n" for key in keys), encoding="utf-8")
    before = path.read_bytes()
    done = fork.preview("-s", "v100-1gpu", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (stack,) = json.loads(done.stdout)["stacks"]
    assert stack["outcome"] == "accept"
    assert any("4 encrypted values" in note for note in stack["notes"])
    assert "tgi-huggingface" in {step["name"] for step in stack["steps"]}
    assert stack["messages"] == []
    assert path.read_bytes() == before


LEAKS = """
import pulumi_kubernetes as kubernetes
secret = pulumi.Config().get("hfToken") or ""
pulumi.log.warn(f"the token is {secret}")
pulumi.log.warn("and encoded " + __import__("base64").b64encode(secret.encode()).decode())
kubernetes.core.v1.ConfigMap(
    secret.replace("_", "-"), metadata={"name": "x", "labels": {secret: secret}}, data={secret: secret}
)
raise_at_the_end = f"the hub answered 401 for Bearer {secret} at postgresql://chat:" + "planted-word@db/x"
"""


def test_no_secret_of_a_program_that_leaks_gets_out(fork: Fork, tmp_path: Path) -> None:
    """Whatever the program prints, names resources or raises: report, comment and document do not show it."""
    program = fork.folder / "__main__.py"
    text = program.read_text(encoding="utf-8")
    leak = LEAKS + "\nasync def leaking():\n    await main()\n    raise RuntimeError(raise_at_the_end)\n"
    start = text.index("pulumi.run(")
    program.write_text(text[:start] + leak + "\npulumi.run(leaking)\n", encoding="utf-8")
    fork.set("v100-1gpu", hfToken=TOKEN)
    comment = tmp_path / "comment.md"
    env = {"PULUMI_CONFIG_PASSPHRASE": PASSWORD, "API_KEY": "planted-key"}
    for words in ((), ("--json",)):
        done = fork.preview("-s", "v100-1gpu", "--base", "main", "--comment", str(comment), *words, env=env)
        assert done.returncode == 2, done.stdout + done.stderr
        for text in (done.stdout, done.stderr, comment.read_text(encoding="utf-8")):
            assert "planted" not in text
        assert "the hub answered 401" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(fork: Fork, tmp_path: Path, number: int) -> None:
    """No process, no temporary folder, no half comment: the old one is whole."""
    comment = tmp_path / "comment.md"
    comment.write_text("old\n", encoding="utf-8")
    words = fork.command("-s", "v100-1gpu", "--comment", str(comment))
    started = subprocess.Popen(
        words, cwd=fork.folder, env=fork.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    mark = f"TMPDIR={fork.env['TMPDIR']}"
    try:
        assert _until(lambda: any("pulumi.policy" in line or "__main__" in line for line in _running(mark).values()))
        started.send_signal(number)
        assert started.wait(30) == 130
    finally:
        started.kill()
        started.wait()
    assert _until(lambda: not _running(mark)), _running(mark)
    assert comment.read_text(encoding="utf-8") == "old\n"
    assert list((tmp_path / "tmp").glob("voltaic-preview-*")) == []


def _running(mark: str) -> dict[int, str]:
    """Return command lines of all processes with this variable in their environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def _until(holds: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_a_program_of_another_project_is_previewed_too(fork: Fork) -> None:
    """Without our settings there is no bill; what the pack says of its Deployments refuses it all the same."""
    for path in fork.folder.glob("Pulumi*.yaml"):
        path.unlink()
    (fork.folder / "Pulumi.yaml").write_text(
        "name: foreign\nruntime: {name: python, options: {toolchain: pip, virtualenv: .venv}}\n", encoding="utf-8"
    )
    (fork.folder / "Pulumi.mine.yaml").write_text("config: {'foreign:a': b}\n", encoding="utf-8")
    (fork.folder / "__main__.py").write_text(FOREIGN, encoding="utf-8")
    done = fork.preview("-s", "mine", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    document = json.loads(done.stdout)
    (stack,) = document["stacks"]
    assert document["marker"] == "<!-- voltaic-preview project=foreign -->"
    assert ("single-gpu-shard", "kubernetes:apps/v1:Deployment mine") in {
        (said["rule"], said["about"]) for said in stack["findings"] if said["level"] == "mandatory"
    }
    assert stack["after"]["plan"] is None


FOREIGN = """
import pulumi_kubernetes as k8s

k8s.apps.v1.Deployment("mine", metadata={"name": "mine"}, spec={
    "selector": {"matchLabels": {"app": "mine"}},
    "template": {"metadata": {"labels": {"app": "mine"}}, "spec": {
        "nodeSelector": {"nvidia.com/gpu.product": "Tesla-V100-SXM2-16GB"},
        "containers": [{
            "name": "server",
            "image": "ghcr.io/huggingface/text-generation-inference:3.0.1",
            "args": ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2", "--num-shard", "2"],
            "env": [{"name": "USE_FLASH_ATTENTION", "value": "false"}],
            "resources": {"limits": {"nvidia.com/gpu": 1}},
        }],
    }},
})
"""

"""`voltaic --help` lists the commands without loading them, and starts accordingly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import app, overview

ROOT = Path(__file__).parents[2]
PLAN = ("plan", "--profile", "v100-2gpu", "--model", "gpt2")
SLOWEST = 1.6
"""Times what `import typer` costs."""
RUNS = 9
LOADED = "import atexit, sys\natexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))\n"
"""Prints the names of all modules that were loaded, as the last line on stderr."""


@pytest.mark.parametrize("columns", ["60", "120"])
def test_the_list_is_what_commands_say_of_themselves(columns: str) -> None:
    """Names, panels and lines are those of the commands, at any width."""
    real = "from cli.app import app\napp(['--help'], prog_name='voltaic')"
    assert process("--help", COLUMNS=columns).stdout == python(real, COLUMNS=columns).stdout
    assert {name for name, _, _ in overview.SHOWN} == set(app.COMMANDS)


def test_the_list_loads_no_command() -> None:
    """Not one of them, and nothing that they need."""
    done = python(f"import sys\nsys.argv = ['voltaic', '--help']\n{LOADED}from cli.main import run\nrun()")
    own = {name for name in done.stderr.split() if name.startswith(("cli.", "voltaic.", "rich"))}
    assert own == {
        "cli.main",
        "cli.overview",
        "cli.output",
        "cli.command",
        "cli.program",
    }


def test_completion_still_knows_the_commands() -> None:
    """The shell asks without words, by variables."""
    done = process(_VOLTAIC_COMPLETE="complete_bash", COMP_WORDS="voltaic sta", COMP_CWORD="1")
    assert "status" in done.stdout.split()
    done = process(_VOLTAIC_COMPLETE="complete_bash", COMP_WORDS="voltaic status --br", COMP_CWORD="2")
    assert "--brief" in done.stdout.split()


@pytest.mark.parametrize(
    "words",
    [
        (*PLAN, "--json"),
        (*PLAN, "--grid", "--json"),
        ("limits", *PLAN[1:]),
        ("check", "docs/examples/public-recipe.yaml"),
        ("rules", "--json"),
        ("models", "list"),
        ("engines",),
        ("policy-pack",),
        ("login", "--help"),
        ("preflight", "--help"),
        ("status", "--help"),
        ("monitor", "--help"),
        ("cleanup", "--help"),
        ("login",),
    ],
    ids=" ".join,
)
def test_what_asks_no_cluster_loads_no_client(words: tuple[str, ...], tmp_path: Path) -> None:
    """Neither Pulumi nor a Kubernetes client nor what streams over the network, in any command that only computes."""
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(KUBECONFIG, encoding="utf-8")
    done = python(f"{LOADED}from cli.main import run\nrun()", *words, KUBECONFIG=str(kubeconfig))
    assert done.returncode in {0, 1}, done.stderr
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}
    assert loaded.isdisjoint({"pulumi", "pulumi_kubernetes", "kr8s", "kubernetes", "httpx", "httpx_ws", "grpc"})


@pytest.mark.slow
def test_help_starts_fast() -> None:
    """It costs at most 1.6 times what importing typer alone does, in processor time, the best of some runs each."""
    script = Path(sys.executable).with_name("voltaic")
    base = min(seconds(sys.executable, "-c", "import typer") for _ in range(RUNS))
    helped = min(seconds(str(script), "--help") for _ in range(RUNS))
    assert helped <= SLOWEST * base, f"{helped:.3f} s, {base:.3f} s"


KUBECONFIG = """
contexts: [{name: site, context: {cluster: site, user: site, namespace: team}}]
clusters: [{name: site, cluster: {server: "https://k8s.example.org"}}]
users: [{name: site, user: {token: opaque}}]
current-context: site
"""


def python(code: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python code as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )


def process(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `voltaic` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )


def seconds(*command: str) -> float:
    """Return the processor time of a command."""
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(started.pid, 0)
    started.returncode = 0
    return used.ru_utime + used.ru_stime

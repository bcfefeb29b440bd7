"""What the command line loads: commands that compute start without the libraries that only others need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEVER = (
    *("pulumi", "pulumi_kubernetes", "pulumi_policy", "kubernetes", "kr8s", "requests", "huggingface_hub", "grpc"),
    *("matplotlib", "numpy", "pydantic", "yaml", "asyncio", "socket", "ssl", "http.client", "urllib.request"),
)
PLAN = ("plan", "--profile", "v100-2gpu", "--model", "gpt2", "--engine-version", "3.0.1")


def loaded(*words: str) -> set[str]:
    """Return the modules that a run of `voltaic` loads."""
    code = (
        "import json, sys\n"
        "from cli.main import app\n"
        "try:\n    app(sys.argv[1:], prog_name='voltaic')\n"
        "except SystemExit:\n    pass\n"
        "print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, input="", capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "words",
    [("--help",), ("plan", "--help"), PLAN, (*PLAN, "--json"), ("plan", "--batch", "-"), ("rules",)],
    ids=["help", "help of plan", "plan", "plan as JSON", "batch", "rules"],
)
def test_commands_that_compute_load_no_frameworks(words: tuple[str, ...]) -> None:
    """No Pulumi, no Kubernetes client, no network, and no library that only settings and manifests need."""
    assert loaded(*words).isdisjoint(NEVER)


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        (*PLAN, "--json"),
        ("plan", "--batch", "-"),
        ("rules", "--json"),
        (*PLAN, "--grid", "--json"),
        (*PLAN, "--grid", "--csv", "-"),
        ("limits", *PLAN[1:], "--json"),
    ],
)
def test_what_machines_read_loads_no_rich(words: tuple[str, ...]) -> None:
    """Tables and colours are loaded only where a person reads."""
    assert "rich" not in loaded(*words)


def test_a_plan_of_a_stack_loads_settings_and_no_framework() -> None:
    """What a stack would derive is derived without Pulumi."""
    modules = loaded("plan", "--profile", "v100-2gpu", "--model", "gpt2", "--json")

    assert modules & set(NEVER) <= {"pydantic", "socket"}  # pydantic itself loads socket, for its types of addresses
    assert "voltaic.settings" in modules


def test_check_loads_no_cluster_client(tmp_path: Path) -> None:
    """Reading manifests needs YAML, and still no framework."""
    manifest = tmp_path / "a.yaml"
    manifest.write_text("kind: ConfigMap\n", encoding="utf-8")

    modules = loaded("check", str(manifest), "--json")

    assert modules.isdisjoint(set(NEVER) - {"yaml"})
    assert "yaml" in modules

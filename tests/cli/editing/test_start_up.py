"""Commands that change files alone start without what only clusters and networks need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NEVER = {"pulumi", "pulumi_kubernetes", "kubernetes", "kr8s", "httpx", "requests", "grpc", "asyncio", "ssl"}


@pytest.mark.parametrize(
    "words",
    [
        ("set", "gpus=1", "--dry-run"),
        ("set", "--help"),
        ("model", "microsoft/phi-2", "--dry-run", "--json"),
        ("scale",),
        ("init", "--profile", "v100-1gpu", "--model", "microsoft/phi-2", "--dry-run"),
        ("import-config", str(ROOT / "docs/examples/old/tiny.sh"), "--dry-run"),
        ("import-config", str(ROOT / "docs/examples/public-recipe.yaml"), "--dry-run"),
    ],
)
def test_no_cluster_client_and_no_network_are_loaded(project: Path, words: tuple[str, ...]) -> None:
    """Neither Pulumi nor a client of a cluster."""
    code = (
        "import json, sys\n"
        "from cli.main import app\n"
        "try:\n    app(sys.argv[1:], prog_name='voltaic')\n"
        "except SystemExit:\n    pass\n"
        "print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PULUMI_HOME": str(project / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert set(json.loads(done.stdout.splitlines()[-1])) & NEVER == set()

"""What the policy pack adds to a real `pulumi preview` of the committed stack."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.measure import pairs, seconds_of

if TYPE_CHECKING:
    from bench.measure import Pairs

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / ".voltaic" / "env.sh"
STACK = "v100-2gpu"


class Skipped(Exception):  # noqa: N818  named for what it says
    """Why there is nothing to measure here, and what would change that."""


def environment() -> dict[str, str]:
    """Return the environment that set-up made for this checkout.

    Raises:
        Skipped: set-up has not run.
    """
    if not ENVIRONMENT.is_file():
        raise Skipped("the tool chain is not set up; run make up")
    script = 'set -a; . "$1"; env -0'
    found = subprocess.run(["sh", "-c", script, "sh", str(ENVIRONMENT)], capture_output=True, text=True, check=True)
    return dict(entry.split("=", 1) for entry in found.stdout.split("\0") if "=" in entry)


def with_and_without_pack(count: int) -> Pairs:
    """Measure previews with and without the pack in turns, in a backend of their own.

    Raises:
        Skipped: the tool chain is absent.
    """
    base = environment()
    base.pop("PULUMI_OPTION_POLICY_PACK", None)
    with TemporaryDirectory() as name:
        base["PULUMI_BACKEND_URL"] = f"file://{name}"
        preview = ["pulumi", "preview", "--stack", STACK, "--non-interactive", "--color", "never"]
        seconds_of(["pulumi", "stack", "init", STACK, "--non-interactive"], cwd=ROOT, env=base)
        packed = [*preview, "--policy-pack", str(ROOT / "policies")]
        return pairs(
            lambda: seconds_of(packed, cwd=ROOT, env=base),
            lambda: seconds_of(preview, cwd=ROOT, env=base),
            count=count,
        )


def cluster_note() -> str:
    """Say whether the previews met a cluster."""
    env = environment()
    kubectl = ["kubectl", "version", "--request-timeout=2s"]
    try:
        answer = subprocess.run(kubectl, env=env, capture_output=True, check=False)
    except OSError:
        return "no kubectl"
    return "with the simulated cluster" if answer.returncode == 0 else "no cluster reachable"

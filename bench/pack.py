"""How long the policy pack takes to boot, beside the smallest pack there can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.measure import pairs

if TYPE_CHECKING:
    from bench.measure import Pairs

ROOT = Path(__file__).parents[1]
SMALLEST = '''"""A pack of one policy that says nothing."""
from pulumi_policy import PolicyPack, ResourceValidationPolicy

PolicyPack("smallest", [ResourceValidationPolicy(name="none", description="none", validate=lambda args, report: None)])
'''


def boot_seconds(folder: Path) -> float:
    """Start a pack as the language host does and return the seconds until it names its port."""
    env = {**os.environ, "PULUMI_CONFIG": json.dumps({}), "PULUMI_CONFIG_SECRET_KEYS": json.dumps([])}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(folder)],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        elapsed = time.perf_counter() - started
    finally:
        process.kill()
        _, said = process.communicate()
    if not line.strip().isdigit():
        raise RuntimeError(f"{folder}: the pack did not start\n{said[-2000:]}")
    return elapsed


def against_smallest(count: int) -> Pairs:
    """Measure our pack and the smallest one in turns."""
    with TemporaryDirectory() as name:
        smallest = Path(name)
        (smallest / "__main__.py").write_text(SMALLEST, encoding="utf-8")
        return pairs(lambda: boot_seconds(ROOT / "policies"), lambda: boot_seconds(smallest), count=count)

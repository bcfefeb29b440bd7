"""Servers of vLLM, LMDeploy and llama.cpp as people write them (tests/manifests/served), read by `voltaic check`.

The first line of a manifest says what becomes of its server: a verdict, and for a refusal the rule that must say so.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

FOLDER = Path(__file__).parent / "served"
CODES = {"accept": 0, "refuse": 1, "unknown": 3}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_server_is_judged_as_it_runs(path: Path) -> None:
    """No false accept, no false refusal, and every refusal by the rule that knows why."""
    wanted, _, rule = path.read_text().splitlines()[0].removeprefix("# ").partition(": ")
    result = CliRunner().invoke(app, ["check", str(path), "--json"])
    document = json.loads(result.stdout)
    (served,) = [workload for workload in document["workloads"] if workload["recognised"]]
    findings = [(finding["rule"], finding["outcome"], finding["message"]) for finding in served["plan"]["findings"]]
    assert served["plan"]["verdict"] == wanted, findings
    assert served["recognised"] == {"llama": "llama.cpp"}.get(path.stem.split("-")[0], path.stem.split("-")[0])
    assert not rule or rule in {name for name, outcome, _ in findings if outcome == "violation"}, findings
    assert result.exit_code == CODES[wanted]
    shown = CliRunner().invoke(app, ["check", str(path)])
    assert shown.exit_code == CODES[wanted]
    assert "Traceback" not in shown.output

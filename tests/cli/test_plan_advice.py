"""Advice beside a verdict: shown with a plan, changing nothing of it, and costing a batch nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.document import plan_document, spec_from_line
from voltaic.rules import catalogue
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

ROOT = Path(__file__).parents[2]
OLD = ("--num-shard", "1", "--max-input-length", "3072", "--max-total-tokens", "4096", "--max-batch-size", "2")
"""Arguments that TGI 3.0.1 takes, one of them under a name that it has a newer one for."""


def test_advice_stands_behind_the_findings_of_the_verdict(voltaic: Voltaic, accepted_words: tuple[str, ...]) -> None:
    """An accept stays an accept, and the exit code with it."""
    result = voltaic(*accepted_words, "--json", "--", *OLD)

    document = json.loads(result.stdout)
    assert [(one["rule"], one["level"]) for one in document["findings"]] == [("deprecated-options", "advisory")]
    assert (document["verdict"], result.exit_code) == ("accept", 0)


def test_people_read_advice_last(voltaic: Voltaic, accepted_words: tuple[str, ...]) -> None:
    """The rule, what was found, and the way out."""
    lines = voltaic(*accepted_words, "--", *OLD, env={"COLUMNS": "300"}).stdout.splitlines()

    assert lines[0].startswith("ACCEPTED  ")
    place = lines.index("Advice, which changes no verdict")
    assert lines[place + 1].startswith("deprecated-options  advisory  ")
    assert "--max-input-length" in lines[place + 1]
    assert lines[place + 2].startswith("  Way out: ")
    assert len(lines) == place + 3


def test_a_batch_is_spared(voltaic: Voltaic, accepted_line: dict[str, Any]) -> None:
    """Lines of a batch have the findings that decide: advice takes as long again."""
    line = accepted_line | {"args": list(OLD)}

    assert json.loads(voltaic("plan", "--batch", "-", input=json.dumps(line)).stdout)["findings"] == []
    assert [one["rule"] for one in plan_document(judge(spec_from_line(line)), advice=True)["findings"]] == [
        "deprecated-options"
    ]


def test_what_an_accept_rests_on_is_not_said_twice(accepted_line: dict[str, Any]) -> None:
    """Options that do nothing stand among the grounds of an accept; a refusal has no grounds, and advises."""
    ignored = {"env": {"USE_FLASH_ATTENTION": "false", "PREFIX_CACHING": "1"}}

    accepted = judge(spec_from_line(accepted_line | ignored))
    refused = judge(spec_from_line(accepted_line | ignored | {"gpus": 1}))

    assert ("PREFIX_CACHING" in str(accepted.rests_on), accepted.advice) == (True, ())
    assert [(one.rule, "PREFIX_CACHING" in one.message) for one in refused.advice] == [("ignored-options", True)]


def test_the_rules_about_specs_are_all_named() -> None:
    """The short list that a plan loads is what the whole catalogue says."""
    assert catalogue.spec_rules() == catalogue.about("spec")


def test_a_plan_loads_no_rules_about_manifests() -> None:
    """Only what is asked of a spec is loaded."""
    code = (
        "import json, sys\n"
        "from cli import quick\n"
        "quick.plan(['plan', '--profile', 'v100-2gpu', '--model', 'gpt2', '--json'])\n"
        "print('\\n' + json.dumps([name for name in sys.modules if name.startswith('voltaic.rules.')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    loaded = json.loads(done.stdout.splitlines()[-1])
    asked = {f"voltaic.rules.{name}" for name in catalogue.SPEC_RULES}
    assert asked <= set(loaded)
    assert {name for name in loaded if name.count(".") > 2 and "._" not in name} == asked

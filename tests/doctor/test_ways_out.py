"""Ways out: proven by the judge where there is one, typed with what is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from voltaic import settings
from voltaic.doctor import Evidence, Log, Stack, diagnose
from voltaic.doctor.ways_out import bytes_of
from voltaic.verdict import judge

FOLDER = Path(__file__).parent / "evidence"
OUT_OF_MEMORY = (
    "Method Decode encountered an error.",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {} MiB.",
)
SETTINGS = {
    "profile": "v100-2gpu",
    "model": "mistralai/Mistral-7B-Instruct-v0.2",
    "maxInputTokens": 3072,
    "maxTotalTokens": 4096,
    "maxBatchPrefillTokens": 3072,
    "maxBatchSize": 2,
}


def objects(name: str) -> tuple[Any, ...]:
    """Return the objects of a folder of evidence."""
    return (yaml.safe_load((FOLDER / name / "objects.yaml").read_text()),)


def stack(**changes: Any) -> Stack:
    """Return a stack of these settings."""
    return Stack("prod", settings.serving_spec(settings.read(SETTINGS | changes, where="test")))


def of_stack(known: Stack, megabytes: float = 100.0) -> Any:
    """Return the diagnosis of a server of a stack that runs out of GPU memory while decoding."""
    log = Log(tuple(line.format(megabytes) for line in OUT_OF_MEMORY), "llm-0", "tgi")
    pod = {"kind": "Pod", "metadata": {"name": "llm-0"}, "spec": {}, "status": {"phase": "Running"}}
    (found,) = diagnose(Evidence((pod,), (log,), stack=known)).diagnoses
    return found


def test_smaller_limits_of_an_accepted_stack_leave_what_was_missing() -> None:
    """Where the judge had accepted the limits, smaller ones are proposed that free as much as was missing."""
    known = stack()
    assert known.spec is not None
    before = judge(known.spec)
    (way, *_) = of_stack(known, 300.0).ways_out
    assert (before.verdict, way.proven) == ("accept", True)
    assert way.commands[0].startswith("pulumi config set maxBatchSize 1")


def test_the_more_is_missing_the_smaller_are_the_limits() -> None:
    """Limits that would free less than the allocation was short of are passed over, and none is better than such."""
    (little, *_), (much, *_), (most, *_) = (of_stack(stack(), missing).ways_out for missing in (300.0, 1000.0, 5000.0))
    assert (little.proven, much.proven, most.proven) == (True, True, False)
    assert len(little.commands) < len(much.commands)


def test_a_refused_stack_is_led_to_what_the_judge_accepts() -> None:
    """Where the judge refuses what runs, the ways out are its own, as commands for this stack."""
    found = of_stack(stack(maxBatchSize=64))
    proven = [way for way in found.ways_out if way.proven]
    assert proven
    assert all("-s prod" in command or "--stack prod" in command for way in proven for command in way.commands)
    assert "vram-budget" in {finding.rule for finding in found.findings}
    assert found.sure == "certain"


def test_a_stack_whose_settings_cannot_be_read_has_ways_out_all_the_same() -> None:
    """What is known to mend it is told without a proof."""
    found = of_stack(Stack("prod"))
    assert ([way.proven for way in found.ways_out], found.sure) == ([False], "certain")


@pytest.mark.parametrize(
    ("expected", "text"),
    [(896 * 2**20, "896.00 MiB"), (2**31, "2.00 GiB"), (10**6, "1 MB"), (None, "much"), (None, None)],
)
def test_sizes_as_pytorch_writes_them(expected: int | None, text: str | None) -> None:
    """A size is read in its unit; anything else is none."""
    assert expected == bytes_of(text)


def test_more_memory_is_proven_by_judging_the_changed_manifest() -> None:
    """The limit that is proposed silences the rule that spoke against the manifest."""
    (found,) = diagnose(Evidence(objects("memory-limit"), namespace="llm")).diagnoses
    way = found.ways_out[0]
    assert (way.proven, way.rule) == (True, "memory-limit")
    assert "-n llm" in way.commands[0]


def test_names_are_quoted_for_shells() -> None:
    """A hostile name in evidence of others is one word of what is typed."""
    (document,) = objects("memory-limit")
    for each in document["items"]:
        each["metadata"]["name"] = each["metadata"]["name"].replace("server", "x; rm -rf ~")
    (found,) = diagnose(Evidence((document,), namespace="a b")).diagnoses
    typed = [command for way in found.ways_out for command in way.commands]
    assert typed
    assert all("'x; rm -rf ~" in command or "x; rm" not in command for command in typed)
    assert all("'deployment/x; rm -rf ~'" in command for command in typed if "set resources" in command)


def test_commands_without_what_they_need_are_left_out() -> None:
    """A command for a stack is not typed where there is no stack."""
    log = Log(("OSError: You are trying to access a gated repo.",), "p", "c")
    (without,) = diagnose(Evidence(logs=(log,))).diagnoses
    (with_stack,) = diagnose(Evidence(logs=(log,), stack=Stack("prod"))).diagnoses
    assert (
        without.ways_out[-1].commands,
        with_stack.ways_out[-1].commands,
    ) == ((), ("pulumi config set --secret hfToken -s prod",))


def test_evidence_without_a_manifest_is_judged_by_nobody() -> None:
    """A log alone has a cause and a way out, and no proof."""
    (found,) = diagnose(Evidence(logs=(Log(OUT_OF_MEMORY, "p", "c"),))).diagnoses
    assert (any(way.proven for way in found.ways_out), found.findings) == (False, ())


def test_a_probe_that_waits_long_enough_is_not_made_longer() -> None:
    """A startup probe of an hour is not to blame; no number is proposed."""
    (document,) = objects("startup-probe")
    for each in document["items"]:
        spec = each.get("spec", {})
        for holder in (spec, spec.get("template", {}).get("spec", {})):
            for container in holder.get("containers", ()):
                container["startupProbe"]["failureThreshold"] = 360
    report = diagnose(replace(Evidence((document,)), namespace="llm"))
    assert not any(
        "failureThreshold of the container" in way.text for each in report.diagnoses for way in each.ways_out
    )

"""What judge and policies say, put together."""

from __future__ import annotations

import pytest

from cli.pull_request import model
from cli.pull_request.engine import Run, Violation
from cli.pull_request.findings import findings, is_told, outcome, ways

from .preview_reports import LLAMA_13B, LLAMA_70B, judged

SERVER = "urn:pulumi:a::p::voltaic:index:TGIServer::tgi"
ACCEPTED = judged()
REFUSED = judged(model_id=LLAMA_70B)
UNKNOWN = judged("v100-1gpu", "nobody/unknown")
FOREIGN = model.Side("Pulumi.a.yaml", outcome="accept")


def said(
    policy: str = "vram-budget", level: str = "mandatory", message: str = "Title?\nText.", pack: str = "voltaic"
) -> Violation:
    """Return what a policy says of our server."""
    return Violation(policy, pack, level, message, SERVER)


def run(*violations: Violation, failed: bool = False) -> Run:
    """Return a preview with these violations."""
    return Run(violations=list(violations), failed=failed)


def unknown_rule() -> str:
    """Return the rule that has no answer about a model that nobody knows."""
    assert UNKNOWN.verdict is not None
    return next(found.rule for found in UNKNOWN.verdict.findings if found.outcome == "unknown")


@pytest.mark.parametrize(
    ("after", "found", "expected"),
    [
        (ACCEPTED, run(), "accept"),
        (ACCEPTED, run(said(level="advisory")), "accept"),
        (ACCEPTED, run(said("other-rule"), failed=True), "refuse"),
        (ACCEPTED, run(failed=True), "failed"),
        (REFUSED, run(said(), failed=True), "refuse"),
        (REFUSED, run(failed=True), "refuse"),
        (UNKNOWN, run(said(unknown_rule()), failed=True), "unknown"),
        (UNKNOWN, run(said("image-tag"), failed=True), "refuse"),
        (UNKNOWN, run(), "unknown"),
        (FOREIGN, run(), "accept"),
        (FOREIGN, run(said(pack="company"), failed=True), "refuse"),
        (FOREIGN, run(failed=True), "failed"),
    ],
)
def test_the_verdict_is_the_worst_of_judge_policies_and_run(after: model.Side, found: Run, expected: str) -> None:
    """A mandatory violation refuses, an unknown stays unknown, a preview that breaks off is neither."""
    assert outcome(after, found) == expected


def test_a_policy_that_repeats_the_judge_is_left_out() -> None:
    """The same finding of component and Deployment is told once, with its way out."""
    assert REFUSED.verdict is not None
    finding = REFUSED.verdict.findings[0]
    repeated = said(message=f"Title?\n{finding.message}\nWhy: …")
    told = findings(REFUSED, run(repeated, said("image-tag", "advisory", "Title?\nNo tag.")))
    assert [(one.rule, one.level) for one in told] == [("vram-budget", "mandatory"), ("image-tag", "advisory")]
    assert told[0].fix == finding.fix


def test_what_a_policy_says_is_taken_apart() -> None:
    """Title, message, reason, way out, sources, and the resource that it is about."""
    text = "Is it?\nIt is not.\nReally.\nWhy: Because\nof this.\nWay out: Do that.\nSources: one (read); two (read)\n"
    (told,) = findings(ACCEPTED, run(said("image-tag-advice", "advisory", text)))
    assert told == model.Said(
        rule="image-tag",
        level="advisory",
        outcome="violation",
        message="It is not.\nReally.",
        why="Because\nof this.",
        fix="Do that.",
        sources=("one (read)", "two (read)"),
        about="voltaic:index:TGIServer tgi",
    )


def test_policies_of_other_packs_bear_their_name() -> None:
    """A message of one line is the whole message."""
    (told,) = findings(FOREIGN, run(said("no-public-ip", message="Public IP.", pack="company")))
    assert (told.rule, told.message) == ("company: no-public-ip", "Public IP.")


def test_mandatory_findings_come_first() -> None:
    """Whatever the order in which they were told."""
    told = findings(ACCEPTED, run(said("a", "advisory"), said("b", "mandatory")))
    assert [one.rule for one in told] == ["b", "a"]


def test_ways_out_are_commands_for_this_stack() -> None:
    """Each can be typed as it stands."""
    found = ways(judged("v100-1gpu", LLAMA_13B), "lab")
    assert found[0].commands == ("pulumi config set profile v100-2gpu -s lab",)
    assert ways(ACCEPTED, "lab") == ()


def test_an_error_that_repeats_a_finding_is_told() -> None:
    """The component's own refusal says what the finding says; other errors are shown."""
    assert REFUSED.verdict is not None
    message = REFUSED.verdict.findings[0].message
    assert is_told(model.Message("error", f"would not start:\n  vram-budget: {message}"), REFUSED)
    assert not is_told(model.Message("warning", message), REFUSED)
    assert not is_told(model.Message("error", "something else"), REFUSED)

"""The comment on a pull request: verdict first, nothing that others wrote can break it, never too long."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from markdown_it import MarkdownIt

from cli.pull_request import model
from cli.pull_request.comment import comment, marker
from cli.pull_request.limit import CUT_ORDER, LONGEST

from .preview_reports import CHANGES, LLAMA_13B, LLAMA_70B, MISTRAL, change, judged, report

FOLD = re.compile(r"<details>\n<summary>[^<>`@\n]*</summary>\n")


def html(markdown: str) -> list[str]:
    """Return every piece of HTML in a comment."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    flat = [inner for token in tokens for inner in (token.children or [token])]
    return [token.content for token in flat if token.type in {"html_block", "html_inline"}]


def headings(markdown: str) -> list[str]:
    """Return the headings of a comment."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    pairs = pairwise(tokens)
    return [inline.content for opened, inline in pairs if opened.type == "heading_open"]


def test_the_first_line_is_the_marker_and_the_next_the_verdict() -> None:
    """A workflow finds the comment by its first line; a person reads the verdict before anything else."""
    lines = comment(change(report())).split("\n")
    assert lines[0] == "<!-- voltaic-preview project=voltaic -->"
    assert next(line for line in lines[1:] if line) == "## voltaic preview: accepted"


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        ("voltaic", "<!-- voltaic-preview project=voltaic -->"),
        ("a--> <b>", "<!-- voltaic-preview project=a-b -->"),
        ("", "<!-- voltaic-preview project=unnamed -->"),
        ("-", "<!-- voltaic-preview project=unnamed -->"),
    ],
)
def test_a_marker_is_one_html_comment(project: str, expected: str) -> None:
    """Whatever the project is called, its name ends no HTML comment."""
    assert marker(project) == expected


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        (["accept"], "accepted"),
        (["accept", "unknown"], "unknown"),
        (["unknown", "failed"], "not previewed"),
        (["accept", "failed", "refuse"], "refused"),
        (["gone"], "deleted"),
    ],
)
def test_the_verdict_on_all_is_the_worst(outcomes: list[model.Outcome], word: str) -> None:
    """One refused stack refuses the change; each stack has its own word in the table."""
    text = comment(change(*(report(stack=f"s{number}", outcome=each) for number, each in enumerate(outcomes))))
    assert headings(text)[0] == f"voltaic preview: {word}"
    rows = [line for line in text.split("\n") if line.startswith("| `s")]
    assert len(rows) == len(outcomes)


def test_a_refused_stack_has_message_reason_way_out_and_commands() -> None:
    """All that an author needs stands in the comment, before the tables."""
    after = judged(model_id=LLAMA_70B)
    assert after.verdict is not None
    found = after.verdict.findings[0]
    said = model.Said(found.rule, found.level, found.outcome, found.message, found.why, found.fix, ("a", "b", "c"))
    way = model.WayOut("profile v100-32gb-8gpu", ("pulumi config set profile v100-32gb-8gpu -s v100-2gpu",))
    text = comment(change(report(outcome="refuse", after=after, findings=(said,), ways=(way,), pods=(), steps=())))
    assert "**`vram-budget`** (mandatory, violation): Needs 116.37 GiB on GPU 1" in text
    assert "**Why:** The weights alone do not fit" in text
    assert "  ```sh\n  pulumi config set profile v100-32gb-8gpu -s v100-2gpu\n  ```" in text
    assert "Sources: `a`, `b`, and 1 more" in text
    assert text.index("vram-budget") < text.index("**VRAM of each GPU**")
    assert "**What restarts:** nothing. A refused change creates nothing and leaves what runs alone." in text


def test_the_bill_is_a_table_and_bars() -> None:
    """Before and after of each part, in GiB; the bars show the same without colour."""
    text = comment(change(report()))
    assert "| weights | 6.81 → 12.18 |" in text
    assert "| **headroom** | **4.56 → 1.80** |" in text
    assert "after  ▚███████████████████████████████▓▓▓·····│ 13.97 of 15.77 GiB, 1.80 free" in text


def test_a_lost_volume_is_loud() -> None:
    """What deletes data stands above everything else of its stack, and in the table of all stacks."""
    lost = model.Volume("PersistentVolumeClaim", "webui-data", "lost", replaced=True, holds="chat data")
    text = comment(change(report(volumes=(lost,))))
    assert "1 to restart; **data is deleted** |" in text
    assert (
        "> **DATA WILL BE DELETED**\n>\n> - PersistentVolumeClaim `webui-data` IS DELETED WITH THE CHAT DATA, "
        "and an empty one takes its place." in text
    )
    assert text.index("DATA WILL BE DELETED") < text.index("what changes")


def test_how_long_the_server_is_away() -> None:
    """Seconds part by part, from the same assumptions as the time limits of the Deployment."""
    text = comment(change(report()))
    assert "Nobody is served for about 13 min: 521 s download at 50 MB/s + 131 s load at 200 MB/s + 60 s" in text
    kept = comment(change(report(downloads=False)))
    assert "Nobody is served for about 4 min: 131 s load" in kept
    assert "The model cache holds these weights: nothing is downloaded again." in kept


@pytest.mark.parametrize(
    ("pods", "told"),
    [
        ((), "- No pod: what runs goes on running."),
        (
            (model.Pods("Deployment", "a", "restarts", 3, 3, all_at_once=False),),
            "Deployment `a` restarts (3 pods): pod by pod.",
        ),
        ((model.Pods("Deployment", "a", "stops", None),), "Deployment `a` stops, and nothing takes its place."),
        (
            (model.Pods("Deployment", "a", "scales", 3, 1),),
            "Deployment `a` goes from 1 to 3 pods; those that run go on.",
        ),
        ((model.Pods("Deployment", "a", "scales", 1, 3),), "Deployment `a` goes from 3 to 1 pods; the others go on."),
        ((model.Pods("Deployment", "a", "scales", 0, 1),), "Deployment `a` goes from 1 to 0 pods: it is parked."),
        ((model.Pods("Deployment", "a", "restarts", 0, 0),), "Deployment `a` has no pods to restart: it is parked."),
    ],
)
def test_what_becomes_of_pods(pods: tuple[model.Pods, ...], told: str) -> None:
    """One line each."""
    assert told in comment(change(report(pods=pods)))


def test_an_unknown_that_is_not_let_through_says_how() -> None:
    """Nothing restarts, since it would not be deployed; one that is let through restarts like any other."""
    side = judged("v100-1gpu", "nobody/unknown")
    text = comment(change(report(outcome="unknown", after=side, stopped=True, pods=(), steps=())))
    assert "**What restarts:** nothing. What cannot be judged is not deployed, unless the stack says so with" in text
    assert "`pulumi config set allowUnknown true -s v100-2gpu`" in text
    assert "| left alone |" in text
    assert "**VRAM of each GPU before the change**, at its worst moment (decode)" in text
    assert "restarts (1 pod)" in comment(change(report(outcome="unknown", after=side)))


def test_what_would_settle_an_unknown_is_no_way_out() -> None:
    """It is said in its own words."""
    said = model.Said("vram-budget", "mandatory", "unknown", "m", "w", "What would settle it: a config.json.")
    text = comment(change(report(outcome="unknown", findings=(said,))))
    assert "\n\nWhat would settle it: a config.json.\n" in text
    assert "Way out" not in text


def test_a_first_deployment_is_not_called_a_restart() -> None:
    """Where nothing was compared, nothing restarts."""
    pods = (model.Pods("Deployment", "tgi", "starts", 1, is_server=True),)
    text = comment(change(report(against="nothing", before=None, pods=pods)))
    assert "**What a first deployment starts**" in text
    assert "restarts" not in text


def test_bad_input_is_listed() -> None:
    """Faults of a stack file, and faults of the whole."""
    side = model.Side("Pulumi.a.yaml", faults=("Pulumi.a.yaml:3: modle: unknown setting. Did you mean model?",))
    text = comment(change(report(outcome="failed", after=side)))
    assert "- Pulumi.a.yaml:3: modle: unknown setting. Did you mean model?" in text
    assert "VRAM" not in text
    whole = comment(change(faults=("--base nowhere: no branch, tag or commit of this name here",)))
    assert "## voltaic preview: not previewed\n\n- --base nowhere: no branch" in whole.replace("\\", "")


@given(CHANGES)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_input_makes_it_long_or_breaks_it(found: model.Change) -> None:
    """Below the limit, with our folds alone as HTML, every fold closed, and our headings alone."""
    text = comment(found)
    assert len(text.encode("utf-16-le")) // 2 <= LONGEST
    first, *pieces = html(text)
    assert first.startswith(marker(found.project))
    tags = [piece for piece in pieces if piece not in {"<code>", "</code>"}]
    assert all(FOLD.fullmatch(piece) or piece == "</details>\n" for piece in tags)
    opened = [piece.startswith("<details>") for piece in tags]
    assert opened == [True, False] * (len(tags) // 2)
    heads = headings(text)
    assert heads[0].startswith("voltaic preview: ")
    assert all(head.startswith("Stack ") for head in heads[1:])
    assert len(heads) <= 1 + len(found.reports)


def test_what_is_cut_is_said_and_the_verdict_stays() -> None:
    """The parts go in the stated order; a line says which went, and where all of it is."""
    said = model.Said("vram-budget", "mandatory", "violation", "m" * 3000, "w" * 3000, "f" * 3000)
    steps = tuple(model.Step("create", f"urn::{number}", "t" * 70, paths=("p" * 100,) * 8) for number in range(300))
    messages = (model.Message("error", "e" * 2000),) * 20
    large = report(outcome="refuse", findings=(said,) * 12, steps=steps, messages=messages)
    text = comment(change(*(replace(large, stack=f"s{number}") for number in range(9))))
    assert len(text) <= LONGEST
    last = text.rstrip().rpartition("\n")[2]
    assert last.startswith(
        "Left out to stay below 60,000 characters: messages of the run (9 stacks); properties of the"
    )
    told = re.findall(r"([a-z][a-z ]+) \(\d+ stacks?\)", last)
    assert told == [kind for kind in CUT_ORDER if kind in told]
    assert text.count("| **refused** |") == 9
    assert "`vram-budget`" in text


def test_the_order_of_the_documentation_is_that_of_the_code() -> None:
    """What goes first is stated for users as it is done."""
    page = (Path(__file__).parents[2] / "docs/how-to/pull-requests.md").read_text(encoding="utf-8")
    assert ", ".join(CUT_ORDER) in " ".join(page.split())


def test_a_small_comment_is_whole() -> None:
    """Nothing is left out of what fits."""
    assert "Left out" not in comment(change(report()))


def test_thousands_of_stacks_still_have_their_verdicts_counted() -> None:
    """The table has the worst first, and counts the rest."""
    reports = [report(stack=f"stack-{number}") for number in range(3000)]
    text = comment(change(*reports, report(stack="bad", outcome="refuse")))
    assert len(text) <= LONGEST
    assert text.index("`bad`") < text.index("`stack-0`")
    assert re.search(r"And [\d,]+ accepted\.", text)
    assert "The 50 stacks with the worst verdicts are told of one by one." in text


def test_names_are_shown_as_they_are() -> None:
    """A model's name is code: nothing in it is formatted."""
    text = comment(change(report(settings=(model.Setting("model", MISTRAL, "a|b`c"),))))
    assert f"| `model` | `{MISTRAL}` | <code>a&#124;b&#96;c</code> |" in text
    assert LLAMA_13B in text

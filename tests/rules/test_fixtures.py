"""Every rule in what people write: manifests that it accepts, and manifests that it alone refuses, for one reason.

A folder of tests/rules/fixtures belongs to the rule of that id. The first line of a refused manifest is
`# says: …`, words of its finding; the manifest has this one finding and no other. An accepted one has none. Where a
rule speaks only about what no verdict is known of, a second line `# beside: …` names the verdict's rules that say so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document
from voltaic.rules import catalogue

if TYPE_CHECKING:
    from voltaic.rules.rule import Rule

FIXTURES = Path(__file__).parent / "fixtures"
SAYS = "# says: "
BESIDE = "# beside: "


def _checked(path: Path) -> list[checking.Said]:
    documents = [
        Document(path.name, number, content) for number, content in enumerate(load_documents(path.read_text()), 1)
    ]
    checked = checking.check(documents)
    pods = [one.workload.pod for one in checked if one.workload.pod is not None]
    assert any(view.role != "other" for pod in pods for view in pod.containers), (
        "no server and no page is recognised, so that nothing is asked"
    )
    return [said for one in checked for said in one.said]


@pytest.mark.parametrize("rule", catalogue.manifest_rules(), ids=lambda rule: rule.id)
def test_every_rule_has_manifests_on_both_sides(rule: Rule[Any]) -> None:
    """A rule that has no manifest which it accepts, or none which it refuses, is not shown to work."""
    for side in ("accepted", "refused"):
        assert list((FIXTURES / rule.id / side).glob("*.yaml")), (
            f"tests/rules/fixtures/{rule.id}/{side} has no manifest"
        )


def test_every_folder_belongs_to_a_rule() -> None:
    """A folder that no rule has is left over from a rule that was renamed."""
    known = {rule.id for rule in catalogue.catalogue()} | {"baseline"}
    assert {folder.name for folder in FIXTURES.iterdir() if folder.is_dir()} <= known


@pytest.mark.parametrize(
    "path",
    sorted([*FIXTURES.glob("*/accepted/*.yaml"), *FIXTURES.glob("baseline/*.yaml")]),
    ids=lambda path: f"{path.parent.parent.name}-{path.stem}",
)
def test_accepted_manifests_have_no_finding(path: Path) -> None:
    """Nothing is said about a manifest that is in order."""
    assert [(said.finding.rule, said.finding.message) for said in _checked(path)] == []


@pytest.mark.parametrize(
    "path", sorted(FIXTURES.glob("*/refused/*.yaml")), ids=lambda path: f"{path.parent.parent.name}-{path.stem}"
)
def test_refused_manifests_have_one_finding(path: Path) -> None:
    """A manifest that is wrong in one way has one finding, of the rule that knows why, in the words named."""
    line, second, *_ = path.read_text().splitlines()
    assert line.startswith(SAYS), line
    beside = second.removeprefix(BESIDE).split() if second.startswith(BESIDE) else []
    told = [said.finding for said in _checked(path)]
    unknown = {finding.rule for finding in told if finding.rule in beside and finding.outcome == "unknown"}
    found = [(finding.rule, finding.message) for finding in told if finding.rule not in unknown]
    assert unknown == set(beside)
    assert [rule for rule, _ in found] == [path.parent.parent.name], found
    assert line.removeprefix(SAYS) in found[0][1]

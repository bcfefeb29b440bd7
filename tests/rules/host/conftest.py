"""What tests of rules about the node share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document

if TYPE_CHECKING:
    from collections.abc import Callable

BASELINES = Path(__file__).parents[1] / "fixtures" / "baseline"


@pytest.fixture
def said() -> Callable[..., list[str]]:
    """Return what a rule says of a baseline after a change of its pod and of its first container."""

    def messages(rule: str, baseline: str, edit: Callable[[Any, Any], object], *others: Any) -> list[str]:
        content = load_documents((BASELINES / f"{baseline}.yaml").read_text())[0]
        pod = content["spec"]["template"]["spec"]
        edit(pod, pod["containers"][0])
        documents = [Document("m.yaml", number, one) for number, one in enumerate((content, *others), 1)]
        checked = checking.check(documents)
        return [one.finding.message for found in checked for one in found.said if one.finding.rule == rule]

    return messages

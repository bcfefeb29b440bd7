"""What tests of rules about the life of a server share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document, workloads
from voltaic.manifests.views import Objects

if TYPE_CHECKING:
    from voltaic.findings import Finding

BASELINES = Path(__file__).parents[1] / "fixtures" / "baseline"


class Lab:
    """Manifests to change, and what the rules then say of them."""

    def baseline(self, name: str) -> Any:
        """Return the manifest of this name that nothing is said about."""
        return load_documents((BASELINES / f"{name}.yaml").read_text())[0]

    def server(self, content: Any) -> Any:
        """Return the first container of a manifest."""
        return content["spec"]["template"]["spec"]["containers"][0]

    def beside(self, kind: str, spec: Any, *, name: str = "llm", namespace: str | None = "team-a") -> dict[str, Any]:
        """Return another object of the same input."""
        metadata = {"name": name} | ({} if namespace is None else {"namespace": namespace})
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}

    def findings(self, rule: str, content: Any, *others: Any, timeout: int | None = None) -> list[Finding]:
        """Return what a rule finds in a manifest, with other objects beside it."""
        documents = [Document("m.yaml", number, one) for number, one in enumerate((content, *others), 1)]
        found = checking.of_workloads(workloads(documents), Objects.of(documents), timeout_seconds=timeout)
        return [one.finding for checked in found for one in checked.said if one.finding.rule == rule]

    def said(self, rule: str, content: Any, *others: Any, timeout: int | None = None) -> list[str]:
        """Return the messages of `findings`."""
        return [finding.message for finding in self.findings(rule, content, *others, timeout=timeout)]

    def finding(self, rule: str, content: Any, *others: Any, timeout: int | None = None) -> Finding:
        """Return the one of `findings`."""
        (found,) = self.findings(rule, content, *others, timeout=timeout)
        return found


@pytest.fixture
def lab() -> Lab:
    """Return what changes manifests and asks the rules."""
    return Lab()

"""What the judge says of the workload that failed: the same rules as before an apply, asked of what really runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from voltaic import checking
from voltaic.doctor.states import objects
from voltaic.manifests import Document
from voltaic.manifests.kinds import kind_of
from voltaic.manifests.plain import at, items, text
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.checking import Checked
    from voltaic.doctor.evidence import About, Evidence
    from voltaic.findings import Finding
    from voltaic.manifests.views import Container
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

FILE: Final = "cluster"
"""Name that the documents of a cluster are judged under."""


@dataclass(frozen=True)
class Judged:
    """The workloads of some evidence, each as the judge sees it; judged when it is first asked for."""

    evidence: Evidence

    def server(self, about: About) -> Checked | None:
        """Return the workload that a fact is about: the one that holds its pod, else the only one that serves."""
        owners = set(self._owners(about))
        named = [each for each in self.checked if (each.workload.kind, each.workload.name) in owners]
        served = [each for each in named or self._alone() if each.verdict is not None or each.asked]
        of_container = [each for each in served if about.container and each.workload.container == about.container]
        return next(iter(of_container or served), None)

    def verdict(self, about: About) -> Verdict | None:
        """Return the verdict on what a fact is about; of a stack by its settings, so that ways out are settings too."""
        found = self.server(about)
        if found is None or found.verdict is None:
            return self._of_stack
        stack = self._of_stack
        alike = stack is not None and stack.spec.model.id == found.verdict.spec.model.id
        return stack if alike else found.verdict

    def spec(self, about: About) -> ServingSpec | None:
        """Return what is served there."""
        verdict = self.verdict(about)
        return None if verdict is None else verdict.spec

    def container(self, about: About) -> Container | None:
        """Return the container that a fact is about, as the rules read it."""
        found = self.server(about)
        if found is None:
            return None
        pod = found.workload.pod
        if about.container is not None and pod is not None:
            return next((view for view in pod.containers if view.name == about.container), found.workload.view)
        return found.workload.view

    def findings(self, about: About, rules: tuple[str, ...]) -> Iterator[Finding]:
        """Yield what these rules find in what a fact is about, each once."""
        seen: set[str] = set()
        found = self.server(about)
        said = () if found is None else found.said
        stack = self._of_stack
        answers = (*(one.finding for one in said), *(stack.findings if stack is not None else ()))
        for finding in answers:
            if finding.rule in rules and finding.outcome == "violation" and finding.rule not in seen:
                seen.add(finding.rule)
                yield finding

    def again(self, found: Checked, change: Any) -> Checked | None:
        """Return what is said of a workload once its object was changed; None where it cannot be.

        Args:
            found: the workload.
            change: takes a deep copy of the object, and changes it.
        """
        import copy  # noqa: PLC0415  only a way out is tried

        place = found.workload.document - 1
        documents = [copy.deepcopy(each) if number == place else each for number, each in enumerate(self._documents)]
        change(documents[place])
        checked = self._check(documents)
        workload = found.workload
        same = (each for each in checked if each.workload.document == workload.document)
        return next((each for each in same if each.workload.container == workload.container), None)

    @cached_property
    def checked(self) -> tuple[Checked, ...]:
        """All workloads; a pod only where what holds it is not among the objects."""
        return self._check(self._documents)

    @cached_property
    def _documents(self) -> list[dict[str, Any]]:
        found = objects(self.evidence.objects)
        holders = {(each["kind"], at(each, "metadata", "name")) for each in found}
        kept = []
        for each in found:
            owners = {
                (at(owner, "kind"), at(owner, "name")) for owner in items(at(each, "metadata", "ownerReferences"))
            }
            if each["kind"] != "Event" and not (
                owners & holders and kind_of(each["kind"], text(each.get("apiVersion")))
            ):
                kept.append(each)
        return kept

    @cached_property
    def _of_stack(self) -> Verdict | None:
        stack = self.evidence.stack
        return None if stack is None or stack.spec is None else judge(stack.spec)

    def _check(self, documents: list[dict[str, Any]]) -> tuple[Checked, ...]:
        numbered = [Document(FILE, number, each) for number, each in enumerate(documents, 1)]
        return checking.check(numbered, profile=self.evidence.profile)

    def _alone(self) -> list[Checked]:
        served = [each for each in self.checked if each.verdict is not None]
        return served if len(served) == 1 else []

    def _owners(self, about: About) -> Iterator[tuple[str, str]]:
        """Yield an object and all that it belongs to, from the inside out."""
        known: Mapping[tuple[str, str], Any] = {
            (each["kind"], at(each, "metadata", "name")): each for each in objects(self.evidence.objects)
        }
        asked, seen = (about.kind, about.name), set()
        while asked not in seen:
            seen.add(asked)
            yield asked
            owner = next(iter(items(at(known.get(asked), "metadata", "ownerReferences"))), None)
            kind, name = text(at(owner, "kind")), text(at(owner, "name"))
            if kind and name:
                asked = (kind, name)

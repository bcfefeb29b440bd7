"""Is a server that ends given time for the answers that run?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs
from voltaic.engines import pods
from voltaic.findings import Finding, Source
from voltaic.rules.lifecycle import _rollout
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "termination-grace"
_SOURCES: Final = (
    Source(
        "kubernetes.io, Pod Lifecycle, Termination of Pods: 30 s where nothing is said; a preStop hook "
        "counts within them"
    ),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the kill comes before an answer could end for which the engine itself waits."""
    pod, spec = subject.pod, subject.spec
    facts = None if spec is None else pods.served(spec.release.engine)
    grace, (hook, _) = _rollout.grace(pod), _rollout.pre_stop(subject.container.content.get("lifecycle"))
    if spec is None or facts is None or facts.drain is None or grace is None or hook >= grace:
        return
    longest = host_needs.longest_answer(spec)
    if longest is None:
        return
    wanted, left = min(facts.drain, longest.value), grace - hook
    if left >= wanted:
        return
    before = f", of which the preStop hook takes {hook} s" if hook else ""
    yield Finding(
        rule=ID,
        message=(
            f"The pod has {grace} s to end{before}; the longest answer takes at least {longest.value} s: "
            f"{longest.because}."
        ),
        why=f"{facts.title} waits up to {facts.drain} s for answers that run; the kubelet kills it before.",
        fix=f"Set terminationGracePeriodSeconds: {facts.drain + 30 + hook}.",
        sources=(facts.source, host_needs.source("decode"), *_SOURCES),
        path=f"{pod.path}.terminationGracePeriodSeconds" if "terminationGracePeriodSeconds" in pod.spec else pod.path,
    )


RULE: Final = Rule(
    id=ID,
    title="Is a server that ends given time for the answers that run?",
    why="At every update and every drain of a node, answers are cut off that the engine itself would have finished.",
    check=check,
    about="server",
    foreign="advisory",
    fix="Set terminationGracePeriodSeconds above the engine's own drain and the preStop hook.",
    sources=_SOURCES,
)

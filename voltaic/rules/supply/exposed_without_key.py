"""Is a server that others may reach asked for by key?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines import api_keys
from voltaic.findings import Finding, Source
from voltaic.manifests.exposure import ways_in
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.api_keys import ApiKey
    from voltaic.manifests.variables import Variables
    from voltaic.manifests.views import Subject
    from voltaic.spec import ServingSpec

ID: Final = "exposed-without-key"
_SOURCES: Final = (Source("Kubernetes documentation, Service types and Ingress: reachable from outside the cluster"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where requests come in from outside the cluster and nobody asks who sends them."""
    spec = subject.spec
    facts = None if spec is None else api_keys.api_key(spec.release.engine)
    if spec is None or facts is None:
        return
    told = _server.told(subject)
    names = [name for name in told.values if told.sets(name)]
    if api_keys.asks(spec, names, whole=told.whole) is not False:
        return
    ways = [way for way in ways_in(subject.pod, subject.container, subject.others) if not way.guarded]
    if not ways:
        return
    doors = dict.fromkeys(str(way) for way in ways)
    leads = " and ".join(doors)
    yield Finding(
        rule=ID,
        message=f"{leads} {'leads' if len(doors) == 1 else 'lead'} to {spec.release}, {_found(spec, facts, told)}; "
        "wanted is a key, or something before it that asks who comes.",
        why="Whoever finds the address uses the GPU, reads what the server reports, and fills its queue.",
        fix=_fix(spec, facts),
        sources=(facts.source, *_SOURCES),
        path=subject.container.path,
    )


def _found(spec: ServingSpec, facts: ApiKey, told: Variables) -> str:
    ignored = [name for name in facts.ignored if told.sets(name)]
    if ignored:
        return f"which does not read {' and '.join(ignored)} and asks for no key"
    return "which asks for no key" if _can(spec) else "which cannot ask for a key"


def _can(spec: ServingSpec) -> bool:
    return api_keys.can_ask(spec.release.engine, spec.release.version) is not False


def _fix(spec: ServingSpec, facts: ApiKey) -> str:
    before = "Put authentication before it (annotations of the Ingress, a policy of the gateway), or a Service of type "
    before += "ClusterIP with port-forward in place of the way in."
    if not _can(spec):
        return before
    stated = f"the variable {facts.variables[0]}" if facts.variables else facts.flag
    return f"Set {stated} from a Secret ({facts.open} still answer without it). Or: {before[:1].lower()}{before[1:]}"


RULE: Final = Rule(
    id=ID,
    title="Is a server that others may reach asked for by key?",
    why="An engine without a key answers whoever reaches it; behind an Ingress or a load balancer that is everybody.",
    check=check,
    about="server",
    foreign="advisory",
    whole_input=True,
    fix="Set the engine's key from a Secret, or authenticate before the server.",
    sources=_SOURCES,
)

"""Is the startup probe patient enough for the load?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from voltaic import host_needs
from voltaic.findings import Finding
from voltaic.rules.host import _volumes
from voltaic.rules.lifecycle import _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "startup-budget"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the startup probe gives up before a fast line and a fast disk could bring the weights."""
    spec, probe = subject.spec, _probes.probe(subject.container, "startupProbe")
    if spec is None or probe is None or probe.budget is None:
        return
    place = _volumes.weights(subject)
    downloads = place is not None and (place.mount is None or place.goes_with_the_pod)
    least, usual = host_needs.start(spec, downloads=downloads), host_needs.usual_start(spec)
    if least is None or probe.budget >= least.value:
        return
    period = probe.number("periodSeconds") or 10
    wanted = math.ceil((usual or least.value) * 2 / period)
    yield Finding(
        rule=ID,
        message=(
            f"The startupProbe gives up after {probe.budget} s; a start takes {least.value} s at least: "
            f"{least.because}."
        ),
        why="The kubelet ends the server while it loads, and starts it again, for ever.",
        fix=f"Set failureThreshold: {wanted} at periodSeconds: {period}, which leaves time for a slower line and disk.",
        sources=(host_needs.source("start"),),
        path=probe.path,
    )


RULE: Final = Rule(
    id=ID,
    title="Is the startup probe patient enough for the load?",
    why="A probe that gives up before the weights are read ends the server at every start.",
    check=check,
    about="server",
    foreign="advisory",
    fix="Set failureThreshold x periodSeconds to twice the time of download, load and warm-up.",
    sources=(host_needs.source("start"),),
)

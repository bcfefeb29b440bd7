"""Does Pulumi wait as long as a start may take?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.documents import joined
from voltaic.manifests.plain import at, mapping, whole
from voltaic.rules.lifecycle import _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "pulumi-timeout"
_SOURCES: Final = (Source("pulumi-kubernetes v4.25.0 provider/pkg/metadata/annotations.go: timeoutSeconds, skipAwait"),)
_WAIT: Final = "pulumi.com/timeoutSeconds"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where Pulumi gives up on an object whose pods still have time to start."""
    pod, probe = subject.pod, _probes.probe(subject.container, "startupProbe")
    notes = mapping(at(pod.holder.content, "metadata", "annotations"))
    if probe is None or probe.budget is None or notes.get("pulumi.com/skipAwait") == "true":
        return
    seconds = subject.timeout_seconds if subject.timeout_seconds is not None else whole(notes.get(_WAIT))
    if not seconds or seconds >= probe.budget:
        return
    custom = subject.timeout_seconds is not None
    yield Finding(
        rule=ID,
        message=(
            f"Pulumi waits {seconds} s for it ({'customTimeouts' if custom else _WAIT}); the startupProbe gives a "
            f"start {probe.budget} s."
        ),
        why="The update fails while the server still loads, and the next one finds a state that nobody expects.",
        fix=f"Set {'customTimeouts.create and update' if custom else _WAIT} to more than {probe.budget} s.",
        sources=_SOURCES,
        path=None if custom else joined(pod.holder.path, "metadata", "annotations"),
    )


RULE: Final = Rule(
    id=ID,
    title="Does Pulumi wait as long as a start may take?",
    why="A time-out below the startup probe's patience fails an update that would have succeeded.",
    check=check,
    about="server",
    foreign="advisory",
    fix="Set the time-out above progressDeadlineSeconds, and that above the startup probe's budget.",
    sources=_SOURCES,
)

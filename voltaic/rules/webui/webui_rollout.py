"""Does a new pod wait until the old one let go of the data?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, mapping, text
from voltaic.rules.rule import Rule
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-rollout"
_SOURCES: Final = (
    Source("kubernetes.io, Deployments: maxSurge is 25 % by default, at least one pod"),
    Source("https://github.com/open-webui/helm-charts/issues/173 and 205", "reported"),
)


_ONE_NODE: Final = {"ReadWriteOnce", "ReadWriteOncePod"}


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a change of the pod brings two pages onto one volume."""
    page = Page(subject)
    strategy = mapping(at(page.pod.holder.content, "spec", "strategy"))
    rolling = page.pod.holder.kind == "Deployment" and strategy.get("type", "RollingUpdate") == "RollingUpdate"
    surge = at(strategy, "rollingUpdate", "maxSurge")
    volume, _ = page.data_volume
    if not rolling or surge in (0, "0", "0%") or (page.pod.replicas or 0) != 1 or "persistentVolumeClaim" not in volume:
        return
    modes = {text(mode) for mode in items((page.claim() or {}).get("accessModes"))}
    if page.database == "sqlite":
        why = (
            "Until the old pod ends two processes write one SQLite database; on another node the new one waits for the "
        )
        why += "volume for ever."
    elif page.database == "other" and modes and modes <= _ONE_NODE:
        why = "A new pod on another node waits for the volume, which the old one keeps until the new one is ready."
    else:
        return
    yield Finding(
        rule=ID,
        message="The strategy is RollingUpdate, and the page's data lie on one volume; wanted is Recreate.",
        why=why,
        fix=f"Set {page.pod.object_path}.strategy: {{type: Recreate}}",
        sources=_SOURCES,
        path=f"{page.pod.object_path}.strategy" if strategy else page.pod.object_path,
    )


RULE: Final = Rule(
    id=ID,
    title="Does a new pod wait until the old one let go of the data?",
    why="A rolling update starts the new page before the old one ends: two processes on one database and one volume.",
    check=check,
    about="page",
    foreign="advisory",
    whole_input=True,
    fix="Set strategy: {type: Recreate}.",
    sources=_SOURCES,
)

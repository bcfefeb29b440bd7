"""Does the server's image start as the user that the pod names?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.tgi.deployment import deployment
from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at
from voltaic.rules.rule import Rule
from voltaic.rules.supply._pod_controls import needs_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "image-user"
_SOURCES: Final = (
    Source("TGI v3.1.1 to v3.3.4 Dockerfile: LD_LIBRARY_PATH=/root/.local/share/uv/python"),
    Source("https://github.com/huggingface/text-generation-inference/issues/3082", "reported"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a server that only root can start runs as another user."""
    container, pod = subject.container, subject.pod
    image = container.image
    if image is None or image.repository != "text-generation-inference" or not needs_root(container):
        return
    for owner, path in ((container.content, container.path), (pod.spec, pod.path)):
        for key in ("runAsUser", "runAsNonRoot"):
            stated = at(owner, "securityContext", key)
            if stated is None:
                continue
            if stated in (0, False):
                return
            yield Finding(
                rule=ID,
                message=f"{key} is {str(stated).lower()} for TGI {image.version}, whose image starts as root alone; "
                "wanted is root, or an older release.",
                why=f"As another user it does not start, since {deployment(image.version).root_because}.",
                fix="Use TGI 3.1.0 or older, which runs as any user; or take runAsUser and runAsNonRoot away.",
                sources=_SOURCES,
                path=f"{path}.securityContext.{key}",
            )
            return


RULE: Final = Rule(
    id=ID,
    title="Does the server's image start as the user that the pod names?",
    why="Some images keep libraries where only root may read: as another user they end before anything is loaded.",
    check=check,
    about="server",
    foreign="advisory",
    fix="Use a release that runs as any user, or run this one as root.",
    sources=_SOURCES,
)

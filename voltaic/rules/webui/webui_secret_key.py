"""Do logins outlive the pod?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at
from voltaic.rules.rule import Rule
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-secret-key"
_SOURCES: Final = (
    Source("open-webui backend/start.sh: .webui_secret_key beside the program"),
    Source("https://github.com/open-webui/open-webui/issues/26662", "reported"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the key that signs logins is made anew with each pod."""
    page = Page(subject)
    if not page.settings.lacks("WEBUI_SECRET_KEY", "WEBUI_JWT_SECRET_KEY", "WEBUI_SECRET_KEY_FILE"):
        return
    user = at(page.container.content, "securityContext", "runAsUser") or at(
        page.pod.spec, "securityContext", "runAsUser"
    )
    why = "It is written into the container, not to the volume: each new pod logs everybody out, and tokens that it "
    why += "stored cannot be read again."
    if user:
        why += f" As user {user} writing it may fail, which ends the start."
    yield Finding(
        rule=ID,
        message="WEBUI_SECRET_KEY is not set; wanted is a random value from a Secret.",
        why=why,
        fix="Add WEBUI_SECRET_KEY with valueFrom: {secretKeyRef: {name: SECRET, key: KEY}}",
        sources=_SOURCES,
        path=page.env,
    )


RULE: Final = Rule(
    id=ID,
    title="Do logins outlive the pod?",
    why="Without a key of its own the page makes one inside the container, where it ends with the pod.",
    check=check,
    about="page",
    foreign="advisory",
    fix="Give WEBUI_SECRET_KEY from a Secret.",
    sources=_SOURCES,
)

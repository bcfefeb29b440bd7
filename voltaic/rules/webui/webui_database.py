"""Does the database lie on storage that locks files?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, text
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-database"
_SOURCES: Final = (
    _facts.source("network-volumes"),
    Source("https://github.com/open-webui/helm-charts/issues/98", "reported"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where SQLite lies on a file system over the network."""
    page = Page(subject)
    if page.database != "sqlite":
        return
    found = _over_network(page)
    if found is None:
        return
    yield Finding(
        rule=ID,
        message=f"SQLite lies on {found}; wanted is a block volume with ReadWriteOnce, or PostgreSQL.",
        why="Locks of files do not hold over the network: the database locks up, or is damaged, and chats are lost.",
        fix="Set storageClassName to a class of block or local volumes, or DATABASE_URL from a Secret",
        sources=_SOURCES,
        path=page.data_volume[1] or page.container.path,
    )


def _over_network(page: Page) -> str | None:
    """Return what the data lie on, where that is a file system over the network."""
    facts = _facts.facts()["network-volumes"]
    volume, _ = page.data_volume
    kind = next((kind for kind in facts["volumes"] if kind in volume), None)
    if kind is not None:
        return f"a volume of kind {kind}"
    driver = text(at(volume, "csi", "driver")) or ""
    if any(known in driver for known in facts["drivers"]):
        return f"a volume of the driver {driver}"
    claim = page.claim()
    if claim is None:
        return None
    name = text(claim.get("storageClassName"))
    shared = [mode for mode in items(claim.get("accessModes")) if mode == "ReadWriteMany"]
    if shared:
        return "a claim with ReadWriteMany, which is a file system over the network"
    made = page.beside("StorageClass", name, None)
    provisioner = text(at(None if made is None else made.content, "provisioner")) or ""
    if name is not None and (re.fullmatch(facts["classes"], name) or any(k in provisioner for k in facts["drivers"])):
        return f"a claim of the storage class {name}"
    return None


RULE: Final = Rule(
    id=ID,
    title="Does the database lie on storage that locks files?",
    why="SQLite on a file system over the network loses chats: its locks do not hold there.",
    check=check,
    about="page",
    foreign="advisory",
    whole_input=True,
    fix="Use a block volume that one node mounts, or PostgreSQL through DATABASE_URL.",
    sources=_SOURCES,
)

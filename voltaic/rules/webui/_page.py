"""A chat page as its rules read it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from voltaic.engines.versions import parse_version
from voltaic.manifests.plain import at, items, mapping, text
from voltaic.rules.webui import _facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.versions import Version
    from voltaic.manifests.documents import Object
    from voltaic.manifests.variables import Variables
    from voltaic.manifests.views import Container, Pod, Subject

URLS, URL = "OPENAI_API_BASE_URLS", "OPENAI_API_BASE_URL"
KEYS = ("OPENAI_API_KEY", "OPENAI_API_KEYS")
OLLAMA = ("OLLAMA_BASE_URL", "OLLAMA_BASE_URLS", "OLLAMA_API_BASE_URL")
Database = Literal["sqlite", "other"]


@dataclass(frozen=True)
class Page:
    """One container that is a chat page."""

    subject: Subject

    @property
    def container(self) -> Container:
        """The container."""
        return self.subject.container

    @property
    def pod(self) -> Pod:
        """Its pod."""
        return self.subject.pod

    @cached_property
    def settings(self) -> Variables:
        """Its variables, as far as the input tells; a command of its own may set others."""
        found = self.subject.variables
        return found if self.started_by_image else replace(found, whole=False)

    @property
    def release(self) -> Version | None:
        """The release that the image's tag names."""
        return parse_version(None if self.container.image is None else self.container.image.version)

    def beside(self, kind: str, name: str | None, namespace: str | None) -> Object | None:
        """Return the object of the input that the pod means by a name; None where there is none, or no single one."""
        document = self.pod.holder.document
        return self.subject.others.beside(kind, name, namespace=namespace, document=document)

    @property
    def env(self) -> str:
        """Field of the document under which its variables stand."""
        return f"{self.container.path}.env"

    def place(self, *names: str) -> str:
        """Return the field that sets the first of these variables that is set; else the container's `env`."""
        return next((self.settings.paths[name] for name in names if name in self.settings.paths), self.env)

    @property
    def started_by_image(self) -> bool:
        """Whether the image's own start script runs, whose port and defaults are known."""
        return not items(self.container.content.get("command")) and not items(self.container.content.get("args"))

    @property
    def port(self) -> int | None:
        """The port that it listens on; None where that is not known."""
        facts = _facts.facts()["port"]
        name = facts["variable"]
        if not self.started_by_image or (not self.settings.lacks(name) and self.settings.text(name) is None):
            return None
        stated = self.settings.text(name)
        if stated is None:
            return int(facts["number"])
        return int(stated) if stated.isascii() and stated.isdigit() else None

    @property
    def database(self) -> Database | None:
        """What chats are kept in; None where that is not known."""
        url = self.settings.text("DATABASE_URL")
        if url is not None:
            return "sqlite" if url.startswith("sqlite") else "other"
        others = _facts.facts()["database"]["variables"]
        return "sqlite" if self.settings.lacks("DATABASE_URL", *others) else None

    @property
    def data_directory(self) -> str | None:
        """Where its data lie; None where that is not known."""
        facts = _facts.facts()["data"]
        if self.settings.lacks(facts["variable"]):
            return str(facts["directory"])
        return self.settings.text(facts["variable"])

    @property
    def data_mount(self) -> dict[str, Any] | None:
        """The mount that its data lie on; None: they lie in the container, or that is not known."""
        directory = self.data_directory
        return None if directory is None else self.container.mounted_at(directory)

    @property
    def data_volume(self) -> tuple[dict[str, Any], str]:
        """The volume that its data lie on, with its field; empty where it is not one of the pod's own."""
        mount = self.data_mount
        return self.pod.volumes.get(str(None if mount is None else mount.get("name")), ({}, ""))

    @property
    def keeps_data(self) -> bool:
        """Whether what it writes outlives the pod, for certain."""
        volume, _ = self.data_volume
        claimed = self.data_mount is not None and not volume  # by a claim template of the object
        return claimed or "persistentVolumeClaim" in volume or self.database == "other"

    def claim(self) -> dict[str, Any] | None:
        """Return the specification of the claim that its data lie on; None where the input does not have it."""
        volume, _ = self.data_volume
        name = text(at(volume, "persistentVolumeClaim", "claimName"))
        if name is not None:
            found = self.beside("PersistentVolumeClaim", name, self.pod.namespace)
            return None if found is None else mapping(found.content.get("spec"))
        wanted = None if self.data_mount is None or volume else self.data_mount.get("name")
        templates = items(at(self.pod.holder.content, "spec", "volumeClaimTemplates"))
        return next((mapping(at(one, "spec")) for one in templates if at(one, "metadata", "name") == wanted), None)

    def urls(self) -> Iterator[tuple[str, str]]:
        """Yield the variable and each address of an OpenAI-compatible API that is known."""
        if self.settings.sets(URLS):
            listed = self.settings.text(URLS) or ""
            yield from ((URLS, one.strip()) for one in listed.split(";") if one.strip())
        elif self.settings.text(URL) is not None:
            yield URL, self.settings.text(URL) or ""

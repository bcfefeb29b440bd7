"""What was read of one server, or of one object that runs none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voltaic.manifests.containers import option_names
from voltaic.manifests.documents import joined
from voltaic.manifests.places import Place
from voltaic.manifests.plain import at

if TYPE_CHECKING:
    from voltaic.manifests.variables import Variables
    from voltaic.manifests.views import Container, Pod
    from voltaic.manifests.words import Word
    from voltaic.spec import ServingSpec


@dataclass(frozen=True, slots=True)
class Workload:
    """An object that holds a pod, and what it serves."""

    file: str
    document: int
    """Position of the document in its file, from 1."""
    kind: str
    name: str | None
    container: str | None
    """The container that serves; None where none does."""
    recognised: str | None
    """The engine; None where it is none that is known, or no server."""
    spec: ServingSpec | None
    """What is judged; None where `recognised` is None."""
    reason: str | None = None
    """Why it was not recognised, where that is not obvious."""
    pod: Pod | None = None
    """The pod as the rules read it; None for what is no Kubernetes object, such as a stack file."""
    view: Container | None = None
    """The container as the rules read it; None where `container` is None."""
    part: str | None = None
    """Which of several pods of the object it is: `leader`; None where it has one."""
    words: tuple[Word, ...] = ()
    """What the launcher gets, with the field of each word."""
    variables: Variables | None = None
    """The container's variables."""

    def place(self, about: str | None = None) -> Place:
        """Return where a reader looks for an option or a variable: where it is set, else the container.

        Args:
            about: option, variable, or field of the container (`resources.limits`); None: the container.
        """
        path = self._path(about) if about else None
        if path is None and about and self.variables is not None and about in self.variables.places:
            return self.variables.places[about]
        return Place(self.file, self.document, path or self._own())

    def _own(self) -> str:
        if self.view is not None:
            return self.view.path
        return "" if self.pod is None else self.pod.holder.template_path or self.pod.holder.path

    def _path(self, about: str) -> str | None:
        """Return the field of this document that sets something; None where none does."""
        wanted = set(option_names(about)) | {f"--{about}", f"--{about.replace('_', '-')}"}
        for word in self.words:
            if word.path is not None and not wanted.isdisjoint(option_names(word.written)):
                return word.path
        if self.variables is not None and about in self.variables.paths and about not in self.variables.places:
            return self.variables.paths[about]
        return None if self.view is None else self._field(self.view, about)

    @staticmethod
    def _field(view: Container, about: str) -> str | None:
        """Return the deepest part of a container's field that is written."""
        found: str | None = None
        steps = about.split(".")
        for count in range(1, len(steps) + 1):
            if at(view.content, *steps[:count]) is None:
                break
            found = joined(view.path, *steps[:count])
        return found

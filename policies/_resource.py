"""One resource of a Pulumi program, and what kind of Kubernetes object it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from policies import _properties
from voltaic.manifests import Document
from voltaic.manifests.documents import holds_pods
from voltaic.manifests.plain import at, text

if TYPE_CHECKING:
    from pulumi.runtime.proto.analyzer_pb2 import AnalyzeRequest, AnalyzerResource

    from policies._properties import Properties

COMPONENT: Final = "voltaic:index:TGIServer"
"""Type of our own server; it registers with the serving spec as its properties, before any child exists."""
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
"""Type of a chart that the provider installs as a whole: its objects never come by."""

_TYPE: Final = re.compile(r"kubernetes:(?P<version>[^:]+):(?P<kind>[A-Za-z0-9]+)")
_OURS: Final = re.compile(r"[:$]voltaic:index:[A-Za-z]+\$")
"""A component of ours among the ancestors that a URN names."""
_UNTYPED: Final = "CustomResource"
"""Kind in the type of an object whose own kind stands among its properties alone."""
_PATCH: Final = "Patch"
"""Ending of the kinds that change part of an object which somebody else made."""


class Kind(NamedTuple):
    """What a type says of an object."""

    api_version: str
    """As a manifest writes it: `apps/v1`, `v1`."""
    name: str
    patch: bool = False
    """Whether it is part of an object whose rest is not in the program."""


@lru_cache(maxsize=512)
def kind_of(resource_type: str) -> Kind | None:
    """Return the kind of a Kubernetes type, `kubernetes:apps/v1:Deployment`; None for every other type."""
    match = _TYPE.fullmatch(resource_type)
    if match is None:
        return None
    name = match["kind"]
    patch = name.endswith(_PATCH) and name != _PATCH
    return Kind(match["version"].removeprefix("core/"), name.removesuffix(_PATCH) if patch else name, patch)


@lru_cache(maxsize=512)
def is_judged(resource_type: str) -> bool:
    """Return whether something may be said of a resource of this type when it is registered."""
    if resource_type in {COMPONENT, RELEASE}:
        return True
    kind = kind_of(resource_type)
    return kind is not None and (kind.name == _UNTYPED or _may_hold_pods(kind.api_version, kind.name))


def _may_hold_pods(api_version: str, kind: str) -> bool:
    return kind.endswith("List") or holds_pods(kind, api_version)


@dataclass(frozen=True)
class Resource:
    """A resource as the engine sends it: its inputs while it is registered, its outputs once the program has run."""

    type: str
    urn: str
    properties: Properties
    timeout_seconds: int | None = None
    """How long Pulumi waits for it, where the program says so."""

    @classmethod
    def of(cls, sent: AnalyzeRequest | AnalyzerResource) -> Resource:
        """Return what the engine sent."""
        timeouts = sent.options.customTimeouts
        stated = [seconds for seconds in (timeouts.create, timeouts.update) if seconds > 0]
        return cls(sent.type, sent.urn, _properties.read(sent.properties), int(min(stated)) if stated else None)

    @property
    def ours(self) -> bool:
        """Whether a component of ours made it."""
        return _OURS.search(self.urn) is not None

    @property
    def server_of_ours(self) -> bool:
        """Whether our own server made it."""
        return f"{COMPONENT}$" in self.urn

    @cached_property
    def kind(self) -> Kind | None:
        """Its kind, where it is a Kubernetes object."""
        kind = kind_of(self.type)
        if kind is None or kind.name != _UNTYPED:
            return kind
        values = self.properties.values
        return Kind(text(at(values, "apiVersion")) or "", text(at(values, "kind")) or "", kind.patch)

    @property
    def may_hold_pods(self) -> bool:
        """Whether it is a Kubernetes object that may hold a pod."""
        return self.kind is not None and _may_hold_pods(self.kind.api_version, self.kind.name)

    @cached_property
    def document(self) -> Document:
        """The object as a manifest, under its URN."""
        kind = self.kind or Kind("", "")
        stated = {"apiVersion": kind.api_version, "kind": kind.name}
        return Document(self.urn, 1, {**self.properties.values, **stated})

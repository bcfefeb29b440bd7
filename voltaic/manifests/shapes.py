"""Pods in objects of kinds that are not known here, recognised by their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic.manifests.documents import PodObject, joined
from voltaic.manifests.kinds import OWN_GROUPS, kind_of
from voltaic.manifests.plain import at, items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.documents import Object

DEEPEST: Final = 12
MOST: Final = 2_000
"""Values of one object that are looked at: the largest objects are definitions of kinds, which hold no pods."""
_NONE_HERE: Final = frozenset({"CustomResourceDefinition", "ConfigMap", "Secret", "APIService"})


def shaped(one: Object) -> Iterator[PodObject]:
    """Yield the pods of an object whose kind is not known here: whatever has containers with images in a list.

    Its controller may change anything, so that each is partial, and how many of them serve together is not known.
    """
    version = text(one.content.get("apiVersion"))
    if version is None or version.rpartition("/")[0] in OWN_GROUPS or one.kind in _NONE_HERE:
        return
    if kind_of(one.kind, version) is not None:
        return
    if not _has_containers(one.content):
        return
    reason = f"what its controller makes of a {one.kind} is not known here"
    for content, parent, path, parent_path in _pods(one.content, one.path):
        templated = parent is not None and parent.get("spec") is content
        yield PodObject(
            one.document,
            one.kind,
            one.name,
            one.content,
            mapping(parent if templated else content),
            one.path,
            parent_path if templated else path,
            inline=not templated,
            part=path,
            group=None,
            partial=reason,
            replicas=at(one.content, "spec", "replicas"),
        )


def _has_containers(content: Any) -> bool:
    """Return whether containers are spoken of at all, which most objects of kinds that are not known do not."""
    waiting, seen = [content], 0
    while waiting and seen < MOST:
        value = waiting.pop()
        if isinstance(value, dict):
            if "containers" in value:
                return True
            waiting.extend(value.values())
            seen += len(value)
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
            seen += len(value)
    return False


def _pods(content: Any, path: str) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None, str, str]]:
    """Yield what looks like a pod's specification, with what holds it, and the fields of both."""
    waiting: list[tuple[Any, dict[str, Any] | None, str, str, int]] = [(content, None, path, path, 0)]
    seen = 0
    while waiting and seen < MOST:
        value, parent, where, above, depth = waiting.pop()
        seen += 1
        if isinstance(value, dict):
            if any(text(at(entry, "image")) for entry in items(value.get("containers"))):
                yield value, parent, where, above
            elif depth < DEEPEST:
                named = [(key, inner) for key, inner in value.items() if isinstance(key, str)]
                waiting += [(inner, value, joined(where, key), where, depth + 1) for key, inner in reversed(named)]
        elif isinstance(value, (list, tuple)) and depth < DEEPEST:
            entries = [(inner, None, f"{where}[{index}]", where, depth + 1) for index, inner in enumerate(value)]
            waiting += entries[::-1]

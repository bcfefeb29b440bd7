"""A context taken over from one kubeconfig into another, which keeps its order, comments and other contexts. Pure."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cli.cluster import credentials
from cli.cluster.kubeconfig import text_of
from voltaic.hidden import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from cli.cluster.kubeconfig import Access

FILES = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
}
"""Fields that name files, which are relative to the kubeconfig that they stand in."""
OPEN = frozenset({"server", "namespace", "cluster", "user", "tls-server-name", "insecure-skip-tls-verify", "proxy-url"})
"""Fields whose values may be shown; all others may hold secrets, or are long."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge would do."""

    document: Any
    """The kubeconfig after it, as ruamel has it."""
    context: str
    """Name that the context has in it."""
    changes: tuple[str, ...]
    """What differs, a line each; empty where nothing does."""
    kept: tuple[str, ...]
    """Other contexts, which stay as they are."""
    current: str | None
    """The current context before it."""

    @property
    def undo(self) -> str:
        """What to type to be where one was."""
        back = f"kubectl config use-context {self.current}" if self.current in self.kept else ""
        gone = f"kubectl config delete-context {self.context}"
        return " && ".join(command for command in (back, gone) if command)


def merge(existing: Any, incoming: Access, *, name: str | None, namespace: str | None, use: bool) -> Merge:
    """Return a kubeconfig with a context of another one in it.

    An entry of the same name is replaced where it stands for the same cluster, as after a new login. One that stands
    for another cluster keeps its name, and the new one gets a longer one.

    Args:
        existing: the kubeconfig, as ruamel loads it; None: there is none yet.
        incoming: what is taken over.
        name: name for its context; None: its own.
        namespace: namespace for its context; None: its own.
        use: whether it becomes the current context.
    """
    document = copy.deepcopy(existing) if existing else _empty()
    for key, value in _empty().items():
        document.setdefault(key, value)
        if document[key] is None:
            document[key] = value
    changes: list[str] = []
    contexts = _listed(document, "contexts")
    host = urlsplit(incoming.server).hostname or "cluster"

    def same_cluster(context: str) -> bool:
        entry = _named(contexts, context, "context")
        server = text_of(_named(_listed(document, "clusters"), text_of(entry, "cluster") or "", "cluster"), "server")
        return not server or server.rstrip("/") == incoming.server

    chosen = name or incoming.context
    wanted = chosen if name else _free(chosen, host, lambda taken: not same_cluster(taken), contexts)
    before = _named(contexts, wanted, "context")
    others = {entry["name"]: entry.get("context") or {} for entry in contexts if entry.get("name") != wanted}
    used = {kind: {text_of(entry, kind) for entry in others.values()} for kind in ("cluster", "user")}

    def place(kind: str, own: str, value: Mapping[str, Any], folder: Path) -> str:
        entries = _listed(document, f"{kind}s")
        value = _absolute(kind, value, folder)

        def clashes(taken: str) -> bool:
            there = _named(entries, taken, kind)
            alike = dict(there) == value
            if kind == "cluster":
                alike = alike or text_of(there, "server") == value.get("server")
            return not alike and taken in used[kind]

        title = _free(own, host, clashes, entries)
        changes.extend(_differences(kind, title, _named(entries, title, kind), value))
        _put(entries, title, kind, value)
        return title

    cluster = place("cluster", incoming.cluster_name, incoming.cluster, incoming.cluster_folder)
    user = place("user", incoming.user_name, incoming.user, incoming.user_folder)
    space = namespace or incoming.namespace or text_of(before, "namespace")
    entry = {"cluster": cluster, "user": user} | ({"namespace": space} if space else {})
    changes[:0] = _differences("context", wanted, before, entry)
    _put(contexts, wanted, "context", {**before, **entry})
    current = text_of(document, "current-context")
    if use and current != wanted:
        changes.append(f"~ current context: {current or 'none'} → {wanted}")
        document["current-context"] = wanted
    return Merge(document, wanted, tuple(changes), tuple(sorted(others)), current)


def _empty() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": [], "current-context": ""}


def _listed(document: Any, plural: str) -> list[Any]:
    found: list[Any] = document[plural]
    return found


def _named(entries: list[Any], name: str, kind: str) -> Mapping[str, Any]:
    found = next((entry.get(kind) for entry in entries if isinstance(entry, dict) and entry.get("name") == name), None)
    return found if isinstance(found, dict) else {}


def _free(name: str, host: str, clashes: Callable[[str], bool], entries: list[Any]) -> str:
    """Return a name that does not stand for something else already."""
    taken = {entry.get("name") for entry in entries if isinstance(entry, dict)}
    candidates = (name, f"{name}-{host}", *(f"{name}-{host}-{number}" for number in range(2, len(taken) + 3)))
    return next(found for found in candidates if found not in taken or not clashes(found))


def _put(entries: list[Any], name: str, kind: str, value: Mapping[str, Any]) -> None:
    """Put an entry in its place, changed in place so that comments beside it stay."""
    for entry in entries:
        if isinstance(entry, dict) and entry.get("name") == name:
            there = entry.get(kind)
            if not isinstance(there, dict):
                entry[kind] = dict(value)
                return
            for key in [key for key in there if key not in value]:
                del there[key]
            for key, found in value.items():
                if there.get(key) != found:
                    there[key] = found
            return
    entries.append({"name": name, kind: dict(value)})


def _absolute(kind: str, value: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return an entry whose files are found from anywhere."""
    found = copy.deepcopy(dict(value))
    for key in FILES[kind]:
        if path := text_of(found, key):
            found[key] = str((folder / path).absolute())
    plugin = found.get("exec")
    command = text_of(plugin, "command") if isinstance(plugin, dict) else None
    if command and "/" in command:
        plugin["command"] = str((folder / command).absolute())  # type: ignore[index]  # a dictionary: it has a command
    return found


def _differences(kind: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs between two entries, without secrets."""
    if not before:
        told = ", ".join(f"{key} {_shown(kind, key, after)}" for key in after)
        yield f"+ {kind} {name}: {told or 'empty'}"
        return
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) == after.get(key):
            continue
        if key not in after:
            yield f"- {kind} {name}: {key} {_shown(kind, key, before)}"
        elif key not in before:
            yield f"+ {kind} {name}: {key} {_shown(kind, key, after)}"
        else:
            yield f"~ {kind} {name}: {key} {_shown(kind, key, before)} → {_shown(kind, key, after)}"


def _shown(kind: str, key: str, entry: Mapping[str, Any]) -> str:
    """Return what may be shown of a field: plain ones, paths, programs, and when a login ends."""
    value = entry[key]
    if key in OPEN or key in FILES.get(kind, ()):
        return str(value)
    if key in {"certificate-authority-data", "client-certificate-data"}:
        return f"({len(str(value))} characters)"
    if key == "exec" and isinstance(value, dict):
        from pathlib import Path

        return f"runs: {' '.join(credentials.of_user({'exec': dict(value)}, Path()).plugin)}"
    ends = credentials.moment(credentials.claims(str(value)).get("exp")) if key == "token" else None
    return f"{HIDDEN}, ends {ends:%Y-%m-%d %H:%M} UTC" if ends else HIDDEN

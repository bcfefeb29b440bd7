"""Kubeconfigs as kubectl reads them: several files, the first that has a name wins. The cluster is not asked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GIVEN = "Set KUBECONFIG to the file that your cluster's administrator gave you, or check it with: voltaic login FILE"


@dataclass(frozen=True, slots=True)
class File:
    """One kubeconfig."""

    path: Path
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Access:
    """What one context leads to."""

    context: str
    namespace: str | None
    """Namespace of the context; None where it names none."""
    server: str
    """Address of the API server: `https://host:6443`."""
    cluster_name: str
    user_name: str
    files: tuple[Path, ...]
    cluster: Mapping[str, Any] = field(repr=False)
    """The cluster's entry."""
    user: Mapping[str, Any] = field(repr=False)
    """The user's entry; holds secrets."""
    cluster_folder: Path = field(default_factory=Path)
    """Paths in the cluster's entry are relative to it."""
    user_folder: Path = field(default_factory=Path)


def paths(kubeconfig: str | Path | None = None, environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Return the files that are looked for: the one given, else those of KUBECONFIG, else `~/.kube/config`."""
    if kubeconfig is not None:
        return [Path(kubeconfig).expanduser()]
    named = [Path(text).expanduser() for text in environment.get("KUBECONFIG", "").split(os.pathsep) if text]
    return named or [Path(environment.get("HOME") or Path.home()) / ".kube" / "config"]


def read(files: Sequence[Path]) -> list[File]:
    """Return those of the files that exist.

    Raises:
        ClusterError: none exists, or one cannot be read.
    """
    found = [File(path, document(path)) for path in files if path.exists()]
    if not found:
        looked = ", ".join(map(str, files))
        raise ClusterError("no-kubeconfig", f"There is no kubeconfig: {looked} does not exist.", f"{GIVEN}.")
    return found


def document(path: Path) -> Mapping[str, Any]:
    """Return what one kubeconfig holds.

    Raises:
        ClusterError: it cannot be read, or is no kubeconfig.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ClusterError("bad-kubeconfig", f"The kubeconfig {path} cannot be read: {why}.", f"{GIVEN}.") from None
    return parse(text, str(path))


def parse(text: str, where: str) -> Mapping[str, Any]:
    """Return the kubeconfig in a text; an empty text is an empty one.

    Raises:
        ClusterError: it is none.
    """
    import yaml

    try:
        loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  the safe one, in C
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""  # never the text itself: it may hold a token
        raise ClusterError("bad-kubeconfig", f"{where} is no kubeconfig: not YAML{line}.", f"{GIVEN}.") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        what = "a list" if isinstance(loaded, list) else "plain text"
        raise ClusterError("bad-kubeconfig", f"{where} is no kubeconfig: it holds {what}.", f"{GIVEN}.")
    return loaded


def entries(files: Sequence[File], plural: str, singular: str) -> dict[str, tuple[Path, Mapping[str, Any]]]:
    """Return the entries of one kind by name, with the folder of their file; the first file that has a name wins."""
    found: dict[str, tuple[Path, Mapping[str, Any]]] = {}
    for file in files:
        listed = file.document.get(plural)
        for item in listed if isinstance(listed, list) else []:
            if isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get(singular), dict):
                found.setdefault(item["name"], (file.path.parent, item[singular]))
    return found


def current(files: Sequence[File]) -> str | None:
    """Return the name of the current context: that of the first file which names one."""
    return next((name for file in files if (name := text_of(file.document, "current-context"))), None)


def access(files: Sequence[File], context: str | None = None) -> Access:
    """Return what a context leads to.

    Args:
        files: kubeconfigs, the most important first.
        context: its name; None: the current one.

    Raises:
        ClusterError: no such context, or it leads nowhere.
    """
    where = os.pathsep.join(str(file.path) for file in files)
    contexts = entries(files, "contexts", "context")
    name = context or current(files)
    if name is None and len(contexts) == 1:
        name = next(iter(contexts))
    listed = ", ".join(sorted(contexts)) or "none"
    if name is None:
        raise ClusterError(
            "no-context", f"{where} names no current context; it has: {listed}.", "Name one with --context NAME."
        )
    if name not in contexts:
        close = get_close_matches(name, contexts, n=1)
        fix = f"Did you mean --context {close[0]}?" if close else "Name another with --context NAME."
        raise ClusterError("no-context", f"{where} has no context {name}; it has: {listed}.", fix)
    _, entry = contexts[name]
    cluster_name, user_name = text_of(entry, "cluster") or "", text_of(entry, "user") or ""
    folder, cluster = _entry(files, "cluster", cluster_name, name)
    server = text_of(cluster, "server")
    if server is None:
        raise ClusterError("bad-kubeconfig", f"The cluster {cluster_name} in {where} has no server address.", GIVEN)
    user_folder, user = _entry(files, "user", user_name, name)
    return Access(
        context=name,
        namespace=text_of(entry, "namespace"),
        server=server.rstrip("/") if "//" in server else f"https://{server}",
        cluster_name=cluster_name,
        user_name=user_name,
        files=tuple(file.path for file in files),
        cluster=cluster,
        user=user,
        cluster_folder=folder,
        user_folder=user_folder,
    )


def _entry(files: Sequence[File], kind: str, name: str, context: str) -> tuple[Path, Mapping[str, Any]]:
    found = entries(files, f"{kind}s", kind)
    if name not in found:
        said = f"names the {kind} {name!r}, which is not there" if name else f"names no {kind}"
        where = os.pathsep.join(str(file.path) for file in files)
        raise ClusterError("bad-kubeconfig", f"The context {context} in {where} {said}.", f"{GIVEN}.")
    return found[name]


def text_of(mapping: Mapping[str, Any], key: str) -> str | None:
    """Return a text that is not empty; None for anything else."""
    value = mapping.get(key)
    return value if isinstance(value, str) and value else None

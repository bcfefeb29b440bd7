"""Which stack a command is about, and where that stack lives, read from files alone: Pulumi is not asked."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic import kubernetes_names

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml")
STACK_VARIABLE = "PULUMI_STACK"


class NoStack(ValueError):  # noqa: N818  named for what it says
    """No stack can be told; the text says why and what to type."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack by its file."""

    name: str
    project: str
    file: Path
    values: Mapping[str, Any] = field(repr=False)
    """Settings by key, without the project's name; encrypted ones are left out."""
    secrets: frozenset[str] = frozenset()
    """Keys of settings that are encrypted."""

    @property
    def context(self) -> str | None:
        """Context of the kubeconfig that it names."""
        return _text(self.values.get("context"))

    @property
    def namespace(self) -> str | None:
        """Namespace that it names."""
        return _text(self.values.get("namespace"))

    @property
    def labels(self) -> dict[str, str]:
        """Labels that select everything of this stack in its namespace."""
        return kubernetes_names.of_stack(self.name)


def project(folder: Path | None = None) -> Path | None:
    """Return the project file of a folder, or of the nearest one above it; None where there is none."""
    start = (folder or Path.cwd()).absolute()
    places = (place / name for place in (start, *start.parents) for name in PROJECT_FILES)
    return next((place for place in places if place.is_file()), None)


def names(folder: Path | None = None) -> list[str]:
    """Return the names of the stacks that have a file beside the project file, sorted."""
    found = project(folder)
    if found is None:
        return []
    files = (path for pattern in ("Pulumi.*.yaml", "Pulumi.*.yml") for path in found.parent.glob(pattern))
    return sorted({path.name.removeprefix("Pulumi.").rpartition(".")[0] for path in files})


def chosen(name: str | None = None, folder: Path | None = None, environment: Mapping[str, str] = os.environ) -> Stack:
    """Return the stack that a command is about.

    Args:
        name: of `--stack`; None: PULUMI_STACK, else the one that `pulumi stack select` chose, else the only one.
        folder: where to look for the project; None: here.
        environment: environment variables.

    Raises:
        NoStack: none or several come into question, or there is no file of this name.
    """
    found = project(folder)
    if found is None:
        raise NoStack(
            "there is no Pulumi.yaml here or above: run it in the project's folder, or make a stack: voltaic init"
        )
    known = names(folder)
    listed = ", ".join(known) or "none"
    asked = name or environment.get(STACK_VARIABLE) or selected(found, environment)
    if asked is None and len(known) == 1:
        asked = known[0]
    if asked is None:
        raise NoStack(
            f"no stack is selected; there are: {listed}. Name one with --stack NAME, "
            "or choose it for good with: pulumi stack select NAME"
        )
    short = asked.rpartition("/")[2]  # organization/project/stack, as some backends name it
    if short not in known:
        close = get_close_matches(short, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {listed}."
        raise NoStack(f"there is no Pulumi.{short}.yaml beside {found}; {hint}")
    file = next(place for ending in ("yaml", "yml") if (place := found.with_name(f"Pulumi.{short}.{ending}")).is_file())
    title = _text(_mapping(found).get("name")) or found.parent.name
    plain, secrets = _values(file, title)
    return Stack(short, title, file, plain, secrets)


def selected(project_file: Path, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the stack that `pulumi stack select` chose for a project; None where none was.

    Pulumi keeps it in its home, under the project's name and the digest of its file's path (pulumi 3.259
    sdk/go/common/workspace/workspace.go).
    """
    home = Path(environment.get("PULUMI_HOME") or Path(environment.get("HOME") or Path.home()) / ".pulumi")
    digest = hashlib.sha1(str(project_file).encode(), usedforsecurity=False).hexdigest()
    title = _text(_mapping(project_file).get("name")) or ""
    try:
        found = json.loads((home / "workspaces" / f"{title}-{digest}-workspace.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return _text(found.get("stack")) if isinstance(found, dict) else None


def completed(incomplete: str) -> list[str]:
    """Return stack names for the shell."""
    return [name for name in names() if name.startswith(incomplete)]


def _values(file: Path, title: str) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the plain settings of a stack file, and the keys of those that are encrypted."""
    config = _mapping(file).get("config")
    prefix = f"{title}:"
    stated = {
        str(key).removeprefix(prefix): value
        for key, value in (config if isinstance(config, dict) else {}).items()
        if str(key).startswith(prefix)
    }
    secrets = frozenset(key for key, value in stated.items() if isinstance(value, dict) and set(value) == {"secure"})
    return {key: value for key, value in stated.items() if key not in secrets}, secrets


def _mapping(file: Path) -> Mapping[str, Any]:
    import yaml

    try:
        found = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, UnicodeDecodeError) as error:
        raise NoStack(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise NoStack(f"{file}{f', line {mark.line + 1}' if mark else ''}: not YAML") from None
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) and value else None

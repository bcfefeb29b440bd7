"""A place of its own for each preview: links to the program, a copy of the stack file, and a state where none is read.

Pulumi writes while it previews: salt into stack files, selections into its home, metadata into a backend. Here it finds
copies. Nothing outside the place is written, and the place is gone afterwards.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import yaml

from cli.pull_request.project import is_encrypted
from cli.pull_request.sides import stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.pull_request.project import Project, StackFile

_NOT_LINKED: Final = frozenset({".git", ".voltaic"})
_OF_SECRETS: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")
"""Keys of a stack file that say how its secrets are encrypted."""
NO_CLUSTER: Final = "no-cluster"
"""Name of a kubeconfig that is never there."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder in which Pulumi may write."""

    folder: Path
    """The project as Pulumi finds it."""
    env: dict[str, str]
    """Environment of Pulumi in it."""
    stack: str
    ephemeral: bool
    """Whether the state is one that was made for this preview, and is empty."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Stand-ins for the encrypted values of the stack file, by full key: to be encrypted anew."""


@contextmanager
def place(project: Project, file: StackFile, stack: str, env: Mapping[str, str], *, ephemeral: bool) -> Iterator[Place]:
    """Yield a place for one preview.

    Args:
        project: the project; only read.
        file: the stack file to preview; its text is copied.
        stack: name of the stack.
        env: environment with Pulumi in it.
        ephemeral: whether to preview against an empty state, without a cluster and without the user's passphrase.
    """
    with tempfile.TemporaryDirectory(prefix="voltaic-preview-", ignore_cleanup_errors=True) as made:
        base = Path(made).resolve()
        folder = _linked(project, base / "tree")
        if ephemeral:
            found, secrets = _without_secrets(file)
            (folder / file.name).write_text(found, encoding="utf-8")
            home = _home(base, env)
            yield Place(folder, _ephemeral(env, base, home), stack.rpartition("/")[2], ephemeral=True, secrets=secrets)
        else:
            (folder / file.name).write_text(file.text, encoding="utf-8")
            yield Place(folder, _own(env, project), stack, ephemeral=False)


def _linked(project: Project, tree: Path) -> Path:
    """Return a folder with links to all that lies beside Pulumi.yaml, but for stack files.

    What lies above is there as well, up to the top of the repository, and the folder above the project at least: a
    program may name `../.venv` or a module of a neighbour.
    """
    root = project.root.resolve()
    above = [root.parent]
    while not (above[-1] / ".git").exists() and above[-1] != above[-1].parent:
        above.append(above[-1].parent)
    if not (above[-1] / ".git").exists():
        above = above[:1]
    folder, tops = tree, [*reversed(above), root]
    for top, below in zip(tops, [*tops[1:], None], strict=True):
        folder.mkdir()
        for entry in _entries(top):
            stack_file = top == root and entry.name.startswith("Pulumi.") and entry.name != "Pulumi.yaml"
            if entry.name not in _NOT_LINKED and entry != below and not stack_file:
                (folder / entry.name).symlink_to(entry)
        folder = folder if below is None else folder / below.name
    return folder


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # what is above a project may be closed; then it is not needed either
        return []


def _home(base: Path, env: Mapping[str, str]) -> Path:
    """Make a home for Pulumi with the user's plugins and nothing else of his: no login, no selections."""
    home = base / "home"
    home.mkdir()
    plugins = home_of(env) / "plugins"
    if plugins.is_dir():
        (home / "plugins").symlink_to(plugins)
    return home


def home_of(env: Mapping[str, str]) -> Path:
    """Return Pulumi's home."""
    return Path(env["PULUMI_HOME"]) if env.get("PULUMI_HOME") else Path(env.get("HOME") or Path.home()) / ".pulumi"


def _ephemeral(env: Mapping[str, str], base: Path, home: Path) -> dict[str, str]:
    state = base / "state"
    state.mkdir()
    without = ("PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_CONFIG")
    kept = {name: value for name, value in env.items() if name not in without}
    return kept | {
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "KUBECONFIG": str(base / NO_CLUSTER),
    }


def _own(env: Mapping[str, str], project: Project) -> dict[str, str]:
    """Return the user's environment, with a backend that is relative to his folder made absolute."""
    url = backend_of(project, env)
    return {**env, "PULUMI_BACKEND_URL": url} if url is not None and url.startswith("file://") else dict(env)


def backend_of(project: Project, env: Mapping[str, str]) -> str | None:
    """Return the backend that the user has configured, a local one as an absolute address; None where there is none."""
    stated = project.settings.get("backend")
    url = env.get("PULUMI_BACKEND_URL") or (stated.get("url") if isinstance(stated, dict) else None) or _login(env)
    if not isinstance(url, str) or not url:
        return "https://api.pulumi.com" if env.get("PULUMI_ACCESS_TOKEN") else None
    return f"file://{local_path(url, env)}" if url.startswith("file://") else url


def local_path(url: str, env: Mapping[str, str]) -> Path:
    """Return the folder of a local backend; a relative one is one of the working directory, as Pulumi has it."""
    path = url.removeprefix("file://")
    if path.startswith("~"):
        path = (env.get("HOME") or str(Path.home())) + path[1:]
    return Path.cwd() / urlsplit(path).path


def _login(env: Mapping[str, str]) -> str | None:
    """Return the backend that `pulumi login` wrote down; the credentials beside it are not used."""
    import json

    try:
        stored = json.loads((home_of(env) / "credentials.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    current = stored.get("current") if isinstance(stored, dict) else None
    return current if isinstance(current, str) else None


def state_file(url: str, project: Project, stack: str, env: Mapping[str, str]) -> Path | None:
    """Return the state of a stack in a local backend; None where it has none there."""
    folder = local_path(url, env) / ".pulumi" / "stacks" / project.name
    name = stack.rpartition("/")[2]
    return next((path for end in (".json", ".json.gz") if (path := folder / f"{name}{end}").is_file()), None)


def _without_secrets(file: StackFile) -> tuple[str, dict[str, str]]:
    """Return the text of a stack file without what only its passphrase opens, and the keys that have to be set anew."""
    content: dict[str, Any] = {key: value for key, value in file.content.items() if key not in _OF_SECRETS}
    secrets = {key: stand_in(key) for key, value in file.config.items() if is_encrypted(value)}
    config = {key: _opened(value) for key, value in file.config.items() if key not in secrets}
    if "config" in content:
        content["config"] = config
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True), secrets


def _opened(value: Any) -> Any:
    """Return a value with stand-ins for what is encrypted within it."""
    if is_encrypted(value):
        return stand_in("")
    if isinstance(value, dict):
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value

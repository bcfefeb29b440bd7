"""The tools of a checkout: found, built where need be, and linked into one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.setup import build, files, modules, official, processes
from toolchain.setup.console import Step, note
from toolchain.setup.layout import go_platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolchain.setup.layout import Layout

#: Folder of the provider in a Pulumi home.
_PLUGIN = f"resource-kubernetes-v{modules.PROVIDER_VERSION}"
#: Seconds that an installed Pulumi may take to fetch the provider (50 MB).
_FETCH_LIMIT = 300.0


@dataclass(frozen=True)
class Tools:
    """What a checkout works with.

    Attributes:
        links: name of a tool → its path.
        provider: the provider's binary; None if Pulumi has put it into the checkout's own plugin folder itself.
        bundled_host: whether Pulumi has its Python host beside it, so that another one on PATH must not be taken.
        tests: folder of the built Go tests, or None with an installed Pulumi.
    """

    links: dict[str, Path]
    provider: Path | None
    bundled_host: bool
    tests: Path | None


def ensure(layout: Layout, environ: Mapping[str, str]) -> Tools:
    """Find or build every tool and put links and plugin in place.

    Raises:
        SetupError: if a tool can neither be found nor built.
    """
    pulumi = official.find(layout, environ)
    provider = official.cached_plugin(environ, layout, _PLUGIN, modules.PROVIDER_BINARY)
    fetched = provider is None and pulumi is not None and _fetch_provider(pulumi, layout, environ)
    recipes = [modules.CLUSTER]
    if pulumi is None:
        recipes.append(modules.PULUMI)
    if provider is None and not fetched:
        recipes.append(modules.PROVIDER)
    places = build.ensure(recipes, layout, environ)

    links = {name: places[modules.CLUSTER.name] / "bin" / name for name in modules.CLUSTER.binaries}
    if pulumi is None:
        links["pulumi"] = places[modules.PULUMI.name] / "bin" / "pulumi"
    else:
        links["pulumi"] = Path(pulumi.path)
    if modules.PROVIDER.name in places:
        provider = places[modules.PROVIDER.name] / "bin" / modules.PROVIDER_BINARY
    tests = places[modules.PULUMI.name] / "test" if pulumi is None else None
    found = Tools(links, provider, pulumi is None or pulumi.host_beside, tests)
    _place(found, layout)
    return found


def _place(tools: Tools, layout: Layout) -> None:
    """Make the links, and remove those that lead to what is used no longer."""
    wanted = dict(tools.links)
    tests = layout.own / "go-tests"
    if tools.tests is not None:
        files.link(tests, tools.tests)
    else:
        files.remove(tests)
    for old in layout.bin.glob("[!.]*") if layout.bin.is_dir() else ():  # hidden: a link that another set-up is making
        if old.name not in wanted:
            files.remove(old)
    for name, target in wanted.items():
        files.link(layout.bin / name, target)
    if tools.provider is not None:
        # Pulumi takes a folder for a plugin only if it is a real one; the binary in it may be a link.
        files.link(layout.pulumi_home / "plugins" / _PLUGIN / modules.PROVIDER_BINARY, tools.provider)


def _fetch_provider(pulumi: official.Pulumi, layout: Layout, environ: Mapping[str, str]) -> bool:
    """Let an installed Pulumi fetch the provider's release into the checkout, which takes seconds, not minutes."""
    plugin = layout.pulumi_home / "plugins" / _PLUGIN / modules.PROVIDER_BINARY
    if plugin.exists() and not plugin.is_symlink():
        return True
    if modules.installed(modules.PROVIDER, layout, go_platform()).is_dir():
        return False
    step = Step("Kubernetes provider")
    step.show("fetching the release")
    quiet = {**environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_HOME": str(layout.pulumi_home)}
    command = [pulumi.path, "plugin", "install", "resource", "kubernetes", modules.PROVIDER_VERSION]
    try:
        processes.output(command, environ=quiet, folder=layout.root, timeout=_FETCH_LIMIT)
    except processes.ProgramError as error:
        step.abandon()
        note(
            f"the provider's release cannot be fetched ({error.tail[-1] if error.tail else error}): it is built instead"
        )
        return False
    step.end("fetched")
    return plugin.exists()

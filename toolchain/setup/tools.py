"""The tools of a checkout: found, built where need be, and linked into one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.setup import build, files, modules, official
from toolchain.setup.console import note
from toolchain.setup.layout import go_platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolchain.setup.layout import Layout

#: Folder of the provider in a Pulumi home.
_PLUGIN = f"resource-kubernetes-v{modules.PROVIDER_VERSION}"


@dataclass(frozen=True)
class Tools:
    """What a checkout works with.

    Attributes:
        links: name of a tool → its path.
        provider: the provider's binary.
        bundled_host: whether Pulumi has its Python host beside it, so that another one on PATH must not be taken.
        tests: folder of the built Go tests, or None with an installed Pulumi.
    """

    links: dict[str, Path]
    provider: Path
    bundled_host: bool
    tests: Path | None


def ensure(layout: Layout, environ: Mapping[str, str]) -> Tools:
    """Find or build every tool and put links and plugin in place.

    Raises:
        SetupError: if a tool can neither be found nor built.
    """
    pulumi = official.find(layout, environ)
    provider = official.cached_plugin(environ, layout, _PLUGIN, modules.PROVIDER_BINARY)
    if (
        provider is None
        and pulumi is not None
        and not modules.installed(modules.PROVIDER, layout, go_platform()).is_dir()
    ):
        # A release that Pulumi fetches itself has no hash that we could pin; the module has one.
        note(f"the Kubernetes provider {modules.PROVIDER_VERSION} is not in the plugin cache, so it is built;")
        note(f"this saves the minutes: pulumi plugin install resource kubernetes v{modules.PROVIDER_VERSION}")
    recipes = [modules.CLUSTER]
    if pulumi is None:
        recipes.append(modules.PULUMI)
    if provider is None:
        recipes.append(modules.PROVIDER)
    places = build.ensure(recipes, layout, environ)

    links = {name: places[modules.CLUSTER.name] / "bin" / name for name in modules.CLUSTER.binaries}
    if pulumi is None:
        links["pulumi"] = places[modules.PULUMI.name] / "bin" / "pulumi"
    else:
        links["pulumi"] = Path(pulumi.path)
    if provider is None:
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
    # Pulumi takes a folder for a plugin only if it is a real one; the binary in it may be a link.
    files.link(layout.pulumi_home / "plugins" / _PLUGIN / modules.PROVIDER_BINARY, tools.provider)

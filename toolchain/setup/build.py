"""Building the Go modules: once a machine and content, with progress, interruptible, and never half a result."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.setup import files, go, locks, modules, processes, uv
from toolchain.setup.console import Step, clock, note
from toolchain.setup.errors import SetupError
from toolchain.setup.layout import go_platform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolchain.setup.layout import Layout
    from toolchain.setup.modules import ModuleFile, Recipe

#: Disk space that building all three modules from nothing takes, in GB (measured: 12.4 of caches, 0.7 of results).
_SPACE_GB = 14
_TEMPORARY = ".building-"
#: Builds that no set-up has looked at for so long are removed when their module is built again: two weeks.
_UNUSED_SECONDS = 14 * 24 * 3600


def ensure(recipes: Sequence[Recipe], layout: Layout, environ: Mapping[str, str]) -> dict[str, Path]:
    """Return the folder with the finished build of each recipe, and build what is missing.

    Args:
        recipes: what is needed.
        layout: where the sources are and the results go.
        environ: VOLTAIC_KEEP_GO_CACHE=1 keeps Go's caches (13 GB) for the next build.

    Raises:
        SetupError: if something cannot be built.
    """
    platform = go_platform()
    places = {recipe.name: modules.installed(recipe, layout, platform) for recipe in recipes}
    for place in places.values():
        if place.is_dir():
            with contextlib.suppress(PermissionError):  # somebody else keeps this cache
                os.utime(place)  # in use
    if all(place.is_dir() for place in places.values()):
        return places
    with locks.exclusive(layout.cache / "toolchain.lock", "builds the tool chain"):
        missing = [recipe for recipe in recipes if not places[recipe.name].is_dir()]
        if missing:
            _build_all(missing, places, layout, environ, platform)
    return places


def _build_all(
    missing: Sequence[Recipe],
    places: Mapping[str, Path],
    layout: Layout,
    environ: Mapping[str, str],
    platform: tuple[str, str],
) -> None:
    """Build what is missing, while nobody else does."""
    layout.builds.mkdir(parents=True, exist_ok=True)
    for leftover in layout.builds.glob(f"{_TEMPORARY}*"):
        files.remove(leftover)
    files.remove(layout.go_caches / "tmp")
    _check_space(layout)
    (layout.go_caches / "tmp").mkdir(parents=True)
    settings = go.environment(layout, environ, platform)
    oldest = max(
        (modules.go_version((recipe.folder(layout) / "go.mod").read_text(encoding="utf-8")) for recipe in missing),
        key=lambda version: [int(part) for part in version.split(".")],
    )
    command = _find_go(layout, settings, oldest)
    note(
        f"building {', '.join(recipe.name for recipe in missing)} of the tool chain, once for all checkouts"
        " (all three take about 15 minutes on two processors; it can be stopped and goes on from there)"
    )
    for recipe in missing:
        Build(recipe, layout, settings, command).run(places[recipe.name])
        _remove_unused(places[recipe.name])
    if environ.get("VOLTAIC_KEEP_GO_CACHE") != "1":
        step = Step("Go's caches")
        step.show("removing")
        files.remove(layout.go_caches)
        step.end("removed")


def _remove_unused(place: Path) -> None:
    """Remove earlier builds of the same module that no checkout has asked for in a long time."""
    name = place.name.rpartition("-")[0]
    for other in place.parent.glob(f"{name}-*"):
        if other != place and time.time() - other.stat().st_mtime > _UNUSED_SECONDS:
            files.remove(other)


def _find_go(layout: Layout, settings: Mapping[str, str], oldest: str) -> str:
    return go.find(layout, settings, oldest, lambda: uv.find(layout, settings))


def _check_space(layout: Layout) -> None:
    """Refuse to begin what cannot be finished. What was begun earlier has most of the space already."""
    if layout.go_caches.exists():
        return
    free = shutil.disk_usage(layout.builds).free / 1e9
    if free < _SPACE_GB:
        raise SetupError(
            f"{layout.cache} has {free:.1f} GB free, but building the tool chain takes {_SPACE_GB} GB"
            " (0.7 GB when it is done); free some, or name another folder with VOLTAIC_CACHE"
        )


class Build:
    """One build of one module."""

    def __init__(self, recipe: Recipe, layout: Layout, settings: Mapping[str, str], go_command: str) -> None:
        self.recipe = recipe
        self.folder = recipe.folder(layout)
        self.layout = layout
        self.settings = settings
        nice = shutil.which("nice")
        self.go = [nice, "-n", "10", go_command] if nice else [go_command]
        self.step = Step(f"tool chain: {recipe.name}")

    def run(self, place: Path) -> None:
        """Build into a folder that appears at ``place`` only when everything in it is complete."""
        temporary = Path(tempfile.mkdtemp(dir=self.layout.builds, prefix=_TEMPORARY))
        try:
            self._compile(temporary)
            self._copy(temporary)
            record = {"go": go.version_of(self.go[-1], self.settings), "seconds": round(self.step.elapsed)}
            (temporary / "build.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
            temporary.chmod(0o755)
            temporary.rename(place)
        except processes.ProgramError as error:
            self.step.abandon()
            raise SetupError(self._explain(error)) from error
        except BaseException:
            self.step.abandon()
            raise
        finally:
            files.remove(temporary)
        self.step.end("built")

    def _compile(self, temporary: Path) -> None:
        """Fetch the modules, compile and link."""
        total = self._count_packages()
        overlay = temporary / "overlay.json"
        flags = [*modules.BUILD_FLAGS]
        if self.recipe.overlay:
            replaced = {
                str(self.folder / name): str(self._find(source)) for name, source in self.recipe.overlay.items()
            }
            overlay.write_text(json.dumps({"Replace": replaced}), encoding="utf-8")
            flags += ["-overlay", str(overlay)]
        go_mod = (self.folder / "go.mod").read_text(encoding="utf-8")
        link = ["-ldflags", modules.link_flags(self.recipe, go_mod)]
        binaries = temporary / "bin"
        binaries.mkdir()
        done = 0

        def count(line: str) -> None:
            nonlocal done
            if line and " " not in line:
                done += 1
                self.step.show(f"{done} of {total} packages compiled")

        self._go(["build", "-v", *flags, *link, "-o", f"{binaries}/", *self.recipe.packages], count)
        for package, name in self.recipe.packages.items():
            made = binaries / _default_name(package, go_mod)
            if made.name != name:
                made.rename(binaries / name)
        if self.recipe.tests:
            tests = temporary / "test" / f"{Path(self.recipe.tests).name}.test"
            self._go(["test", "-c", *flags, "-o", str(tests), self.recipe.tests], count)
        overlay.unlink(missing_ok=True)

    def _count_packages(self) -> int:
        """Return how many packages the build consists of; this fetches the modules that are not there yet."""
        packages = fetched = 0

        def count(line: str) -> None:
            nonlocal packages, fetched
            if line.startswith("go: downloading"):
                fetched += 1
            elif " " not in line:
                packages += 1
            self.step.show(f"{fetched} modules fetched")

        self.step.show("looking for modules", lasting=True)
        self._go(["list", "-deps", *self.recipe.packages], count)
        return packages

    def _copy(self, temporary: Path) -> None:
        """Copy the files of other modules that belong beside the binaries."""
        for source in self.recipe.copies:
            origin = self._find(source)
            copy = temporary / "bin" / origin.name
            shutil.copyfile(origin, copy)
            copy.chmod(0o755)

    def _find(self, source: ModuleFile) -> Path:
        """Return where a file of a required module lies."""
        command = [*self.go, "list", "-m", "-f", "{{.Dir}}", source.module]
        folder = processes.output(command, environ=self.settings, folder=self.folder).strip()
        return Path(folder) / source.path

    def _go(self, arguments: Sequence[str], line: Callable[[str], None]) -> None:
        processes.follow([*self.go, *arguments], line, environ=self.settings, folder=self.folder)

    def _explain(self, error: processes.ProgramError) -> str:
        """Say what a failed build printed, without the names of the packages that went well."""
        said = [text for text in error.tail if " " in text and not text.startswith("go: downloading")] or ["(nothing)"]
        text = "\n  ".join(said[-12:])
        advice = "run it again to go on where it stopped"
        if re.search(r"dial tcp|no such host|i/o timeout|connection refused|proxyconnect|TLS handshake", text):
            advice = (
                "the modules come through GOPROXY: mend the network or name a proxy that answers, then run it again"
            )
        elif "no space left" in text:
            advice = f"free about {_SPACE_GB} GB or name another folder with VOLTAIC_CACHE, then run it again"
        return f"building {self.recipe.name} failed after {clock(self.step.elapsed)}:\n  {text}\n{advice}"


def _default_name(package: str, go_mod: str) -> str:
    """Return the name that Go gives to a binary: the last part of the path that is no version."""
    if package == ".":
        match = re.search(r"^module (\S+)$", go_mod, flags=re.MULTILINE)
        package = match[1] if match else package
    parts = [part for part in package.split("/") if not re.fullmatch(r"v\d+", part)]
    return parts[-1]

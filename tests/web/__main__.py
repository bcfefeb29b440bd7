"""`make e2e-web`: the chat page for real, in a browser. Exit code 2: something that it needs cannot be had."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from tests.web import tools
from toolchain.setup import processes
from toolchain.setup.console import note
from toolchain.setup.errors import InterruptedBuildError, SetupError
from toolchain.setup.layout import find_layout

VARIABLE = "VOLTAIC_E2E_WEB"
"""What set-up found, as JSON, for the tests."""


def main(arguments: list[str]) -> int:
    """Install what is missing, run the tests, and say where the screenshots are."""
    layout = find_layout(os.environ)
    output = layout.own / "e2e-web"
    output.mkdir(parents=True, exist_ok=True)
    for old in output.iterdir():
        old.unlink()
    processes.stop_on_signals()
    try:
        found = tools.ensure(layout, os.environ)
    except (SetupError, OSError) as error:
        note(f"make e2e-web: {error}")
        return 2
    except InterruptedBuildError as stop:
        note("stopped; what is installed so far is kept")
        return 128 + stop.signum
    told = json.dumps({**asdict(found), "output": output}, default=str)
    command = [sys.executable, "-m", "pytest", str(Path(__file__).with_name("chat_in_browser.py")), "-v", "-rs"]
    # A session of its own: it hears of an interrupt once, from here, and then takes down what it has put up.
    child = subprocess.Popen(
        [*command, *arguments], env=os.environ | {VARIABLE: told}, cwd=layout.root, start_new_session=True
    )
    code = _wait(child)
    for path in sorted(output.iterdir()):
        note(f"{path.relative_to(layout.root)}")
    return code


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Return the exit code of the tests; when this is stopped, end them first."""
    try:
        return child.wait()
    except InterruptedBuildError as stop:
        note("stopping: the browser, the page and the cluster are taken down")
        child.send_signal(signal.SIGINT)
        while child.poll() is None:
            with contextlib.suppress(InterruptedBuildError):
                child.wait()
        return 128 + stop.signum


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

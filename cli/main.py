"""The `voltaic` command: how it starts, and how it ends."""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from cli import overview
from cli.output import INTERNAL, INTERRUPTED, UNWRITTEN, leave_quietly, ready

if TYPE_CHECKING:
    from collections.abc import Sequence


def run() -> None:
    """Run the command line; the entry point of the `voltaic` script."""
    ready()
    try:
        if overview.wanted(sys.argv[1:]):
            overview.show(sys.argv[1:])
        code = _plain(sys.argv[1:])
        if code is not None:
            gc.freeze()  # else all that was imported is searched for cycles once more at the end
            sys.exit(code)
        from cli.app import app

        app(prog_name="voltaic")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as fault:
        if isinstance(fault, OSError) and fault.errno == errno.ENOSPC:
            _lost(fault)
        if os.environ.get("VOLTAIC_TRACEBACK"):
            raise
        print(
            f"voltaic: this is a fault of voltaic itself ({type(fault).__name__}: {fault}).\n"
            "Run the same command with VOLTAIC_TRACEBACK=1 set, and report what it prints.",
            file=sys.stderr,
        )
        sys.exit(INTERNAL)


def _plain(words: Sequence[str]) -> int | None:
    """Return the exit code of a plain plan, made without a search for cycles: it ends before it has left any."""
    from cli import quick

    gc.disable()
    try:
        return quick.plan(words)
    finally:
        gc.enable()


def _lost(fault: OSError) -> NoReturn:
    """End where stdout takes no more: what was printed is not whole."""
    print(f"voltaic: what it has to say cannot be written: {fault.strerror}", file=sys.stderr)
    leave_quietly()
    sys.exit(UNWRITTEN)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module 'cli.main' has no attribute {name!r}")
    from cli.app import app

    return app

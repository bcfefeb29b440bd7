"""Runs a program in network and mount namespaces of its own, which `unshare` has made: nothing but `lo` is there.

Usage: python apart.py FOLDER LISTEN=TARGET... -- PROGRAM ARGUMENT...

FOLDER holds `hosts` and `resolv.conf` as the program is to see them. Each LISTEN=TARGET hands connections on, as
relay.serve does: sockets in the file system are the only way in and out.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import relay  # type: ignore[import-not-found]

BIND = 4096  # mount(2)
SET_FLAGS, UP = 0x8914, 0x1  # netdevice(7): SIOCSIFFLAGS, IFF_UP
DIE_WITH_PARENT = 1  # prctl(2): PR_SET_PDEATHSIG


def bind(source: Path, target: str) -> None:
    """Show a file in place of another, for this program and its children alone.

    Raises:
        OSError: it is refused.
    """
    library = ctypes.CDLL(None, use_errno=True)
    real = os.path.realpath(target).encode()
    if library.mount(str(source).encode(), real, None, BIND, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount over {target}")


def loopback() -> None:
    """Bring `lo` up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", b"lo", UP))


async def run(pairs: list[str], command: list[str]) -> int:
    """Relay while the program runs, and return its exit code."""
    servers = [await relay.serve(*pair.split("=", 1)) for pair in pairs]
    child = await asyncio.create_subprocess_exec(
        *command, preexec_fn=lambda: ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, child.terminate)
    code = await child.wait()
    for server in servers:
        server.close()
    return code


def main() -> int:
    """Prepare the namespaces, and run."""
    folder, *rest = sys.argv[1:]
    split = rest.index("--")
    loopback()
    for name in ("hosts", "resolv.conf"):
        bind(Path(folder) / name, f"/etc/{name}")
    return asyncio.run(run(rest[:split], rest[split + 1 :]))


if __name__ == "__main__":
    sys.exit(main())

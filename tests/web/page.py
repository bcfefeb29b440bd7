"""Open WebUI itself, in namespaces of its own: it sees its Services by their names, and no other network."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from tests.web import relay

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE = {"ENV": "prod", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
"""What the image sets that the program behaves by (Dockerfile of v0.11.4)."""
ELSEWHERE = ("DATA_DIR", "HOME")
"""Variables that name folders of the container: they become folders here."""
NAMESERVER = "192.0.2.53"
"""Of an address range that is for documentation (RFC 5737): questions to it go nowhere, and are counted."""
START_SECONDS = 120.0
END_SECONDS = 15.0


class Relays:
    """Relays of this side, in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="relays", daemon=True)
        self._thread.start()

    def serve(self, listen: str, target: str) -> int:
        """Hand connections on, and return the port where that has one."""
        server = asyncio.run_coroutine_threadsafe(relay.serve(listen, target), self._loop).result(5)
        self._servers.append(server)
        address = server.sockets[0].getsockname()
        return int(address[1]) if isinstance(address, tuple) else 0

    def end(self) -> None:
        """Hand nothing on any longer."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Page:
    """The program, and what it keeps.

    Args:
        python: interpreter of the environment with Open WebUI.
        folder: for its data, its log and its sockets; short, for the path of a socket has at most 107 bytes.
        environment: of its container.
        services: where on this machine an address of the cluster leads, `ADDRESS:PORT` by URL.
    """

    def __init__(self, python: Path, folder: Path, environment: Mapping[str, str], services: Mapping[str, str]) -> None:
        self.folder = folder
        self.log = folder / "page.log"
        self.refused = 0
        """Packets for other networks that earlier runs of the program tried to send."""
        self._process: subprocess.Popen[bytes] | None = None
        self._relays = Relays()
        self.port = self._relays.serve(f"{relay.HOST}:0", str(folder / "page.sock"))
        """Where it answers on this machine."""
        self._command = self._prepare(python, environment, services)

    def _prepare(self, python: Path, environment: Mapping[str, str], services: Mapping[str, str]) -> list[str]:
        port = environment["PORT"]
        pairs, hosts = [f"{self.folder}/page.sock={relay.HOST}:{port}"], [f"{relay.HOST} localhost"]
        for number, (url, target) in enumerate(services.items(), 2):
            parts = urlsplit(url)
            hosts.append(f"127.0.0.{number} {parts.hostname}")
            socket = self.folder / f"service-{number}.sock"
            self._relays.serve(str(socket), target)
            pairs.append(f"127.0.0.{number}:{parts.port}={socket}")
        (self.folder / "hosts").write_text("\n".join(hosts) + "\n", encoding="utf-8")
        (self.folder / "resolv.conf").write_text(f"nameserver {NAMESERVER}\n", encoding="utf-8")
        values = {**IMAGE, **environment}
        for name in ELSEWHERE:
            if name in values:
                (self.folder / name).mkdir()
                values[name] = str(self.folder / name)
        self.environment = values
        apart = Path(__file__).with_name("apart.py")
        program = [str(python.with_name("open-webui")), "serve", "--host", relay.HOST, "--port", port]
        return [*apart_command(python, apart, self.folder, pairs), *program]

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: it ends, or does not answer in time; with the end of its log.
        """
        (self.folder / "page.sock").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        ends = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > ends or self._process.poll() is not None:
                self.stop()
                tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:]
                raise RuntimeError("Open WebUI does not answer; the end of its log:\n" + "\n".join(tail))
            time.sleep(0.2)

    def answers(self) -> bool:
        """Whether it says that it is well, database included."""
        try:
            found = httpx.get(f"http://{relay.HOST}:{self.port}/health/db", timeout=5)
        except httpx.HTTPError:
            return False
        return found.status_code == httpx.codes.OK

    def stop(self) -> None:
        """End it as a node does, and count what it tried to send."""
        process = self._process
        if process is None:
            return
        self.refused += unroutable(process.pid)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def left(self) -> int:
        """Return how many packets for other networks it tried to send, in all its runs."""
        return self.refused + (unroutable(self._process.pid) if self._process else 0)

    def end(self) -> None:
        """Stop for good."""
        self.stop()
        self._relays.end()


def apart_command(python: Path, apart: Path, folder: Path, pairs: list[str]) -> list[str]:
    """Return what runs a program apart from the network, without the program."""
    namespaces = ["unshare", "--map-root-user", "--net", "--mount", "--"]
    return [*namespaces, str(python), "-B", str(apart), str(folder), *pairs, "--"]


def unroutable(process: int) -> int:
    """Return how many packets found no way out of the network namespace of a process, by the kernel's own count.

    There is `lo` and nothing else: each packet for another address, a question to a name server too, finds no route.
    """
    try:
        four = Path(f"/proc/{process}/net/snmp").read_text(encoding="ascii").splitlines()
        six = Path(f"/proc/{process}/net/snmp6").read_text(encoding="ascii").split()
    except OSError:
        return 0
    names, values = (line.split() for line in four if line.startswith("Ip:"))
    counts = dict(zip(names, values, strict=True)) | dict(zip(six[::2], six[1::2], strict=True))
    return int(counts["OutNoRoutes"]) + int(counts.get("Ip6OutNoRoutes", 0))

"""Ports for the components of a cluster."""

from __future__ import annotations

import hashlib
import socket

from simulator.errors import SimulatorError

# Below the ports that the kernel gives to outgoing connections (Linux from 32768, macOS from 49152), so that none of
# those takes a port between the look and the use.
FIRST, LAST = 20000, 30000
BLOCK = 10
NAMES = ("apiserver", "etcd", "etcd-peer", "controller-manager", "scheduler", "kwok")


def choose(identity: str, attempt: int = 0) -> dict[str, int]:
    """Six free ports on the loopback address, the same ones for the same cluster where they are free.

    Args:
        identity: what tells this cluster from all others of the machine.
        attempt: counts up when a choice turned out to be taken after all.

    Raises:
        SimulatorError: nothing is free.
    """
    blocks = (LAST - FIRST) // BLOCK
    start = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big")
    for step in range(attempt, blocks):
        base = FIRST + (start + step) % blocks * BLOCK
        ports = {name: base + offset for offset, name in enumerate(NAMES)}
        if all(_free(port) for port in ports.values()):
            return ports
    raise SimulatorError(f"no block of {BLOCK} free ports between {FIRST} and {LAST} on 127.0.0.1")


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as Go does: ports of ended connections count as free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""Runs the relays of a forward: opens them, says what happens, and ends them all."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cli.reaching import local_ports, services
from cli.reaching.relay import Relay
from cli.reaching.services import WORDS
from cli.reaching.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cli.cluster import ClusterError
    from cli.cluster.cluster import Cluster
    from cli.cluster.objects import Pod, Service
    from cli.cluster.options import Place
    from cli.reaching.services import Role

SCHEMA = "voltaic/forward/v1"
TICK_SECONDS = 0.5
READY_TICK_SECONDS = 0.05
CLOSE_SECONDS = 5.0
FATAL = frozenset({"forbidden", "login", "untrusted", "bad-kubeconfig", "no-namespace"})
"""Failures before the first connection that waiting does not mend."""


@dataclass(frozen=True, slots=True)
class Login:
    """How somebody gets in."""

    email: str | None = None
    command: str | None = None
    """Prints the key or the password; None: there is none, or it is not known where."""
    asked: bool | None = None
    """Whether a key or a login is asked for; None: not known."""


class Forward:
    """Local ports that lead to a stack.

    Args:
        here: what it is about.
        found: Services by role.
        address: local address to listen at.
    """

    def __init__(self, here: Place, found: Mapping[Role, Service], address: str) -> None:
        self.here, self.found, self.address = here, found, address
        self.relays: dict[Role, Relay] = {}
        self.tellers: dict[Role, Teller] = {}

    @property
    def cluster(self) -> Cluster:
        """Where."""
        return self.here.cluster

    def open(self, stated: Mapping[Role, int]) -> None:
        """Open the local ports.

        Args:
            stated: ports that were asked for, by role.

        Raises:
            local_ports.PortFault: a port cannot be had.
            ClusterError: the pods may not be listed.
        """
        pods = self.cluster.pods(self.here.labels)
        for role, service in self.found.items():
            self.tellers[role] = teller = Teller(WORDS[role], _say)
            relay = Relay(self.cluster, service, partial(self._changed, role))
            self.relays[role] = relay
            behind = services.pods_of(service, pods)
            allowed = services.page_ports(behind[0] if behind else None) if role == "page" else None
            self._open(relay, role, stated.get(role), allowed)
            if role in stated and allowed is not None and stated[role] not in allowed:
                teller.say(
                    f"The chat page lets itself be used from the local ports {', '.join(map(str, allowed))} only "
                    f"({services.ORIGINS}): at {stated[role]} it may not answer."
                )

    def _open(self, relay: Relay, role: Role, port: int | None, allowed: tuple[int, ...] | None) -> None:
        plain = local_ports.API_PORTS if role == "api" else allowed or local_ports.PAGE_PORTS
        candidates = plain if port is None else (port,)
        why = "Choose another: --port " + (f"{role}=PORT" if len(self.found) > 1 else "PORT")
        if allowed and port is None:
            why = f"The chat page lets itself be used from these only ({services.ORIGINS}): end what holds one of them."
        work = local_ports.taken(
            partial(relay.open, self.address),
            candidates,
            then_any=port is None and not allowed,
            what=WORDS[role],
            why=why,
        )
        self.cluster.start(work)

    def _changed(self, role: Role) -> None:
        self.tellers[role].now(*self.relays[role].state)

    @property
    def ready(self) -> bool:
        """Whether every port leads to a pod now."""
        return all(relay.ready for relay in self.relays.values())

    def hopeless(self) -> ClusterError | None:
        """Return the failure that no waiting mends, before anything worked."""
        problems = (relay.follower.problem for relay in self.relays.values())
        return next((problem for problem in problems if problem and problem.kind in FATAL), None)

    def document(self) -> dict[str, Any]:
        """Return what is forwarded where, for machines."""
        cluster, stack = self.cluster, self.here.stack
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "stack": stack.name if stack else None,
            "namespace": cluster.namespace,
            "context": cluster.context,
        }
        for role, relay in self.relays.items():
            target, login = relay.target, self.login(role)
            document[role] = {
                "url": self.url(role),
                "port": relay.local_port,
                "service": relay.follower.service.name,
                "pod": target.pod if target else None,
                "container_port": target.port if target else None,
                "email": login.email,
                "secret_command": login.command,
            }
        return document

    def url(self, role: Role) -> str:
        """Return the local address of what is forwarded."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.relays[role].local_port}{'/v1' if role == 'api' else ''}"

    def login(self, role: Role) -> Login:
        """Return how to get in; never a secret itself."""
        relay, stack = self.relays[role], self.here.stack
        target = relay.target
        pod = self._pod(target.pod) if target else None
        if pod is None:
            return Login()
        name, namespace = stack.name if stack else None, self.cluster.namespace
        if role == "page":
            email, password = services.variable(pod, services.EMAIL), services.variable(pod, services.PASSWORD)
            command = services.command_for("password", password, stack=name, namespace=namespace)
            return Login(email if isinstance(email, str) else None, command, password is not None)
        from cli.watching.sample import engine_of

        engine = engine_of(pod)
        where = services.key_of(pod, engine.name) if engine else None
        command = services.command_for("key", where, stack=name, namespace=namespace)
        return Login(None, command, where is not None if engine else None)

    def _pod(self, name: str) -> Pod | None:
        from cli.cluster import objects

        item = self.cluster.item("pods", name)
        return objects.pod(item) if item else None

    def lines(self) -> Iterator[str]:
        """Yield what is forwarded where, for people."""
        for role, relay in self.relays.items():
            target, login = relay.target, self.login(role)
            yield f"{WORDS[role]:<9}  {self.url(role)}"
            yield f"           to {target.pod if target else '(no pod yet)'} (service {relay.follower.service.name})"
            if login.email:
                yield f"           log in as: {login.email}"
            if login.command:
                what = "key" if role == "api" else "password"
                yield f"           {what}: {login.command}"
            elif login.asked is False and role == "api":
                yield "           asks for no key"

    def close(self) -> None:
        """Close every port and every connection."""

        async def closing() -> None:
            for relay in self.relays.values():
                await relay.close()

        try:
            self.cluster.start(closing(), CLOSE_SECONDS)
        except (TimeoutError, RuntimeError):
            return  # the end of the loop ends them too


def until_told(run: Forward, *, show: Callable[..., None] | None) -> None:
    """Forward until Ctrl-C, SIGTERM or SIGHUP; then nothing of it is left.

    Args:
        run: ports that are open.
        show: prints the document once all is ready, as JSON on one line; None: it is told to people.
    """
    ended = threading.Event()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), lambda *_: ended.set()) for name in names}
    try:
        _forwarding(run, ended, show)
    finally:
        run.close()
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler or signal.SIG_DFL)
    again = sum(teller.reconnected for teller in run.tellers.values())
    more = f" It had connected again {again} time{'s' if again > 1 else ''}." if again else ""
    _say(f"Forwarding ended; its ports are free, and nothing is left.{more}")


def _forwarding(run: Forward, ended: threading.Event, show: Callable[..., None] | None) -> None:
    shown = waiting = False
    while not ended.wait(TICK_SECONDS if shown else READY_TICK_SECONDS):
        for teller in run.tellers.values():
            teller.tick()
        if shown:
            continue
        if (failure := run.hopeless()) is not None:
            raise failure
        if run.ready:
            shown = True
            _show(run, show)
        elif not waiting and all(relay.follower.seen for relay in run.relays.values()):
            waiting = True
            for role, relay in run.relays.items():
                if relay.state[1]:
                    _say(f"{WORDS[role]}: {relay.state[1]} Waiting for it; Ctrl-C ends that.")


def _show(run: Forward, show: Callable[..., None] | None) -> None:
    if show is not None:
        show(run.document(), indent=None)
        return
    for line in run.lines():
        print(line)
    print("Ctrl-C ends it.", flush=True)


def _say(line: str) -> None:
    from cli.printable import printable

    print(printable(line), file=sys.stderr, flush=True)

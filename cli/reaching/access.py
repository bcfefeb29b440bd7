"""Opens the way to the server of a stack, or to one at an address, with its key: for commands that ask it."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli.cluster import ClusterError
from cli.cluster.options import place
from cli.output import BAD_INPUT, error_document, fail, print_json
from cli.reaching import services
from cli.reaching.api import Api, ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.cluster.cluster import Cluster
    from cli.cluster.objects import Pod, Service
    from cli.cluster.options import Place
    from cli.watching.sample import Engine
    from voltaic.spec import ServingSpec

KEY_VARIABLE = "VOLTAIC_API_KEY"
UrlOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Address of the API, as http://127.0.0.1:8080/v1. Default: the server of the stack, through the cluster.",
    ),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Model to ask for. Default: the first that is served.")
]


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached."""

    url: str
    """Ending in `/v1`."""
    key: str | None
    page: str | None = None
    """Address of the chat page; None: there is none, or it was not asked for."""
    engine: Engine | None = None
    """None: not known."""
    spec: ServingSpec | None = None
    why_no_key: str = ""
    """Why there is no key although one is asked for."""
    why_no_page: str = ""

    @property
    def title(self) -> str:
        """The engine, for messages."""
        return self.engine.title if self.engine else "the server"

    def api(self) -> Api:
        """Return a client of it."""
        return Api(self.url, self.key, self.title)


@contextlib.contextmanager
def opened(
    command: str,
    stack: str | None,
    context: str | None,
    namespace: str | None,
    *,
    url: str | None,
    page_url: str | None = None,
    with_page: bool = False,
    as_json: bool = False,
) -> Iterator[Way]:
    """Open the way; what fails on it ends the command with one message and exit code 2.

    Args:
        command: name of the command, for messages.
        stack: of `--stack`.
        context: of `--context`.
        namespace: of `--namespace`.
        url: of `--url`; then no cluster is asked.
        page_url: address of the chat page, beside `url`.
        with_page: whether the chat page is wanted.
        as_json: whether a document is asked for.
    """
    key = os.environ.get(KEY_VARIABLE) or None
    try:
        if url is not None:
            if not url.startswith(("http://", "https://")):
                fail(
                    command, [f"--url {url}: give an address as http://127.0.0.1:8080/v1"], as_json=as_json, usage=True
                )
            plain = url.rstrip("/")
            yield Way(plain if plain.endswith("/v1") else f"{plain}/v1", key, page_url)
            return
        with place(command, stack, context, namespace, as_json=as_json) as here, contextlib.ExitStack() as held:
            yield _way(here, key, held, with_page=with_page)
    except ApiError as fault:
        end(command, fault, as_json=as_json)


def end(command: str, fault: ApiError, *, as_json: bool) -> None:
    """End a command with what a server did not do, and the next step on a line of its own."""
    lines = [fault.message, fault.fix]
    print(f"voltaic {command}: " + "\n  ".join(line for line in lines if line), file=sys.stderr)
    if as_json:
        print_json(error_document([str(fault)]) | {"kind": fault.kind})
    raise typer.Exit(BAD_INPUT) from None


def _way(here: Place, key: str | None, held: contextlib.ExitStack, *, with_page: bool) -> Way:
    cluster = here.cluster
    found = services.found(cluster, here.labels, ("api", "page") if with_page else ("api",))
    if "api" not in found:
        raise ClusterError("not-found", f"There is no API of this stack in the namespace {cluster.namespace}.")
    pods = cluster.pods(here.labels)
    url = f"http://127.0.0.1:{_local(cluster, found['api'], pods, held)}/v1"
    from cli.watching.sample import engine_of

    pod = services.pods_of(found["api"], pods)[0]
    engine = engine_of(pod)
    why = ""
    if key is None and engine is not None:
        try:
            where = services.key_of(pod, engine.name)
            key = services.read_secret(cluster, where) if isinstance(where, services.SecretKey) else where
        except ClusterError as error:
            why = f"{error.message} Set {KEY_VARIABLE} to the key."
    page, why_no_page = None, "this stack has no chat page"
    if "page" in found:
        try:
            page, why_no_page = f"http://127.0.0.1:{_local(cluster, found['page'], pods, held)}", ""
        except ClusterError as error:
            why_no_page = error.message
    return Way(url, key, page, engine, _spec(pod), why, why_no_page)


def _local(cluster: Cluster, service: Service, pods: list[Pod], held: contextlib.ExitStack) -> int:
    """Open a local port that leads to a Service."""
    from cli.cluster import targets

    return held.enter_context(cluster.forward(targets.of_service(service, pods)))


def _spec(pod: Pod) -> ServingSpec | None:
    from voltaic import manifests

    found = manifests.workloads([manifests.Document(pod.name, 1, dict(pod.raw))])
    return next((each.spec for each in found if each.recognised), None)


def model_of(way: Way, api: Api, asked: str | None) -> str:
    """Return the name to ask for a model by.

    Raises:
        ApiError: none is served, or the server does not say because it is not ready.
    """
    if asked is not None:
        return asked
    try:
        names = api.models()
    except ApiError as error:
        if error.kind != "no-route":
            raise
        names = []
    if names:
        return names[0]
    return (way.engine.model if way.engine else None) or "tgi"

"""The options by which every command says which stack and which cluster it is about, and what they lead to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from cli import complete_cluster
from cli.output import BAD_INPUT, error_document, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.cluster.cluster import Cluster
    from cli.stacks import Stack

StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack",
        "-s",
        metavar="NAME",
        help="Stack. Default: the selected one, else the only one.",
        autocompletion=complete_cluster.stacks,
    ),
]
ContextOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Context of the kubeconfig. Default: that of the stack, else the current one.",
        autocompletion=complete_cluster.contexts,
    ),
]
NamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace", "-n", metavar="NAME", help="Namespace. Default: that of the stack, else of the context."
    ),
]


class Place(NamedTuple):
    """What a command is about."""

    cluster: Cluster
    stack: Stack | None
    """None: no stack was named and none can be told; then everything of ours in the namespace is meant."""

    @property
    def labels(self) -> dict[str, str]:
        """Labels of what is meant."""
        from voltaic import kubernetes_names

        return self.stack.labels if self.stack else {kubernetes_names.OWN_LABELS[-1]: kubernetes_names.MANAGER}

    @property
    def words(self) -> list[str]:
        """Options that lead another command of ours to the same place."""
        return ["--stack", self.stack.name] if self.stack else ["--namespace", self.cluster.namespace]


@contextmanager
def place(
    command: str,
    stack: str | None,
    context: str | None,
    namespace: str | None,
    *,
    as_json: bool = False,
    need_stack: bool = False,
) -> Iterator[Place]:
    """Open the cluster that a command is about; a failure of it ends the command with one message and exit code 2.

    Args:
        command: name of the command, for messages.
        stack: of `--stack`.
        context: of `--context`.
        namespace: of `--namespace`.
        as_json: whether a document is asked for; then a failure is one too.
        need_stack: whether the command makes no sense without a stack.
    """
    from cli import stacks
    from cli.cluster import ClusterError, connect

    try:
        try:
            found: Stack | None = stacks.chosen(stack)
        except stacks.NoStack:
            if need_stack or stack is not None:
                raise
            found = None
        named = found or _Unnamed()
        opened = connect(context=context or named.context, namespace=namespace or named.namespace)
        with opened:
            yield Place(opened, found)
    except (ClusterError, stacks.NoStack) as fault:
        end(command, fault, as_json=as_json)


def end(command: str, fault: Exception, *, as_json: bool = False) -> None:
    """End a command with what is wrong, and the next step on a line of its own."""
    import sys

    from cli.cluster import ClusterError

    lines = [fault.message, fault.fix] if isinstance(fault, ClusterError) else [str(fault)]
    print(f"voltaic {command}: " + "\n  ".join(line for line in lines if line), file=sys.stderr)
    if as_json:
        kind = {"kind": fault.kind} if isinstance(fault, ClusterError) else {}
        print_json(error_document([str(fault)]) | kind)
    raise typer.Exit(BAD_INPUT) from None


class _Unnamed:
    context = namespace = None

"""What Pulumi knows of the stacks of a project, asked through its Automation API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cli import stacks
from cli.leftovers import plan
from voltaic import kubernetes_names

if TYPE_CHECKING:
    from pathlib import Path

    from pulumi.automation import PulumiCommand


class Unreadable(Exception):  # noqa: N818  named for what it says
    """Why Pulumi does not say what it knows."""


def known(folder: Path) -> plan.Known:
    """Return what Pulumi knows of the project in a folder.

    Raises:
        Unreadable: it is not installed, not logged in, or has no passphrase.
    """
    try:
        from pulumi.automation import CommandError, PulumiCommand
    except ImportError:
        raise Unreadable("Pulumi is not installed here") from None
    try:
        command = PulumiCommand()
        listed = json.loads(command.run(["stack", "ls", "--json"], str(folder), {}).stdout or "[]")
        with_state = [str(stack["name"]) for stack in listed]
        objects = {
            kubernetes_names.slug(name.rpartition("/")[2]): _objects(command, name, folder) for name in with_state
        }
    except (CommandError, OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(_reason(error)) from None
    files = (kubernetes_names.slug(name) for name in stacks.names(folder))
    return plan.Known(frozenset({*objects, *files}), objects)


def _objects(command: PulumiCommand, name: str, folder: Path) -> frozenset[tuple[str, str]]:
    exported = command.run(["stack", "export", "--stack", name], str(folder), {}).stdout
    return plan.of_export(json.loads(exported))


def _reason(error: Exception) -> str:
    said = [line.strip() for line in str(error).splitlines() if line.strip().startswith("error:")]
    return said[0] if said else f"Pulumi's answer cannot be read ({type(error).__name__})"

"""`voltaic policy-pack`: where the policy pack lies, for `pulumi preview --policy-pack`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.command import Command

if TYPE_CHECKING:
    import typer

FOLDER: Final = Path(__file__).absolute().parents[1] / "policies"
"""The pack that belongs to this program: it lies beside it, in a checkout as in an environment."""
PYTHONS: Final = ("bin/python", "Scripts/python.exe")
"""Where an environment has its Python."""


class NoEnvironment(Exception):  # noqa: N818  named for what it says
    """The pack cannot be started: no environment lies where its description names one."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "policy-pack",
        cls=Command,
        epilog='Example: pulumi preview --policy-pack "$(voltaic policy-pack)"',
        short_help="Print the folder of the policy pack.",
        rich_help_panel="Judge",
    )
    command(policy_pack)


def policy_pack() -> None:
    """Print the folder of the policy pack, which judges Pulumi programs in any language.

    It is named on the command line of pulumi, or once for all commands:
    export PULUMI_OPTION_POLICY_PACK="$(voltaic policy-pack)"
    """
    from cli.output import fail

    try:
        print(folder())
    except NoEnvironment as fault:
        fail("policy-pack", [str(fault)])


def folder() -> Path:
    """Return the folder of the policy pack.

    Raises:
        NoEnvironment: Pulumi could not start it.
    """
    environment = described()
    if not any((environment / python).is_file() for python in PYTHONS):
        raise NoEnvironment(
            f"the pack in {FOLDER} is started with the Python of {environment}, and there is none. "
            "Install voltaic into a virtual environment (python3 -m venv DIR), and run DIR/bin/voltaic policy-pack"
        )
    return FOLDER


def described() -> Path:
    """Return the environment that the description of the pack names, by its path alone, as Pulumi does."""
    import yaml

    description = yaml.safe_load((FOLDER / "PulumiPolicy.yaml").read_text(encoding="utf-8"))
    return Path(os.path.normpath(FOLDER / description["runtime"]["options"]["virtualenv"]))

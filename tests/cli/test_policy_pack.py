"""`voltaic policy-pack` prints a folder that Pulumi can start a pack from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli import policy_pack

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

CHECKOUT = Path(__file__).parents[2]


def made(folder: Path, virtualenv: str) -> Path:
    """Return a pack in a folder, whose description names an environment."""
    folder.mkdir(parents=True)
    text = f"runtime: {{name: python, options: {{toolchain: pip, virtualenv: {virtualenv}}}}}\n"
    (folder / "PulumiPolicy.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_folder_of_the_checkout_is_printed(voltaic: Voltaic) -> None:
    """Standard output is the folder and nothing else, so that a shell can put it into a command line."""
    result = voltaic("policy-pack")

    assert (result.exit_code, result.stdout) == (0, f"{CHECKOUT / 'policies'}\n")


@pytest.mark.parametrize("python", ["bin/python", "Scripts/python.exe"])
@pytest.mark.parametrize(
    ("pack", "virtualenv"), [("lib/python3.11/site-packages/policies", "../../../.."), ("policies", "..")]
)
def test_an_environment_around_the_pack_serves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str, pack: str, virtualenv: str
) -> None:
    """The environment is found from the folder of the pack, as Pulumi finds it."""
    folder = made(tmp_path / pack, virtualenv)
    (tmp_path / python).parent.mkdir()
    (tmp_path / python).touch()
    monkeypatch.setattr(policy_pack, "FOLDER", folder)

    assert policy_pack.described() == tmp_path
    assert policy_pack.folder() == folder


def test_a_pack_that_could_not_be_started_is_said(
    voltaic: Voltaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an environment around it the command ends with exit code 2 and a way out, and prints no folder."""
    monkeypatch.setattr(policy_pack, "FOLDER", made(tmp_path / "dist-packages" / "policies", "../../../.."))

    result = voltaic("policy-pack")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is none. Install voltaic into a virtual environment (python3 -m venv" in result.stderr

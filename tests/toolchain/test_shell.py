"""The shell environment: the same in every shell, whatever the checkout is called, and given back without a trace."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from toolchain.setup import shell
from toolchain.setup.errors import SetupError
from toolchain.setup.layout import Layout
from toolchain.setup.tools import Tools

if TYPE_CHECKING:
    from pathlib import Path

    from tests.toolchain.conftest import Checkout

SHELLS = [name for name in ("sh", "dash", "bash", "zsh") if shutil.which(name)]


def said(checkout: Checkout, name: str, script: str, **environ: str) -> str:
    """What a script prints in a shell, in the checkout."""
    options = ["-f"] if name == "zsh" else []
    done = subprocess.run(
        [str(shutil.which(name)), *options, "-euc", script],
        cwd=checkout.layout.root,
        env={"PATH": "/usr/bin:/bin"} | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def set_up(checkout: Checkout) -> Checkout:
    """A checkout that is set up."""
    shell.write(checkout.layout, Tools({}, None, bundled_host=True, tests=None))
    checkout.layout.python.parent.mkdir(parents=True)
    checkout.layout.python.write_text("#!/bin/sh\n", encoding="utf-8")
    checkout.layout.python.chmod(0o755)
    return checkout


@pytest.mark.parametrize("name", SHELLS)
def test_environment_file_in_every_shell(set_up: Checkout, name: str) -> None:
    """Every variable arrives as it is, with the blanks and quotes of the checkout's name, also under `set -eu`."""
    root = set_up.layout.root
    expected = {
        "PATH": f"{root}/.venv/bin:{root}/.voltaic/bin:/usr/bin:/bin",
        "VOLTAIC_ROOT": f"{root}",
        "PULUMI_HOME": f"{root}/.voltaic/pulumi",
        "PULUMI_BACKEND_URL": f"file://{root}/.voltaic/state",
        "PULUMI_OPTION_POLICY_PACK": f"{root}/policies",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "KUBECONFIG": f"{root}/.voltaic/kubeconfig",
        "KUBECACHEDIR": f"{root}/.voltaic/kube-cache",
    }
    script = ". ./.voltaic/env.sh; . ./.voltaic/env.sh; env"
    printed = dict(line.split("=", 1) for line in said(set_up, name, script).splitlines() if "=" in line)
    assert {key: printed.get(key) for key in expected} == expected
    assert set_up.layout.state.is_dir()


@pytest.mark.parametrize("given", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_passphrase_of_the_user_is_kept(set_up: Checkout, given: str) -> None:
    """A passphrase that the user has set stays; the empty one is only for who has set none."""
    script = (
        '. ./.voltaic/env.sh; printf "%s|%s" "${PULUMI_CONFIG_PASSPHRASE-none}" "${PULUMI_CONFIG_PASSPHRASE_FILE-none}"'
    )
    printed = said(set_up, "sh", script, **{given: "mine"})
    assert printed == ("mine|none" if given == "PULUMI_CONFIG_PASSPHRASE" else "none|mine")


def test_policy_pack_is_one_entry_of_a_list(tmp_path: Path) -> None:
    """Pulumi reads the option as a list with commas: a comma or quote in the checkout's name does not split it."""
    layout = Layout(tmp_path / 'a,b "c"', tmp_path)
    value = shell.variables(layout, bundled_host=False)["PULUMI_OPTION_POLICY_PACK"]
    assert value == f'"{tmp_path}/a,b ""c""/policies"'


def test_installed_host_on_path_stays_allowed(checkout: Checkout) -> None:
    """Where Pulumi finds its host on PATH, it must not be told to ignore it."""
    assert "PULUMI_IGNORE_AMBIENT_PLUGINS" not in shell.variables(checkout.layout, bundled_host=False)


@pytest.mark.parametrize("name", SHELLS)
def test_activate_and_deactivate(set_up: Checkout, name: str) -> None:
    """Activation sets the environment, twice without harm; deactivation gives every variable back as it was."""
    script = r"""
        before=$(env | grep -v '^_=' | sort)
        . ./activate
        . ./activate
        printf '%s\n' "$PULUMI_HOME" "$VIRTUAL_ENV" "$KUBECONFIG"
        voltaic_deactivate
        after=$(env | grep -v '^_=' | sort)
        [ "$before" = "$after" ] && echo same || printf '%s\n' "$before" --- "$after"
        command -v voltaic_deactivate || echo gone
        set | grep -c '^voltaic_[a-z]*=' || true
    """
    root = set_up.layout.root
    printed = said(set_up, name, script, KUBECONFIG="/mine", PULUMI_HOME="/own home", PS1="$ ").splitlines()
    assert printed == [f"{root}/.voltaic/pulumi", f"{root}/.venv", f"{root}/.voltaic/kubeconfig", "same", "gone", "0"]


@pytest.mark.parametrize("name", [name for name in SHELLS if name in {"bash", "zsh"}])
def test_activate_from_elsewhere(set_up: Checkout, name: str) -> None:
    """In bash and zsh activation finds the checkout from any folder."""
    script = 'activate=$PWD/activate; cd /; . "$activate"; printf "%s" "$VOLTAIC_ROOT"'
    assert said(set_up, name, script) == str(set_up.layout.root)


@pytest.mark.parametrize("name", SHELLS)
def test_activate_before_set_up(checkout: Checkout, name: str) -> None:
    """Before set-up the shell stays as it is, and one line says what to run."""
    script = 'set +e; . ./activate 2>&1; echo "code $?"; printf "%s" "${PULUMI_HOME-unset}"'
    lines = said(checkout, name, script).splitlines()
    assert lines == [
        f"activate: {checkout.layout.root} is not set up yet: run `make up` (or `make setup`) there first",
        "code 1",
        "unset",
    ]


@pytest.mark.parametrize("name", [name for name in SHELLS if name in {"bash", "zsh"}])
def test_completion_is_read_where_there_is_one(set_up: Checkout, name: str) -> None:
    """Activation reads the completion that set-up has written for this shell."""
    (set_up.layout.own / f"completion.{name}").write_text("echo completing\n", encoding="utf-8")
    prepare = "compdef() { :; };" if name == "zsh" else ""
    assert said(set_up, name, f"{prepare} . ./activate") == "completing\n"


def test_completion_is_written_after_an_installation(set_up: Checkout) -> None:
    """The command prints its own completion; it is asked again only when it is newer."""
    command = set_up.layout.venv / "bin" / "voltaic"
    command.write_text('#!/bin/sh\necho "$_VOLTAIC_COMPLETE" >> asked; echo "# $_VOLTAIC_COMPLETE"\n', encoding="utf-8")
    command.chmod(0o755)
    for _ in range(2):
        shell.write_completions(set_up.layout)
    assert (set_up.layout.own / "completion.zsh").read_text(encoding="utf-8") == "# source_zsh\n"
    assert (set_up.layout.root / "asked").read_text(encoding="utf-8") == "source_bash\nsource_zsh\n"


def test_reading_it_before_set_up(checkout: Checkout) -> None:
    """The command `env` says what to run where there is nothing to print."""
    with pytest.raises(SetupError, match="this checkout is not set up: run `make setup` first"):
        shell.read(checkout.layout)

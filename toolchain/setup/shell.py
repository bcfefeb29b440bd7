"""The environment in which the tools work, as a file that every POSIX shell can read."""

from __future__ import annotations

import contextlib
import os
import shlex
from typing import TYPE_CHECKING

from toolchain.setup import files, processes
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from toolchain.setup.layout import Layout
    from toolchain.setup.tools import Tools


def variables(layout: Layout, *, bundled_host: bool) -> dict[str, str]:
    """Return the variables of the environment, apart from PATH and the passphrase. Every path is absolute.

    Args:
        layout: the checkout.
        bundled_host: whether Pulumi must not take a language host or provider that happens to be on PATH.
    """
    result = {
        "VOLTAIC_ROOT": str(layout.root),
        "PULUMI_HOME": str(layout.pulumi_home),
        "PULUMI_BACKEND_URL": f"file://{layout.state}",
        "PULUMI_OPTION_POLICY_PACK": _in_list(str(layout.root / "policies")),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "KUBECONFIG": str(layout.kubeconfig),
        "KUBECACHEDIR": str(layout.kubeconfig.with_name("kube-cache")),  # kubectl's own would be ~/.kube/cache
    }
    if bundled_host:
        result["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
    return result


def search_path(layout: Layout) -> list[str]:
    """Return the folders that come first on PATH."""
    return [str(layout.venv / "bin"), str(layout.bin)]


def text(layout: Layout, *, bundled_host: bool) -> str:
    """Return the shell file. It can be read twice without harm, and under ``set -eu``."""
    lines = ["# Made by set-up: the environment of this checkout. `. ./activate` reads it."]
    for folder in reversed(search_path(layout)):
        quoted = shlex.quote(folder)
        lines.append(f'case ":${{PATH:-}}:" in *:{quoted}:*) ;; *) PATH={quoted}"${{PATH:+:$PATH}}" ;; esac')
    lines.append("export PATH")
    for name, value in variables(layout, bundled_host=bundled_host).items():
        lines.append(f"export {name}={shlex.quote(value)}")
    lines += [
        "# Stacks are encrypted with the user's passphrase, or with an empty one.",
        'if [ -z "${PULUMI_CONFIG_PASSPHRASE+given}${PULUMI_CONFIG_PASSPHRASE_FILE+given}" ]; then',
        "    export PULUMI_CONFIG_PASSPHRASE=",
        "fi",
    ]
    return "\n".join(lines) + "\n"


def write_completions(layout: Layout) -> None:
    """Write what lets bash and zsh complete ``voltaic``, as the command itself prints it, after each new installation.

    It is a convenience: a command that does not print it is no fault of set-up.
    """
    command = layout.venv / "bin" / "voltaic"
    for name in ("bash", "zsh"):
        script = layout.own / f"completion.{name}"
        with contextlib.suppress(OSError, processes.ProgramError):
            if script.exists() and script.stat().st_mtime_ns > command.stat().st_mtime_ns:
                continue
            environ = {**os.environ, "_VOLTAIC_COMPLETE": f"source_{name}"}
            script.write_text(
                processes.output([str(command)], environ=environ, folder=layout.root, timeout=30), encoding="utf-8"
            )


def write(layout: Layout, tools: Tools) -> None:
    """Write the shell file, and make the folder that it names for the state."""
    layout.state.mkdir(parents=True, exist_ok=True)
    files.write_if_changed(layout.env_file, text(layout, bundled_host=tools.bundled_host))


def read(layout: Layout) -> str:
    """Return the shell file of a checkout that is set up.

    Raises:
        SetupError: if it is not.
    """
    try:
        return layout.env_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SetupError("this checkout is not set up: run `make setup` first") from None


def _in_list(path: str) -> str:
    """Return a path as one entry of a comma-separated list, which is how Pulumi reads its options."""
    if any(mark in path for mark in ',"\n'):
        return '"' + path.replace('"', '""') + '"'
    return path

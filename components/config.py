"""The stack's configuration: the only reader of what Pulumi knows of it."""

from __future__ import annotations

from pathlib import Path

import pulumi
import yaml
from pulumi.runtime.config import get_config_env, get_config_secret_keys_env

from components import commands
from voltaic import settings


def read() -> settings.Settings:
    """Return the settings of this stack.

    Raises:
        pulumi.RunError: the stack file is not valid; all faults in one message.
    """
    project, file = pulumi.get_project(), stack_file()
    everything = settings.of_project(get_config_env(), project)
    # Pulumi demands every key that Pulumi.yaml declares without a default. So those have the default "", which is what
    # a stack without the key arrives with.
    values = {key: value for key, value in everything.items() if value != ""}
    try:
        read_settings = settings.read(values, where=file.name, lines=lines(file, project))
    except settings.InvalidSettings as error:
        raise pulumi.RunError(str(error)) from None
    _warn_of_open_secrets(values, project, file.name)
    return read_settings


def stack_file() -> Path:
    """Return where Pulumi keeps the stack's configuration, if it was not told otherwise."""
    return Path(f"Pulumi.{pulumi.get_stack()}.yaml")


def lines(file: Path, project: str) -> dict[str, int]:
    """Return the line of each of the project's keys in a stack file; empty where it cannot be read."""
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    if not isinstance(root, yaml.MappingNode):
        return {}
    config = next((value for key, value in root.value if key.value == "config"), None)
    if not isinstance(config, yaml.MappingNode):
        return {}
    prefix = f"{project}:"
    named = [(str(key.value), key.start_mark.line + 1) for key, _ in config.value if isinstance(key, yaml.ScalarNode)]
    return {name.removeprefix(prefix): line for name, line in named if name.startswith(prefix)}


def _warn_of_open_secrets(values: dict[str, object], project: str, file: str) -> None:
    encrypted = set(get_config_secret_keys_env())
    for key in settings.schema():
        if key.secret and key.name in values and f"{project}:{key.name}" not in encrypted:
            pulumi.log.warn(f"{key.name} stands in plain text in {file}. Encrypt it with: {commands.to_hide(key.name)}")

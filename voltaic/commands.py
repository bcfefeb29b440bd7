"""What to type: the change of a stack, or the `voltaic plan` of a command line."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from voltaic import models
from voltaic.hidden import shown_args, shown_env

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.spec import Model, ServingSpec


def of_settings(settings: Mapping[str, Any], stack: str | None = None) -> list[str]:
    """Return the commands of Pulumi that make a change, one a key; None removes a key."""
    where = "" if stack is None else f" -s {shlex.quote(stack)}"
    return [
        f"pulumi config rm {key}{where}" if value is None else f"pulumi config set {key} {_plain(value)}{where}"
        for key, value in settings.items()
    ]


def plan(spec: ServingSpec) -> str:
    """Return the `voltaic plan` that judges this spec, without secrets."""
    words = ["voltaic", "plan"]
    if spec.gpu is not None:
        words += ["--gpu", spec.gpu.name]
    if spec.gpus is not None:
        words += ["--gpus", str(spec.gpus)]
    words += ["--engine", spec.release.engine]
    if spec.release.version is not None:
        words += ["--engine-version", spec.release.version]
    words += _model(spec.model)
    for name, value in shown_env(spec.command.env).items():
        if value is not None:
            words += ["--env", f"{name}={value}"]
    if spec.command.args:
        words += ["--", *shown_args(spec.command.args)]
    return shlex.join(words)


def _model(model: Model) -> list[str]:
    """Return the option that names a model: its id where it is known by it, else the folder with its configuration."""
    known = None if model.config is None or model.id is None else models.known_model(model.id)
    if model.config is None or (known is not None and known.config == model.config):
        return ["--model", model.id or "ID"]
    return ["--model-dir", model.id or "DIR"]


def _plain(value: Any) -> str:
    return shlex.quote(str(value).lower() if isinstance(value, bool) else str(value))

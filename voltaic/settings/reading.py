"""From the values of a stack file to settings, or to every fault in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from voltaic import hardware, units
from voltaic.settings.checks import together
from voltaic.settings.faults import InvalidSettings, SettingFault, shown
from voltaic.settings.kinds import FAULT, Choice, Kind, Size, Text, Type, closest
from voltaic.settings.model import Settings
from voltaic.settings.structures import Arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

OTHER_NAMES = {
    "batchSize": "maxBatchSize",
    "database": "webuiDatabaseUrl",
    "gpu": "gpus",
    "gpuCount": "gpus",
    "hardware": "profile",
    "huggingFaceToken": "hfToken",
    "maxInputLength": "maxInputTokens",
    "maxModelLen": "maxTotalTokens",
    "modelId": "model",
    "modelName": "model",
    "numShard": "shards",
    "quantize": "quantization",
    "revision": "modelRevision",
    "storageClass": "modelCacheStorageClass",
    "tensorParallel": "shards",
    "tgiVersion": "engineVersion",
    "version": "engineVersion",
}
"""Keys that people write from habit with other tools, and what they are called here."""


@dataclass(frozen=True, slots=True)
class Key:
    """What one key is, for reference pages and Pulumi's own configuration block."""

    name: str
    type: Type
    default: str | None
    """As written in a stack file; None where the core derives it, or where the key is required."""
    required: bool
    secret: bool
    description: str


def schema() -> tuple[Key, ...]:
    """Return every key, in the order in which the settings are explained."""
    return tuple(_key(name) for name in Settings.model_fields)


def _key(field: str) -> Key:
    info = Settings.model_fields[field]
    kind = _kind(field)
    default = info.default
    if default in (None, PydanticUndefined, ()):
        text = None
    else:
        text = units.quantity(default) if isinstance(kind, Size) else shown(default)
    return Key(
        name=info.alias or field,
        type=kind.type,
        default=text,
        required=info.is_required(),
        secret=kind.secret,
        description=info.description or "",
    )


@cache
def _fields() -> Mapping[str, str]:
    """Return the field of each key."""
    return {info.alias or field: field for field, info in Settings.model_fields.items()}


def _kind(field: str) -> Kind:
    return next(item for item in Settings.model_fields[field].metadata if isinstance(item, Kind))


def of_project(values: Mapping[str, Any], project: str) -> dict[str, Any]:
    """Return the values of one project's namespace, without it: `voltaic:model` becomes `model`."""
    prefix = f"{project}:"
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def read(values: Mapping[str, Any], *, where: str, lines: Mapping[str, int] | None = None) -> Settings:
    """Return the settings that a stack file holds.

    Args:
        values: by key, without the project's name; text as Pulumi hands it over (JSON text for lists and objects),
            or values that are already typed. Secrets as plain text.
        where: name of the stack file, for messages.
        lines: line of each key in that file, where known.

    Raises:
        InvalidSettings: carries every fault.
    """
    faults: dict[str, SettingFault] = {}

    def add(key: str, message: str, allowed: str, fix: str | None) -> None:
        line = (lines or {}).get(key)
        place = f"{where}:{line}" if line is not None else where
        fault = SettingFault(place, key, _value(key, values), message, allowed, fix or _next_step(key))
        faults.setdefault(key, fault)

    try:
        settings = Settings.model_validate(dict(values))
        whole = settings
    except ValidationError as error:
        for entry in error.errors(include_url=False, include_input=False):
            add(*_fault(entry))
        settings = None
        whole = _rest(values, faults)
    for problem in together(whole):
        if not faults.keys() & {problem.key, *problem.beside}:
            add(problem.key, problem.message, problem.allowed, problem.fix)
    if faults or settings is None:
        order = list(values)
        found = sorted(faults.values(), key=lambda fault: order.index(fault.key) if fault.key in order else len(order))
        raise InvalidSettings(where, found)
    return settings


def _fault(entry: ErrorDetails) -> tuple[str, str, str, str | None]:
    key = str(entry["loc"][0])
    if entry["type"] == FAULT:
        context = entry["ctx"]
        return key, context["message"], context["allowed"], context["fix"]
    if entry["type"] == "missing":
        return key, "missing", _form(_fields()[key]), None
    return key, "unknown setting", "", _unknown_step(key)


def _rest(values: Mapping[str, Any], faults: Mapping[str, SettingFault]) -> Settings:
    """Return the settings without those at fault, so that the others can be read together in the same round."""
    stand_ins = {"profile": hardware.profiles()[0].name, "model": "stand-in"}
    without = {*faults, *stand_ins, "gpus"}
    return Settings.model_validate(stand_ins | {key: value for key, value in values.items() if key not in without})


def _value(key: str, values: Mapping[str, Any]) -> str | None:
    field = _fields().get(key)
    hidden = field is None or _kind(field).secret or isinstance(_kind(field), Arguments) or values.get(key) is None
    return None if hidden else shown(values[key])


def _form(field: str) -> str:
    kind = _kind(field)
    if isinstance(kind, Choice):
        return kind.listed()
    return kind.form if isinstance(kind, Text) else ""


def _next_step(key: str) -> str:
    described = _key(_fields()[key])
    value = f"--secret {key}" if described.secret else f"{key} VALUE"
    if described.required:
        return f"Set it with: pulumi config set {value}"
    return f"Set it with: pulumi config set {value}, or use its default with: pulumi config rm {key}"


def _unknown_step(key: str) -> str:
    meant = closest(key, tuple(_fields()), OTHER_NAMES)
    if meant is None:
        return f"Remove it with: pulumi config rm {shown(key)}"
    return f"Did you mean {meant}? Remove this one with: pulumi config rm {shown(key)}"

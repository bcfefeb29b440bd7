"""Flat configuration: read strictly, explained completely, turned into a serving spec. Pydantic is loaded to read."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voltaic.settings.checks import on_network_storage
    from voltaic.settings.decisive import Decisive, of_profile_and_model
    from voltaic.settings.faults import InvalidSettings, SettingFault
    from voltaic.settings.model import Settings
    from voltaic.settings.reading import Key, of_project, read, schema
    from voltaic.settings.serving import Stack, serving_spec
    from voltaic.settings.structures import Toleration

__all__ = [
    "Decisive",
    "InvalidSettings",
    "Key",
    "SettingFault",
    "Settings",
    "Stack",
    "Toleration",
    "of_profile_and_model",
    "of_project",
    "on_network_storage",
    "read",
    "schema",
    "serving_spec",
]

_HOMES = {
    "Decisive": "decisive",
    "InvalidSettings": "faults",
    "Key": "reading",
    "SettingFault": "faults",
    "Settings": "model",
    "Stack": "serving",
    "Toleration": "structures",
    "of_profile_and_model": "decisive",
    "of_project": "reading",
    "on_network_storage": "checks",
    "read": "reading",
    "schema": "reading",
    "serving_spec": "serving",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'voltaic.settings' has no attribute {name!r}")
    value = getattr(import_module(f"voltaic.settings.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

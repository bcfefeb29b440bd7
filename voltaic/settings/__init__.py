"""Flat configuration: read strictly, explained completely, turned into a serving spec."""

from voltaic.settings.checks import on_network_storage
from voltaic.settings.faults import InvalidSettings, SettingFault
from voltaic.settings.model import Settings
from voltaic.settings.reading import Key, of_project, read, schema
from voltaic.settings.serving import Stack, serving_spec
from voltaic.settings.structures import Toleration

__all__ = [
    "InvalidSettings",
    "Key",
    "SettingFault",
    "Settings",
    "Stack",
    "Toleration",
    "of_project",
    "on_network_storage",
    "read",
    "schema",
    "serving_spec",
]

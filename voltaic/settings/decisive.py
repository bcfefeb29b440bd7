"""The settings that decide whether a server starts, as plain values: deriving a spec from them needs no pydantic."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from voltaic import hardware

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.settings.model import Settings

MODEL: Final = r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?|(/[\w.-]+)+"
"""A repository id, or an absolute path."""
LONGEST_MODEL: Final = 253
"""Characters."""


@dataclass(frozen=True, slots=True)
class Decisive:
    """Those settings of a stack that its serving spec is made from, with the meaning that `Settings` gives them.

    None of them holds a secret.
    """

    profile: str
    model: str
    model_revision: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    image: str | None = None
    quantization: str | None = None
    dtype: str | None = None
    gpus: int | None = None
    shards: int | None = None
    replicas: int = 1
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None
    max_batch_prefill_tokens: int | None = None
    max_batch_total_tokens: int | None = None
    max_batch_size: int | None = None
    extra_args: tuple[str, ...] = ()
    has_hf_token: bool = False

    def changed(self, change: Mapping[str, Any]) -> Decisive:
        """Return them with other values for these keys; None: what the key means where it is absent."""
        names, absent = keys(), _absent()
        values = {names[key]: absent[names[key]] if value is None else value for key, value in change.items()}
        return replace(self, **values)

    def stated(self) -> dict[str, Any]:
        """Return what is stated, by key."""
        absent = _absent()
        named = ((key, name, getattr(self, name)) for key, name in keys().items())
        return {key: value for key, name, value in named if value != absent[name]}


@cache
def keys() -> Mapping[str, str]:
    """Return the field of each key of the configuration: `maxBatchSize` is `max_batch_size`."""
    names = (field.name for field in fields(Decisive) if field.name != "has_hf_token")
    return MappingProxyType({_key(name): name for name in names})


@cache
def _absent() -> Mapping[str, Any]:
    """Return what a field is where its key is absent."""
    return MappingProxyType({field.name: field.default for field in fields(Decisive)})


def _key(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def decisive(settings: Settings | Decisive) -> Decisive:
    """Return the decisive ones of a stack's settings."""
    if isinstance(settings, Decisive):
        return settings
    values = {name: getattr(settings, name) for name in keys().values()}
    return Decisive(**values, has_hf_token=settings.hf_token is not None)


def of_profile_and_model(profile: str, model: str) -> Decisive | None:
    """Return the settings of a stack with these two; None where one is at fault, which `read` explains."""
    try:
        found = hardware.profile(profile).name
    except hardware.UnknownProfile:
        return None
    plain = len(model) <= LONGEST_MODEL and re.fullmatch(MODEL, model, re.ASCII) is not None
    return Decisive(found, model) if plain else None

"""The catalogue of known models: one JSON file each in `catalogue/`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from voltaic.findings import Source
from voltaic.models.config import read_config
from voltaic.models.errors import UnknownArchitecture
from voltaic.spec import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.models.architecture import Architecture

_LOCAL = ("/", "./", "../", "~")


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """What is known of a published model, whatever its revision."""

    id: str
    """Repository id in its own spelling: `mistralai/Mistral-7B-Instruct-v0.2`."""
    aliases: tuple[str, ...]
    """Other ids that lead to the same repository."""
    config: Mapping[str, Any]
    """Those facts of `config.json` that decide shapes and bytes."""
    license: str
    gated: bool
    """True: the repository is downloaded only with the token of an account that accepted its terms."""
    chat_template: bool | None
    """Whether the tokenizer brings a chat template, without which chat requests fail; None: not known."""
    weights_bytes: int | None
    """Bytes of all tensors in the checkpoint, in its own data types; None: not published."""
    largest_file_bytes: int | None
    """Bytes of the largest weights file; None: not known."""
    sources: Mapping[str, Source]
    """Where each fact comes from, by its name."""

    @property
    def architecture(self) -> Architecture:
        """The architecture that the configuration means."""
        return _architecture(self.id)


def _model(row: Mapping[str, Any]) -> CatalogueModel:
    return CatalogueModel(
        id=row["id"],
        aliases=tuple(row["aliases"]),
        config=MappingProxyType(row["config"]),
        license=row["license"],
        gated=row["gated"],
        chat_template=row["chat_template"],
        weights_bytes=row["weights_bytes"],
        largest_file_bytes=row["largest_file_bytes"],
        sources=MappingProxyType({fact: Source(**source) for fact, source in row["sources"].items()}),
    )


@cache
def known_models() -> tuple[CatalogueModel, ...]:
    """Return all models of the catalogue, by id."""
    files = Path(__file__).with_name("catalogue").glob("*.json")
    rows = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    return tuple(sorted((_model(row) for row in rows), key=lambda model: model.id.lower()))


@cache
def _by_id() -> Mapping[str, CatalogueModel]:
    # Repository ids differ in more than their letters' case: the hub leads every spelling to the same place.
    return MappingProxyType({name.lower(): model for model in known_models() for name in (model.id, *model.aliases)})


@cache
def _architecture(model_id: str) -> Architecture:
    return read_config(_by_id()[model_id.lower()].config, where=model_id)


def known_model(model_id: str) -> CatalogueModel | None:
    """Return the model of this repository id, whatever its capitals; None where the catalogue does not have it."""
    return _by_id().get(model_id.strip().lower())


def near_ids(model_id: str) -> tuple[str, ...]:
    """Return up to three catalogue ids that were perhaps meant."""
    wanted = model_id.strip().lower()
    by_name: dict[str, list[str]] = {}
    for model in known_models():
        by_name.setdefault(model.id.lower().rpartition("/")[2], []).append(model.id)
    same_name = by_name.get(wanted.rpartition("/")[2], [])
    whole = get_close_matches(wanted, [model.id.lower() for model in known_models()], n=3, cutoff=0.75)
    found = (*same_name, *(_by_id()[name].id for name in whole))
    return tuple(dict.fromkeys(found))[:3]


def resolve(
    model_id: str | None,
    config: Mapping[str, Any] | None = None,
    weights_bytes: int | None = None,
    revision: str | None = None,
) -> Model:
    """Return what is served: from the configuration where one is given, else from the catalogue.

    Args:
        model_id: repository id or path as the engine is given it; None where only the configuration is known.
        config: `config.json` as parsed.
        weights_bytes: bytes of all tensors in the checkpoint, where the caller knows them.
        revision: handed through; catalogue facts hold for every revision.

    Raises:
        InvalidConfig: the configuration given is malformed. An unknown one is no error: `architecture` is None.
    """
    if config is not None:
        try:
            architecture = read_config(config)
        except UnknownArchitecture as unknown:
            return Model(model_id, None, str(unknown), weights_bytes, revision, config)
        return Model(model_id, architecture, None, weights_bytes, revision, config)
    if model_id is None:
        return Model(None, None, "neither a model nor its config.json is given", weights_bytes, revision)
    known = known_model(model_id)
    if known is None:
        return Model(model_id, None, _unknown_because(model_id), weights_bytes, revision)
    return Model(model_id, known.architecture, None, weights_bytes or known.weights_bytes, revision)


def _unknown_because(model_id: str) -> str:
    if model_id.startswith(_LOCAL):
        return f"{model_id!r} is a path whose config.json is not read here; give the configuration with it"
    near = near_ids(model_id)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return f"{model_id!r} is not in the catalogue of known models{hint} Its config.json would settle it."

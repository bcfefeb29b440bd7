"""The catalogue of known models: one JSON file each, those that come with voltaic and those that a user added."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from voltaic.models import catalogue_files as files
from voltaic.models.config import read_config
from voltaic.models.errors import InvalidConfig, UnknownArchitecture
from voltaic.spec import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.findings import Source
    from voltaic.models.architecture import Architecture

_LOCAL = ("/", "./", "../", "~")


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """What is known of a published model, whatever its revision."""

    id: str
    """Repository id in its own spelling: `mistralai/Mistral-7B-Instruct-v0.2`."""
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
    file: Path
    """The file that says all this."""

    @property
    def architecture(self) -> Architecture:
        """The architecture that the configuration means."""
        return _architecture(self.file.parent, self.id)

    @property
    def added(self) -> bool:
        """Whether a user added it, or it came with voltaic."""
        return self.file.parent != files.SHIPPED

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other ids that lead to the same repository."""
        return tuple(alias for alias, model_id in _aliases().items() if model_id == self.id)


def known_models() -> tuple[CatalogueModel, ...]:
    """Return all models, by id; a file that cannot be used is left out, as `broken_files` tells."""
    return _all(files.folders())


@lru_cache(maxsize=16)
def _all(folders: tuple[Path, ...]) -> tuple[CatalogueModel, ...]:
    spellings = {lower: model_id for folder in reversed(folders) for lower, model_id in files.names(folder).items()}
    found = (_known(lower, folders) for lower in sorted(spellings))
    return tuple(model for model in found if isinstance(model, CatalogueModel))


def known_model(model_id: str) -> CatalogueModel | None:
    """Return the model of this repository id, whatever its capitals; None where the catalogue does not have it."""
    found = _found(model_id)
    return found if isinstance(found, CatalogueModel) else None


def known_ids() -> tuple[str, ...]:
    """Return the ids of all models, without opening their files."""
    return _ids(files.folders())


def broken_files() -> tuple[str, ...]:
    """Return why files of the folders of users cannot be used."""
    folders = files.folders()
    found = (_known(lower, folders) for folder in folders for lower in files.names(folder))
    return tuple(dict.fromkeys(why for why in found if isinstance(why, str)))


@lru_cache(maxsize=16)
def _ids(folders: tuple[Path, ...]) -> tuple[str, ...]:
    spellings = {lower: model_id for folder in reversed(folders) for lower, model_id in files.names(folder).items()}
    return tuple(spellings[lower] for lower in sorted(spellings))


def _found(model_id: str) -> CatalogueModel | str | None:
    wanted = model_id.strip().lower()
    return _known(_aliases().get(wanted, wanted).lower(), files.folders())


@lru_cache(maxsize=4096)
def _known(wanted: str, folders: tuple[Path, ...]) -> CatalogueModel | str | None:
    """Return the model of a lower-case id, or why its file cannot be used, or None where there is none."""
    for folder in folders:
        # Repository ids differ in more than their letters' case: the hub leads every spelling to the same place.
        model_id = files.names(folder).get(wanted)
        if model_id is not None:
            return _read(folder, model_id)
    return None


def _read(folder: Path, model_id: str) -> CatalogueModel | str:
    try:
        row = files.load(folder, model_id)
        if folder != files.SHIPPED:
            _architecture(folder, model_id)
    except UnknownArchitecture as unknown:
        return f"{folder / files.file_name(model_id)}: {unknown}"
    except (files.InvalidModelFile, InvalidConfig) as fault:
        return str(fault)
    return CatalogueModel(
        id=row.id,
        config=row.config,
        license=row.license,
        gated=row.gated,
        chat_template=row.chat_template,
        weights_bytes=row.weights_bytes,
        largest_file_bytes=row.largest_file_bytes,
        sources=row.sources,
        file=folder / files.file_name(model_id),
    )


@cache
def _aliases() -> Mapping[str, str]:
    content = Path(__file__).with_name("aliases.json").read_text(encoding="utf-8")
    return MappingProxyType({alias.lower(): model_id for alias, model_id in json.loads(content).items()})


@lru_cache(maxsize=4096)
def _architecture(folder: Path, model_id: str) -> Architecture:
    return read_config(files.load(folder, model_id).config, where=f"{folder / files.file_name(model_id)}, config")


def forget() -> None:
    """Forget what was read, after a file was written or removed."""
    files.forget()
    for remembered in (_all, _ids, _known, _architecture):
        remembered.cache_clear()


def near_ids(model_id: str) -> tuple[str, ...]:
    """Return up to three catalogue ids that were perhaps meant."""
    wanted = model_id.strip().lower()
    by_lower = {known.lower(): known for known in known_ids()}
    name = wanted.rpartition("/")[2]
    same_name = [known for lower, known in by_lower.items() if lower.rpartition("/")[2] == name]
    whole = get_close_matches(wanted, by_lower, n=3, cutoff=0.75)
    return tuple(dict.fromkeys((*same_name, *(by_lower[lower] for lower in whole))))[:3]


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
    # What only this user's catalogue knows goes with the spec, so that all who judge it see the same.
    own = dict(known.config) if known.added else None
    return Model(model_id, known.architecture, None, weights_bytes or known.weights_bytes, revision, own)


def _unknown_because(model_id: str) -> str:
    if model_id.startswith(_LOCAL):
        return f"{model_id!r} is a path whose config.json is not read here; give the configuration with it"
    broken = _found(model_id)
    if isinstance(broken, str):
        return f"what was added of {model_id!r} cannot be used: {broken}"
    near = near_ids(model_id)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return f"{model_id!r} is not in the catalogue of known models{hint} Its config.json would settle it."

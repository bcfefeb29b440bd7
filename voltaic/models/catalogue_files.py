"""Where files of the catalogue lie, and how one is read.

Three folders are looked at, the nearest to the user first: `models/` beside the `Pulumi.yaml` of the working directory,
the user's own (`VOLTAIC_MODELS`, else `voltaic/models` under `XDG_DATA_HOME`), and the one that comes with voltaic.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from voltaic.findings import Source
from voltaic.models.fields import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

SHIPPED = Path(__file__).with_name("catalogue")
"""The folder that comes with voltaic."""
MOST_BYTES = 2**20
"""Bytes of one file: the largest is a hundredth of it."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9._-]{1,96})?")
_CONFIDENCES = {"read", "executed", "reported", "derived", "unverified"}
_MOST_PARENTS = 16


class InvalidModelFile(ValueError):  # noqa: N818  (named for what it says, as its siblings are)
    """A file of a catalogue that cannot be used."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One model as its file has it; facts that are not known are None."""

    id: str
    config: Mapping[str, Any]
    license: str
    gated: bool
    chat_template: bool | None
    weights_bytes: int | None
    largest_file_bytes: int | None
    sources: Mapping[str, Source]


def folders() -> tuple[Path, ...]:
    """Return the folders that are there, the nearest to the user first."""
    environment = (os.environ.get("VOLTAIC_MODELS"), os.environ.get("XDG_DATA_HOME"), os.environ.get("HOME"))
    try:
        here = os.getcwd()  # noqa: PTH109  (a text is the cheaper key)
    except OSError:  # the working directory was removed
        here = None
    return _folders(here, *environment)


@lru_cache(maxsize=64)
def _folders(here: str | None, stated: str | None, data: str | None, home: str | None) -> tuple[Path, ...]:
    near = (beside_stack(Path(here)) if here else None, _own(stated, data, home))
    found = [folder for folder in near if folder is not None and folder.is_dir()]
    return (*dict.fromkeys(found), SHIPPED)


def beside_stack(here: Path) -> Path | None:
    """Return `models/` beside the nearest `Pulumi.yaml` of this folder or one above it, be it there or not."""
    above = (here, *here.parents)[:_MOST_PARENTS]
    project = next((folder for folder in above if (folder / "Pulumi.yaml").is_file()), None)
    return None if project is None else project / "models"


def own_folder() -> Path | None:
    """Return the user's own folder, be it there or not; None where no home is known."""
    return _own(os.environ.get("VOLTAIC_MODELS"), os.environ.get("XDG_DATA_HOME"), os.environ.get("HOME"))


def _own(stated: str | None, data: str | None, home: str | None) -> Path | None:
    if stated:
        return Path(stated).expanduser()
    if data and Path(data).is_absolute():  # a relative one is to be ignored, XDG base directory specification
        return Path(data) / "voltaic" / "models"
    return Path(home) / ".local" / "share" / "voltaic" / "models" if home else None


def file_name(model_id: str) -> str:
    """Return the name of a model's file: `mistralai--Mistral-7B-v0.1.json`."""
    return model_id.replace("/", "--") + ".json"


def is_id(text: str) -> bool:
    """Return whether a text can be a repository id at all."""
    return _ID.fullmatch(text) is not None and ".." not in text and "--" not in text


@lru_cache(maxsize=64)
def names(folder: Path) -> Mapping[str, str]:
    """Return the ids of a folder's models by their lower-case spelling; no file is opened."""
    try:
        found = sorted(name for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208  (texts are wanted)
    except OSError:
        return MappingProxyType({})
    ids = (name.removesuffix(".json").replace("--", "/", 1) for name in found)
    return MappingProxyType({model_id.lower(): model_id for model_id in ids if is_id(model_id)})


@lru_cache(maxsize=4096)
def load(folder: Path, model_id: str) -> ModelFile:
    """Read one model's file.

    Raises:
        InvalidModelFile: it is missing, unreadable, no such object, or one of its facts is not of its kind.
    """
    file = folder / file_name(model_id)
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InvalidModelFile(f"{file}: larger than {MOST_BYTES // 2**20} MiB; no model's facts are.")
        row = json.loads(content)
    except OSError as error:
        raise InvalidModelFile(f"{file}: cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise (
            error if isinstance(error, InvalidModelFile) else InvalidModelFile(f"{file}: not JSON: {error}.")
        ) from error
    faults = _faults(row, model_id)
    if faults:
        raise InvalidModelFile(f"{file}: {'; '.join(faults)}.")
    return ModelFile(
        id=row["id"],
        config=MappingProxyType(row["config"]),
        license=row["license"],
        gated=row["gated"],
        chat_template=row.get("chat_template"),
        weights_bytes=row.get("weights_bytes"),
        largest_file_bytes=row.get("largest_file_bytes"),
        sources=MappingProxyType({fact: Source(**source) for fact, source in row["sources"].items()}),
    )


def _faults(row: object, model_id: str) -> list[str]:
    if not isinstance(row, dict):
        return [f"found {shown(row)}, allowed is an object"]
    size = "a number of bytes or null"
    wanted = (
        ("id", row.get("id") == model_id, f"{model_id!r}, after which the file is named"),
        ("config", isinstance(row.get("config"), dict), "an object, the facts of config.json"),
        ("license", isinstance(row.get("license"), str), "a text"),
        ("gated", isinstance(row.get("gated"), bool), "true or false"),
        ("chat_template", row.get("chat_template") in (True, False, None), "true, false or null"),
        ("weights_bytes", _is_size(row.get("weights_bytes")), size),
        ("largest_file_bytes", _is_size(row.get("largest_file_bytes")), size),
        ("sources", _are_sources(row.get("sources")), "an object: where each fact comes from, text and confidence"),
    )
    return [f"{key}: found {shown(row.get(key))}, allowed is {allowed}" for key, right, allowed in wanted if not right]


def _is_size(value: object) -> bool:
    return value is None or (type(value) is int and 0 < value <= 2**50)


def _are_sources(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(source, dict)
        and set(source) == {"text", "confidence"}
        and isinstance(source["text"], str)
        and source["confidence"] in _CONFIDENCES
        for source in value.values()
    )


def forget() -> None:
    """Forget what was read, after a file was written or removed."""
    for remembered in (_folders, names, load):
        remembered.cache_clear()

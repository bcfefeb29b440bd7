"""A local folder from which llama.cpp serves a GGUF file: configuration and headers, never weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.models.config import read_config
from voltaic.models.directory import InvalidModelDir, model_dir
from voltaic.models.errors import UnknownArchitecture
from voltaic.models.gguf import InvalidGguf
from voltaic.models.gguf_config import Unreadable, config_of, layers_of
from voltaic.models.gguf_files import WORDS, files_of, header_of, summed
from voltaic.spec import Model

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

_MOST_NAMED: Final = 6


def gguf_dir(path: str | os.PathLike[str], served: str | None = None) -> Model:
    """Read a folder as `model_dir` does, and the header of the GGUF file in it that is served.

    Args:
        path: a folder with a GGUF file. Its config.json is not needed where the header tells the architecture.
        served: the file as the command line names it, be it elsewhere in the container; None: the only one there is;
            empty: none of this folder.

    Returns:
        The model, with `gguf` where a file was found.

    Raises:
        InvalidModelDir: no such folder, several files of which none is named, or a file that cannot be used.
        InvalidConfig: config.json, or the header, says what cannot be.
    """
    folder = Path(path)
    try:
        files = files_of(folder) if folder.is_dir() else {}
        has_config = (folder / "config.json").is_file()
        parts = _chosen(folder, files, served, strict=not has_config)
        model = model_dir(path) if has_config or parts is None else None
        if parts is None:
            return model if model is not None else model_dir(path)
        return _read(str(path), parts, model)
    except InvalidGguf as invalid:
        raise InvalidModelDir(str(invalid)) from invalid
    except OSError as error:
        raise InvalidModelDir(f"{error.filename or path}: cannot be read: {error.strerror or error}.") from error


def _chosen(
    folder: Path, files: Mapping[str, tuple[Path, ...]], served: str | None, *, strict: bool
) -> tuple[Path, ...] | None:
    """Return the parts of the file that is served; None where that is none of the folder, or not clear."""
    if served == "":
        return None
    if served is not None:
        name = served.rpartition("/")[2]
        if name in files or not strict or not files:
            return files.get(name)
        raise InvalidModelDir(f"{folder}: has no file {name}, which is to be served; there is {_names(files)}.")
    if len(files) == 1:
        return next(iter(files.values()))
    if files and strict:
        raise InvalidModelDir(f"{folder}: holds {_names(files)}; name the one that is served: -- -m FILE.gguf")
    return None


def _names(files: Mapping[str, tuple[Path, ...]]) -> str:
    more = len(files) - _MOST_NAMED
    return ", ".join(list(files)[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _read(path: str, parts: Sequence[Path], model: Model | None) -> Model:
    where, header = str(parts[0]), header_of(parts)
    try:
        layers = layers_of(header)
        config = config_of(header) if model is None else {}
    except Unreadable as why:
        further = ". The config.json of the original model beside it settles that" if model is None else ""
        raise InvalidModelDir(f"{where}: {why}{further}.") from why
    weights = summed(where, header, layers)
    if model is None:
        weights, model = replace(weights, alone=True), _of(path, where, config)
    arch = model.architecture
    width = next(tensor.shape[0] for tensor in header.tensors if tensor.name == WORDS)
    if arch is not None and (arch.layers, arch.hidden) != (layers, width):
        raise InvalidModelDir(
            f"{where}: has {layers} layers of {width} elements, and its "
            f"{'metadata' if weights.alone else 'config.json'} says {arch.layers} of {arch.hidden}. "
            "Another model's file, or another model's config.json, lies there."
        )
    return replace(model, gguf=weights)


def _of(path: str, where: str, config: dict[str, Any]) -> Model:
    try:
        return Model(path, read_config(config, where=where), config=config)
    except UnknownArchitecture as unknown:
        return Model(path, None, str(unknown), config=config)

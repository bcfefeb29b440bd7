"""Data files of facts, read once and kept parsed beside the byte code of the modules that read them.

Reading TOML in Python takes a good part of a `voltaic plan`. As with byte code, what is kept holds for one size and
time of the file and of this module, and for one Python, lies in `__pycache__`, is trusted as much, and is left out
where Python writes none.
"""

from __future__ import annotations

import marshal
import os
import sys
from decimal import Decimal
from importlib.util import cache_from_source
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_THIS: Final = (os.stat(__file__).st_mtime_ns, os.stat(__file__).st_size)  # noqa: PTH116  a path costs more than the stat
"""What an older or newer version of this module kept is not what this one reads."""
_DECIMAL: Final = "\0"
"""Begins a text that stands for a number with a point; no text of a TOML file holds it."""


def table(path: Path, *, decimals: bool = False) -> dict[str, Any]:
    """Return a TOML file as a dictionary, made anew at each call; with `decimals` numbers with a point as Decimal.

    Its `date`, the day on which its facts were last compared with their sources, is no fact and left out.
    """
    stat = path.stat()
    made = (stat.st_mtime_ns, stat.st_size, decimals, *_THIS)
    kept = f"{cache_from_source(str(path))}{'-decimals' if decimals else ''}.facts"
    found = _kept(kept, made)
    if found is None:
        found = _parsed(path, decimals=decimals)
        _keep(kept, made, found)
    return _with_decimals(found) if decimals else found


def _parsed(path: Path, *, decimals: bool) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  most starts find what they need parsed

    text = path.read_text(encoding="utf-8")
    found = tomllib.loads(text, parse_float=_DECIMAL.__add__) if decimals else tomllib.loads(text)
    found.pop("date", None)
    return found


def _kept(path: str, made: tuple[int, ...]) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  a path of its own takes longer than the reading
            of, found = marshal.loads(file.read())  # noqa: S302  trusted as the byte code in the same folder is
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return found if of == made and isinstance(found, dict) else None


def _keep(path: str, made: tuple[int, ...], found: dict[str, Any]) -> None:
    if sys.dont_write_bytecode:
        return
    unfinished = f"{path}.{os.getpid()}"
    try:
        content = marshal.dumps((made, found))
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120  as above
        with open(unfinished, "wb") as file:  # noqa: PTH123  as above
            file.write(content)
        os.replace(unfinished, path)  # noqa: PTH105  as above
    except (OSError, ValueError):  # a folder that cannot be written, or a date: it is read again next time
        return


def _with_decimals(value: Any) -> Any:
    if isinstance(value, str):
        return Decimal(value[1:]) if value.startswith(_DECIMAL) else value
    if isinstance(value, dict):
        return {key: _with_decimals(item) for key, item in value.items()}
    return [_with_decimals(item) for item in value] if isinstance(value, list) else value

"""Which known model a repository or file of GGUF weights holds, by the name that its publisher gave it."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PART: Final = re.compile(r"-[0-9]{5}-of-[0-9]{5}$")
_TYPE: Final = re.compile(r"[-_.](?:i1-)?(?:ud-)?(?:i?q[0-9](?:_[a-z0-9]+)*|b?f16|f32|fp16|mxfp4(?:_moe)?)$")
_ADDED: Final = re.compile(r"[-_.](?:i1|gguf|hf)$")


def plain(text: str) -> str:
    """Return the last part of a name without what files of weights add to it: `mistral7binstructv02`."""
    name = text.lower().partition(":")[0].rpartition("/")[2].removesuffix(".gguf")
    name = _PART.sub("", name)
    for form in (_TYPE, _ADDED, _ADDED):
        name = form.sub("", name)
    return re.sub(r"[^a-z0-9]", "", name)


@cache
def _known() -> Mapping[str, frozenset[str]]:
    from voltaic.models.known import known_ids  # noqa: PLC0415  the catalogue is asked for names only

    found: dict[str, set[str]] = {}
    for name in known_ids():
        owner = re.sub(r"[^a-z0-9]", "", name.partition("/")[0].lower())
        # Publishers of GGUF files put the owner, or a part of it, before the name.
        for before in ("", owner, owner.partition("llama")[0] if owner == "metallama" else owner):
            found.setdefault(before + plain(name), set()).add(name)
    return MappingProxyType({name: frozenset(ids) for name, ids in found.items()})


@lru_cache(maxsize=1024)
def base_model(weights: str) -> str | None:
    """Return the id of the one known model that has the name of these weights; None where none or several have.

    Args:
        weights: a repository with or without a tag, or a file: `bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M`.
    """
    found = _known().get(plain(weights), frozenset())
    return next(iter(found)) if len(found) == 1 else None

"""Model families as TGI's dispatcher knows them, by release."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from voltaic.engines import data
from voltaic.engines.versions import parse_version, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.versions import Version
    from voltaic.findings import Source

Way = Literal["flash", "fallback", "native", "adapted", "generic", "trap", "unknown", "error"]
_WAYS: dict[str, Way] = {
    "flash": "flash",
    "fallback": "fallback",
    "native": "native",
    "adapted": "adapted",
    "generic": "generic",
    "trap": "trap",
    "unknown": "unknown",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the dispatcher goes, or the error with which the shard ends."""

    way: Way
    error: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A family's own branch of the dispatcher in some releases."""

    releases: str
    flash: Outcome
    unsharded: Outcome
    sharded: Outcome
    flash_sharded: Outcome
    """With flash attention on several shards."""

    def outcome(self, *, flash: bool, sharded: bool) -> Outcome:
        """Return where the branch goes."""
        if flash:
            return self.flash_sharded if sharded else self.flash
        return self.sharded if sharded else self.unsharded


@dataclass(frozen=True, slots=True)
class Family:
    """Model types that the dispatcher treats alike."""

    model_types: tuple[str, ...]
    title: str
    known: Version | None
    """First release whose transformers library knows it; None: none does."""
    sdpa: Version | None
    """First release whose transformers library gives it fused attention; None: none does."""
    routes: tuple[Route, ...]
    adapted: str | None
    """Releases whose transformers class takes TGI's flash attention; None: none does."""
    flash2: str | None
    """Releases in which it needs flash attention v2."""
    window2: str | None
    """Releases in which it needs flash attention v2 where a sliding window is set."""
    bf16: str | None
    """Releases in which its flash model computes in bfloat16 unless told otherwise."""
    kernels: Literal["always", "sharded"] | None
    """When the compiled custom kernels are used."""
    vision: bool
    rotary: str | None
    """Releases whose flash model computes rotary positions whatever the model was trained with."""

    def route(self, version: Version) -> Route | None:
        """Return the family's own branch in that release; None where it has none."""
        return next((route for route in self.routes if within(version, route.releases)), None)


@dataclass(frozen=True, slots=True)
class Generic:
    """The end of the dispatcher, for families without a branch of their own."""

    sharded: str
    unsupported: str
    broken: str
    """Releases that do not reach it without flash attention."""
    adapts: str
    """Releases that run a class of transformers on TGI's flash attention where it takes it."""
    misses: str
    """Releases that end where they should ask the class whether it does."""
    missing: str
    """The error with which those end."""
    quantize: Mapping[str, tuple[tuple[str, str], ...]]
    """Refused values: releases and error."""


@dataclass(frozen=True, slots=True)
class Families:
    """All families that the facts cover."""

    by_type: Mapping[str, Family]
    named: tuple[tuple[str, str | None, Family], ...]
    """Beginning of a model id, model type that must go with it (None: any), and the family."""
    generic: Generic
    source: Source

    def of(self, model_type: str | None, model_id: str | None) -> Family | None:
        """Return the family of a model; None where the facts do not cover it."""
        for prefix, needed, family in self.named:
            if model_id is not None and model_id.startswith(prefix) and needed in {None, model_type}:
                return family
        return self.by_type.get(model_type) if model_type is not None else None


_KEYS = frozenset(
    {
        "model_types",
        "title",
        "known",
        "sdpa",
        "routes",
        "adapted",
        "flash2",
        "window2",
        "bf16",
        "kernels",
        "vision",
        "rotary",
    },
)


def _outcome(text: str) -> Outcome:
    if text.startswith("!"):
        return Outcome("error", text[1:])
    if text not in _WAYS:
        raise data.BadFactsError(f"outcome {text!r}: write one of {', '.join(_WAYS)} or !error")
    return Outcome(_WAYS[text])


def _route(row: list[str]) -> Route:
    releases, *texts = row
    flash, unsharded, sharded, *flash_sharded = (_outcome(text) for text in texts)
    return Route(releases, flash, unsharded, sharded, flash_sharded[0] if flash_sharded else flash)


def _family(row: dict[str, Any]) -> Family:
    data.only(row, _KEYS, f"family {row.get('title')}")
    return Family(
        model_types=tuple(row["model_types"]),
        title=row["title"],
        known=parse_version(row.get("known")),
        sdpa=parse_version(row.get("sdpa")),
        routes=tuple(_route(route) for route in row.get("routes", [])),
        adapted=row.get("adapted"),
        flash2=row.get("flash2"),
        window2=row.get("window2"),
        bf16=row.get("bf16"),
        kernels=row.get("kernels"),
        vision=row.get("vision", False),
        rotary=row.get("rotary"),
    )


@functools.cache
def families() -> Families:
    """Return all families; read once."""
    facts = data.table(Path(__file__).with_name("families.toml"))
    rows = [_family(row) for row in facts["family"]]
    by_type = {model_type: family for family in rows for model_type in family.model_types}
    if len(by_type) != sum(len(family.model_types) for family in rows):
        raise data.BadFactsError("families.toml names a model type twice")
    generic = facts["generic"]
    return Families(
        by_type=by_type,
        named=tuple((row["prefix"], row.get("model_type"), by_type[row["family"]]) for row in facts["named"]),
        generic=Generic(
            sharded=generic["sharded"],
            unsupported=generic["unsupported"],
            broken=generic["broken"],
            adapts=generic["adapts"],
            misses=generic["misses"],
            missing=generic["missing"],
            quantize={
                value: tuple((releases, error) for releases, error in rows)
                for value, rows in generic["quantize"].items()
            },
        ),
        source=data.source(facts["source"], facts["confidence"]),
    )

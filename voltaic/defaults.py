"""What the core derives where a stack does not say: engine, release, dtype, shards, limits.

Facts come from defaults.toml and from the engine's recommended_limits.toml; nothing here is written twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voltaic.findings import Source
    from voltaic.hardware import GpuModel
    from voltaic.models import Architecture

LIMITS = (
    "max_input_tokens",
    "max_total_tokens",
    "max_batch_prefill_tokens",
    "max_batch_total_tokens",
    "max_batch_size",
)
"""Canonical names of the options that bound a request and a batch; tokens, and requests for the last."""

MOST_INPUT = (3, 4)
"""Largest share of a request that a derived limit gives to the prompt: that of the recommended limits."""


@cache
def table() -> dict[str, Any]:
    """Return defaults.toml."""
    return data.table(Path(__file__).with_name("defaults.toml"))


def source(of: str) -> Source:
    """Return where a default comes from: of `engine`, `server` or `dtype`."""
    entry = table()[of]
    return data.source(entry["source"], entry["confidence"])


def because(of: str) -> str:
    """Return why a default is what it is: of `engine`, `server` or `dtype`."""
    return str(table()[of]["because"])


def engine_name() -> str:
    """Return the engine of a stack that names none."""
    return str(table()["engine"]["name"])


def engine_version(engine: str) -> str | None:
    """Return the release of a stack that names none; None where none is proven for that engine."""
    version = table()["engine"]["version"].get(engine)
    return None if version is None else str(version)


def server_options() -> dict[str, Any]:
    """Return the launcher options that every server gets, by canonical name."""
    return {name: table()["server"][name] for name in ("hostname", "port", "usage_stats")}


def secret_variables(engine: str) -> Mapping[str, tuple[str, ...]]:
    """Return the variables through which an engine takes the Hugging Face token and the key of its API."""
    entry = table()["secrets"].get(engine, {})
    return {name: tuple(entry.get(name, ())) for name in ("hf_token", "api_key")}


def dtype(gpu: GpuModel, architecture: Architecture | None) -> str:
    """Return the data type of a stack that names none: the checkpoint's where the GPU has it, else float16."""
    facts = table()["dtype"]
    has_bfloat16 = gpu.compute_capability is None or gpu.compute_capability >= tuple(facts["bfloat16_from"])
    if has_bfloat16 and architecture is not None and architecture.dtype == "bfloat16":
        return "bfloat16"
    return str(facts["without_bfloat16"])


@dataclass(frozen=True, slots=True)
class Rungs:
    """Limits to try, longest requests first."""

    limits: tuple[Mapping[str, int], ...]
    source: Source


@cache
def rungs(engine: str) -> Rungs | None:
    """Return the recommended limits of an engine; None where there are none."""
    path = Path(__file__).parent / "engines" / engine / "recommended_limits.toml"
    if not path.is_file():
        return None
    file = data.table(path)
    return Rungs(
        tuple({name: int(row[name]) for name in LIMITS} for row in file["rung"]),
        data.source(file["source"], file["confidence"]),
    )


def limits(
    engine: str,
    given: Mapping[str, int],
    positions: int | None,
    fits: Callable[[Mapping[str, int]], bool],
) -> dict[str, int]:
    """Return all limits: those given as they are, the others from the first recommendation that fits.

    Args:
        engine: `tgi`.
        given: limits that the stack states, by canonical name. They stand even where they contradict each other: the
            launcher's rules speak about that.
        positions: longest context of the model in tokens; None where it has no bound or is not known.
        fits: whether a server with these limits fits on its GPUs; False where that is not known.

    Returns:
        Where nothing fits or nothing can be said, the smallest recommendation, for the judge to speak about.
    """
    recommended = rungs(engine)
    if recommended is None or all(name in given for name in LIMITS):
        return dict(given)
    short_enough = [rung for rung in recommended.limits if positions is None or rung["max_total_tokens"] <= positions]
    tries = [_completed(rung, given, positions) for rung in short_enough or recommended.limits[-1:]]
    return next((limits for limits in tries if fits(limits)), tries[-1])


def _completed(rung: Mapping[str, int], given: Mapping[str, int], positions: int | None) -> dict[str, int]:
    """Return the rung with what is given in place, and the rest of it moved so that they agree."""
    most = given.get("max_batch_total_tokens")
    asked = given.get("max_input_tokens")
    total = rung["max_total_tokens"]
    if asked is not None:
        total = max(total, asked + total - rung["max_input_tokens"])
    total = given.get("max_total_tokens") or min(size for size in (total, positions, most) if size is not None)
    share, whole = MOST_INPUT
    prompt = min(rung["max_input_tokens"], total * share // whole, given.get("max_batch_prefill_tokens") or total)
    prompt = asked or max(1, prompt)
    size = rung["max_batch_size"] if most is None else max(1, min(rung["max_batch_size"], most // total))
    size = given.get("max_batch_size") or size
    together = most or max(size * total, given.get("max_batch_prefill_tokens") or prompt)
    prefill = max(prompt, min(rung["max_batch_prefill_tokens"], together))
    return dict(
        zip(LIMITS, (prompt, total, given.get("max_batch_prefill_tokens") or prefill, together, size), strict=True)
    )

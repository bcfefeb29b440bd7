"""Effective limits after the arithmetic of launcher, router and warm-up, and where that ends the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from voltaic.engines.tgi.options import options
from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from voltaic.engines.versions import Version
    from voltaic.hardware import GpuModel
    from voltaic.models import Architecture

SOURCE: Final = Source(
    "launcher/src/main.rs, router/src/main.rs, backends/v3/src/main.rs and client/grpc_client.rs of 1.2.0 to 3.3.7"
)
_DEFAULT_POSITIONS: Final = 4096  # launcher: where config.json says nothing, and the most that it takes by itself
_DEFAULT_BATCH_TOTAL: Final = 16_000  # router: least max_batch_total_tokens of a server that cannot measure it
_PREFILL_SLACK: Final = 50  # launcher 2.0.0 to 2.4.0: tokens of the prefill budget beyond one input
_U32: Final = 2**32
_V2: Final = (2, 0, 0)
_OPTIONAL_LIMITS: Final = (2, 4, 1)  # from here on unset limits are decided in the warm-up
_V3: Final = (3, 0, 0)
_ROUTER_DECIDES: Final = (2, 4, 0)  # from here on the router, not the launcher, compares with the prefill budget
_POSITIVE_BATCH_SIZE: Final = (2, 3, 0)
# From here on max_batch_size holds. Before, the router compares it with the requests that join only after it has added
# one, and a full batch leaves room for 0: the comparison is never true (queue.rs, next_batch, of 1.4.1 to 2.2.0).
_HOLDS_BATCH_SIZE: Final = (2, 3, 0)
_VRAM_SHARE: Final = 0.95  # launcher 3.x, of the memory that nvidia-smi shows


@dataclass(frozen=True, slots=True)
class LimitFault:
    """A combination of limits with which launcher or router ends, or a server that cannot warm up."""

    option: str
    message: str
    """What is found, with the values."""
    error: str
    """What the log shows."""
    fix: str
    derived: bool = False
    """True: rests on a limit that was not set but computed."""


@dataclass(slots=True)
class Limits:
    """Limits by canonical option name, in tokens or requests, and the faults among them."""

    values: dict[str, int] = field(default_factory=dict)
    faults: list[LimitFault] = field(default_factory=list)


_last: tuple[tuple[Any, ...], Limits] = ((None,) * 6, Limits())


def effective(
    given: Mapping[str, Any],
    version: Version,
    arch: Architecture | None,
    gpu: GpuModel | None,
    *,
    shards: int,
    flash: bool,
) -> Limits:
    """Return the limits with which a server runs, given the canonical options that are set.

    With `flash` the server measures its own pool: what depends on it is left out. Without an architecture the positions
    are taken as unstated, as the launcher does with a config.json that it cannot read.

    Kept for the last question, which several rules ask one after the other: what is returned is not to be changed.
    """
    global _last  # noqa: PLW0603  replaced as a whole, so that threads see limits with their own question
    asked, limits = _last
    same = asked[0] is given and asked[1] is arch and asked[2] is gpu
    if not same or asked[3:] != (version, shards, flash):
        limits = _effective(given, version, arch, gpu, shards=shards, flash=flash)
        _last = ((given, arch, gpu, version, shards, flash), limits)
    return limits


def _effective(
    given: Mapping[str, Any],
    version: Version,
    arch: Architecture | None,
    gpu: GpuModel | None,
    *,
    shards: int,
    flash: bool,
) -> Limits:
    limits = Limits()
    values = limits.values
    for name in ("max_batch_size", "max_batch_total_tokens"):
        if name in given:
            values[name] = given[name]
    values["max_concurrent_requests"] = given.get(
        "max_concurrent_requests", _launcher_default("max_concurrent_requests", version)
    )
    _tokens(limits, given, version, arch, gpu, shards=shards, flash=flash)
    _warm_up(limits, given, version, flash=flash)
    if not flash and "max_total_tokens" in values and "max_batch_prefill_tokens" in values:
        least = max(_DEFAULT_BATCH_TOTAL, values["max_total_tokens"], values["max_batch_prefill_tokens"])
        values.setdefault("max_batch_total_tokens", least)
    _compare(limits, given, version, flash=flash)
    if batch_bound(version) != "max_batch_size":
        values.pop("max_batch_size", None)
    return limits


def batch_bound(version: Version) -> str:
    """Return the option that bounds the requests of a running batch."""
    return "max_batch_size" if version >= _HOLDS_BATCH_SIZE else "max_concurrent_requests"


def _launcher_default(name: str, version: Version) -> int:
    default = options().by_name[name].default(version)
    return int(default)


def _tokens(
    limits: Limits,
    given: Mapping[str, Any],
    version: Version,
    arch: Architecture | None,
    gpu: GpuModel | None,
    *,
    shards: int,
    flash: bool,
) -> None:
    """Fill in the three token limits as far as the launcher does."""
    values = limits.values
    positions = arch.stated_positions if arch is not None else None
    for name in ("max_input_tokens", "max_total_tokens", "max_batch_prefill_tokens"):
        if name in given:
            values[name] = given[name]
    if version < _V2:
        values.setdefault("max_input_tokens", _launcher_default("max_input_length", version))
        values.setdefault("max_total_tokens", _launcher_default("max_total_tokens", version))
        values.setdefault("max_batch_prefill_tokens", _launcher_default("max_batch_prefill_tokens", version))
        return
    most = min(_DEFAULT_POSITIONS, positions) if positions is not None else _DEFAULT_POSITIONS
    if version < _OPTIONAL_LIMITS:
        values.setdefault("max_input_tokens", most - 1)
        values.setdefault("max_total_tokens", most)
        size = given.get("max_batch_size")
        longest = values["max_input_tokens"]
        prefill = longest + _PREFILL_SLACK if size is None else longest * size
        values.setdefault("max_batch_prefill_tokens", prefill)
        return
    if "max_batch_prefill_tokens" in values:
        return
    if version < _V3:
        values["max_batch_prefill_tokens"] = most
        return
    # 3.x reckons with the GPU's speed where it knows the card.
    from voltaic.engines.tgi import launcher  # noqa: PLC0415  most limits are stated

    reckoned = None if gpu is None else launcher.budget(arch, gpu.name, version, shards, _DEFAULT_POSITIONS)
    if gpu is None or reckoned is None:
        return
    reckoned = min(reckoned, positions) if positions is not None else reckoned
    fraction = float(given.get("cuda_memory_fraction", 1.0))  # another than 0 to 1 is refused as an argument
    room = _vram_estimate(arch, gpu, shards, fraction if abs(fraction) < 2**64 else 1.0)
    values["max_batch_prefill_tokens"] = reckoned if room is None or flash else min(reckoned, room)


def _vram_estimate(arch: Architecture | None, gpu: GpuModel, shards: int, fraction: float) -> int | None:
    """Return the launcher's own estimate (3.x) of the tokens that fit, in its own arithmetic; None where it gives none.

    It forgets a factor in the size of the attention's weights and knows no quantization.
    """
    if arch is None or arch.quantization is not None:
        return None
    inner = 3 * arch.intermediate * arch.hidden
    attention = arch.heads * arch.head_dim * arch.hidden + (arch.heads + 2 * arch.kv_heads) * arch.head_dim
    model = 2 * (arch.layers * (inner + attention) + 2 * arch.vocab * arch.hidden)
    token = 4 * arch.kv_heads * arch.head_dim * arch.layers + 9 * arch.intermediate
    left = int(gpu.usable_bytes * shards * fraction * _VRAM_SHARE) - model
    return left // token if left > 0 else None


def _warm_up(limits: Limits, given: Mapping[str, Any], version: Version, *, flash: bool) -> None:
    """Work out the batch of the warm-up and the limits that it decides."""
    values = limits.values
    prefill = values.get("max_batch_prefill_tokens")
    if not prefill:
        return
    longest = min(values.get("max_input_tokens", prefill), prefill)
    if longest < 1:
        return
    requests = -(-prefill // longest)
    size = values.get("max_batch_size")
    if size:
        requests = min(requests, size)
    values["warm_up_requests"] = requests
    values["warm_up_tokens"] = longest
    if flash or version < _OPTIONAL_LIMITS:
        return
    total = given.get("max_total_tokens")
    if total is not None and longest > total:
        limits.faults.append(
            LimitFault(
                "--max-total-tokens",
                f"the warm-up takes {longest} input tokens, more than the {total} of --max-total-tokens: it computes "
                f"{total} - {longest} new tokens in 32 bits without a sign and asks for {total - longest + _U32}",
                "CUDA out of memory",
                f"write --max-input-tokens below {total}, and --max-batch-prefill-tokens no smaller than it",
                derived="max_batch_prefill_tokens" not in given,
            ),
        )
    warm = min(prefill, requests * longest)
    values.setdefault("max_total_tokens", warm)
    values.setdefault("max_input_tokens", values["max_total_tokens"] - 1)


def _compare(limits: Limits, given: Mapping[str, Any], version: Version, *, flash: bool) -> None:
    """Compare the limits as launcher and router do, each with its own message."""
    values, faults = limits.values, limits.faults
    tokens, total = values.get("max_input_tokens"), values.get("max_total_tokens")
    prefill, batch = values.get("max_batch_prefill_tokens"), values.get("max_batch_total_tokens")
    word = "max_input_length" if version < _V2 else "max_input_tokens"
    flag = "--" + word.replace("_", "-")

    def shown(name: str) -> str:
        return "" if name in given else " (not set: computed)"

    if tokens is not None and total is not None and tokens >= total:
        faults.append(
            LimitFault(
                flag,
                f"the input limit {tokens}{shown('max_input_tokens')} is not below the total limit "
                f"{total}{shown('max_total_tokens')}",
                _input_error(word, tokens, total, given, version),
                f"write {flag} {max(total - 1, 1)} or less, or --max-total-tokens {tokens + 1} or more",
                derived=bool(shown("max_input_tokens") or shown("max_total_tokens")),
            ),
        )
    # A flash server takes long inputs in pieces, and the router compares with the pool that it measured.
    measured = flash and version >= _ROUTER_DECIDES
    if tokens is not None and prefill is not None and tokens > prefill and not measured:
        faults.append(
            LimitFault(
                "--max-batch-prefill-tokens",
                f"the prefill budget {prefill}{shown('max_batch_prefill_tokens')} is below the input limit "
                f"{tokens}{shown('max_input_tokens')}",
                f"`max_batch_prefill_tokens` must be >= `{word}`. Given: {prefill} and {tokens}",
                f"write --max-batch-prefill-tokens {tokens} or more",
                derived=bool(shown("max_input_tokens") or shown("max_batch_prefill_tokens")),
            ),
        )
    if prefill is not None and batch is not None and prefill > batch and not measured:
        faults.append(
            LimitFault(
                "--max-batch-total-tokens",
                f"the batch total {batch} is below the prefill budget {prefill}{shown('max_batch_prefill_tokens')}",
                f"`max_batch_prefill_tokens` must be <= `max_batch_total_tokens`. Given: {prefill} and {batch}",
                f"write --max-batch-total-tokens {prefill} or more",
                derived=bool(shown("max_batch_prefill_tokens")),
            ),
        )
    if total is not None and batch is not None and total > batch:
        faults.append(
            LimitFault(
                "--max-batch-total-tokens",
                f"the batch total {batch} is below the total limit {total}{shown('max_total_tokens')}",
                f"`max_total_tokens` must be <= `max_batch_total_tokens`. Given: {total} and {batch}",
                f"write --max-batch-total-tokens {total} or more",
                derived=bool(shown("max_total_tokens")),
            ),
        )
    if values.get("max_batch_size") == 0 and version >= _POSITIVE_BATCH_SIZE:
        error = "`max_batch_size` must be > 0"
        faults.append(
            LimitFault("--max-batch-size", "a batch of 0 requests", error, "write --max-batch-size 1 or more")
        )


def _input_error(word: str, tokens: int, total: int, given: Mapping[str, Any], version: Version) -> str:
    """Return the message of that release, with its own quotes."""
    if version >= _OPTIONAL_LIMITS and "max_input_tokens" in given and "max_total_tokens" in given:
        return f"`max_input_tokens`({tokens}) must be < `max_total_tokens`({total})"
    if _V2 <= version < _OPTIONAL_LIMITS:
        return "`max_input_tokens must be < `max_total_tokens`"
    return f"`{word}` must be < `max_total_tokens`"

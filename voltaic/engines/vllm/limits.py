"""Effective limits: longest request, requests at once, tokens of one pass; and what does not go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.versions import within
from voltaic.engines.vllm.releases import by_release, facts, holds
from voltaic.engines.vllm.values import AUTOMATIC
from voltaic.units import GIB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.vllm.case import Case

CHUNKED_ABOVE: Final = int(facts()["limits"]["v0_chunked_above"])
"""Tokens of `max_model_len` above which V0 switches chunked prefill on by itself."""
_UNSTRETCHED: Final = frozenset({"su", "longrope", "llama3", "default", "mrope"})
_OWN_LENGTH: Final = frozenset({"cohere"})
"""Families whose configuration states the length apart from its positions, as `model_max_length`, which comes first."""
_MOST_STRETCHED: Final = 2**20
_UNSTATED: Final = 2048  # where config.json says nothing of positions


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server keeps to, in tokens and requests; None: not known."""

    max_model_len: int | None
    derived: int | None
    """Longest context that the configuration stands for; None: not known."""
    automatic: bool
    """True: the server takes the longest that fits."""
    max_num_seqs: int
    max_num_batched_tokens: int | None
    chunked: bool
    """Whether prompts are computed in parts."""
    profiled: int | None
    """Tokens of the pass with which activations are measured at the start."""

    @property
    def values(self) -> Mapping[str, int]:
        """Those that are known, by option name."""
        found = {
            "max_model_len": self.max_model_len,
            "max_num_seqs": self.max_num_seqs,
            "max_num_batched_tokens": self.max_num_batched_tokens,
        }
        return {name: value for name, value in found.items() if value is not None}


def _number(case: Case, name: str) -> int | None:
    value = case.spec.option(name)
    return value if type(value) is int else None


def effective(case: Case) -> Limits:
    """Return the limits of a spec as the release sets them."""
    stated = _number(case, "max_model_len")
    automatic = stated == AUTOMATIC
    derived = derived_length(case)
    length = derived if stated is None or automatic else stated
    if case.engine()[0] == "vllm-v1":
        tokens, sequences = _v1_defaults(case)
        batched = _number(case, "max_num_batched_tokens") or tokens
        asked = _number(case, "max_num_seqs")
        # A default is not larger than the tokens of one pass.
        sequences = min(sequences, batched) if asked is None else asked
        return Limits(length, derived, automatic, sequences, batched, chunked=True, profiled=batched)
    table = facts()["limits"]
    chunked = _chunked(case, length)
    least = by_release(table["v0_chunked_tokens"], case.version)
    batched_v0 = _number(case, "max_num_batched_tokens")
    if batched_v0 is None and chunked:
        batched_v0 = least
    elif batched_v0 is None and length is not None:
        batched_v0 = max(length, _UNSTATED)
    sequences = _number(case, "max_num_seqs") or table["v0_sequences"]
    return Limits(length, derived, automatic, sequences, batched_v0, chunked=chunked, profiled=batched_v0)


def _chunked(case: Case, length: int | None) -> bool:
    asked = case.spec.option("enable_chunked_prefill")
    if isinstance(asked, bool):
        return asked
    arch = case.arch
    special = arch is not None and (arch.sliding_window is not None or arch.latent is not None or bool(arch.towers))
    odd = any(case.spec.option(name) for name in ("enable_lora", "speculative_model", "speculative_config"))
    automatic = holds("limits", "v0_chunked_default", case.version)
    return automatic and length is not None and length > CHUNKED_ABOVE and not special and not odd


def _v1_defaults(case: Case) -> tuple[int, int]:
    """Return tokens of a pass and requests that V1 takes by itself on this GPU."""
    for row in facts()["limits"]["v1_defaults"]:
        if not within(case.version, row["releases"]):
            continue
        name = case.gpu.title.lower()
        large = any(word in name for word in row.get("large", ()))
        large |= case.gpu.usable_bytes >= row.get("large_gib", 2**20) * GIB
        large &= not any(word in name for word in row.get("except", ()))
        return row["tokens"][large], row["sequences"][large]
    raise LookupError(case.title)  # the last row holds for every release


def derived_length(case: Case) -> int | None:
    """Return the longest context that the configuration stands for; None where it is not known."""
    arch = case.arch
    if arch is None:
        return None
    positions = arch.stated_positions or arch.max_positions
    if case.model_type in _OWN_LENGTH:
        stated = (case.spec.model.config or {}).get("model_max_length")
        return stated if type(stated) is int and stated > 0 else None
    if positions is None:
        return _UNSTATED if case.spec.model.config is not None and arch.positions == "alibi" else None
    if arch.rope_scaling is None or arch.rope_scaling in _UNSTRETCHED or (case.model_type or "").startswith("gemma3"):
        return positions
    return _stretched(case, positions, arch.rope_scaling)


def _stretched(case: Case, positions: int, kind: str) -> int | None:
    config: Mapping[str, Any] = case.spec.model.config or {}
    scaling = config.get("rope_scaling")
    factor = scaling.get("factor", 1.0) if isinstance(scaling, dict) else None
    if not isinstance(scaling, dict) or not isinstance(factor, (int, float)) or not 0 < factor <= _MOST_STRETCHED:
        return None
    if kind == "yarn":
        original = scaling.get("original_max_position_embeddings")
        if type(original) is not int:
            return None
        positions = original
    return int(positions * factor)


def utilization(case: Case) -> float:
    """Return the share of the GPU's memory that the server takes."""
    stated = case.spec.option("gpu_memory_utilization")
    if isinstance(stated, float) and abs(stated) < 2**64:  # no number, and what none holds, is refused as an argument
        return stated
    return float(by_release(facts()["limits"]["utilization"], case.version))

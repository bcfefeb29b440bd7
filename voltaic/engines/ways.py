"""What the search for ways out needs of an engine: its limits in words that every engine has, and how to say them.

An engine whose limits are options of their own takes `Named` and lists the names; one that is more contrary answers
`HasWays` by itself. Without either only what needs no bill is searched: repairs, releases, profiles, models.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.base import Runs
    from voltaic.memory.bill import Bill, NoBill
    from voltaic.spec import ServingSpec

    class Rooms(Protocol):
        """Tells what a bill would, for many limits; an engine may offer it as `rooms(spec, runs)`."""

        @property
        def margin_bytes(self) -> float:
            """Bytes by which the estimate may err on a GPU."""
            ...

        def room(self, runs: Runs) -> int:
            """Return the bytes left on the fullest GPU with the limits of this run; negative where they do not fit."""
            ...


@dataclass(frozen=True, slots=True)
class Load:
    """What a server is asked to hold: requests and tokens."""

    requests: int
    """Requests at once that the limits allow."""
    total: int
    """Tokens of the longest request, prompt and answer."""
    prompt: int | None = None
    """Tokens of the longest prompt, where the engine bounds it apart."""
    prefill: int | None = None
    """Tokens of one prefill pass, where they can be lowered."""
    bounded: bool = True
    """Whether that number of requests is worth keeping where they must be shorter: false where it is a default so
    high that every request counts in full and nobody asked for it."""

    def of(self, requests: int) -> Load:
        """Return the same for another number of requests: `replace` in a third of its time."""
        return Load(requests, self.total, self.prompt, self.prefill, self.bounded)


@runtime_checkable
class HasWays(Protocol):
    """An engine whose limits can be lowered and raised. Nothing here parses arguments, so that it is cheap to ask."""

    def load_of(self, spec: ServingSpec, runs: Runs) -> Load | None:
        """Return what the effective limits ask for; None where they are not known."""
        ...

    def with_load(self, runs: Runs, load: Load) -> Runs:
        """Return the same run with other limits, as if the options said so, derived limits included."""
        ...

    def bill_for(self, spec: ServingSpec, runs: Runs) -> Bill | NoBill:
        """Return the bill of a spec that runs this way, whatever its command line says of limits and weights."""
        ...

    def options_for(self, spec: ServingSpec, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the canonical options that say these configuration keys on the command line of this spec.

        Keys: `maxTotalTokens`, `maxInputTokens`, `maxBatchPrefillTokens`, `maxBatchTotalTokens`, `maxBatchSize`,
        `quantization`, `dtype`, `shards`, `model`. A value of None takes the option away, also one of the result. None
        as a whole: a key has no option.
        """
        ...

    def variables_for(self, options: Mapping[str, Any]) -> frozenset[str]:
        """Return the variables that could say any of these canonical options beside the arguments."""
        ...

    def option_of(self, key: str) -> str | None:
        """Return the canonical option of a configuration key; None where it has none of its own."""
        ...

    def stated(self, spec: ServingSpec, key: str) -> Any:
        """Return what the command line of this spec says for a configuration key; None where it says nothing."""
        ...

    def lighter(self, spec: ServingSpec) -> Iterator[Mapping[str, Any]]:
        """Yield quantizations, as settings, that this engine applies to an unquantized checkpoint on this GPU."""
        ...

    def memory_shares(self, spec: ServingSpec) -> Iterator[Mapping[str, Any]]:
        """Yield canonical options with other shares of the memory that are worth trying, the nearest first."""
        ...

    def switches(self, spec: ServingSpec) -> Mapping[str, str]:
        """Return the variables that decide whether this spec starts, as it needs them."""
        ...

    def memory_variables(self, spec: ServingSpec) -> Mapping[str, str]:
        """Return the variables with which this spec holds the same in less memory."""
        ...


def rooms_of(ways: HasWays, spec: ServingSpec, runs: Runs) -> Rooms | None:
    """Return what tells the room that limits leave; None where only their bill can."""
    rooms = getattr(ways, "rooms", None)
    return None if rooms is None else cast("Rooms | None", rooms(spec, runs))


def ways_of(engine: object) -> HasWays | None:
    """Return an engine as one whose limits can be changed; None where it says nothing about that."""
    kind = type(engine)
    known = _has_ways.get(kind)
    if known is None:  # looking for every method takes longer than a bill
        known = _has_ways.setdefault(kind, isinstance(engine, HasWays))
    return cast("HasWays", engine) if known else None


_has_ways: dict[type, bool] = {}


class Named:
    """An engine whose limits are options of their own, with the same names among the effective limits of a run."""

    KEYS: Mapping[str, str] = MappingProxyType({})
    """Canonical option by configuration key: `{"maxTotalTokens": "max_model_len"}`; a key without option is absent."""
    FOLLOWS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Options that a change of a key takes away, as what they say would no longer hold: the revision of a model."""

    def load_of(self, spec: ServingSpec, runs: Runs) -> Load | None:  # noqa: ARG002
        """Return what the effective limits ask for; None where they are not known."""
        limits, keys = runs.limits, self.KEYS
        total, requests = limits.get(keys["maxTotalTokens"]), limits.get(keys["maxBatchSize"])
        if total is None or requests is None:
            return None
        return Load(
            requests=requests,
            total=total,
            prompt=limits.get(keys.get("maxInputTokens", "")),
            prefill=limits.get(keys.get("maxBatchPrefillTokens", "")),
        )

    def with_load(self, runs: Runs, load: Load) -> Runs:
        """Return the same run with other limits, as if the options said so."""
        said = {
            "maxTotalTokens": load.total,
            "maxBatchSize": load.requests,
            "maxInputTokens": load.prompt,
            "maxBatchPrefillTokens": load.prefill,
        }
        changed = {self.KEYS[key]: limit for key, limit in said.items() if limit is not None and key in self.KEYS}
        return runs.within({**runs.limits, **changed})

    def options_for(self, spec: ServingSpec, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Return the canonical options that say these configuration keys; None where one has no option."""
        if not settings.keys() <= self.KEYS.keys():
            return None
        gone = dict.fromkeys(name for key in settings for name in self.FOLLOWS.get(key, ()))
        return gone | {self.KEYS[key]: value for key, value in settings.items()}

    def variables_for(self, options: Mapping[str, Any]) -> frozenset[str]:
        """Return the variables that could say any of these canonical options: those of the same name."""
        return frozenset(name.upper() for name in options)

    def option_of(self, key: str) -> str | None:
        """Return the canonical option of a configuration key; None where it has none of its own."""
        return self.KEYS.get(key)

    def stated(self, spec: ServingSpec, key: str) -> Any:
        """Return what the command line of this spec says for a configuration key; None where it says nothing."""
        return spec.option(self.KEYS[key]) if key in self.KEYS else None

    def lighter(self, spec: ServingSpec) -> Iterator[Mapping[str, Any]]:  # noqa: ARG002
        """Yield no quantization: an engine that applies one says so."""
        yield from ()

    def memory_shares(self, spec: ServingSpec) -> Iterator[Mapping[str, Any]]:  # noqa: ARG002
        """Yield no share: an engine that has one says so."""
        yield from ()

    def switches(self, spec: ServingSpec) -> Mapping[str, str]:
        """Return all variables that the spec needs: an engine that knows which of them decide a start says so."""
        return self.environment(spec)

    def memory_variables(self, spec: ServingSpec) -> Mapping[str, str]:  # noqa: ARG002
        """Return no variable: an engine that has one says so."""
        return {}

    def bill(self, spec: ServingSpec) -> Bill | NoBill:
        """Return the VRAM bill, or why there is none."""
        from voltaic.answers import runs_of  # noqa: PLC0415  it asks the engines

        return self.bill_for(spec, runs_of(spec))

    if TYPE_CHECKING:

        def environment(self, spec: ServingSpec) -> Mapping[str, str]:
            """Return the variables that must be set so that this spec runs, as every engine does."""
            ...

        def bill_for(self, spec: ServingSpec, runs: Runs | None) -> Bill | NoBill:
            """Return the bill of a spec that runs this way, as every engine with a bill does."""
            ...

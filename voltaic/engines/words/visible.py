"""Which GPUs of a pod CUDA_VISIBLE_DEVICES leaves to a program, for engines that do not read it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.spec import ServingSpec

NAME: Final = "CUDA_VISIBLE_DEVICES"
_SOURCE: Final = Source(
    "CUDA C++ Programming Guide, CUDA environment variables: only devices listed before the first index that there is "
    "not are visible"
)
_FIX: Final = f"Remove {NAME}: a pod sees the GPUs that it asked for, and no others."


def visible(spec: ServingSpec) -> int | None:
    """Return how many GPUs the program sees; None where that is not known."""
    stated, gpus = spec.command.env.get(NAME, ""), spec.gpus
    if NAME not in spec.command.env:
        return gpus
    if stated is None or gpus is None:
        return None
    seen: set[int] = set()
    for entry in stated.split(","):
        text = entry.strip()
        if text.startswith(("GPU-", "MIG-")):
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < len("1000")) or int(text) >= gpus:
            break
        if int(text) in seen:
            return 0  # an index that stands twice leaves none
        seen.add(int(text))
    return len(seen)


def support(spec: ServingSpec, ranks: int, *, spread: bool = False) -> Iterator[Support]:
    """Yield what the variable makes impossible, or leaves open.

    Args:
        spec: the spec.
        ranks: processes that need a GPU of their own.
        spread: True where one process takes all GPUs that it sees, so that fewer of them change the bill.
    """
    if NAME not in spec.command.env or spec.gpus is None:
        return
    found, stated = visible(spec), spec.command.env[NAME]
    if found is None:
        said = "is set from somewhere else" if stated is None else f"is {stated}"
        message = f"{NAME} {said}: which of the {spec.gpus} GPUs of the pod the server sees is not known."
        yield Support("unknown", message, "Devices that are not there are not visible.", _FIX, (_SOURCE,))
    elif found < ranks:
        message = f"{NAME} is {stated or 'empty'}: the server sees {found} of {spec.gpus} GPUs and needs {ranks}."
        why = "CUDA hides the others; the server ends with no device for a rank, or with none at all."
        yield Support("no", message, why, _FIX, (_SOURCE,))
    elif spread and found < spec.gpus:
        message = f"{NAME} is {stated}: the server sees {found} of the {spec.gpus} GPUs that are judged here."
        why = "All layers go to the GPUs that are visible, so that each holds more than the bill says."
        fix = f"Remove {NAME}, or have {found} GPU{'s' if found > 1 else ''} judged."
        yield Support("unknown", message, why, fix, (_SOURCE,))

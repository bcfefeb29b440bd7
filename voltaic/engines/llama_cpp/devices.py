"""How many GPUs the server uses: all that it sees, unless it is told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

_OTHERS: Final = ("device_draft", "mmproj", "mmproj_url", "override_tensor", "rpc")
"""Options with which something beside the layers goes to a device of its own."""


def gpus_used(spec: ServingSpec) -> int | None:
    """Return how many GPUs of the pod hold layers; None where that is not known."""
    if spec.gpus is None or spec.command.faults or any(name in spec.command.options for name in _OTHERS):
        return None  # every option has a variable, so that nothing out of sight may be left aside
    if spec.option("split_mode") == "none":
        return 1
    devices = spec.option("device")
    if isinstance(devices, str) and devices != "none":
        return min(spec.gpus, len(set(devices.split(","))))
    shares = spec.option("tensor_split")
    if isinstance(shares, str):
        # One share a GPU in their order; what is not named gets none.
        written = shares.replace("/", ",").split(",")[: spec.gpus]
        return sum(share.strip("0. ") != "" for share in written) or None
    return spec.gpus

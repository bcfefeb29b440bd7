"""How many tensor-parallel processes the launcher starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.versions import Version

SOURCE: Final = Source(
    "launcher/src/main.rs, find_num_shards and num_cuda_devices, of 3.0.1 and 3.3.7; server/utils/dist.py"
)
_ASKS_NVIDIA_SMI: Final = (3, 3, 7)  # the first release that counts the devices behind `all` and `void`
VARIABLES: Final = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")


@dataclass(frozen=True, slots=True)
class Shards:
    """What the launcher makes of `--sharded` and `--num-shard`."""

    possible: tuple[int, ...]
    """Numbers of shards that may start and serve; several where the container runtime decides; empty: not known."""
    certain: bool = True
    """False: the container runtime decides whether, or how many, shards start."""
    error: str = ""
    """Message with which the launcher ends instead."""
    fix: str = ""

    @property
    def count(self) -> int | None:
        """The number of shards, where it is certain."""
        return self.possible[0] if self.certain and len(self.possible) == 1 and not self.error else None


def resolve(
    sharded: bool | None,  # noqa: FBT001  the launcher's own three values
    num_shard: int | None,
    env: Mapping[str, str | None],
    version: Version,
    gpus: int | None,
) -> Shards:
    """Return how many shards start in a pod with that many GPUs.

    The launcher counts the entries of CUDA_VISIBLE_DEVICES, else of NVIDIA_VISIBLE_DEVICES, which the device plugin
    sets to one entry a GPU. A runtime that passes devices by CDI sets it to `void`, which counts as one.
    """
    if num_shard is not None:
        return _stated(sharded, num_shard, gpus)
    if sharded is False:
        return Shards((1,))
    visible = _visible(env, version, gpus)
    certain = len(visible) == 1
    if sharded is not True:
        return Shards(visible, certain)
    if visible == (1,):
        error = "`sharded` is true but only found 1 CUDA devices"
        return Shards((1,), error=error, fix="leave --sharded away and write --num-shard 1")
    # With one visible device the launcher ends, so only the larger number can serve.
    return Shards(visible[:1], certain)


def _stated(sharded: bool | None, num_shard: int, gpus: int | None) -> Shards:  # noqa: FBT001  as above
    if sharded is True and num_shard <= 1:
        more = f", or --num-shard {gpus} without --sharded" if gpus is not None and gpus > 1 else ""
        error = "`sharded` is true but `num_shard` <= 1"
        return Shards((num_shard,), error=error, fix=f"leave --sharded away{more}")
    if num_shard < 1:
        return Shards((num_shard,), error="`num_shard` cannot be < 1", fix="write --num-shard 1")
    return Shards((num_shard,))


def _visible(env: Mapping[str, str | None], version: Version, gpus: int | None) -> tuple[int, ...]:
    """Return the numbers of devices that the launcher may count."""
    name = next((name for name in VARIABLES if name in env), None)
    listed = env[name] if name is not None else None
    if name is not None and listed is None:
        return ()
    if listed is not None:
        if name == "NVIDIA_VISIBLE_DEVICES" and listed.strip() in {"all", "void"} and version >= _ASKS_NVIDIA_SMI:
            return (gpus,) if gpus is not None else ()
        return (len(listed.split(",")),)
    if gpus is None:
        return ()
    return (gpus,) if gpus == 1 or version >= _ASKS_NVIDIA_SMI else (gpus, 1)


def lists_all(variable: str, listed: str, gpus: int) -> bool:
    """Return whether the variable lists as many devices as the pod has GPUs, each once."""
    devices = [device.strip() for device in listed.split(",")]
    if len(devices) != gpus or len(set(devices)) != gpus or "" in devices:
        return False
    if variable == "CUDA_VISIBLE_DEVICES" and not all(device.startswith("GPU-") for device in devices):
        return set(devices) == {str(index) for index in range(gpus)}
    return not set(devices) & {"all", "void", "none"}

"""The number of shards that the launcher starts, and the messages with which it ends instead."""

from __future__ import annotations

import pytest

from voltaic.engines.tgi.shards import resolve

OLD, NEW = (3, 0, 1), (3, 3, 7)


@pytest.mark.parametrize(
    ("sharded", "num_shard", "env", "version", "gpus", "possible", "error"),
    [
        (None, None, {}, OLD, 1, (1,), ""),
        (None, None, {}, OLD, 2, (2, 1), ""),
        (None, None, {}, NEW, 2, (2,), ""),
        (None, None, {"CUDA_VISIBLE_DEVICES": "0,1"}, OLD, 4, (2,), ""),
        (None, None, {"NVIDIA_VISIBLE_DEVICES": "all"}, OLD, 2, (1,), ""),
        (None, None, {"NVIDIA_VISIBLE_DEVICES": "void"}, OLD, 2, (1,), ""),
        (None, None, {"NVIDIA_VISIBLE_DEVICES": "all"}, NEW, 2, (2,), ""),
        (None, None, {"CUDA_VISIBLE_DEVICES": "0", "NVIDIA_VISIBLE_DEVICES": "a,b"}, OLD, 2, (1,), ""),
        (None, None, {"CUDA_VISIBLE_DEVICES": None}, OLD, 2, (), ""),
        (None, None, {}, OLD, None, (), ""),
        (True, None, {}, OLD, 1, (1,), "`sharded` is true but only found 1 CUDA devices"),
        (True, None, {}, NEW, 2, (2,), ""),
        (True, None, {}, OLD, 2, (2,), ""),
        (True, 1, {}, OLD, 2, (1,), "`sharded` is true but `num_shard` <= 1"),
        (True, 0, {}, OLD, 2, (0,), "`sharded` is true but `num_shard` <= 1"),
        (True, 2, {}, OLD, 2, (2,), ""),
        (False, None, {}, OLD, 2, (1,), ""),
        (False, 2, {}, OLD, 2, (2,), ""),
        (None, 4, {}, OLD, 2, (4,), ""),
        (None, 0, {}, OLD, 2, (0,), "`num_shard` cannot be < 1"),
    ],
)
def test_resolution(  # noqa: PLR0917  one row of the launcher's own table each
    sharded: bool | None,  # noqa: FBT001
    num_shard: int | None,
    env: dict[str, str | None],
    version: tuple[int, int, int],
    gpus: int | None,
    possible: tuple[int, ...],
    error: str,
) -> None:
    """Stated shards win, `--sharded false` with a number keeps the number, and unstated ones count visible devices."""
    found = resolve(sharded, num_shard, env, version, gpus)
    assert (found.possible, found.error) == (possible, error)
    unsure = not possible or (num_shard is None and sharded is not False and gpus == 2 and version == OLD and not env)
    assert found.certain is not unsure
    assert found.count == (None if unsure or error else possible[0])

"""What the caching allocator reserves for tensors that stay."""

from __future__ import annotations

import pytest

from voltaic.memory.allocator import Reservation

MIB = 2**20


@pytest.mark.parametrize(
    ("sizes", "reserved"),
    [
        pytest.param([(1, 1)], 2 * MIB, id="one small tensor takes a small segment"),
        pytest.param([(512, 4096)], 2 * MIB, id="small tensors fill a small segment"),
        pytest.param([(513, 4096)], 4 * MIB, id="small tensors are rounded to blocks of 512 bytes"),
        pytest.param([(8 * MIB, 2)], 20 * MIB, id="two of 8 MiB share a middling segment"),
        pytest.param([(8 * MIB, 3)], 40 * MIB, id="a third needs another"),
        pytest.param([(10 * MIB, 1)], 10 * MIB, id="from 10 MiB on a tensor has a segment of its own"),
        pytest.param([(25 * MIB // 2, 1)], 14 * MIB, id="in multiples of 2 MiB"),
        pytest.param([(8 * MIB, 1), (10 * MIB, 1), (1, 1)], 32 * MIB, id="the three kinds add up"),
    ],
)
def test_reserves_whole_segments(sizes: list[tuple[int, int]], reserved: int) -> None:
    """Tensors cost the segments that the allocator cuts for them."""
    reservation = Reservation()
    for size, count in sizes:
        reservation.add(size, count)
    assert reservation.total == reserved

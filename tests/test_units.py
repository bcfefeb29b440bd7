"""Bytes as text and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import units


@pytest.mark.parametrize(
    ("text", "size"),
    [("1Gi", 2**30), ("1.5Gi", 3 * 2**29), ("50G", 50 * 10**9), ("100k", 100_000), ("7", 7), ("+2Ki", 2048)],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str, size: int) -> None:
    """Binary and decimal suffixes mean what they mean in Kubernetes."""
    assert units.size_of(text) == size


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1gi", "-1Gi", "1e3", "0.1", "1m", "²Gi", "9" * 30])
def test_what_is_no_size_is_refused(text: str) -> None:
    """Everything else is refused, fractions of a byte too."""
    with pytest.raises(ValueError, match=" is not a "):
        units.size_of(text)


@given(st.integers(min_value=0, max_value=2**60))
def test_a_quantity_is_read_back_exactly(size: int) -> None:
    """Nothing is rounded on the way into a manifest."""
    assert units.size_of(units.quantity(size)) == size


def test_quantities_take_the_largest_unit_that_is_exact() -> None:
    """Whole GiB are written as such."""
    assert [units.quantity(size) for size in (29 * 2**30, 3 * 2**29, 1000, 0)] == ["29Gi", "1536Mi", "1000", "0"]


def test_bytes_are_shown_in_gib_with_two_decimals() -> None:
    """People read GiB."""
    assert units.gib(15_655_155_794) == "14.58 GiB"


@given(st.integers(min_value=0, max_value=2**60), st.integers(min_value=1, max_value=2**40))
def test_rounding_up_reaches_the_next_multiple(size: int, step: int) -> None:
    """The result is a multiple, not smaller, and less than one step away."""
    rounded = units.round_up(size, step)
    assert rounded % step == 0
    assert size <= rounded < size + step

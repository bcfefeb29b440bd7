"""Profiles: a GPU model times a count in one node."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.hardware import GpuModel, UnknownProfile, gpu_models, profile, profile_of, profiles


@pytest.mark.parametrize(
    ("name", "gpu", "count"),
    [
        ("v100-1gpu", "v100-16gb", 1),
        ("v100-2gpu", "v100-16gb", 2),
        ("v100-4gpu", "v100-16gb", 4),
        ("v100-32gb-1gpu", "v100-32gb", 1),
        ("v100-32gb-4gpu", "v100-32gb", 4),
        ("v100-16gb x2", "v100-16gb", 2),
        ("v100-16gb-2gpu", "v100-16gb", 2),
        ("2x v100-32gb", "v100-32gb", 2),
        ("V100-2GPU", "v100-16gb", 2),
        ("t4-1gpu", "t4-16gb", 1),
        ("a100-80gb x8", "a100-80gb", 8),
        ("v100-3gpu", "v100-16gb", 3),
    ],
)
def test_profiles_are_read_in_their_spellings(name: str, gpu: str, count: int) -> None:
    """Stack names, full names and the generic spelling mean the same GPU model and count."""
    found = profile(name)
    assert (found.gpu.name, found.count) == (gpu, count)


def test_a_profile_has_one_name() -> None:
    """All spellings of one profile give the same profile, named as stacks are."""
    assert profile("v100-16gb x2") == profile("v100-2gpu") == profile("v100-16gb-2gpu")
    assert profile("v100-16gb x2").name == "v100-2gpu"
    assert str(profile("v100-2gpu")) == "v100-16gb x2"


def test_listed_profiles_are_unique_and_readable() -> None:
    """Every listed profile is read back from its name and from its long spelling."""
    names = [entry.name for entry in profiles()]
    assert len(names) == len(set(names))
    for entry in profiles():
        assert profile(entry.name) == profile(str(entry)) == entry


@settings(deadline=None)
@given(st.sampled_from(gpu_models()), st.integers(1, 16))
def test_every_model_and_count_is_a_profile(gpu: GpuModel, count: int) -> None:
    """Any known GPU model with 1 to 16 GPUs is a profile whose name is read back."""
    made = profile_of(gpu, count)
    assert profile(made.name) == profile(str(made)) == made


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("v10-2gpu", "; did you mean 'v100-2gpu'?"),
        ("a100-2gpu", "; did you mean 'a100-40gb-2gpu' or 'a100-80gb-2gpu'?"),
        ("qq", "."),
    ],
)
def test_unknown_profile_is_one_error_with_a_way_out(name: str, hint: str) -> None:
    """An unknown profile is one error with near names, the spelling and the models."""
    with pytest.raises(UnknownProfile) as error:
        profile(name)
    assert str(error.value) == (
        f"unknown profile {name!r}{hint} A profile is a GPU model and its count in one node, written 'v100-2gpu' "
        "or 'v100-16gb x2': models v100, v100-32gb, t4, a10g, l4, a100-40gb, a100-80gb, l40s, h100, h200, mi300x; "
        "1 to 16 GPUs."
    )


@pytest.mark.parametrize(
    "name", ["v100-0gpu", "v100-17gpu", "v100-16gb x0", "v100-16gb x999", "v100-16gb", "", "x2", "-1gpu"]
)
def test_no_gpu_and_too_many_are_refused(name: str) -> None:
    """A count outside 1 to 16, a missing count and a missing model are errors."""
    with pytest.raises(UnknownProfile):
        profile(name)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_profile_or_that_error(name: str) -> None:
    """Whatever text comes as a profile, the answer is a profile within bounds or the one error."""
    try:
        found = profile(name)
    except UnknownProfile:
        return
    assert 1 <= found.count <= 16

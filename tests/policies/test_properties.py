"""Wrapped properties are read back as the plain values that somebody wrote."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from pulumi_policy.proxy import (
    UNKNOWN_ARRAY_VALUE,
    UNKNOWN_NUMBER_VALUE,
    UNKNOWN_OBJECT_VALUE,
    UNKNOWN_STRING_VALUE,
    unknown_checking_proxy,
)

from policies._properties import NOT_KNOWN, read


def wrapped(properties: dict[str, Any]) -> Any:
    """Return properties as a policy gets them."""
    return unknown_checking_proxy(properties)


def test_wrapped_mappings_and_lists_become_plain() -> None:
    """The proxies of the SDK become dicts and lists that JSON takes."""
    properties = {"a": {"b": ["x", {"c": True}, None]}, "d": []}

    assert read(wrapped(properties)).values == properties


@pytest.mark.parametrize(
    ("arrives", "means"),
    [(2.0, 2), (-1.0, -1), (0.0, 0), (0.9, 0.9), (1e20, 10**20), (float("inf"), float("inf"))],
)
def test_whole_numbers_are_whole_again(arrives: float, means: float) -> None:
    """Every number arrives as a float; those that are whole are read as integers."""
    value = read(wrapped({"n": arrives})).values["n"]

    assert (value, type(value)) == (means, type(means))


def test_true_stays_true() -> None:
    """A boolean is not taken for the number 1."""
    assert read(wrapped({"a": True, "b": False})).values == {"a": True, "b": False}
    assert read(wrapped({"a": True})).values["a"] is True


def test_unknown_values_are_noticed_with_their_paths() -> None:
    """Every value that a preview does not know is named, wherever it stands, and none raises."""
    properties = read(
        wrapped(
            {
                "spec": {
                    "replicas": UNKNOWN_NUMBER_VALUE,
                    "containers": [{"args": ["--num-shard", UNKNOWN_STRING_VALUE]}, UNKNOWN_OBJECT_VALUE],
                },
                "volumes": UNKNOWN_ARRAY_VALUE,
            }
        )
    )

    assert properties.unknown == (
        "spec.replicas",
        "spec.containers[0].args[1]",
        "spec.containers[1]",
        "volumes",
    )
    assert properties.values == {
        "spec": {"replicas": NOT_KNOWN, "containers": [{"args": ["--num-shard", NOT_KNOWN]}, NOT_KNOWN]},
        "volumes": NOT_KNOWN,
    }


def test_assets_are_not_read() -> None:
    """A file that a property points to is not opened: its content counts as not known."""
    properties = read(wrapped({"script": pulumi.FileAsset("/etc/hostname")}))

    assert (properties.values, properties.unknown) == ({"script": NOT_KNOWN}, ("script",))

"""Properties that the engine sends are read back as the plain values that somebody wrote."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi_policy import proxy
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, deserialize_properties, serialize_properties

from policies._properties import NOT_KNOWN, SEALED, read


def sent(properties: dict[str, Any]) -> struct_pb2.Struct:
    """Return properties as the engine sends them."""
    struct = struct_pb2.Struct()
    struct.update(properties)
    return struct


def secret(value: Any) -> dict[str, Any]:
    """Return a value that a program calls secret, as the engine sends it."""
    return {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": value}


def test_mappings_and_lists_are_plain() -> None:
    """What comes is what JSON takes, empty and absent values included."""
    properties = {"a": {"b": ["x", {"c": True}, None]}, "d": [], "e": {}, "f": ""}

    assert read(sent(properties)).values == properties


@pytest.mark.parametrize(
    ("arrives", "means"),
    [(2.0, 2), (-1.0, -1), (0.0, 0), (0.9, 0.9), (1e20, 10**20), (float("inf"), float("inf"))],
)
def test_whole_numbers_are_whole_again(arrives: float, means: float) -> None:
    """Every number arrives as a float; those that are whole are read as integers."""
    value = read(sent({"n": arrives})).values["n"]

    assert (value, type(value)) == (means, type(means))


def test_true_stays_true() -> None:
    """A boolean is not taken for the number 1."""
    assert read(sent({"a": True, "b": False})).values == {"a": True, "b": False}
    assert read(sent({"a": True})).values["a"] is True


def test_unknown_values_are_noticed_with_their_paths() -> None:
    """Every value that a preview does not know is named, wherever it stands, in the order of the keys."""
    properties = read(
        sent(
            {
                "volumes": proxy.UNKNOWN_ARRAY_VALUE,
                "spec": {
                    "replicas": proxy.UNKNOWN_NUMBER_VALUE,
                    "containers": [{"args": ["--num-shard", proxy.UNKNOWN_STRING_VALUE]}, proxy.UNKNOWN_OBJECT_VALUE],
                },
            }
        )
    )

    assert properties.unknown == (
        "spec.containers[0].args[1]",
        "spec.containers[1]",
        "spec.replicas",
        "volumes",
    )
    assert properties.values == {
        "spec": {"replicas": NOT_KNOWN, "containers": [{"args": ["--num-shard", NOT_KNOWN]}, NOT_KNOWN]},
        "volumes": NOT_KNOWN,
    }


@pytest.mark.parametrize("unknown", sorted(value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_")))
def test_every_sign_of_an_unknown_value_is_known(unknown: str) -> None:
    """No sign of Pulumi's is taken for a text that somebody wrote."""
    assert read(sent({"a": unknown})).unknown == ("a",)


def test_secrets_are_read_and_remembered() -> None:
    """A secret value is judged like any other, and every text within it is kept out of messages."""
    properties = read(sent({"env": secret([{"name": "KEY", "value": "hunter2"}]), "args": ["--port", "80"]}))

    assert properties.values == {"env": [{"name": "KEY", "value": "hunter2"}], "args": ["--port", "80"]}
    assert properties.secrets == ("KEY", "hunter2")
    assert properties.unknown == ()


def test_a_secret_that_is_not_known_yet_is_not_known() -> None:
    """The sign of an unknown value within a secret is no text."""
    properties = read(sent({"key": secret(proxy.UNKNOWN_STRING_VALUE)}))

    assert (properties.values, properties.unknown, properties.secrets) == ({"key": NOT_KNOWN}, ("key",), ())


def test_a_secret_that_a_state_does_not_show_is_unreadable() -> None:
    """In a state without its key a secret is no text that somebody wrote, and no value that an update would bring."""
    properties = read(sent({"args": "[secret]", "env": [{"name": "KEY", "value": "[secret]"}]}))

    assert properties.values == {"args": SEALED, "env": [{"name": "KEY", "value": SEALED}]}
    assert (properties.unknown, properties.sealed) == ((), ("args", "env[0].value"))


@pytest.mark.parametrize("content", [pulumi.FileAsset("/etc/hostname"), pulumi.FileArchive("/etc")])
def test_assets_are_not_read(content: Any) -> None:
    """A file that a property points to is not opened: its content counts as not known."""
    properties = read(sent(dict(serialize_properties({"script": content}))))

    assert (properties.values, properties.unknown) == ({"script": NOT_KNOWN}, ("script",))


def test_it_is_read_as_pulumis_own_kit_reads_it() -> None:
    """The same values come out as from the SDK, but for numbers, which are whole again."""
    struct = sent({"a": [1.5, {"b": secret("x"), "c": None}], "d": {"e": True}, "f": ["g"]})

    assert read(struct).values == deserialize_properties(json_format.MessageToDict(struct))

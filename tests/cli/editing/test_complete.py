"""What the shell offers while a change is typed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cli.editing import complete


def offered(incomplete: str, *before: str) -> list[str]:
    """Return what is offered after these words."""
    return [value for value, _ in complete.pairs(SimpleNamespace(params={"words": list(before)}), incomplete)]


@pytest.mark.parametrize(
    ("incomplete", "before", "some", "never"),
    [
        ("max", (), "maxTotalTokens", "model"),
        ("", (), "profile", "hfToken"),
        ("", ("dtype",), "float16", "profile"),
        ("b", ("dtype",), "bfloat16", "float16"),
        ("", ("dtype", "float16"), "profile", "float16"),
        ("webuiEnabled=", (), "webuiEnabled=true", "true"),
        ("profile=v100-2", (), "profile=v100-2gpu", "profile=t4-1gpu"),
        ("microsoft/", ("model",), "microsoft/phi-2", "Qwen/Qwen2.5-7B-Instruct"),
        ("3.0", ("engineVersion",), "3.0.1", "2.0.4"),
        ("bits", ("quantization",), "bitsandbytes", "awq"),
    ],
)
def test_keys_and_values_are_offered(incomplete: str, before: tuple[str, ...], some: str, never: str) -> None:
    """Keys with what they mean, then the values that they may have; secrets are no keys of this command."""
    found = offered(incomplete, *before)
    assert some in found
    assert never not in found


def test_a_key_comes_with_what_it_means() -> None:
    """The shell shows it beside the key."""
    ((key, meaning),) = complete.pairs(SimpleNamespace(params={}), "replicas")
    assert key == "replicas"
    assert meaning.startswith("Pods that serve the model")


def test_every_key_can_be_removed() -> None:
    """--unset offers secrets too."""
    assert "hfToken" in {key for key, _ in complete.keys("")}

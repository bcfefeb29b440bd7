"""Secrets in arguments and variables."""

from __future__ import annotations

import pytest

from voltaic.hidden import HIDDEN, hide, is_secret, secrets_of, shown_args, shown_env


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_API_TOKEN", "API_KEY", "--api-key", "--ngrok-authtoken", "apikey"],
)
def test_knows_secrets_by_name(name: str) -> None:
    """Keys and tokens are secret."""
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["MAX_TOTAL_TOKENS", "--max-input-tokens", "TOKENIZER_CONFIG_PATH", "MODEL_ID", "--port"]
)
def test_limits_are_no_secrets(name: str) -> None:
    """Counts of tokens and names of tokenizers are not."""
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (["--api-key", "x", "--port", "80"], ["--api-key", HIDDEN, "--port", "80"]),
        (["--api-key=x"], [f"--api-key={HIDDEN}"]),
        (["--api-key", "--port", "80"], ["--api-key", "--port", "80"]),
        (["--max-total-tokens", "5"], ["--max-total-tokens", "5"]),
        (["--api-key"], ["--api-key"]),
        ([], []),
    ],
)
def test_hides_values_of_arguments(args: list[str], shown: list[str]) -> None:
    """The value of a secret option is hidden, in both spellings, and nothing else is."""
    assert shown_args(args) == shown


def test_hides_values_of_variables() -> None:
    """A secret variable is shown as set, without its value."""
    assert shown_env({"HF_TOKEN": "x", "PORT": "80", "B": None}) == {"HF_TOKEN": None, "PORT": "80", "B": None}


def test_finds_secrets_longest_first() -> None:
    """A secret that holds another is replaced first, so that no rest of it stays."""
    found = secrets_of(
        ["--api-key", "ab", "--ngrok-authtoken=abc", "--port", "1"], {"HF_TOKEN": "abcd", "API_KEY": None}
    )
    assert found == ("abcd", "abc", "ab")
    assert hide("x abcd abc ab y", found) == f"x {HIDDEN} {HIDDEN} {HIDDEN} y"

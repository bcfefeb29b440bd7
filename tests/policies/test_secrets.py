"""Secrets never appear in what a policy says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from policies import _secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "hf_qIYvLpXyZ"


@pytest.fixture(autouse=True)
def _configuration(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"voltaic:password": "correct horse", "voltaic:model": "gpt2"}))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(["voltaic:password", "voltaic:gone"]))
    _secrets._configured.cache_clear()
    yield
    _secrets._configured.cache_clear()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"env": [{"name": "HF_TOKEN", "value": SECRET}]}, id="variable"),
        pytest.param({"env": {"API_KEY": SECRET}}, id="variable of a spec"),
        pytest.param({"args": ["--model-id", "gpt2", "--api-key", SECRET]}, id="argument"),
        pytest.param({"args": [f"--ngrok-authtoken={SECRET}"]}, id="argument in one word"),
        pytest.param({"stringData": {"password": SECRET}}, id="key"),
    ],
)
def test_a_secret_of_the_resource_is_hidden(values: Any) -> None:
    """A value under the name of a secret is hidden wherever the message repeats it."""
    assert _secrets.hide(f"found {SECRET} and {SECRET!r}", values) == "found (hidden) and '(hidden)'"


def test_a_secret_of_the_configuration_is_hidden() -> None:
    """Values that Pulumi marks as secret configuration are hidden; the others are not."""
    assert _secrets.hide("correct horse serves gpt2", {}) == "(hidden) serves gpt2"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"args": ["--max-total-tokens", "4096"]}, id="token limit"),
        pytest.param({"env": [{"name": "MAX_TOTAL_TOKENS", "value": "4096"}]}, id="token limit in a variable"),
        pytest.param({"secretKeyRef": {"name": "4096", "key": "4096"}}, id="name of a Secret"),
        pytest.param({"volumes": [{"secret": {"secretName": "4096"}}]}, id="volume of a Secret"),
        pytest.param({"args": ["--tokenizer-config-path", "4096"]}, id="tokenizer"),
    ],
)
def test_counts_of_tokens_are_no_secrets(values: Any) -> None:
    """The numbers that a message is about stay in it."""
    assert _secrets.hide("4096 tokens", values) == "4096 tokens"


def test_a_secret_of_several_words_is_hidden_word_by_word() -> None:
    """Where an argument is read as several words, a message may repeat one of them."""
    assert _secrets.hide("'horse' is no option", {}) == "'(hidden)' is no option"


def test_every_value_of_a_secret_is_hidden() -> None:
    """In a Secret every value is one, whatever its key; in a ConfigMap it is not."""
    data = {"stringData": {"a": SECRET}, "data": {"b": "czNjcmV0"}}

    assert _secrets.hide(f"{SECRET} czNjcmV0", [{"kind": "Secret", **data}]) == "(hidden) (hidden)"
    assert _secrets.hide(f"{SECRET} czNjcmV0", [{"kind": "ConfigMap", **data}]) == f"{SECRET} czNjcmV0"


def test_a_value_too_short_to_be_a_secret_stays() -> None:
    """Hiding single digits would eat the message."""
    assert _secrets.hide("1 of 12", {"env": {"API_KEY": "1"}}) == "1 of 12"

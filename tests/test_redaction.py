"""Secrets in texts that others will read."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic.hidden import HIDDEN
from voltaic.redaction import everywhere, found_in, is_secret_name, of_environment, redactor

SECRET = 'p"a/ss wörd+1'


@pytest.mark.parametrize(
    "name",
    [
        *("hfToken", "apiKey", "webuiAdminPassword", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "client_secret", "private-key", "Authorization", "--api-key"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    """Keys of stack files, variables of a shell and of clouds, options of a launcher."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["maxInputTokens", "model", "PWD", "MAX_TOTAL_TOKENS", "tokenizer", "monkey"])
def test_names_that_are_none(name: str) -> None:
    """Limits, models and folders are shown."""
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "spelt",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        json.dumps(SECRET)[1:-1],
        quote(SECRET, safe=""),
        SECRET.encode().hex(),
    ],
    ids=["plain", "base64", "base64 for URLs", "JSON", "percent", "hexadecimal"],
)
def test_a_known_value_is_hidden_in_every_spelling(spelt: str) -> None:
    """However a program wrote the value, it is not shown."""
    assert redactor([SECRET])(f"the server said: {spelt}.") == f"the server said: {HIDDEN}."


def test_a_line_of_a_secret_of_several_lines_is_hidden() -> None:
    """Errors quote single lines of keys."""
    assert redactor(["-----BEGIN\nabcdefghijkl\n-----END"])("bad: abcdefghijkl!") == f"bad: {HIDDEN}!"


def test_short_values_are_left() -> None:
    """A secret of three characters would eat the numbers of the message."""
    assert redactor(["16", "abc"])("16 GiB abc") == "16 GiB abc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token hf_{'a' * 30}.", f"token {HIDDEN}."),
        (f"ghp_{'A1' * 12}", HIDDEN),
        (f"glpat-{'x' * 20}", HIDDEN),
        (f"pul-{'0a' * 20}", HIDDEN),
        ("AKIAIOSFODNN7EXAMPLE", HIDDEN),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", HIDDEN),
        ("Authorization: Bearer abcdefgh12345", f"Authorization: Bearer {HIDDEN}"),
        ("postgresql://chat:hunter2@db:5432/x", f"postgresql://chat:{HIDDEN}@db:5432/x"),
        ("GET /b?a=1&X-Amz-Signature=0123456789", f"GET /b?a=1&X-Amz-Signature={HIDDEN}"),
        ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", HIDDEN),
        ("-----BEGIN PRIVATE KEY-----\nAAAA cut here", HIDDEN),
        (f"key {'0f' * 32}", f"key {HIDDEN}"),
        ("API_KEY=hunter2 and more", f"API_KEY={HIDDEN} and more"),
        ('{"apiKey": "hunter2", "n": 1}', f'{{"apiKey": "{HIDDEN}", "n": 1}}'),
        ("apiKey: hunter2\nmodel: gpt2", f"apiKey: {HIDDEN}\nmodel: gpt2"),
        ("launcher --api-key hunter2 --port 80", f"launcher --api-key {HIDDEN} --port 80"),
        ("password = 'two words'", f"password = '{HIDDEN}'"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    """Tokens by their form, values by the name that stands before them."""
    assert redactor([])(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "hfToken: missing; allowed: an access token. Set it with: pulumi config set --secret hfToken",
        f"image@sha256:{'0f' * 32}",
        "max_total_tokens=4096, KV cache: 24,576 tokens",
        "Needs 26.55 GiB on the GPU, which has 15.77 GiB",
        "https://huggingface.co/meta-llama/Llama-2-13b-chat-hf",
        "pulumi config set model mistralai/Mistral-7B-Instruct-v0.2 -s v100-2gpu",
    ],
)
def test_what_is_no_secret_is_shown_as_it_is(text: str) -> None:
    """Messages, commands, digests of images and numbers stay whole."""
    assert redactor(["hunter2"])(text) == text


def test_secrets_of_an_environment_are_those_of_secret_names() -> None:
    """Variables that are empty or harmless are none."""
    assert list(of_environment({"HF_TOKEN": "abcd", "HOME": "/root", "API_KEY": ""})) == ["abcd"]


def test_secrets_are_found_wherever_they_stand() -> None:
    """Under a key, as a variable of a container, behind an option, at any depth."""
    found = {
        "apiKey": "one",
        "env": [{"name": "HF_TOKEN", "value": "two"}, {"name": "HOME", "value": "no"}],
        "a": {"b": [{"args": ["--api-key", "three", "--port", "80"]}]},
    }
    assert set(found_in(found)) == {"one", "two", "three"}


def test_everywhere_reaches_keys_and_lists() -> None:
    """Plain data of any shape, with values under secret names hidden whole."""
    data = {"hunter2": ["x hunter2", {"hfToken": "not known", "n": 1}], "ok": None}
    assert everywhere(data, redactor(["hunter2"])) == {HIDDEN: [f"x {HIDDEN}", {"hfToken": HIDDEN, "n": 1}], "ok": None}


@given(st.text(min_size=4, max_size=40).filter(lambda text: len(text.strip()) >= 4), st.text(), st.text())
def test_no_text_shows_a_known_value(secret: str, before: str, after: str) -> None:
    """Whatever surrounds it, the value is gone; unless it is a part of the word that stands for it."""
    shown = redactor([secret])(f"{before}{secret}{after}")
    assert all(secret.strip() not in piece for piece in shown.split(HIDDEN))

"""How a kubeconfig's user logs in, and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.cluster import credentials

if TYPE_CHECKING:
    from collections.abc import Callable

ENDS = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HERE = Path("/nowhere")


def test_a_web_token_says_when_it_ends(token: Callable[..., str]) -> None:
    """Expiry, subject and issuer are read from the token, which is not proven."""
    value = token(exp=ENDS.timestamp(), sub="me", iss="https://login.example.org")
    found = credentials.of_user({"token": value}, HERE)
    assert (found.way, found.expires, found.subject, found.issuer) == ("token", ENDS, "me", "https://login.example.org")
    assert value not in repr(found)


@pytest.mark.parametrize("value", ["opaque", "a.b.c", "", "....", "a.bnVsbA.c", "a.eyJleHAiOiAieCJ9.c", "ä.ö.ü"])
def test_a_token_that_says_nothing_has_no_end(value: str) -> None:
    """Whatever is no web token, or says no moment, is simply a token."""
    assert credentials.moment(credentials.claims(value).get("exp")) is None


@pytest.mark.parametrize("seconds", [None, True, "1", 1e30, float("nan")])
def test_what_is_no_moment_is_none(seconds: Any) -> None:
    """Numbers that no clock has are no end."""
    assert credentials.moment(seconds) is None


def test_a_certificate_says_when_it_ends(certificate: Callable[..., tuple[str, str]]) -> None:
    """The end of a client certificate is that of the login, its common name the subject."""
    made, key = certificate("me", ENDS)
    found = credentials.of_user({"client-certificate-data": made, "client-key-data": key}, HERE)
    assert (found.way, found.expires, found.subject, found.problem) == ("certificate", ENDS, "me", None)


def test_a_token_file_is_renewed_by_others(tmp_path: Path, token: Callable[..., str]) -> None:
    """A token in a file may be another one tomorrow; a file that is not there is a problem."""
    (tmp_path / "token").write_text(token(exp=ENDS.timestamp()), encoding="utf-8")
    found = credentials.of_user({"tokenFile": "token", "token": "other"}, tmp_path)
    assert (found.way, found.expires, found.refreshes) == ("token file", ENDS, True)
    assert "cannot be read" in str(credentials.of_user({"tokenFile": "gone"}, tmp_path).problem)


def test_a_plugin_is_shown_without_its_secrets() -> None:
    """Command and arguments are named, values of secret options hidden."""
    plugin = {"command": "kubectl", "args": ["oidc-login", "--oidc-issuer-url=https://x", "--oidc-client-secret=abc"]}
    found = credentials.of_user({"exec": plugin}, HERE)
    assert (found.way, found.issuer, found.refreshes) == ("exec plugin", "https://x", True)
    assert "abc" not in repr(found)


@pytest.mark.parametrize(
    ("user", "way", "problem"),
    [
        ({}, "nothing", "no credentials"),
        ({"username": "me", "password": "x"}, "password", "no longer takes passwords"),
        ({"auth-provider": {"name": "gcp"}}, "auth provider", "gcp was removed"),
        ({"auth-provider": {"name": "oidc", "config": {}}}, "oidc", "holds no id-token"),
        ({"exec": {}}, "exec plugin", "has no command"),
        ({"client-certificate-data": "bm8="}, "certificate", "cannot be read"),
    ],
)
def test_logins_that_cannot_work_are_told(user: dict[str, Any], way: str, problem: str) -> None:
    """What Kubernetes takes no longer, and what is not whole, is said before anything is asked."""
    found = credentials.of_user(user, HERE)
    assert way == found.way
    assert problem in str(found.problem)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"token": "x"}, "Log in again where you got the kubeconfig"),
        ({"exec": {"command": "kubectl", "args": ["oidc-login"]}}, "run `kubectl oidc-login` once"),
        ({"auth-provider": {"name": "oidc", "config": {"idp-issuer-url": "https://x"}}}, "at https://x in the browser"),
        ({"client-certificate": "gone"}, "Ask for a new client certificate"),
        ({"tokenFile": "gone"}, "write a new token"),
        ({}, "Download a kubeconfig"),
    ],
)
def test_every_way_to_log_in_has_a_way_to_do_so_again(user: dict[str, Any], words: str) -> None:
    """The next step fits the kind of login."""
    assert words in credentials.again(credentials.of_user(user, HERE), "site")


def test_expiry_is_a_moment() -> None:
    """At the moment itself it is over; a login that says no end never is."""
    found = credentials.Credentials("token", ENDS, None)
    assert found.expired(ENDS)
    assert not found.expired(datetime(2026, 11, 21, 11, 59, tzinfo=UTC))
    assert not credentials.Credentials("token", None, None).expired(ENDS)

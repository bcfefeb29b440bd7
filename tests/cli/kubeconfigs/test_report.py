"""What a kubeconfig says by itself."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.cluster import kubeconfig
from cli.kubeconfigs import report

if TYPE_CHECKING:
    from cli.cluster.kubeconfig import Access

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def access(user: dict[str, Any], **cluster: Any) -> Access:
    """Return what a kubeconfig with this login leads to."""
    document = {
        "contexts": [{"name": "site", "context": {"cluster": "site", "user": "site", "namespace": "team"}}],
        "clusters": [{"name": "site", "cluster": {"server": "https://k8s:6443"} | cluster}],
        "users": [{"name": "site", "user": user}],
    }
    return kubeconfig.access([kubeconfig.File(Path("/nowhere/config"), document)])


def token(ends: datetime) -> dict[str, Any]:
    """Return a login by a web token."""
    parts = [json.dumps(part).encode() for part in ({}, {"exp": ends.timestamp(), "sub": "me"})]
    return {"token": ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "x"])}


@pytest.mark.parametrize(
    ("user", "cluster", "problem", "advice"),
    [
        (token(NOW + timedelta(days=2)), {}, None, None),
        (token(NOW - timedelta(minutes=5)), {}, "the login ended 5 min ago", None),
        (token(NOW + timedelta(minutes=5)), {}, None, "The login ends soon"),
        ({"token": "opaque"}, {}, None, None),
        ({}, {}, "the login cannot be used: the user has no credentials", None),
        ({"token": "x"}, {"server": "http://k8s"}, "http://k8s is not encrypted", None),
        ({"token": "x"}, {"insecure-skip-tls-verify": True}, None, "insecure-skip-tls-verify is set"),
    ],
)
def test_what_stands_against_a_login_is_told(
    user: dict[str, Any], cluster: dict[str, Any], problem: str | None, advice: str | None
) -> None:
    """Each with a way out, before anything is asked of the cluster."""
    found = report.report(access(user, **cluster), NOW)
    assert found.usable is (problem is None)
    assert [problem is not None and problem in message for message, _ in found.problems] == [True] * (
        problem is not None
    )
    assert all(fix for _, fix in found.problems)
    assert [advice is not None and text.startswith(advice) for text in found.advice] == [True] * (advice is not None)


def test_a_context_without_namespace_is_told() -> None:
    """`default` is rarely what is meant."""
    bare = access({"token": "x"})
    assert any("names no namespace" in text for text in report.report(_without_namespace(bare), NOW).advice)
    assert report.report(_without_namespace(bare), NOW, "team").advice == ()


def _without_namespace(found: Access) -> Access:
    from dataclasses import replace

    return replace(found, namespace=None)


def test_a_report_is_short_and_without_secrets() -> None:
    """Server, namespace, login, end, file; the token is nowhere, the document included."""
    login = token(NOW + timedelta(hours=3))
    found = report.report(access(login), NOW)
    assert list(report.lines(found, NOW)) == [
        "cluster    https://k8s:6443",
        "namespace  team",
        "login      token, for me",
        "ends       2026-11-21T15:00:00Z, in 3 h",
        "file       /nowhere/config",
    ]
    document = report.document(found)
    assert (document["usable"], document["login"]["expires"]) == (True, "2026-11-21T15:00:00Z")
    assert login["token"] not in json.dumps(document) + repr(found)

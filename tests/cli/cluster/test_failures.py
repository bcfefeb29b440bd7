"""Failures of requests in plain words, without a cluster."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.cluster import failures
from cli.cluster.failures import Asked
from cli.cluster.kubeconfig import Access

ACCESS = Access("site", "team", "https://k8s:6443", "site", "site", (Path("/c"),), {}, {"token": "my-secret"})
PODS = Asked("list", "pods", "team")


@pytest.mark.parametrize(
    ("status", "said", "asked", "kind", "words"),
    [
        (401, "Unauthorized", PODS, "login", "does not accept the login of the context site (token) any longer"),
        (
            403,
            'pods is forbidden: User "me" cannot list resource "pods" in',
            PODS,
            "forbidden",
            "may not list pods in the namespace team. Ask the namespace's owner for the verb list on pods",
        ),
        (
            403,
            'nodes is forbidden: User "me" cannot list resource "nodes"',
            Asked("list", "nodes", None),
            "forbidden",
            "may not list nodes over the whole cluster. Nothing of a stack needs it",
        ),
        (403, None, Asked("create", "pods/exec", "team", "p"), "forbidden", "GPU memory is not shown; all else is."),
        (
            403,
            "pods x is forbidden: exceeded quota: gpu",
            Asked("create", "pods", "team"),
            "refused",
            "refuses to create pods in the namespace team: pods x is forbidden: exceeded quota: gpu",
        ),
        (
            404,
            'pods "p" not found',
            Asked("get", "pods/log", "team", "p"),
            "not-found",
            "There is no pod p in the namespace team.",
        ),
        (404, "x", Asked("get", "networkpolicies", "team", "p"), "not-found", "There is no networkpolicy p"),
        (
            404,
            'namespaces "team" not found',
            Asked("create", "pods", "team"),
            "no-namespace",
            "The namespace team does not exist",
        ),
        (409, "the object has been modified", PODS, "conflict", "It changed meanwhile"),
        (422, "spec.replicas: Invalid value", Asked("patch", "deployments", "team", "d"), "refused", "Invalid value"),
        (400, "container x is not valid", Asked("create", "pods/exec", "team", "p"), "refused", "container x"),
        (503, "no", PODS, "restarted", "cannot answer now (HTTP 503)"),
        (429, "no", PODS, "restarted", "cannot answer now (HTTP 429)"),
        (418, "teapot", PODS, "unexpected", "did not list pods in the namespace team: teapot"),
    ],
)
def test_an_answer_is_told_with_what_was_asked(
    status: int, said: str | None, asked: Asked, kind: str, words: str
) -> None:
    """Verb, resource and namespace stand in the message, and quotas are told from missing rights."""
    found = failures.of_answer(status, {} if said is None else {"message": said}, asked, ACCESS)
    assert found.kind == kind
    assert words in str(found)
    assert "my-secret" not in str(found)


def caused(by: BaseException) -> httpx.ConnectError:
    """Return an error of the HTTP client with the system's own error behind it."""
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = OSError("wrapped")
    error.__cause__.__context__ = by
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            caused(socket.gaierror(-2, "Name or service not known")),
            "unreachable",
            "no address is known for its name (DNS). Check that the VPN",
        ),
        (
            caused(ConnectionRefusedError(errno.ECONNREFUSED, "refused")),
            "unreachable",
            "nothing listens at that port (connection refused). Check the VPN and the address",
        ),
        (caused(OSError(errno.ENETUNREACH, "unreachable")), "unreachable", "no way leads there (network unreachable)"),
        (httpx.ConnectTimeout(""), "unreachable", "no answer in time"),
        (TimeoutError(), "unreachable", "no answer in time"),
        (
            ExceptionGroup("both", [ConnectionRefusedError(errno.ECONNREFUSED, "refused")]),
            "unreachable",
            "connection refused",
        ),
        (httpx.RemoteProtocolError("Server disconnected"), "unreachable", "it ended the connection"),
        (
            caused(ssl.SSLCertVerificationError("certificate verify failed")),
            "untrusted",
            "is not the API server that the kubeconfig knows",
        ),
        (caused(ssl.SSLError("WRONG_VERSION_NUMBER")), "untrusted", "does not speak TLS as an API server does"),
        (httpx.ConnectError("something new"), "unreachable", "something new"),
    ],
)
def test_no_answer_is_told_by_its_cause(error: BaseException, kind: str, words: str) -> None:
    """Name, port, way, time and certificate are told apart, each with its own next step."""
    found = failures.no_answer(error, ACCESS)
    assert found.kind == kind
    assert words in str(found)
    assert "https://k8s:6443" in str(found)


def test_what_is_forbidden_says_verb_resource_and_place() -> None:
    """Programs read them, and need not take the message apart."""
    body: dict[str, Any] = {"message": 'User "me" cannot list resource "pods"'}
    found = failures.of_answer(403, body, PODS, ACCESS)
    assert (found.verb, found.resource, found.namespace) == ("list", "pods", "team")

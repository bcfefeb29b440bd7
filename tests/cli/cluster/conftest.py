"""Kubeconfigs, tokens and certificates as others hand them out."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def web_token(**claims: Any) -> str:
    """Return a JSON web token with these claims, signed by nobody."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)]
    return ".".join([*parts, "signature"])


@pytest.fixture(scope="session")
def token() -> Callable[..., str]:
    """Return a function that makes JSON web tokens."""
    return web_token


@pytest.fixture(scope="session")
def certificate() -> Callable[[str, datetime], tuple[str, str]]:
    """Return a function that makes a client certificate and its key, base64 as in a kubeconfig."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def make(subject: str, ends: datetime) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(ends)
            .sign(key, hashes.SHA256())
        )
        encoding = serialization.Encoding.PEM
        private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return tuple(base64.b64encode(part).decode() for part in (made.public_bytes(encoding), private))  # type: ignore[return-value]

    return make


def config(
    context: str = "site",
    *,
    server: str = "https://k8s.example.org:6443",
    user: dict[str, Any] | None = None,
    namespace: str | None = "team",
    current: str | None = None,
) -> dict[str, Any]:
    """Return a kubeconfig with one context, whose cluster and user have its name."""
    entry = {"cluster": context, "user": context} | ({"namespace": namespace} if namespace else {})
    found: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": server}}],
        "users": [{"name": context, "user": user if user is not None else {"token": "opaque-token-value"}}],
        "contexts": [{"name": context, "context": entry}],
        "current-context": context if current is None else current,
    }
    return found


@pytest.fixture(scope="session")
def kubeconfig() -> Callable[..., dict[str, Any]]:
    """Return a function that makes kubeconfigs."""
    return config

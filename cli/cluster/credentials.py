"""How a kubeconfig's user proves who it is, until when, and what to do when that is over. Nothing here is a secret."""

from __future__ import annotations

import base64
import binascii
import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from cli.cluster.kubeconfig import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cli.cluster.kubeconfig import Access

Way = Literal["token", "token file", "certificate", "exec plugin", "oidc", "auth provider", "password", "nothing"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a user logs in, without any secret."""

    way: Way
    expires: datetime | None
    """When it ends, as it says itself; None: it does not say."""
    subject: str | None
    """Who it is for, as it says itself: user name, service account or the certificate's common name."""
    plugin: tuple[str, ...] = ()
    """Command and arguments of an exec plugin."""
    issuer: str | None = None
    """Who issued it: address of the OIDC provider, issuer of a token."""
    refreshes: bool = False
    """Whether something (a plugin, whoever writes the token file) renews it without a new kubeconfig."""
    hint: str | None = None
    """What the plugin's own entry says on how to install it."""
    problem: str | None = None
    """Why it cannot be used as it is."""

    def expired(self, now: datetime) -> bool:
        """Return whether it says that its time is over."""
        return self.expires is not None and self.expires <= now


def of_access(access: Access) -> Credentials:
    """Return how the user of a context logs in."""
    return of_user(access.user, access.user_folder)


def of_user(user: Mapping[str, Any], folder: Path) -> Credentials:
    """Return how a user logs in.

    Args:
        user: its entry in the kubeconfig.
        folder: of that kubeconfig; paths are relative to it.
    """
    plugin, provider = user.get("exec"), user.get("auth-provider")
    # In the order in which client-go prefers them (tools/clientcmd/client_config.go, plugin/pkg/client/auth/exec).
    if (file := text_of(user, "tokenFile")) is not None:
        return _token_file(folder / file)
    if (token := text_of(user, "token")) is not None:
        return _token("token", token)
    if text_of(user, "client-certificate-data") or text_of(user, "client-certificate"):
        return _certificate(user, folder)
    if isinstance(plugin, dict):
        return _plugin(plugin)
    if isinstance(provider, dict):
        return _provider(provider)
    if text_of(user, "username"):
        return Credentials("password", None, text_of(user, "username"), problem="Kubernetes no longer takes passwords")
    return Credentials("nothing", None, None, problem="the user has no credentials")


def again(credentials: Credentials, context: str) -> str:
    """Return, in one or two sentences, how to log in again once the API server takes these no longer."""
    fresh = "save it, and take it over with: voltaic login FILE"
    match credentials.way:
        case "exec plugin":
            command = shlex.join(credentials.plugin)
            return (
                f"The login is made by {credentials.plugin[0]}: run `{command}` once, log in where it asks for it, "
                "and try again."
            )
        case "oidc":
            issuer = f" at {credentials.issuer}" if credentials.issuer else ""
            return f"Log in again{issuer} in the browser, download a fresh kubeconfig, {fresh}."
        case "certificate":
            return f"Ask for a new client certificate (download a fresh kubeconfig), {fresh}."
        case "token file":
            return "Whoever writes the token file has to write a new token into it."
        case "nothing" | "password" | "auth provider":
            return f"Download a kubeconfig with a login that works for the context {context}, {fresh}."
        case _:
            issuer = f" at {credentials.issuer}" if (credentials.issuer or "").startswith("https://") else ""
            return f"Log in again{issuer} where you got the kubeconfig, download a fresh one, {fresh}."


def claims(token: str) -> Mapping[str, Any]:
    """Return what a JSON web token says of itself, unproven; empty where it is none (RFC 7519)."""
    parts = token.strip().split(".")
    if len(parts) != len(("header", "payload", "signature")):
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = json.loads(payload)
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def moment(seconds: Any) -> datetime | None:
    """Return a moment from seconds since 1970; None for anything else."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _token(way: Way, token: str, *, refreshes: bool = False) -> Credentials:
    said = claims(token)
    subject = next((text for key in ("preferred_username", "email", "sub") if (text := text_of(said, key))), None)
    return Credentials(way, moment(said.get("exp")), subject, issuer=text_of(said, "iss"), refreshes=refreshes)


def _token_file(path: Path) -> Credentials:
    try:
        return _token("token file", path.read_text(encoding="utf-8"), refreshes=True)
    except (OSError, UnicodeDecodeError):
        return Credentials("token file", None, None, refreshes=True, problem=f"{path} cannot be read")


def _certificate(user: Mapping[str, Any], folder: Path) -> Credentials:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    data, file = text_of(user, "client-certificate-data"), text_of(user, "client-certificate")
    try:
        content = base64.b64decode(data) if data else (folder / str(file)).read_bytes()
        certificate = x509.load_pem_x509_certificate(content)
    except (OSError, ValueError):
        return Credentials("certificate", None, None, problem=f"{file or 'its client certificate'} cannot be read")
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    subject = str(names[0].value) if names else None
    has_key = text_of(user, "client-key-data") or text_of(user, "client-key")
    problem = None if has_key else "the key of its client certificate is missing"
    return Credentials("certificate", certificate.not_valid_after_utc, subject, problem=problem)


def _plugin(plugin: Mapping[str, Any]) -> Credentials:
    given = plugin.get("args")
    words = (text_of(plugin, "command") or "", *(str(word) for word in (given if isinstance(given, list) else [])))
    issuer = next((word.partition("=")[2] for word in words if word.startswith("--oidc-issuer-url=")), None)
    # Options of a plugin may hold secrets: what is shown of it hides them.
    from voltaic.hidden import shown_args

    shown = (words[0], *shown_args(words[1:]))
    problem = None if words[0] else "its exec plugin has no command"
    hint = text_of(plugin, "installHint")
    return Credentials(
        "exec plugin", None, None, plugin=shown, issuer=issuer, refreshes=True, hint=hint, problem=problem
    )


def _provider(provider: Mapping[str, Any]) -> Credentials:
    config = provider.get("config")
    values: Mapping[str, Any] = config if isinstance(config, dict) else {}
    name = text_of(provider, "name")
    if name != "oidc":
        return Credentials("auth provider", None, None, problem=f"the auth-provider {name} was removed from Kubernetes")
    token = text_of(values, "id-token")
    issuer = text_of(values, "idp-issuer-url")
    if token is None:
        return Credentials("oidc", None, None, issuer=issuer, problem="it holds no id-token")
    said = _token("oidc", token)
    return Credentials("oidc", said.expires, said.subject, issuer=issuer or said.issuer)

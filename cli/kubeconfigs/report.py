"""What there is to say of a context and its login. Pure, but for the mode of its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.cluster import credentials
from cli.kubeconfigs import writing
from cli.watching.lines import moment, span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cli.cluster.credentials import Credentials
    from cli.cluster.kubeconfig import Access

SCHEMA = "voltaic/login/v1"
SOON_SECONDS = 3600
"""Seconds before its end from which a login is said to end soon: a first start takes longer."""


@dataclass(frozen=True, slots=True)
class Report:
    """A context and its login."""

    access: Access
    login: Credentials
    namespace: str | None
    server: dict[str, Any] = field(default_factory=dict)
    """What the API server said, where it was asked: `version`, `user`, `namespace`."""
    problems: tuple[tuple[str, str], ...] = ()
    """What stands against it, each with a way out."""
    advice: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether nothing is known to stand against it."""
        return not self.problems


def report(access: Access, now: datetime, namespace: str | None = None) -> Report:
    """Return what a kubeconfig says by itself."""
    login = credentials.of_access(access)
    problems: list[tuple[str, str]] = []
    advice: list[str] = []
    again = credentials.again(login, access.context)
    if login.problem is not None:
        problems.append((f"the login cannot be used: {login.problem}", again))
    elif login.expired(now):
        problems.append((f"the login ended {ago(login, now)} ago", again))
    elif login.expires is not None and (login.expires - now).total_seconds() < SOON_SECONDS:
        advice.append(f"The login ends soon, and a first start may take longer. {again}")
    if not access.server.startswith("https://"):
        problems.append((f"{access.server} is not encrypted: the login could be read on the way", "Use https."))
    if access.cluster.get("insecure-skip-tls-verify"):
        advice.append("insecure-skip-tls-verify is set: whoever stands in between can take the login. Leave it out.")
    advice += [
        f"{path}: {others}, and it holds a login. Mend it with: chmod 600 {path}"
        for path in access.files
        if (others := writing.others_may(path)) is not None
    ]
    if not (namespace or access.namespace):
        advice.append("The context names no namespace: `default` is meant, which is rarely one's own. Set --namespace.")
    return Report(access, login, namespace or access.namespace, problems=tuple(problems), advice=tuple(advice))


def ago(login: Credentials, now: datetime) -> str:
    """Return how long a login has been over."""
    return span((now - login.expires).total_seconds()) if login.expires else "some time"


def lines(found: Report, now: datetime) -> Iterator[str]:
    """Yield the report as lines, without what stands against it."""
    access, login = found.access, found.login
    yield f"cluster    {access.server}"
    yield f"namespace  {found.namespace or 'default (the context names none)'}"
    yield f"login      {_way(login)}"
    if login.expires is None:
        renewed = "; its program renews it" if login.way == "exec plugin" else ""
        yield f"ends       it does not say{renewed}"
    elif login.expired(now):
        yield f"ends       {moment(login.expires)}, {ago(login, now)} ago"
    else:
        yield f"ends       {moment(login.expires)}, in {span((login.expires - now).total_seconds())}"
    if access.files:
        yield f"file       {', '.join(map(str, access.files))}"
    if found.server:
        user = found.server.get("user") or "a user that it does not name"
        yield f"answers    {found.server.get('version', 'yes')}, as {user}"


def document(found: Report) -> dict[str, Any]:
    """Return the login document."""
    access, login = found.access, found.login
    return {
        "schema": SCHEMA,
        "usable": found.usable,
        "context": access.context,
        "namespace": found.namespace,
        "server": access.server,
        "files": [str(path) for path in access.files],
        "login": {
            "way": login.way,
            "subject": login.subject,
            "issuer": login.issuer,
            "expires": login.expires and moment(login.expires),
            "renewed_by": list(login.plugin) or None,
        },
        "answered": found.server or None,
        "problems": [{"message": message, "fix": fix} for message, fix in found.problems],
        "advice": list(found.advice),
    }


def _way(login: Credentials) -> str:
    told: list[str] = [login.way]
    if login.plugin:
        told.append(f"runs {' '.join(login.plugin)}")
    if login.subject:
        told.append(f"for {login.subject}")
    if login.issuer:
        told.append(f"by {login.issuer}")
    return ", ".join(told)

"""A person chats in a browser through the whole chain, and every setting of the page has its effect.

Run by `make e2e-web`; the name keeps it out of the ordinary suite.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.web import page as pages
from tests.web.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.web.conftest import Chain

pytestmark = pytest.mark.timeout(600)

WHOLE = "one two three four five six seven eight nine ten"
"""What the stand-in answers."""


@pytest.fixture(scope="session")
def outside() -> list[str]:
    """Addresses of other machines that browsers asked for."""
    return []


@pytest.fixture(scope="session")
def admin(chain: Chain, browser: Browser, outside: list[str]) -> Iterator[Visitor]:
    """The first administrator, logged in with what the stack's Secret says."""
    visitor = Visitor(browser, chain.url, chain.output, outside)
    values = chain.container.environment
    visitor.log_in(values["WEBUI_ADMIN_EMAIL"], values["WEBUI_ADMIN_PASSWORD"])
    yield visitor
    visitor.close()


@pytest.fixture
def api(chain: Chain) -> Iterator[httpx.Client]:
    """The page's own API, without a login."""
    with httpx.Client(base_url=chain.url, timeout=60) as client:
        yield client


def token(api: httpx.Client, chain: Chain) -> str:
    """Log the administrator in, and return what the page gives for it."""
    values = chain.container.environment
    given = {"email": values["WEBUI_ADMIN_EMAIL"], "password": values["WEBUI_ADMIN_PASSWORD"]}
    found = api.post("/api/v1/auths/signin", json=given)
    assert found.status_code == httpx.codes.OK, found.text
    return str(found.json()["token"])


def listed(api: httpx.Client, bearer: str) -> list[str]:
    """Return the names of the models that the page offers."""
    found = api.get("/api/models", params={"refresh": "true"}, headers={"Authorization": f"Bearer {bearer}"})
    return sorted(model["id"] for model in found.json()["data"])


def test_a_person_logs_in_and_sees_an_answer_grow(admin: Visitor, chain: Chain) -> None:
    """The answer is shown word by word, and was asked of the served model with the key of the Secret."""
    assert chain.model in admin.models()
    admin.ask("Count to ten, please.")
    admin.answer("three")
    admin.shot("streaming")
    seen = admin.answer(WHOLE)
    admin.shot("answer")
    assert len(seen) > 2
    asked = chain.engine.asked()[-1]
    assert asked["model"] == chain.model
    assert asked["stream"] is True
    key = chain.container.environment["OPENAI_API_KEY"]
    generating = [found for found in chain.engine.requests if found.path == "/v1/chat/completions"]
    assert {found.headers["authorization"] for found in generating} == {f"Bearer {key}"}


def test_the_engine_is_asked_nothing_but_the_question(chain: Chain) -> None:
    """Titles, tags, follow-ups and completions of what is typed are off: one question is one request."""
    time.sleep(2)  # they would come after the answer
    assert [asked["messages"][-1]["content"] for asked in chain.engine.asked()] == ["Count to ten, please."]


def test_only_secrets_come_from_secrets(chain: Chain) -> None:
    """Key, password and the key of sessions stand in Secrets, and in no plain variable of the Deployment."""
    assert chain.container.from_secrets == {"OPENAI_API_KEY", "WEBUI_ADMIN_PASSWORD", "WEBUI_SECRET_KEY"}
    plain = str(chain.container.raw)
    for name in chain.container.from_secrets:
        assert chain.container.environment[name] not in plain


def test_nobody_can_sign_up(chain: Chain, browser: Browser, outside: list[str], api: httpx.Client) -> None:
    """The page offers no sign-up, and its API refuses one."""
    stranger = Visitor(browser, chain.url, chain.output, outside)
    stranger.open("/auth")
    stranger.page.wait_for_selector("input[type=password]")
    stranger.shot("no-sign-up")
    assert "sign up" not in stranger.text().lower()
    stranger.close()
    features = api.get("/api/config").json()["features"]
    assert (features["auth"], features["enable_signup"]) == (True, False)
    given = {"name": "Stranger", "email": "stranger@example.org", "password": "a-long-password"}
    assert api.post("/api/v1/auths/signup", json=given).status_code == httpx.codes.FORBIDDEN


def test_the_first_administrator_is_that_of_the_secret(chain: Chain, api: httpx.Client) -> None:
    """Who has the password of the Secret is administrator, and there is nobody else; another password is refused."""
    email = chain.container.environment["WEBUI_ADMIN_EMAIL"]
    wrong = api.post("/api/v1/auths/signin", json={"email": email, "password": "another-password"})
    assert wrong.status_code == httpx.codes.BAD_REQUEST
    users = api.get("/api/v1/users/", headers={"Authorization": f"Bearer {token(api, chain)}"}).json()["users"]
    assert [(email, "admin")] == [(user["email"], user["role"]) for user in users]


def test_without_a_login_nothing_is_said(chain: Chain, api: httpx.Client) -> None:
    """Models and chats are for those who are logged in."""
    for path in ("/api/models", "/api/v1/chats/"):
        assert api.get(path).status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}


def test_an_administrator_adds_somebody_who_sees_the_model(
    chain: Chain, browser: Browser, outside: list[str], api: httpx.Client
) -> None:
    """People whom the administrator adds log in, see the served model at once and chat with it."""
    bearer = {"Authorization": f"Bearer {token(api, chain)}"}
    added = {"name": "Reader", "email": "reader@example.org", "password": "a-long-password", "role": "user"}
    assert api.post("/api/v1/auths/add", json=added, headers=bearer).status_code == httpx.codes.OK
    reader = Visitor(browser, chain.url, chain.output, outside)
    reader.log_in("reader@example.org", "a-long-password")
    assert chain.model in reader.models()
    reader.ask("And once more?")
    reader.answer(WHOLE)
    reader.shot("second-person")
    reader.close()


def test_the_served_model_is_listed_and_no_other(chain: Chain, api: httpx.Client) -> None:
    """The page offers what the engine serves, under its name, and nothing of other providers."""
    assert listed(api, token(api, chain)) == [chain.model]


def test_a_file_is_read_without_another_service(chain: Chain, api: httpx.Client) -> None:
    """An upload goes into the prompt as it is: no embedding model is asked for."""
    bearer = {"Authorization": f"Bearer {token(api, chain)}"}
    sent = {"file": ("note.txt", b"The colour of the door is green.", "text/plain")}
    found = api.post("/api/v1/files/", files=sent, params={"process_in_background": "false"}, headers=bearer)
    assert found.status_code == httpx.codes.OK, found.text
    content = api.get(f"/api/v1/files/{found.json()['id']}/data/content", headers=bearer)
    assert "green" in content.text


RECORDED = {
    "an address": "socket.create_connection(('192.0.2.1', 443), 2)",
    "a name": "socket.getaddrinfo('example.org', 443)",
    "IPv6": "socket.create_connection(('2001:db8::1', 443), 2)",
}


@pytest.mark.parametrize("way", RECORDED)
def test_what_leaves_is_counted(tmp_path: Path, way: str) -> None:
    """A program that is kept apart like the page, and asks for another machine, is refused and counted."""
    for name in ("hosts", "resolv.conf"):
        (tmp_path / name).write_text(f"nameserver {pages.NAMESERVER}\n" if name == "resolv.conf" else "127.0.0.1 x\n")
    program = f"import socket\ntry: {RECORDED[way]}\nexcept OSError: print('refused', flush=True)\ninput()"
    command = pages.apart_command(Path(sys.executable), Path(pages.__file__).with_name("apart.py"), tmp_path, [])
    with subprocess.Popen(
        [*command, sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"refused\n"
        assert pages.unroutable(process.pid) > 0


def test_nothing_left_the_site(chain: Chain, outside: list[str]) -> None:
    """In all that was done above, neither the program nor the page in the browser asked for another machine."""
    assert outside == []
    assert chain.page.left() == 0

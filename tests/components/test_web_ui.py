"""The chat page: closed by default, with our server as its only provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import WebUI, kubectl, open_webui
from components.port_forward import CHAT_PORT
from tests.components import harness

GOOD = {"profile": "v100-2gpu", "model": harness.MODEL}
OLD = {**GOOD, "profile": "v100-1gpu", "engineVersion": "2.0.4"}
DATABASE = "postgresql://user:p4ss@db:5432/chats"


def env(run: harness.Run) -> dict[str, Any]:
    """Plain variables of the page."""
    return {one["name"]: one["value"] for one in run.container("webui")["env"] if "value" in one}


def secrets(run: harness.Run) -> dict[str, tuple[str, str]]:
    """Variables of the page that come from its Secret: name and key."""
    found = [
        (one["name"], one["valueFrom"]["secretKeyRef"]) for one in run.container("webui")["env"] if "valueFrom" in one
    ]
    return {variable: (reference["name"], reference["key"]) for variable, reference in found}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WEBUI_AUTH", "True"),
        ("ENABLE_SIGNUP", "False"),
        ("DEFAULT_USER_ROLE", "pending"),
        ("ENABLE_PERSISTENT_CONFIG", "False"),
        ("ENABLE_OLLAMA_API", "False"),
        ("ENABLE_OPENAI_API", "True"),
        ("ENABLE_DIRECT_CONNECTIONS", "False"),
        ("ENABLE_CODE_EXECUTION", "False"),
        ("ENABLE_CODE_INTERPRETER", "False"),
        ("ENABLE_COMMUNITY_SHARING", "False"),
        ("ENABLE_TITLE_GENERATION", "False"),
        ("ENABLE_TAGS_GENERATION", "False"),
        ("ENABLE_FOLLOW_UP_GENERATION", "False"),
        ("ENABLE_AUTOCOMPLETE_GENERATION", "False"),
        ("UVICORN_WORKERS", "1"),
        ("DATA_DIR", "/app/backend/data"),
        ("WEBUI_URL", "http://localhost:3000"),
        ("OPENAI_API_BASE_URL", "http://tgi-v100-2gpu:8080/v1"),
    ],
)
def test_the_page_is_closed_and_talks_to_our_server_alone(program: harness.Program, variable: str, value: str) -> None:
    """Login on, sign-up off, one provider, nothing that leaves the site, configuration from the environment."""
    assert env(program(GOOD))[variable] == value


def test_the_address_has_no_trailing_slash() -> None:
    """With one, the page would ask for `/v1//models`, which is 404."""
    assert open_webui.base_url("http://tgi:8080/v1/") == "http://tgi:8080/v1"


def test_browsers_may_come_by_the_forwarded_ports_only(program: harness.Program) -> None:
    """Both names of the local machine are let in, on ten ports, and no other origin."""
    origins = env(program(GOOD))["CORS_ALLOW_ORIGIN"].split(";")
    expected = {
        f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in range(CHAT_PORT, CHAT_PORT + 10)
    }
    assert set(origins) == expected
    assert "*" not in origins


def test_secrets_come_from_the_pages_own_secrets(program: harness.Program) -> None:
    """Session key, administrator and API key are never plain variables."""
    run = program({**GOOD, "webuiDatabaseUrl": DATABASE}, secret=("webuiDatabaseUrl",))
    assert secrets(run) == {
        "DATABASE_URL": ("webui-v100-2gpu", "databaseUrl"),
        "OPENAI_API_KEY": ("webui-v100-2gpu", "apiKey"),
        "WEBUI_ADMIN_PASSWORD": ("webui-v100-2gpu-login", "adminPassword"),
        "WEBUI_SECRET_KEY": ("webui-v100-2gpu-login", "secretKey"),
    }
    values = run.one("Secret", "webui").inputs["stringData"]
    assert values["databaseUrl"] == DATABASE
    assert values["apiKey"] == run.one("Secret", "tgi-api").inputs["stringData"]["key"]
    for one in run.resources:
        if not one.type.endswith(":Secret"):
            assert "p4ss" not in json.dumps(one.inputs), one.name


def test_logins_survive_a_restart(program: harness.Program) -> None:
    """The session key is generated once; with a new one every login would be lost."""
    run = program(GOOD)
    assert run.one("Secret", "webui-login").inputs["stringData"]["secretKey"] == harness.GENERATED["webui-secret-key"]
    assert run.one("Stash", "webui-secret-key").options["ignoreChanges"] == ["input"]


def test_the_administrator_is_made_at_the_first_start(program: harness.Program) -> None:
    """An address and a password close the race for the first account; both are among the outputs, the latter secret."""
    run = program({**GOOD, "webuiAdminEmail": "me@example.org", "webuiAdminPassword": "my-password"})
    assert env(run)["WEBUI_ADMIN_EMAIL"] == "me@example.org"
    assert run.one("Secret", "webui-login").inputs["stringData"]["adminPassword"] == "my-password"
    assert run.outputs["chatAdminEmail"] == "me@example.org"
    assert run.outputs["chatAdminPassword"] == "my-password"
    assert "chatAdminPassword" in run.secret_outputs


def test_the_login_stays_with_the_chats(program: harness.Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new stack on kept chat data goes on with the login that was left there: the database knows no other."""
    asked: list[Any] = []

    def kept(name: str, **where: Any) -> dict[str, str]:
        asked.append((name, where))
        return {"adminPassword": "old-password", "secretKey": "old-key"}

    monkeypatch.setattr(kubectl, "kept_secret", kept)
    run = program(GOOD)
    assert asked == [("webui-v100-2gpu-login", {"context": "site", "namespace": "team-a"})]
    offered = {name: run.one("Stash", f"webui-{name}").inputs["input"] for name in ("admin-password", "secret-key")}
    assert offered == {"admin-password": "old-password", "secret-key": "old-key"}
    assert run.one("Secret", "webui-login").options["retainOnDelete"] is True
    assert "old-password" not in json.dumps(run.one("WebUI", "webui").inputs)


def test_no_login_is_kept_without_its_chats(program: harness.Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the chat data go with the stack, so does the login, and none is looked for."""
    monkeypatch.setattr(kubectl, "kept_secret", lambda *_name, **_where: pytest.fail("looked for a login"))
    run = program({**GOOD, "webuiDataDeleteOnDestroy": "true"})
    assert run.one("Secret", "webui-login").options["retainOnDelete"] is False
    assert run.one("Secret", "webui").options["retainOnDelete"] is False


def test_one_pod_writes_the_database(program: harness.Program) -> None:
    """SQLite takes one process: one replica, ended before its successor starts."""
    spec = program(GOOD).one("Deployment", "webui").inputs["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_probes_ask_for_the_page_and_its_database(program: harness.Program) -> None:
    """Traffic waits for the database; restarts depend on the page alone."""
    container = program(GOOD).container("webui")
    paths = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}
    assert paths == {"startup": "/health", "readiness": "/health/db", "liveness": "/health"}


def test_deadlines_of_the_page_follow_from_each_other(program: harness.Program) -> None:
    """Startup budget ≤ progress deadline ≤ Pulumi's timeout."""
    run = program(GOOD)
    one, probe = run.one("Deployment", "webui"), run.container("webui")["startupProbe"]
    timeout = int(one.options["customTimeouts"]["create"].removesuffix("s"))
    assert (
        probe["periodSeconds"] * probe["failureThreshold"] <= one.inputs["spec"]["progressDeadlineSeconds"] <= timeout
    )


def test_chats_outlive_the_stack_unless_told_otherwise(program: harness.Program) -> None:
    """`destroy` leaves the chat data; both wishes are heard."""
    kept = program(GOOD).one("PersistentVolumeClaim", "webui-data")
    gone = program({**GOOD, "webuiDataDeleteOnDestroy": "true"}).one("PersistentVolumeClaim", "webui-data")
    assert (kept.options["retainOnDelete"], gone.options["retainOnDelete"]) == (True, False)


def test_the_image_is_pinned_by_digest(program: harness.Program) -> None:
    """The release that the facts were read from is deployed by digest; another one by its tag; a mirror as it is."""
    assert "@sha256:" in program(GOOD).container("webui")["image"]
    other = program({**GOOD, "webuiVersion": "0.11.3"}).container("webui")["image"]
    assert other == "ghcr.io/open-webui/open-webui:v0.11.3"
    mirror = "mirror.example/open-webui:v0.11.4"
    assert program({**GOOD, "webuiImage": mirror}).container("webui")["image"] == mirror


def test_the_model_is_named_where_the_engine_does_not_list_it(program: harness.Program) -> None:
    """Before 2.3.0 there is no `/v1/models`, so the page is told; later ones are asked."""
    assert json.loads(env(program(OLD))["OPENAI_API_CONFIGS"]) == {"0": {"enable": True, "model_ids": [harness.MODEL]}}
    assert "OPENAI_API_CONFIGS" not in env(program(GOOD))


def test_answers_are_not_cut_after_a_hundred_tokens(program: harness.Program) -> None:
    """Up to 2.4.1 an answer whose length is not stated ends after 100 tokens, so a length is stated."""
    run = program(OLD)
    words = run.container("tgi")["args"]
    total, prompt = (int(words[words.index(flag) + 1]) for flag in ("--max-total-tokens", "--max-input-tokens"))
    assert json.loads(env(run)["DEFAULT_MODEL_PARAMS"]) == {"max_tokens": total - prompt}
    assert "DEFAULT_MODEL_PARAMS" not in env(program(GOOD))


def test_a_release_without_chat_is_refused_before_anything_is_made(program: harness.Program) -> None:
    """Before 1.4.0 there is nothing to talk to: no object exists, and the error says both ways out."""
    values = {**GOOD, "profile": "v100-1gpu", "engineVersion": "1.3.4", "extraArgs": ["--max-concurrent-requests", "1"]}
    run = program(values)
    expected = (
        "webuiEnabled: the chat page talks to /v1/chat/completions, which tgi 1.3.4 does not have. "
        "Take the release that is proven for the GPU with: pulumi config rm -s v100-2gpu engineVersion, "
        "or serve without the page with: pulumi config set -s v100-2gpu webuiEnabled false"
    )
    assert run.errors == [expected]
    assert not [one for one in run.resources if one.type.startswith("kubernetes:")]
    assert program({**values, "webuiEnabled": "false"}).errors == []


def test_a_page_without_an_engine_to_talk_to_is_refused() -> None:
    """The component refuses by itself too, for programs that make the server elsewhere."""
    (error,) = page(chat_completions=False).errors
    assert error.startswith("webuiEnabled: the chat page talks to /v1/chat/completions, which engine 1 does not have.")


def test_without_the_page_nothing_of_it_is_deployed(program: harness.Program) -> None:
    """The server runs alone, and outputs name no page."""
    run = program({**GOOD, "webuiEnabled": "false"})
    assert not [one for one in run.resources if "webui" in one.name]
    assert not [name for name in run.outputs if name.startswith("chat")]
    assert len(run.outputs["forwardCommands"]) == 1


def page(**more: Any) -> harness.Run:
    """The component alone, in another program."""

    def alone() -> None:
        args: Any = {
            "namespace": "ns",
            "api_url": "http://engine:8000/v1/",
            "engine": "engine 1",
            "model": "m",
            "chat_completions": True,
            "lists_models": True,
            "admin_email": "a@b.c",
            "data_size": 2**30,
            "on_network_storage": False,
            "keep_data": True,
            **more,
        }
        WebUI("webui", args)

    return harness.perform(alone, stack="s")


def test_sqlite_on_a_network_volume_is_refused(program: harness.Program) -> None:
    """It locks up and loses chats: refused with two ways out, one of which is a database."""
    (error,) = program({**GOOD, "webuiStorageClass": "nfs-client"}).errors
    assert "SQLite on a network file system" in error
    (error,) = page(on_network_storage=True).errors
    assert error == (
        "webuiStorageClass: chats would be kept in SQLite on a network file system, where it locks up and loses them. "
        "Choose a class of local or block volumes, or keep them in PostgreSQL with: "
        "pulumi config set -s s --secret webuiDatabaseUrl"
    )
    assert page(on_network_storage=True, database_url=DATABASE).errors == []


def test_the_page_stands_alone() -> None:
    """Another program may put the page in front of any OpenAI-compatible API."""
    run = page()
    assert run.errors == []
    assert env(run)["OPENAI_API_BASE_URL"] == "http://engine:8000/v1"
    assert "OPENAI_API_KEY" not in secrets(run)


def test_properties_of_the_page_hold_no_secret() -> None:
    """What policies read has neither password, key nor database address."""
    inputs = page(admin_password="pw-secret", api_key="key-secret", database_url=DATABASE).one("WebUI", "webui").inputs
    assert not {"pw-secret", "key-secret", DATABASE} & {str(value) for value in inputs.values()}
    assert inputs["engine"] == "engine 1"

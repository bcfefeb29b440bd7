"""Edges of the rules about the chat page that no manifest alone shows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document
from voltaic.rules.webui import _engine, _facts

BASELINES: Final = Path(__file__).parents[1] / "fixtures/baseline"
PAGE: Final = (BASELINES / "page.yaml").read_text("utf-8")
STACK: Final = (BASELINES / "stack.yaml").read_text("utf-8")
ENV: Final = "        env:\n        - {name: AIOHTTP"
"""Where the variables of the page begin."""


def said(rule: str, text: str) -> list[str]:
    """Return what a rule says of a manifest."""
    documents = [Document("all.yaml", number, one) for number, one in enumerate(load_documents(text), 1)]
    return [
        one.finding.message for found in checking.check(documents) for one in found.said if one.finding.rule == rule
    ]


def changed(text: str, *edits: tuple[str, str]) -> str:
    """Return a manifest with some words replaced."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


def setting(text: str, **values: str | None) -> str:
    """Return a manifest whose page has these plain variables; None: without one."""
    lines = [
        line for line in text.split("\n") if not any(line.lstrip().startswith(f"- {{name: {name},") for name in values)
    ]
    text = "\n".join(lines)
    added = "".join(
        f"        - {{name: {name}, value: '{value}'}}\n" for name, value in values.items() if value is not None
    )
    marker = (
        "        - {name: DATA_DIR"
        if "{name: DATA_DIR" in text
        else "        - {name: HOME, value: /tmp}\n        - {name: RAG"
    )
    place = text.rindex(marker)
    return text[:place] + added + text[place:]


@pytest.mark.parametrize(
    ("expected", "url"),
    [
        (("llm", 80, ""), "http://llm"),
        (("llm", 80, ""), "http://llm/"),
        (("llm.team-a.svc", 8080, "/v1"), "http://llm.team-a.svc:8080/v1/"),
        (("api.openai.com", 443, "/v1"), "https://api.openai.com/v1"),
        (("llm", 8000, "/v1"), "http://user:word@LLM:8000/v1?x=1"),
        (None, "llm:8080/v1"),
        (None, "http://"),
        (None, ""),
    ],
)
def test_parts_of_an_address(expected: tuple[str, int, str] | None, url: str) -> None:
    """Host in small letters, the scheme's port where there is none, the path without its last slash."""
    found = _engine.address(url)
    assert expected == (None if found is None else (found.host, found.port, found.path))


def test_a_password_in_an_address_is_not_shown() -> None:
    """Nor a key behind its question mark."""
    url = "http://user:swordfish@llm:8000/v1/chat/completions?key=swordfish"
    assert "swordfish" not in _engine.shown(url)
    text = setting(STACK, OPENAI_API_BASE_URL="http://user:swordfish@llm:8000/")
    (found,) = said("webui-engine", text)
    assert "http://(hidden)@llm:8000/" in found


@pytest.mark.parametrize(
    ("count", "url"),
    [
        (0, "http://llm:8080/v1"),
        (0, "http://llm.team-a:8080/v1"),
        (0, "http://llm.team-a.svc.cluster.local:8080/v1"),
        (1, "http://llm.team-a.svc.cluster.local:8000/v1"),
        (0, "http://llm.team-b.svc:8000/v1"),
        (0, "http://llm.example.org:8000/v1"),
        (0, "http://other:8000/v1"),
        (1, "http://vllm:8000"),
        (1, "http://my-vllm.example.org"),
        (0, "http://vllm:8000/api"),
        (0, "http://gateway:8000"),
    ],
)
def test_addresses_inside_the_cluster(count: int, url: str) -> None:
    """Short and whole names of a Service in the input; what is not there says nothing but by an engine's own name."""
    assert len(said("webui-engine", setting(STACK, OPENAI_API_BASE_URL=url))) == count


@pytest.mark.parametrize(
    ("words", "release"),
    [
        ("has no /v1/chat/completions", "1.3.4"),
        ("has no /v1/models", "1.4.0"),
        ("has no /v1/models", "2.2.0"),
        (None, "2.3.0"),
    ],
)
def test_routes_of_tgi_by_release(words: str | None, release: str) -> None:
    """Chats from 1.4.0 on, a list of models from 2.3.0 on."""
    found = said("webui-engine", STACK.replace(":3.0.1@", f":{release}@"))
    assert len(found) == (words is not None)
    assert all(words is not None and words in one for one in found)


@pytest.mark.parametrize(
    ("count", "variable", "url", "release"),
    [
        (0, "OPENAI_API_BASE_URL", "http://llm:8080/v1/", "v0.11.4"),
        (0, "OPENAI_API_BASE_URL", "http://llm:8080/v1/", "v0.6.23"),
        (1, "OPENAI_API_BASE_URL", "http://llm:8080/v1/", "v0.6.22"),
        (0, "OPENAI_API_BASE_URL", "http://llm:8080/v1/", "main"),
        (1, "OPENAI_API_BASE_URLS", "http://llm:8080/v1/", "main"),
        (1, "OPENAI_API_BASE_URLS", "http://llm:8080/v1;http://second:8000/v1/", "v0.11.4"),
        (2, "OPENAI_API_BASE_URLS", "http://llm:8080/v1/;second/v1", "v0.11.4"),
        (0, "OPENAI_API_BASE_URLS", "http://llm:8080/v1; http://second:8000/v1", "v0.11.4"),
        (0, "OPENAI_API_BASE_URL", "http://llm:8080/api/models-of-ours", "v0.11.4"),
    ],
)
def test_a_slash_at_the_end_by_release(count: int, variable: str, url: str, release: str) -> None:
    """The page takes it away of one address from 0.6.23 on, and of a list never; an unknown release says nothing."""
    text = setting(PAGE, OPENAI_API_BASE_URL=None).replace(":v0.11.4@", f":{release}@")
    assert len(said("webui-url", setting(text, **{variable: url}))) == count


def test_the_list_of_addresses_goes_before_the_one() -> None:
    """As in the page, where both are set."""
    text = setting(PAGE, OPENAI_API_BASE_URL="no-scheme", OPENAI_API_BASE_URLS="http://llm:8080/v1")
    assert said("webui-url", text) == []


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (None, {}),
        ("no administrator is named", {"ENABLE_SIGNUP": None, "WEBUI_ADMIN_EMAIL": None}),
        ("no administrator is named", {"ENABLE_SIGNUP": "true", "WEBUI_ADMIN_EMAIL": None}),
        (None, {"ENABLE_SIGNUP": "false", "WEBUI_ADMIN_EMAIL": None}),
        (None, {"ENABLE_SIGNUP": None}),
        (None, {"ENABLE_SIGNUP": "True", "DEFAULT_USER_ROLE": "pending"}),
        ("DEFAULT_USER_ROLE is admin", {"ENABLE_SIGNUP": "True", "DEFAULT_USER_ROLE": "admin"}),
        (None, {"ENABLE_SIGNUP": None, "DEFAULT_USER_ROLE": "user"}),
        (None, {"ENABLE_SIGNUP": None, "WEBUI_ADMIN_EMAIL": None, "ENABLE_LOGIN_FORM": "False"}),
        (None, {"ENABLE_SIGNUP": None, "WEBUI_ADMIN_EMAIL": None, "WEBUI_AUTH_TRUSTED_EMAIL_HEADER": "X-Email"}),
    ],
)
def test_who_administers_the_page(words: str | None, values: dict[str, str | None]) -> None:
    """A closed sign-up, a named administrator or accounts from elsewhere settle it."""
    found = said("webui-first-admin", setting(PAGE, **values))
    assert len(found) == (words is not None)
    assert all(words is not None and words in one for one in found)


@pytest.mark.parametrize(
    ("count", "values", "claim"),
    [
        (1, {}, "{accessModes: [ReadWriteMany]}"),
        (1, {}, "{accessModes: [ReadWriteOnce], storageClassName: azurefile-csi}"),
        (1, {}, "{accessModes: [ReadWriteOnce], storageClassName: efs-sc}"),
        (1, {}, "{accessModes: [ReadWriteOnce], storageClassName: rook-cephfs}"),
        (0, {}, "{accessModes: [ReadWriteOnce], storageClassName: rook-ceph-block}"),
        (0, {}, "{accessModes: [ReadWriteOnce]}"),
        (0, {"DATABASE_URL": "postgresql://chat@db/chat"}, "{accessModes: [ReadWriteMany]}"),
        (1, {"DATABASE_URL": "sqlite:////app/backend/data/webui.db"}, "{accessModes: [ReadWriteMany]}"),
    ],
)
def test_storage_of_the_database(count: int, values: dict[str, str | None], claim: str) -> None:
    """SQLite wants a volume of blocks; the class, the modes and the database decide."""
    text = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: chat-data, namespace: team-a}\n"
    text += f"spec: {claim}\n"
    assert len(said("webui-database", setting(PAGE, **values) + text)) == count


@pytest.mark.parametrize(
    ("count", "volume"),
    [
        (1, "nfs: {server: files.example.org, path: /chat}"),
        (1, "csi: {driver: file.csi.azure.com}"),
        (0, "hostPath: {path: /data}"),
        (0, "csi: {driver: ebs.csi.aws.com}"),
    ],
)
def test_a_volume_of_the_pod_itself_under_the_database(count: int, volume: str) -> None:
    """A volume without a claim tells its kind itself."""
    text = PAGE.replace("persistentVolumeClaim: {claimName: chat-data}", volume)
    assert len(said("webui-database", text)) == count


def test_a_claim_template_keeps_chats() -> None:
    """A StatefulSet has its volume from a template beside the pod."""
    template = (
        "  volumeClaimTemplates:\n  - metadata: {name: data}\n"
        "    spec: {accessModes: [ReadWriteOnce], storageClassName: nfs-client}\n  template:\n"
    )
    text = changed(
        PAGE,
        ("kind: Deployment", "kind: StatefulSet"),
        ("  template:\n", template),
        ("      - name: data\n        persistentVolumeClaim: {claimName: chat-data}\n", ""),
    )
    assert said("webui-data", text) == []
    assert len(said("webui-database", text)) == 1
    assert said("webui-rollout", text) == []


@pytest.mark.parametrize(
    ("count", "edits"),
    [
        (0, {"PORT": "${PORT}"}),
        (0, {"PORT": "8080"}),
        (1, {"PORT": "80"}),
    ],
)
def test_the_port_that_is_set(count: int, edits: dict[str, str | None]) -> None:
    """A port that is still to be filled in says nothing."""
    assert len(said("webui-port", setting(PAGE, **edits))) == count


def test_nothing_is_said_of_what_a_script_may_set() -> None:
    """A command of its own may set any variable before it starts the page."""
    script = "        command: [sh, -c, 'export WEBUI_SECRET_KEY=`cat /key`; bash start.sh']\n        env:\n"
    edits = (
        ("        - name: WEBUI_SECRET_KEY\n          valueFrom: {secretKeyRef: {name: chat, key: session}}\n", ""),
        ("        env:\n", script),
    )
    text = setting(PAGE, OPENAI_API_BASE_URL=None)
    assert len(said("webui-provider", text)) == 1
    assert said("webui-provider", changed(text, *edits)) == []
    assert said("webui-secret-key", changed(text, *edits)) == []


@pytest.mark.parametrize(
    ("expected", "name", "release"),
    [
        (True, "slash-removed", (0, 6, 23)),
        (False, "slash-removed", (0, 6, 22)),
        (None, "slash-removed", None),
        (False, "environment-can-win", (0, 6, 0)),
        (None, "environment-can-win", (0, 6, 10)),
        (True, "environment-can-win", (0, 12, 4)),
    ],
)
def test_facts_by_release(expected: object, name: str, release: tuple[int, int, int] | None) -> None:
    """What was not read of a release is not known of it."""
    assert expected is _facts.holds(name, release)


KEY: Final = "        - name: OPENAI_API_KEY\n          valueFrom: {secretKeyRef: {name: llm, key: key}}\n"
CLAIM: Final = "        persistentVolumeClaim: {claimName: chat-data}"
MOUNT: Final = "        - {name: data, mountPath: /app/backend/data}\n"
SIDECAR: Final = "      containers:\n      - {name: helper, image: 'example.org/helper:1.0'}\n"
RECREATE: Final = "  strategy: {type: Recreate}\n"
TO_3000: Final = ("port: 80, targetPort: http", "port: 80, targetPort: 3000")


def without(name: str) -> tuple[str, str]:
    """Return the change that takes a plain variable away."""
    line = next(line for line in PAGE.split("\n") if f"{{name: {name}," in line)
    return f"{line}\n", ""


def with_(name: str, value: str) -> tuple[str, str]:
    """Return the change that adds a variable of the page."""
    marker = "        - {name: DATA_DIR"
    return marker, f"        - {{name: {name}, {value}}}\n{marker}"


SECRET: Final = "valueFrom: {secretKeyRef: {name: chat, key: any}}"


@pytest.mark.parametrize(
    ("rule", "fault", "exception"),
    [
        ("webui-ollama", [without("ENABLE_OLLAMA_API")], without("OPENAI_API_BASE_URL")),
        ("webui-ollama", [without("ENABLE_OLLAMA_API")], (":v0.11.4@", ":v0.11.4-ollama@")),
        ("webui-ollama", [without("ENABLE_OLLAMA_API")], with_("USE_OLLAMA_DOCKER", "value: 'true'")),
        ("webui-ollama", [without("ENABLE_OLLAMA_API")], with_("OLLAMA_BASE_URL", SECRET)),
        ("webui-data", [(MOUNT, "")], with_("DATABASE_URL", SECRET)),
        (
            "webui-data",
            [(CLAIM, "        emptyDir: {}")],
            ("{name: DATA_DIR, value: /app/backend/data}", f"{{name: DATA_DIR, {SECRET}}}"),
        ),
        ("webui-rollout", [(RECREATE, "")], ("  replicas: 1\n", "  replicas: 0\n")),
        ("webui-rollout", [(RECREATE, "")], (CLAIM, "        hostPath: {path: /data}")),
        ("webui-rollout", [(RECREATE, "")], with_("DATABASE_URL", SECRET)),
        ("webui-replicas", [("  replicas: 1\n", "  replicas: 2\n")], with_("DATABASE_URL", SECRET)),
        ("webui-replicas", [("  replicas: 1\n", "  replicas: 2\n")], ("  replicas: 2\n", "  replicas: ${N}\n")),
        (
            "webui-service",
            [TO_3000],
            (
                "        env:\n        - {name: AIOHTTP",
                "        command: [python, -m, page]\n        env:\n        - {name: AIOHTTP",
            ),
        ),
        ("webui-stored-settings", [without("ENABLE_PERSISTENT_CONFIG")], (CLAIM, "        emptyDir: {}")),
        ("webui-stored-settings", [without("ENABLE_PERSISTENT_CONFIG")], (":v0.11.4@", ":main@")),
        ("webui-offline", [without("RAG_EMBEDDING_ENGINE"), with_("OFFLINE_MODE", "value: 'True'")], (MOUNT, "")),
        (
            "webui-offline",
            [without("RAG_EMBEDDING_ENGINE"), with_("OFFLINE_MODE", "value: 'True'")],
            with_("SENTENCE_TRANSFORMERS_HOME", "value: /models"),
        ),
        (
            "webui-timeout",
            [('AIOHTTP_CLIENT_TIMEOUT, value: "1800"', 'AIOHTTP_CLIENT_TIMEOUT, value: "60"')],
            ('value: "60"', 'value: "0"'),
        ),
        (
            "webui-user",
            [("runAsGroup: 0", "runAsGroup: 7"), ("fsGroup: 0", "fsGroup: 7")],
            ("        runAsGroup: 7\n", ""),
        ),
        (
            "webui-user",
            [("runAsGroup: 0", "runAsGroup: 7"), ("fsGroup: 0", "fsGroup: 7")],
            ("runAsUser: 1000", "runAsUser: 0"),
        ),
        (
            "webui-user",
            [("runAsGroup: 0", "runAsGroup: 7"), ("fsGroup: 0", "fsGroup: 7")],
            ("fsGroup: 7", "fsGroup: 0"),
        ),
        (
            "webui-first-admin",
            [without("ENABLE_SIGNUP"), without("WEBUI_ADMIN_EMAIL")],
            ('{name: WEBUI_AUTH, value: "True"}', '{name: WEBUI_AUTH, value: "False"}'),
        ),
        (
            "webui-first-admin",
            [without("ENABLE_SIGNUP"), without("WEBUI_ADMIN_EMAIL")],
            with_("WEBUI_ADMIN_EMAIL", SECRET),
        ),
        ("webui-engine-key", [(KEY, "")], (":3.0.1@", ":2.0.4@")),
        ("webui-engine-key", [(KEY, "")], with_("OPENAI_API_KEYS", SECRET)),
        ("webui-engine-key", [(KEY, "")], without("OPENAI_API_BASE_URL")),
        (
            "webui-engine",
            [("http://llm:8080/v1", "http://llm:8000/v1")],
            (
                "  name: llm\n  namespace: team-a\nspec:\n  selector",
                "  name: llm\n  namespace: team-b\nspec:\n  selector",
            ),
        ),
        (
            "webui-engine",
            [("http://llm:8080/v1", "http://llm:8000/v1")],
            ("  selector: {app: llm}\n", "  type: ExternalName\n  externalName: llm.example.org\n"),
        ),
        (
            "webui-engine",
            [("http://llm:8080/v1", "http://llm:8080")],
            ("  selector: {app: llm}\n", "  selector: {app: gateway}\n"),
        ),
    ],
)
def test_what_takes_a_finding_away(rule: str, fault: list[tuple[str, str]], exception: tuple[str, str]) -> None:
    """A fault is told, and is not where one more thing makes it legal or leaves it open."""
    text = changed(STACK, *fault)
    assert len(said(rule, text)) == 1
    assert said(rule, changed(text, exception)) == []


@pytest.mark.parametrize(
    "edit",
    [
        (RECREATE, "  strategy: {rollingUpdate: {maxSurge: {a: 1}}}\n"),
        (RECREATE, "  strategy: [1]\n"),
        ("accessModes: [ReadWriteOnce]", "accessModes: [{a: 1}, 2]"),
        ("type: ClusterIP", "type: [1]"),
        ("targetPort: http", "targetPort: {a: 1}"),
        ("        runAsGroup: 0\n", "        runAsGroup: {a: 1}\n"),
        (MOUNT, "        - {name: [data], mountPath: 7}\n"),
    ],
)
def test_odd_values_are_no_fault_of_ours(edit: tuple[str, str]) -> None:
    """Whatever stands where something else belongs, every rule answers."""
    text = STACK.replace("  selector: {app: chat}\n", "  type: ClusterIP\n  selector: {app: chat}\n")
    documents = [Document("all.yaml", number, one) for number, one in enumerate(load_documents(changed(text, edit)), 1)]
    found = [one.finding for each in checking.check(documents) for one in each.said]
    assert [one.message for one in found if one.rule.startswith("webui-") and "could not answer" in one.message] == []


PROBES: Final = [
    (
        f"        {probe}:\n          httpGet: {{path: {path}, port: http}}\n",
        f"        {probe}:\n          exec: {{command: [ls]}}\n",
    )
    for probe, path in (("startupProbe", "/health"), ("readinessProbe", "/health/db"), ("livenessProbe", "/health"))
]
STATEFUL: Final = ("kind: Deployment", "kind: StatefulSet")
VLLM_KEY: Final = ("        - --usage-stats=off\n", "        - --usage-stats=off\n        - --api-key=$(API_KEY)\n")
SERVED: Final = "        - name: API_KEY\n          valueFrom: {secretKeyRef: {name: llm, key: key}}\n"


@pytest.mark.parametrize(
    ("found", "rule", "text", "edits"),
    [
        (
            ["The container names port 3000, and the page listens on 8080"],
            "webui-port",
            PAGE,
            [*PROBES, ("containerPort: 8080", "containerPort: 3000")],
        ),
        (
            [],
            "webui-port",
            PAGE,
            [*PROBES, ("containerPort: 8080", "containerPort: 8080}\n        - {containerPort: 3000")],
        ),
        ([], "webui-port", PAGE, [*PROBES, ("containerPort: 8080", "containerPort: '${PORT}'")]),
        (
            [],
            "webui-port",
            PAGE,
            [
                ('{name: PORT, value: "8080"}', f"{{name: PORT, {SECRET}}}"),
                ("containerPort: 8080", "containerPort: 3000"),
            ],
        ),
        (
            [],
            "webui-port",
            PAGE,
            [
                ("        env:\n", "        args: [start]\n        env:\n"),
                ("containerPort: 8080", "containerPort: 3000"),
            ],
        ),
        ([], "webui-rollout", PAGE, [(RECREATE, ""), STATEFUL]),
        (["replicas is 2"], "webui-replicas", PAGE, [("  replicas: 1\n", "  replicas: 2\n")]),
        ([], "webui-replicas", PAGE, [with_("UVICORN_WORKERS", "value: '²'")]),
        (
            ["no administrator is named"],
            "webui-first-admin",
            PAGE,
            [without("ENABLE_SIGNUP"), ("        - name: WEBUI_ADMIN_PASSWORD\n", "        - name: UNUSED\n")],
        ),
        (
            ["OPENAI_API_BASE_URL leads to a server that asks for a key (--api-key is set)"],
            "webui-engine-key",
            STACK,
            [(KEY, ""), (SERVED, ""), VLLM_KEY],
        ),
        ([], "webui-engine-key", STACK, [(KEY, ""), (SERVED, "")]),
        ([], "webui-engine-key", STACK, [(KEY, ""), ("  selector: {app: llm}\n", "  selector: {}\n")]),
        ([], "webui-engine", STACK, [("http://llm:8080/v1", "http://llm.team-a.pod:8000/v1")]),
        ([], "webui-provider", PAGE, [without("OPENAI_API_BASE_URL"), (KEY, ""), with_("OLLAMA_BASE_URL", SECRET)]),
        ([], "webui-cors", PAGE, [without("CORS_ALLOW_ORIGIN")]),
    ],
)
def test_one_fault_among_what_is_legal(found: list[str], rule: str, text: str, edits: list[tuple[str, str]]) -> None:
    """What is found, in the order in which it is told."""
    told = said(rule, changed(text, *edits))
    assert [words in one for words, one in zip(found, told, strict=True)] == [True] * len(found)

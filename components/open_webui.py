"""Open WebUI's own settings: a page with a login, one provider, and nothing that leaves the site."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.network import PORT
from components.pod import SCRATCH
from voltaic.open_webui import facts

if TYPE_CHECKING:
    from collections.abc import Iterable

OFF = "False"
ON = "True"


def image(version: str | None, override: str | None) -> str:
    """Return the image of a release, with its digest where known.

    Args:
        version: release; None: the one that the facts were read from.
        override: image in place of Open WebUI's own.
    """
    if override is not None:
        return override
    release = facts()["release"]
    if version is None or version == release["version"]:
        return f"{release['image']}:{release['tag']}@{release['digest']}"
    return f"{release['image']}:v{version}"


def base_url(url: str) -> str:
    """Return an address without trailing slash: with one, the model list is asked for at `/v1//models`."""
    return url.rstrip("/")


def environment(
    *, api_url: str, model: str, lists_models: bool, answer_tokens: int | None, origins: Iterable[str]
) -> dict[str, str]:
    """Return the variables of the page that are no secrets.

    Args:
        api_url: address of the OpenAI-compatible API, ending in `/v1`.
        model: name of the model that it serves.
        lists_models: whether the engine answers `/v1/models`.
        answer_tokens: length to ask for, where the engine cuts an answer short that names none.
        origins: addresses under which browsers open the page.
    """
    first, *_ = allowed = list(origins)
    timeouts = facts()["timeouts"]
    values = {
        "DATA_DIR": facts()["data"]["path"],
        "HOME": SCRATCH,
        "PORT": str(PORT),
        "UVICORN_WORKERS": "1",  # SQLite and the vector store take one process
        # The environment is the configuration: what the admin page changes lasts until the next start.
        "ENABLE_PERSISTENT_CONFIG": OFF,
        # One provider. Without a base URL, prompts would go to api.openai.com.
        "OPENAI_API_BASE_URL": base_url(api_url),
        "ENABLE_OPENAI_API": ON,
        "ENABLE_OLLAMA_API": OFF,
        "ENABLE_DIRECT_CONNECTIONS": OFF,
        "ENABLE_EVALUATION_ARENA_MODELS": OFF,
        "BYPASS_MODEL_ACCESS_CONTROL": ON,  # else people see no model until an administrator shares this one
        # Login.
        "WEBUI_AUTH": ON,
        "ENABLE_SIGNUP": OFF,
        "DEFAULT_USER_ROLE": "pending",
        "JWT_EXPIRES_IN": timeouts["login"],
        "WEBUI_URL": first,
        "CORS_ALLOW_ORIGIN": ";".join(allowed),
        # A small GPU answers people, not the page's own questions about titles and tags.
        "ENABLE_TITLE_GENERATION": OFF,
        "ENABLE_TAGS_GENERATION": OFF,
        "ENABLE_FOLLOW_UP_GENERATION": OFF,
        "ENABLE_AUTOCOMPLETE_GENERATION": OFF,
        # No code runs, nothing is shared or asked for outside.
        "ENABLE_CODE_EXECUTION": OFF,
        "ENABLE_CODE_INTERPRETER": OFF,
        "ENABLE_COMMUNITY_SHARING": OFF,
        "ENABLE_VERSION_UPDATE_CHECK": OFF,
        "ANONYMIZED_TELEMETRY": OFF,
        "SCARF_NO_ANALYTICS": "true",
        "DO_NOT_TRACK": "true",
        # The volume hides the embedding model that the image holds, and a start without Internet must not wait for
        # another one: uploads go into the prompt as they are.
        "RAG_EMBEDDING_ENGINE": "openai",
        "RAG_EMBEDDING_MODEL_AUTO_UPDATE": OFF,
        "BYPASS_EMBEDDING_AND_RETRIEVAL": ON,
        # One process: websockets need no Redis.
        "ENABLE_WEBSOCKET_SUPPORT": ON,
        "WEBSOCKET_MANAGER": "",
        "AIOHTTP_CLIENT_TIMEOUT": str(timeouts["answer_seconds"]),
        "AIOHTTP_CLIENT_TIMEOUT_MODEL_LIST": str(timeouts["model_list_seconds"]),
    }
    if not lists_models:
        values["OPENAI_API_CONFIGS"] = json.dumps({"0": {"enable": True, "model_ids": [model]}})
    if answer_tokens is not None:
        values["DEFAULT_MODEL_PARAMS"] = json.dumps({"max_tokens": answer_tokens})
    return values

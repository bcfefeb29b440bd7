"""What a pod must know of an engine's server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from voltaic import engines
from voltaic.document import spec_from_line
from voltaic.engines import pods
from voltaic.engines.tgi import deployment
from voltaic.engines.tgi.routes import routes
from voltaic.spec import Fault, Release, ServingSpec

QWEN = "Qwen/Qwen2.5-7B-Instruct"
VERSIONS = {"tgi": "3.0.1", "vllm": "0.8.5", "lmdeploy": "0.16.0-cu12.8", "llama.cpp": "cuda-b9000"}
IMAGES = {
    "tgi": "text-generation-inference",
    "vllm": "vllm-openai",
    "lmdeploy": "lmdeploy",
    "llama.cpp": "llama.cpp",
}


def spec(engine: str, *args: str, version: str | None = None, model: str = QWEN, **env: str) -> ServingSpec:
    """Return what a server of this engine serves."""
    named = {
        "tgi": ("--model-id", model),
        "vllm": ("--model", model),
        "lmdeploy": (model,),
        "llama.cpp": ("-hf", model),
    }
    line: dict[str, Any] = {
        "engine": engine,
        "engine_version": version or VERSIONS[engine],
        "model": model,
        "gpu": "v100-16gb",
        "gpus": 1,
        "args": [*named[engine], *args],
        "env": env,
    }
    return spec_from_line(line)


def served(engine: str) -> pods.Served:
    """Return the facts of an engine."""
    found = pods.served(engine)
    assert found is not None
    return found


def test_tgi_has_the_routes_that_its_sources_have() -> None:
    """Every GET of the published image is listed, from the same release on, and no GET of another build is."""
    row = served("tgi").row
    for route in routes():
        listed = route.method == "GET" and not route.build
        assert (route.path in row["routes"]) == (listed or route.path == "/"), route.path
        since = row["since"].get(route.path)
        if listed:
            assert since == (None if route.since is None else ".".join(map(str, route.since)))


def test_tgi_keeps_models_where_our_own_pods_mount_the_cache() -> None:
    """Both files tell of the same directory."""
    assert {row["value"] for row in served("tgi").row["cache"]} == {deployment.deployment("3.0.1").cache_directory}


@pytest.mark.parametrize("engine", ["tgi", "vllm", "lmdeploy", "llama.cpp"])
def test_options_named_here_are_the_engines_own(engine: str) -> None:
    """A port option that an engine does not have would never be found."""
    facts, reader = served(engine), engines.engine(engine)
    assert reader is not None
    option = facts.row["port"]["option"]
    words = reader.build(VERSIONS[engine], {option: 1234})
    assert reader.parse(VERSIONS[engine], words, {}).options[option] == 1234


@pytest.mark.parametrize(
    ("engine", "args", "env", "image", "ports"),
    [
        ("tgi", ["--port", "8080"], {}, None, [8080, 9000]),
        ("tgi", [], {"PORT": "8081"}, "tgi", [8081, 9000]),
        ("tgi", [], {}, "text-generation-inference", [80, 9000]),
        ("tgi", [], {}, "our-own-image", []),
        ("vllm", [], {}, "vllm-openai", [8000]),
        ("vllm", ["--port=9001"], {}, None, [9001]),
        ("vllm", ["--port=9001", "--root-path=/llm"], {}, None, []),
        ("lmdeploy", [], {}, "lmdeploy", [23333]),
        ("lmdeploy", ["--server-port", "80"], {}, None, [80]),
        ("llama.cpp", [], {}, "llama.cpp", []),
        ("llama.cpp", [], {"LLAMA_ARG_PORT": "8080"}, "llama.cpp", [8080]),
    ],
)
def test_ports(engine: str, args: list[str], env: dict[str, str], image: str | None, ports: list[int]) -> None:
    """The option decides, then the image's own variable; of an image that is not known, nothing is."""
    found = spec(engine, *args, **env)
    assert served(engine).ports(found, image) == set(ports)
    assert served(engine).main_port(found, image) == (ports[0] if ports else None)


def test_nothing_is_known_where_words_were_not_read() -> None:
    """What could not be read may be the port, the certificate or the directory."""
    found = spec("vllm")
    unread = Fault("envFrom", "is not read", "name it", unreadable=True)
    found = replace(found, command=replace(found.command, faults=(unread,)))
    facts = served("vllm")
    assert facts.ports(found, "vllm-openai") == frozenset()
    assert facts.https(found) is None
    assert facts.answers(found, "/healthz") == (None, "")
    assert pods.weights_directory(found, "vllm-openai", root=True) is None


@pytest.mark.parametrize(
    ("engine", "args", "https"),
    [
        ("tgi", [], False),
        ("vllm", ["--ssl-certfile=/c", "--ssl-keyfile=/k"], True),
        ("vllm", [], False),
        ("vllm", ["--root-path=/llm"], None),
        ("lmdeploy", ["--ssl"], True),
        ("llama.cpp", ["--ssl-key-file", "/k", "--ssl-cert-file", "/c"], True),
    ],
)
def test_https(engine: str, args: list[str], https: bool | None) -> None:  # noqa: FBT001  the expected value
    """Certificates make the server speak https."""
    assert served(engine).https(spec(engine, *args)) is https


@pytest.mark.parametrize(
    ("engine", "version", "path", "env", "answers"),
    [
        ("tgi", "3.0.1", "/health", {}, True),
        ("tgi", "3.0.1", "/v1/models", {}, True),
        ("tgi", "2.2.0", "/v1/models", {}, False),
        ("tgi", "3.0.1", "/v1/models", {"API_KEY": "k"}, True),
        ("tgi", "3.0.1", "/generate", {}, False),
        ("tgi", "3.0.1", "/ready", {"AIP_HEALTH_ROUTE": "/ready"}, None),
        ("vllm", "0.8.5", "/health", {"VLLM_API_KEY": "k"}, True),
        ("vllm", "0.8.5", "/v1/models", {}, True),
        ("vllm", "0.8.5", "/v1/models", {"VLLM_API_KEY": "k"}, False),
        ("vllm", "0.8.5", "/v1x", {"VLLM_API_KEY": "k"}, None),
        ("vllm", "0.8.5", "/load", {}, None),
        ("vllm", "0.8.5", "/", {}, False),
        ("vllm", "latest", "/readyz", {}, None),
        ("tgi", "latest", "/readyz", {}, False),
        ("lmdeploy", "0.4.2", "/health", {}, False),
        ("lmdeploy", "0.16.0-cu12.8", "/health", {}, None),
        ("lmdeploy", "0.10.2", "/health", {}, True),
        ("llama.cpp", "cuda-b9000", "/metrics", {"LLAMA_API_KEY": "k"}, False),
        ("llama.cpp", "cuda-b9000", "/health", {"LLAMA_API_KEY": "k"}, True),
    ],
)
def test_routes(engine: str, version: str, path: str, env: dict[str, str], answers: bool | None) -> None:  # noqa: FBT001
    """A route that is absent, later, or guarded by the key fails; of what is not listed nothing is known."""
    asked = spec(engine, version=version, **env)
    if version == "latest":
        asked = replace(asked, release=Release(engine, None))
    found, because = served(engine).answers(asked, path)
    assert found is answers
    assert bool(because) == (answers is False)


@pytest.mark.parametrize(
    ("engine", "args", "env", "root", "directory"),
    [
        ("tgi", [], {}, None, "/data/hub"),
        ("tgi", [], {"HF_HOME": "/models/"}, None, "/models/hub"),
        ("tgi", ["--huggingface-hub-cache", "/models"], {}, None, "/models"),
        ("vllm", [], {}, True, "/root/.cache/huggingface/hub"),
        ("vllm", [], {}, False, None),
        ("vllm", [], {"HOME": "/tmp"}, False, "/tmp/.cache/huggingface/hub"),  # noqa: S108  a home, no file
        ("vllm", [], {"XDG_CACHE_HOME": "/c", "HOME": "/h"}, False, "/c/huggingface/hub"),
        ("vllm", [], {"HF_HUB_CACHE": "/c", "HF_HOME": "/h"}, False, "/c"),
        ("vllm", [], {"HF_HOME": "models"}, True, None),
        ("vllm", ["--download-dir=/weights"], {"HF_HOME": "/h"}, True, "/weights"),
        ("vllm", [], {"HF_HUB_OFFLINE": "1"}, True, None),
        ("vllm", [], {"VLLM_USE_MODELSCOPE": "True"}, True, None),
        ("vllm", ["--load-format=runai_streamer"], {}, True, None),
        ("lmdeploy", ["--download-dir", "/weights"], {}, True, "/weights"),
        ("llama.cpp", [], {"LLAMA_CACHE": "/cache"}, True, "/cache"),
        ("llama.cpp", [], {}, True, None),
    ],
)
def test_where_weights_are_downloaded_to(
    engine: str,
    args: list[str],
    env: dict[str, str],
    root: bool | None,  # noqa: FBT001  as the manifest says
    directory: str | None,
) -> None:
    """An option goes first, then the variables of huggingface_hub, then the home of the user."""
    found = spec(engine, *args, **env)
    assert pods.weights_directory(found, IMAGES[engine], root=bool(root)) == directory


@pytest.mark.parametrize(("version", "directory"), [("2.2.0", "/data"), ("2.3.0", "/data/hub")])
def test_tgi_moved_its_cache(version: str, directory: str) -> None:
    """From 2.3.0 on the image sets HF_HOME in place of the hub's cache."""
    assert pods.weights_directory(spec("tgi", version=version), IMAGES["tgi"], root=True) == directory


@pytest.mark.parametrize("model", ["/models/llama", "s3://bucket/llama", "llama"])
def test_what_is_no_repository_is_not_downloaded(model: str) -> None:
    """A path or an address elsewhere has no directory of the hub."""
    assert pods.weights_directory(spec("vllm", model=model), IMAGES["vllm"], root=True) is None


def test_an_engine_that_is_not_listed_has_no_facts() -> None:
    """Nothing is guessed of an engine that is known by GPU alone."""
    assert pods.served("sglang") is None

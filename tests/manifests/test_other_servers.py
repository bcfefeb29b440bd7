"""LMDeploy's and llama.cpp's servers in manifests of anybody."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic.manifests.servers import NoServer, Server, recognise


@pytest.mark.parametrize(
    ("container", "engine", "version"),
    [
        (
            {"image": "openmmlab/lmdeploy:v0.16.0-cu12.8", "args": ["lmdeploy", "serve", "api_server", "a/b"]},
            "lmdeploy",
            "0.16.0-cu12.8",
        ),
        (
            {"image": "x/lmdeploy:v0.9.2.post1-cu12", "command": ["lmdeploy", "serve", "api_server", "a/b"]},
            "lmdeploy",
            "0.9.2.post1-cu12",
        ),
        (
            {"image": "openmmlab/lmdeploy:latest", "command": ["lmdeploy", "serve", "api_server", "a/b"]},
            "lmdeploy",
            None,
        ),
        ({"image": "mine:1", "command": ["lmdeploy", "serve", "api_server", "a/b", "--tp", "2"]}, "lmdeploy", None),
        (
            {"image": "ghcr.io/ggml-org/llama.cpp:server-cuda-b9000", "args": ["-m", "x.gguf"]},
            "llama.cpp",
            "cuda-b9000",
        ),
        (
            {"image": "ghcr.io/ggml-org/llama.cpp:server-cuda13-b9000", "args": ["-m", "x.gguf"]},
            "llama.cpp",
            "cuda13-b9000",
        ),
        ({"image": "ghcr.io/ggml-org/llama.cpp:server-cuda13", "args": ["-m", "x.gguf"]}, "llama.cpp", "cuda13"),
        ({"image": "ghcr.io/ggml-org/llama.cpp:server-b9000", "args": ["-m", "x.gguf"]}, "llama.cpp", None),
        ({"image": "mine:1", "command": ["/app/llama-server", "-m", "x.gguf"]}, "llama.cpp", None),
    ],
)
def test_servers_are_recognised(container: dict[str, Any], engine: str, version: str | None) -> None:
    """By image or program, with the flavour of the image, on which it depends where it runs."""
    found = recognise(container)
    assert isinstance(found, Server)
    assert (found.engine, found.version, found.model_option) == (engine, version, "model")


@pytest.mark.parametrize(
    "container",
    [
        {"image": "ghcr.io/ggml-org/llama.cpp:server-rocm-b9000", "args": ["-m", "x.gguf"]},
        {"image": "koboldai/koboldcpp:latest", "args": ["--ctx-size", "1", "-ngl", "99"]},
        {"image": "openmmlab/lmdeploy:v0.16.0-cu12.8", "command": ["lmdeploy", "lite", "auto_awq", "a/b"]},
    ],
)
def test_other_builds_and_programs_are_no_servers_here(container: dict[str, Any]) -> None:
    """Builds for other accelerators, other engines and other tasks of the same program."""
    assert isinstance(recognise(container), NoServer)

"""Which releases can ask for a key, and which servers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import engines
from voltaic.document import spec_from_line
from voltaic.engines import api_keys

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec


@pytest.mark.parametrize(
    ("expected", "engine", "version"),
    [
        (False, "tgi", "2.2.0"),
        (True, "tgi", "2.3.0"),
        (None, "tgi", None),
        (True, "vllm", "0.8.5"),
        (False, "lmdeploy", "0.2.1"),
        (True, "lmdeploy", "0.16.0-cu12.8"),
        (True, "llama.cpp", "cuda-b9000"),
        (True, "sglang", "0.5.9"),
        (False, "ollama", "0.5.0"),
        (False, "tensorrt-llm", "1.0.0"),
        (None, "exllamav3", None),
        (None, "unheard-of", "1.0.0"),
    ],
)
def test_releases_that_can_ask_for_a_key(expected: object, engine: str, version: str | None) -> None:
    """As the engine's own table of options says, release by release."""
    assert expected is api_keys.can_ask(engine, version)


def test_every_engine_has_its_option() -> None:
    """A flag that an engine's newest release does not read would make every server look as if it asked for no key."""
    for name in ("tgi", "vllm", "lmdeploy", "llama.cpp"):
        engine = engines.engine(name)
        assert engine is not None
        assert api_keys.can_ask(name, engine.releases()[-1]) is True, name


def spec(engine: str, version: str, *args: str) -> ServingSpec:
    """Return a server with these arguments."""
    line: dict[str, Any] = {
        "engine": engine,
        "engine_version": version,
        "model": "Qwen/Qwen2.5-7B-Instruct",
        "gpu": "v100-16gb",
        "gpus": 1,
        "args": list(args),
    }
    return spec_from_line(line)


@pytest.mark.parametrize(
    ("expected", "engine", "version", "args", "names"),
    [
        (False, "tgi", "3.0.1", (), ()),
        (True, "tgi", "3.0.1", ("--api-key", "key"), ()),
        (True, "tgi", "3.0.1", (), ("API_KEY",)),
        (False, "tgi", "3.0.1", (), ("TGI_API_KEY",)),
        (False, "tgi", "2.0.4", (), ("API_KEY",)),
        (False, "vllm", "0.8.5", (), ("API_KEY",)),
        (True, "vllm", "0.8.5", (), ("VLLM_API_KEY",)),
        (True, "vllm", "0.8.5", ("--api-key=$(KEY)",), ()),
        (True, "lmdeploy", "0.16.0-cu12.8", ("--api-keys", "one", "two"), ()),
        (True, "llama.cpp", "cuda-b9000", ("--api-key-file", "/run/key"), ()),
        (False, "ollama", "0.5.0", (), ("API_KEY",)),
        (None, "exllamav3", "1.0.0", (), ()),
    ],
)
def test_servers_that_ask_for_a_key(
    expected: object, engine: str, version: str, args: tuple[str, ...], names: tuple[str, ...]
) -> None:
    """By option or by a variable that this engine reads."""
    assert expected is api_keys.asks(spec(engine, version, *args), names, whole=True)


def test_a_key_may_come_from_variables_that_are_not_known() -> None:
    """Where variables come from a source that is not read, only a key that is seen is certain."""
    assert api_keys.asks(spec("tgi", "3.0.1"), (), whole=False) is None
    assert api_keys.asks(spec("tgi", "3.0.1"), ("API_KEY",), whole=False) is True

"""Engines are found by the names that people give them."""

from __future__ import annotations

import pytest

from voltaic import engines
from voltaic.document import spec_from_line


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("TGI", "tgi"),
        ("text-generation-inference", "tgi"),
        ("vLLM", "vllm"),
        ("LMDeploy", "lmdeploy"),
        ("TurboMind", "lmdeploy"),
        ("llama-cpp", "llama.cpp"),
        ("llamacpp", "llama.cpp"),
        ("llama_cpp", "llama.cpp"),
        ("llama-server", "llama.cpp"),
    ],
)
def test_capitals_and_separators_do_not_matter(written: str, name: str) -> None:
    """A batch line may spell an engine as its users do; the spec has the one name."""
    assert spec_from_line({"engine": written, "model": "x"}).release.engine == name


def test_every_name_is_its_own() -> None:
    """The names that are known lead to themselves."""
    assert [engines.canonical(name) for name in engines.names()] == list(engines.names())


@pytest.mark.parametrize("written", ["nobody", "", "vllmx"])
def test_other_names_stay_as_they_are(written: str) -> None:
    """What is not meant for an engine of ours is not made one."""
    assert engines.canonical(written) == written

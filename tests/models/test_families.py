"""The data of families: every file is whole, every family has its source, and little is read for one model."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import voltaic.models.families as module
from voltaic.models.blocks import line_of
from voltaic.models.families import families, family_of, is_tower, known, names

FOLDER = Path(module.__file__).with_name("families")
FILES = {
    file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.toml") if file.stem != "index"
}
INDEX = tomllib.loads((FOLDER / "index.toml").read_text(encoding="utf-8"))


def test_the_index_names_exactly_what_the_files_describe() -> None:
    """Every family of every file is in the index under that file, and nothing else is."""
    described = {file: set(content) - {"blocks", "date"} for file, content in FILES.items()}
    assert {file: set(listed) for file, listed in INDEX["files"].items()} == described
    listed = [name for names_of in INDEX["files"].values() for name in names_of]
    assert len(listed) == len(set(listed))


def test_as_many_families_are_known_as_are_promised() -> None:
    """At least the families that serving engines name are known, and towers are none of them."""
    assert len(names()) >= 45
    assert not is_tower("llama")
    assert not known("clip_vision_model")
    assert not known("mllama_text_model")  # found as the decoder of mllama alone


@pytest.mark.parametrize("name", names())
def test_every_family_has_a_source_and_lines_that_can_be_read(name: str) -> None:
    """A family says what was read, or run, and how sure that is, and each of its lines of tensors is well formed."""
    family = family_of(name)
    own_code = name in INDEX["files"]["custom"]
    assert family.source.text.startswith("modeling_" if own_code else "transformers ")
    assert family.source.confidence == ("executed" if own_code else "read")
    for lines in tuple(family.blocks.values()):
        for text in lines:
            line = line_of(text)
            assert line.name
            assert all(part for part in line.shape)


def test_one_model_costs_one_file() -> None:
    """Reading a llama reads the index and llama's file, not those of other kins."""
    code = (
        "import voltaic.models.families as f; from voltaic.models import read_config;"
        "read_config({'model_type': 'llama', 'hidden_size': 64, 'num_hidden_layers': 2, 'num_attention_heads': 8,"
        " 'intermediate_size': 176, 'vocab_size': 1000}); print(f._table.cache_info().currsize)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "1"


def test_all_families_can_be_read_at_once() -> None:
    """The whole table is there for those who compare families."""
    assert tuple(sorted(families())) == names()

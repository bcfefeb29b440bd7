"""The facts about vLLM: no contradiction, no fact without a source, releases in order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from voltaic.engines import data
from voltaic.engines.base import HasMatrix
from voltaic.engines.versions import parse_version, within
from voltaic.engines.vllm import capability, matrix, releases
from voltaic.engines.vllm.engine import Vllm
from voltaic.engines.vllm.options import options, spellings

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = [number for text in releases.versions() if (number := parse_version(text)) is not None]


def test_releases_are_in_order() -> None:
    """Every release is named once, oldest first."""
    assert sorted(set(NUMBERS)) == NUMBERS
    assert len(NUMBERS) == len(releases.versions())


def test_one_fact_tells_whether_a_release_starts() -> None:
    """Every release on every architecture is covered by exactly one fact about starting."""
    for number in NUMBERS:
        for arch in capability.archs():
            found = [cell for cell in capability.cells() if arch in cell.archs and within(number, cell.releases)]
            assert len(found) == 1, (number, arch)


@pytest.mark.parametrize("section", ["engine", "dtype", "limits", "entry"])
def test_every_section_has_a_source(section: str) -> None:
    """What changes between releases says where that was read."""
    assert releases.source(section).text


def test_model_types_stand_for_classes_that_exist() -> None:
    """Every class that a model type stands for is in some release, and every trust is about a known type."""
    families = capability.families()
    assert all(capability.class_releases(name) for name in families["types"].values())
    assert set(families["trust"]) | {*families["window"]["types"], *families["kernels"]["types"]} <= set(
        families["types"]
    )
    assert capability.families_source().text
    assert capability.registry_source().text


def test_no_name_means_two_options_in_a_release() -> None:
    """Within one release every spelling, negations included, belongs to one option."""
    for number in NUMBERS:
        names = [
            name
            for option in options().by_name.values()
            if option.in_release(number)
            for name in (option.name, *option.aliases)
        ]
        assert len(names) == len(set(names))
        assert all(option.in_release(number) for option, _ in spellings(number).long.values())


def test_methods_need_known_capabilities() -> None:
    """What a quantization needs is a compute capability, and faster methods are methods."""
    table = capability.facts()["methods"]
    for rows in table["needs"].values():
        assert all(50 <= needs <= 120 for _, needs in rows)
    assert all(row["method"] in table["needs"] for row in table["becomes"].values())
    assert re.fullmatch(r".*\{\}.*\{\}.*\{\}.*", table["error"])


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("0.8.5", "0.8.5"),
        ("v0.8.5", "0.8.5"),
        ("0.8.5.post1", "0.8.5.post1"),
        ("0.10.1.1", "0.10.1.1"),
        ("0.3.3", None),
    ],
)
def test_releases_are_known_with_what_repairs_them(text: str, known: str | None) -> None:
    """A tag with a letter, a repair without a number of its own and an older release."""
    found = releases.release(text)
    assert (found.text if found else None) == known


def test_the_matrix_answers_about_a_release_on_a_gpu() -> None:
    """It begins with starting, and tells weights, dtypes and models where the release starts."""
    engine = Vllm()
    assert isinstance(engine, HasMatrix)
    cells = list(engine.matrix("0.8.5", "sm_70"))
    assert (cells[0].topic, cells[0].answer, cells[0].how) == ("starts", "ok", "vllm-v0")
    answers = {(cell.topic, cell.subject): cell.answer for cell in cells}
    assert answers["weights", "awq"] == "no"
    assert answers["weights", "gptq"] == "ok"
    assert answers["dtype", "bfloat16"] == "no"
    assert answers["model", "llama"] == "ok"
    assert answers["model", "qwen3_next"] == "unknown"
    assert answers["model", "deepseek_v2"] == answers["model", "gemma2"] == "unknown"
    turing = {cell.subject: cell.answer for cell in matrix.cells("0.10.2", "sm_75") if cell.topic == "model"}
    assert (turing["gemma2"], turing["llama"]) == ("differs", "ok")
    assert [cell.answer for cell in matrix.cells("0.20.0", "sm_70")] == ["no"]
    assert [cell.answer for cell in matrix.cells("0.12.0", "sm_70")] == ["unknown"]
    assert list(matrix.cells("9.9.9", "sm_70")) == []
    assert next(iter(matrix.cells("0.19.1", "sm_90"))).how == "vllm-v1"
    assert {c.answer for c in matrix.cells("0.10.2", "sm_75") if c.subject.startswith("auto")} == {"differs"}


def test_a_fact_that_says_too_much_is_no_fact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds that no reader knows, a last range that leaves releases out, and unknown answers are refused."""
    for row in ({"name": "x", "kind": "odd"}, {"name": "x", "kinds": [["<=0.5.0", "int"]]}):
        text = "source = 's'\nconfidence = 'read'\noption = [" + _inline(row) + "]\n"
        (tmp_path / "options.toml").write_text(text, encoding="utf-8")
        monkeypatch.setattr("voltaic.engines.vllm.options.__file__", str(tmp_path / "options.py"))
        options.cache_clear()
        with pytest.raises(data.BadFactsError):
            options()
    monkeypatch.undo()
    options.cache_clear()
    bad = {
        "starts": [
            {"releases": "*", "archs": ["sm_1"], "answer": "ok", "note": "", "source": "s", "confidence": "read"}
        ]
    }
    monkeypatch.setattr(capability, "facts", lambda: bad | {"archs": ["sm_70"]})
    capability.cells.cache_clear()
    with pytest.raises(data.BadFactsError):
        capability.cells()
    monkeypatch.undo()
    capability.cells.cache_clear()


def _inline(row: dict[str, object]) -> str:
    return "{ " + ", ".join(f"{key} = {value!r}".replace("'", '"') for key, value in row.items()) + " }"


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("model", "every release"),
        ("swap_space", "0.17.1 and older"),
        ("headless", "0.9.0 and newer"),
        ("disable_image_processor", "0.5.0"),
    ],
)
def test_releases_of_an_option_are_said_in_words(name: str, where: str) -> None:
    """All, up to one, from one on, or one alone."""
    assert options().by_name[name].where.startswith(where)


@pytest.mark.parametrize(("version", "gpu"), [("0.9.2", "sm_75"), ("0.11.0", "sm_80"), ("0.6.3", "sm_80")])
def test_the_matrix_names_the_engine(version: str, gpu: str) -> None:
    """V0 below 8.0 while V1 needs 8.0, V1 where nothing else is left, V0 before V1 was the default."""
    first = next(iter(matrix.cells(version, gpu)))
    assert first.how == {"0.9.2": "vllm-v0", "0.11.0": "vllm-v1", "0.6.3": "vllm-v0"}[version]
    if version == "0.6.3":
        models = {cell.subject: cell for cell in matrix.cells(version, gpu) if cell.topic == "model"}
        assert models["qwen3"].answer == "no"
        assert models["internlm2"].needs == "--trust-remote-code"

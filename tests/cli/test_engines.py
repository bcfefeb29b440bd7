"""`voltaic engines`: what engines do, by release, GPU and model family."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cli import complete
from cli.engine_tables import LEGEND
from voltaic.engines import matrix

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Problems = Callable[[str, Any], list[str]]
    Voltaic = Callable[..., Result]

NARROW = {"COLUMNS": "80"}


def test_every_engine_is_listed_with_the_gpus_on_which_it_starts(voltaic: Voltaic) -> None:
    """Without an engine there is a line for every architecture of each, with what must be set."""
    result = voltaic("engines", env={"COLUMNS": "200"})

    assert result.exit_code == 0
    for name, engine in matrix.matrices().items():
        assert f"{name}  {len(matrix.releases_of(name))} releases" in result.stdout
        for arch in engine.archs():
            assert arch in result.stdout
    assert "2.1.0 to 3.3.0 with USE_FLASH_ATTENTION=false" in result.stdout


def test_releases_of_an_engine_stand_against_architectures_with_their_errors(voltaic: Voltaic) -> None:
    """Releases that answer alike share a row, and a note below says the engine's own error."""
    text = voltaic("engines", "tgi", env=NARROW).stdout

    row = next(line for line in text.splitlines() if line.startswith("2.0.0 to 2.0.3"))
    assert row.split()[3:5] == ["N", "3"]
    assert "3  no; GPU with CUDA capability 7 0 is not supported" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_families_of_a_release_stand_against_architectures(voltaic: Voltaic) -> None:
    """A family has a letter a setting: here one shard, and several."""
    text = voltaic("engines", "tgi", "--release", "3.0.1", env=NARROW).stdout

    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows["llama"][:4] == ["S/N", "S/N", "Y/Y", "Y/Y"]
    assert rows["phi"][0] == "S/D"
    assert "1 shard / several shards" in text
    assert LEGEND in text.replace("\n", " ").replace("  ", " ")


def test_one_gpu_is_answered_in_words(voltaic: Voltaic) -> None:
    """With --gpu a release says what serves each family, weights formats, dtypes and routes."""
    text = voltaic("engines", "tgi", "--release", "3.0.1", "--gpu", "v100", env={"COLUMNS": "200"}).stdout

    assert "yes, transformers-fallback, with USE_FLASH_ATTENTION=false" in text
    assert "no; Sharded llama requires Flash Attention enabled models." in text
    assert "answered: POST /, GET /info" in text
    assert "differs" in text


@pytest.mark.parametrize("gpu", ["v100-32gb", "7.0", "70", "sm_70", "SM70"])
def test_an_architecture_has_many_names(voltaic: Voltaic, gpu: str) -> None:
    """A GPU model and a compute capability mean the architecture that kernels are compiled for."""
    document = json.loads(voltaic("engines", "tgi", "--gpu", gpu, "--release", "3.0.1", "--json").stdout)

    assert {cell["arch"] for cell in document["engines"][0]["cells"]} == {"sm_70"}


def test_an_architecture_without_a_gpu_model_is_answered(voltaic: Voltaic) -> None:
    """For gfx90a voltaic knows no card, and the matrix of TGI answers all the same; others say that they do not."""
    text = voltaic("engines", "--gpu", "gfx90a", env={"COLUMNS": "120"}).stdout

    assert "1.2.0 to 3.3.5" in text
    assert "vllm  no facts about gfx90a" in text


def test_a_family_is_followed_through_the_releases(voltaic: Voltaic) -> None:
    """With --model-family the rows are releases, in letters for many GPUs and in words for one."""
    many = voltaic("engines", "tgi", "--model-family", "mistral", env=NARROW).stdout
    one = voltaic("engines", "tgi", "--model-family", "mistral", "--gpu", "7.0", env={"COLUMNS": "250"}).stdout

    assert many.splitlines()[2].split()[:5] == ["1.1.0", "to", "1.1.1", "N/N", "N/N"]
    assert "3.0.2 to 3.1.1" in one
    assert "a second request that joins ends it: 'list' object has no attribute 'get_seq_length'" in one
    assert "differs, transformers-fallback, with USE_FLASH_ATTENTION=false, --max-batch-size 1; a second" in one


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("tgi", "--release", "3.0.1"),
        ("vllm", "--release", "0.8.5", "--gpu", "7.0"),
        ("--model-family", "qwen2", "--gpu", "8.9"),
        ("nothing",),
    ],
)
def test_documents_keep_to_their_schema(voltaic: Voltaic, problems: Problems, words: tuple[str, ...]) -> None:
    """What machines get is what docs/reference says, errors included."""
    assert problems("engines.schema.json", json.loads(voltaic("engines", *words, "--json").stdout)) == []


def test_the_document_has_every_answer_with_its_source(voltaic: Voltaic) -> None:
    """Machines get cells with answer, setting, error, source and confidence."""
    document = json.loads(voltaic("engines", "tgi", "--release", "3.3.7", "--gpu", "l4-24gb", "--json").stdout)

    assert document["schema"] == "voltaic/engines/v1"
    (engine,) = document["engines"]
    assert engine["name"] == "tgi"
    cells = engine["cells"]
    assert {cell["topic"] for cell in cells} == {"starts", "model", "weights", "dtype", "feature", "route"}
    assert all(cell["source"] and cell["confidence"] for cell in cells)
    mistral = [cell for cell in cells if cell["subject"] == "mistral" and cell["setting"] == "1 shard"]
    assert [(cell["answer"], cell["how"]) for cell in mistral] == [("ok", "flash")]


def test_without_a_release_the_document_says_where_each_starts(voltaic: Voltaic) -> None:
    """The whole matrix is asked for by release or family; else one cell a release and GPU is enough."""
    document = json.loads(voltaic("engines", "tgi", "--gpu", "t4-16gb", "--json").stdout)
    cells = document["engines"][0]["cells"]
    assert len(cells) == len(matrix.releases_of("tgi"))
    assert {cell["topic"] for cell in cells} == {"starts"}

    words = ("engines", "tgi", "--gpu", "t4-16gb", "--model-family", "gemma", "--json")
    family = json.loads(voltaic(*words).stdout)["engines"][0]["cells"]
    assert {cell["subject"] for cell in family} == {"", "gemma"}


def test_all_unknown_names_are_said_at_once(voltaic: Voltaic) -> None:
    """Every fault is in one message, with what was meant or what is known."""
    result = voltaic("engines", "tgi", "--gpu", "v10", "--release", "9.9.9", "--model-family", "llma")

    assert result.exit_code == 2
    assert "voltaic engines: 3 faults" in result.stderr
    assert "no GPU 'v10': did you mean" in result.stderr
    assert "no release of tgi '9.9.9': known are 1.1.0" in result.stderr
    assert "no model family 'llma': did you mean llama" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tgii",), "no engine 'tgii': did you mean tgi?"),
        (("--release", "3.0.1"), "--release needs ENGINE"),
    ],
)
def test_bad_questions_end_with_the_next_step(voltaic: Voltaic, words: tuple[str, ...], message: str) -> None:
    """Bad input is exit code 2; with --json an error document stands on stdout."""
    assert message in voltaic("engines", *words).stderr

    result = voltaic("engines", *words, "--json")
    assert (result.exit_code, json.loads(result.stdout)["schema"]) == (2, "voltaic/error/v1")


def test_the_shell_is_offered_engines_gpus_and_families() -> None:
    """Completion reads the names from the matrices."""
    assert "tgi" in complete.matrix_engines("t")
    assert {"v100-16gb"} <= set(complete.archs("v1"))
    assert complete.archs("gfx9") == ["gfx90a", "gfx942"]
    assert "llama4" in complete.model_families("llama")


@pytest.mark.parametrize("words", [(), ("tgi",), ("vllm", "--release", "0.8.5"), ("tgi", "--model-family", "llama")])
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_column_is_broken_in_a_narrow_terminal(voltaic: Voltaic, words: tuple[str, ...], width: int) -> None:
    """A narrow terminal gets the GPUs below each other, with whole names and marks, and no blanks at the ends."""
    lines = voltaic("engines", *words, env={"COLUMNS": str(width)}).stdout.splitlines()
    assert [line for line in lines if len(line) > width or line != line.rstrip()] == []
    if words:
        heads = [line.split()[1:] for line in lines if line.startswith(("Releases", "Family"))]
        assert [gpu for head in heads for gpu in head][:6] == ["sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90"]
        assert (len(heads) > 1) == (width < 80) or width == 60

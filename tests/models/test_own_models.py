"""Catalogues of users: where they lie, what stands before what, and files that cannot be used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voltaic.document import line_from_spec, spec_from_line
from voltaic.models import broken_files, catalogue_files, known, known_ids, known_model, known_models, resolve
from voltaic.settings import read, serving_spec
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW: dict[str, Any] = {
    "id": "my-team/tiny",
    "config": {
        "model_type": "llama",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 8,
        "intermediate_size": 176,
        "vocab_size": 1000,
        "torch_dtype": "float16",
    },
    "license": "mit",
    "gated": False,
    "sources": {"config": {"text": "by hand", "confidence": "read"}},
}


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Return an empty folder that VOLTAIC_MODELS names."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("VOLTAIC_MODELS", str(folder))
    monkeypatch.chdir(tmp_path)
    known.forget()
    yield folder
    known.forget()


def write(folder: Path, **changes: Any) -> None:
    """Write a model's file."""
    row = {**ROW, **changes}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / catalogue_files.file_name(row["id"])).write_text(json.dumps(row), encoding="utf-8")
    known.forget()


def test_an_added_model_is_known_as_any_other(own: Path) -> None:
    """It is found whatever its capitals, listed among the others, and what it does not say is not known."""
    write(own)
    model = known_model("My-Team/TINY")
    assert model is not None
    assert (model.id, model.added, model.weights_bytes, model.chat_template) == ("my-team/tiny", True, None, None)
    assert model in known_models()
    assert "my-team/tiny" in known_ids()


def test_its_configuration_goes_with_the_spec(own: Path) -> None:
    """Who judges the spec elsewhere, without this catalogue, sees the same model: its configuration is handed on."""
    write(own)
    assert resolve("my-team/tiny").config == ROW["config"]
    assert resolve("microsoft/phi-2").config is None


def test_a_stack_of_it_is_judged_alike_without_the_folder(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the component hands to the policy pack is judged there as here, though the pack has no such folder."""
    write(own, weights_bytes=334_720)
    chosen = read({"profile": "v100-1gpu", "model": "my-team/tiny"}, where="test")
    here = judge(serving_spec(chosen))
    line = line_from_spec(here.spec)
    monkeypatch.setenv("VOLTAIC_MODELS", str(own / "nowhere"))
    there = judge(spec_from_line(line))
    assert known_model("my-team/tiny") is None
    assert here.verdict == there.verdict != "unknown"
    assert there.spec.model.weights_bytes == 334_720


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"VOLTAIC_MODELS": "{}/a"}, "a"),
        ({"XDG_DATA_HOME": "{}/data"}, "data/voltaic/models"),
        ({"XDG_DATA_HOME": "relative", "HOME": "{}/home"}, "home/.local/share/voltaic/models"),
        ({"HOME": "{}/home"}, "home/.local/share/voltaic/models"),
        ({}, None),
    ],
)
def test_ones_own_folder_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], place: str | None
) -> None:
    """VOLTAIC_MODELS names it, else it lies in the user's data folder, as other programs have it."""
    for name in ("VOLTAIC_MODELS", "XDG_DATA_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert catalogue_files.own_folder() == (None if place is None else tmp_path / place)


def test_the_nearest_folder_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: Path) -> None:
    """Beside Pulumi.yaml, be it some folders above, before one's own, and that before what comes with voltaic."""
    write(own, license="own")
    write(own, id="microsoft/phi-2")
    write(tmp_path / "models", license="stack")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    found = [known_model("my-team/tiny")]
    (tmp_path / "Pulumi.yaml").write_text("name: x\n", encoding="utf-8")
    known.forget()
    found.append(known_model("my-team/tiny"))
    assert [model.license for model in found if model] == ["own", "stack"]
    phi = known_model("microsoft/phi-2")
    assert phi is not None
    assert phi.architecture.hidden == 64


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"config": None}, "config: found null, allowed is an object"),
        ({"license": 3}, "license: found 3, allowed is a text"),
        ({"gated": "no"}, "gated: found the text 'no', allowed is true or false"),
        ({"weights_bytes": -1}, "weights_bytes: found -1, allowed is a number of bytes or null"),
        ({"sources": {"config": "x"}}, "sources: found an object of 1 entries, allowed is an object: where each fact"),
        ({"config": {"model_type": "qwen99"}}, "model_type 'qwen99' is not one whose shapes voltaic knows"),
        ({"config": {"model_type": "llama"}}, "hidden_size: missing"),
    ],
)
def test_a_wrong_fact_is_said_and_nothing_is_made_of_it(own: Path, changes: dict[str, Any], why: str) -> None:
    """A file with a wrong fact makes its model unknown, with file and reason, and hides no other."""
    write(own, **changes)
    assert known_model("my-team/tiny") is None
    because = resolve("my-team/tiny").unknown_because
    assert because is not None
    assert str(own / "my-team--tiny.json") in because
    assert why in because
    assert [why in broken for broken in broken_files()] == [True]
    assert known_model("microsoft/phi-2") is not None


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff", b"[]", b'{"id": "other/name"}', b" " * (2**20 + 1)])
def test_what_is_no_model_file_is_said(own: Path, content: bytes) -> None:
    """Anything may lie in a user's folder."""
    (own / "my-team--tiny.json").write_bytes(content)
    known.forget()
    assert known_model("my-team/tiny") is None
    assert len(broken_files()) == 1


def test_a_file_that_went_away_is_said(own: Path) -> None:
    """A file that is removed, or may not be read, between listing and reading is no traceback."""
    (own / "my-team--tiny.json").mkdir()
    known.forget()
    assert "cannot be read" in str(resolve("my-team/tiny").unknown_because)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_no_id_leads_out_of_the_folder(text: str) -> None:
    """Whatever is taken for an id, its file lies in the folder itself."""
    if catalogue_files.is_id(text):
        name = catalogue_files.file_name(text)
        assert "/" not in name
        assert "\0" not in name
        assert ".." not in name

"""`voltaic models`: list, show, add, remove, with a local stand-in for the hub."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from voltaic.models import known, known_model

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from typer.testing import Result

    Voltaic = Callable[..., Result]
    VoltaicProcess = Callable[..., subprocess.CompletedProcess[str]]

_SPEC = importlib.util.spec_from_file_location("stand_in_hub", Path(__file__).with_name("hub.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
stand_in = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(stand_in)

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "intermediate_size": 176,
    "vocab_size": 1000,
    "torch_dtype": "float16",
}
BYTES = 2 * (2 * 1000 * 64 + 2 * (4 * 64 * 64 + 3 * 64 * 176 + 2 * 64) + 64)
"""Bytes of the tensors that this configuration means."""
ID = "my-team/tiny-llama"


def header(size: int, *, parts: int = 1, weights: int = 0) -> bytes:
    """Return a safetensors file of so many bytes of tensors, most of which are not there."""
    tensors = {
        f"t{number}": {"dtype": "U8", "shape": [size // parts], "data_offsets": [0, size // parts]}
        for number in range(parts)
    }
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * weights


def repository(**changes: Any) -> dict[str, bytes]:
    """Return the files of a repository of one weights file."""
    return {
        "config.json": json.dumps({**CONFIG, **changes}).encode(),
        "tokenizer_config.json": json.dumps({"chat_template": "{{ messages }}"}).encode(),
        "model.safetensors": header(BYTES, weights=300_000),
    }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Return a hub of this test's own, to which the environment points."""
    found = stand_in.Hub()
    monkeypatch.setenv("HF_ENDPOINT", found.endpoint)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Return a folder of the user's own, empty."""
    folder = tmp_path / "own"
    monkeypatch.setenv("VOLTAIC_MODELS", str(folder))
    monkeypatch.chdir(tmp_path)
    known.forget()
    yield folder
    known.forget()


def error(result: Result) -> str:
    """Return what went to stderr, on one line."""
    return " ".join(result.stderr.split())


def test_a_model_of_the_hub_is_added_shown_and_removed(voltaic: Voltaic, hub: Any, own: Path) -> None:
    """What the hub says is kept as one file, is known from then on, and is taken back with one command."""
    hub.add(ID, repository())
    added = voltaic("models", "add", ID)
    assert added.exit_code == 0, added.output
    file = own / "my-team--tiny-llama.json"
    assert added.stdout == (
        "Added my-team/tiny-llama: llama, 0 M parameters, 0.00 GiB, licence apache-2.0\n"
        f"Written: {file}\nUndo with: voltaic models remove my-team/tiny-llama\n"
    )
    model = known_model(ID)
    assert model is not None
    assert (model.weights_bytes, model.license, model.gated, model.chat_template) == (BYTES, "apache-2.0", False, True)
    assert model.sources["config"].text == f"config.json of my-team/tiny-llama at {stand_in.SHA}"
    assert ID in json.loads(voltaic("models", "--added", "--json").stdout)["models"][0]["id"]
    assert json.loads(voltaic("models", "show", ID, "--json").stdout)["weights_bytes"] == BYTES
    assert voltaic("models", "remove", ID).stdout == f"Removed {ID}: {file}\n"
    assert known_model(ID) is None
    assert not list(own.iterdir())


def test_weights_are_never_read(voltaic: Voltaic, hub: Any) -> None:
    """Of a weights file the first 100 kB are asked for, which hold the header, and no more."""
    hub.add(ID, {**repository(), "model.safetensors": header(BYTES, weights=3_000_000)})
    assert voltaic("models", "add", ID).exit_code == 0
    assert hub.ranges == ["bytes=0-100000"]
    assert hub.sent < 150_000


def test_shards_are_added_up_without_copies(voltaic: Voltaic, hub: Any) -> None:
    """Files that the index names are counted, a consolidated copy beside them is not; the largest file is told."""
    files = repository()
    del files["model.safetensors"]
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = {"metadata": {"total_size": 1}, "weight_map": {"a": names[0], "b": names[1]}}
    files |= {"model.safetensors.index.json": json.dumps(index).encode(), "consolidated.safetensors": header(BYTES)}
    files |= {names[0]: header(BYTES // 2, weights=1000), names[1]: header(BYTES - BYTES // 2)}
    hub.add(ID, files)
    document = json.loads(voltaic("models", "add", ID, "--json").stdout)
    assert document["weights_bytes"] == BYTES
    assert document["largest_file_bytes"] == len(files[names[0]])
    assert document["written"] is True


def test_a_dry_run_writes_nothing(voltaic: Voltaic, hub: Any, own: Path) -> None:
    """The facts are shown, and no file and no folder is made."""
    hub.add(ID, repository())
    shown = voltaic("models", "add", ID, "--dry-run")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"Would add {ID}: llama")
    assert not own.exists()


def test_a_quantizer_of_its_own_file_is_read(voltaic: Voltaic, hub: Any) -> None:
    """A GPTQ repository whose config.json says nothing of it is known as GPTQ."""
    files = repository()
    files["gptq_model-4bit-128g.safetensors"] = files.pop("model.safetensors")
    files["consolidated.safetensors"] = header(BYTES)
    files["quantize_config.json"] = json.dumps({"bits": 4, "group_size": 32, "desc_act": False}).encode()
    hub.add(ID, files)
    assert voltaic("models", "add", ID, "--force").exit_code == 0
    model = known_model(ID)
    assert model is not None
    assert model.architecture.quantization is not None
    assert model.architecture.quantization.method == "gptq"


def test_a_renamed_repository_is_known_by_its_new_id(voltaic: Voltaic, hub: Any) -> None:
    """The hub leads an old id to the new one, under which the model is kept."""
    hub.add(ID, repository())
    hub.moved["old/tiny"] = ID
    added = voltaic("models", "add", "old/tiny")
    assert added.exit_code == 0, added.output
    assert added.stdout.startswith(f"old/tiny is {ID} on the hub.\n")
    assert known_model(ID) is not None


def test_a_gated_model_needs_a_token_that_is_never_shown(
    voltaic: Voltaic, hub: Any, monkeypatch: pytest.MonkeyPatch, own: Path
) -> None:
    """Without a token that was let in it is said what to do; the token is in no output and no file."""
    hub.add(ID, repository())
    hub.gated.add(ID)
    refused = voltaic("models", "add", ID)
    assert refused.exit_code == 2
    assert error(refused) == (
        "voltaic models add: my-team/tiny-llama: is gated, and this account was not let in. Accept its terms at its "
        "page on the hub, then set HF_TOKEN to the token of an account that was let in."
    )
    wrong = stand_in.TOKEN + "x"
    monkeypatch.setenv("HF_TOKEN", wrong)
    refused = voltaic("models", "add", ID, "--json")
    assert refused.exit_code == 2
    monkeypatch.setenv("HF_TOKEN", stand_in.TOKEN)
    added = voltaic("models", "add", ID)
    assert added.exit_code == 0, added.output
    assert ", gated\n" in added.stdout
    everything = refused.output + refused.stderr + added.output + added.stderr
    everything += "".join(file.read_text() for file in own.iterdir())
    assert "s3cr3t" not in everything


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (None, "the hub has no such repository, or it is private"),
        ({"params.json": b"{}"}, "has no config.json, which holds the shapes of the model. It has params.json, which"),
        ({"config.json": b"[]"}, "config.json holds no object"),
        ({"config.json": b"{"}, "config.json is not JSON"),
        (
            {"config.json": b"{}", "a.gguf": b"", "b.bin": b""},
            "has no weights in safetensors whose sizes could be read, only GGUF and PyTorch files. Download it, and",
        ),
        ({"config.json": b"{}", "model.safetensors": b"\xff" * 99}, "a header of its safetensors files cannot be read"),
        (
            {"config.json": b"{}", "model.safetensors.index.json": b'{"weight_map": {"a": "no.safetensors"}}'},
            "model.safetensors.index.json names weights files that are not there",
        ),
        ({"config.json": b'{"model_type": "llama"}', "model.safetensors": header(10)}, "hidden_size: missing"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(
    voltaic: Voltaic, hub: Any, files: dict[str, bytes] | None, why: str
) -> None:
    """Absent, malformed and foreign repositories end with exit code 2 and one reason."""
    if files is not None:
        hub.add(ID, files)
    result = voltaic("models", "add", ID)
    assert result.exit_code == 2
    assert why in error(result)
    assert "Traceback" not in result.output + result.stderr


@pytest.mark.parametrize("offsets", [[0], ["a", "b"], None, [5, 1], [0, 2**60], {"a": 1}])
def test_headers_may_hold_anything(voltaic: Voltaic, hub: Any, offsets: Any) -> None:
    """A header whose tensors are no tensors is an error with its reason, whatever it holds."""
    text = json.dumps({"t": {"dtype": "U8", "shape": [1], "data_offsets": offsets}}).encode()
    hub.add(ID, {**repository(), "model.safetensors": len(text).to_bytes(8, "little") + text})
    result = voltaic("models", "add", ID)
    assert result.exit_code == 2
    assert "voltaic models add: my-team/tiny-llama: " in error(result)


@pytest.mark.parametrize("card", [{"license": ["mit", 3]}, {"license": 7}, {"license": None}, {"license": "other"}])
def test_licences_may_be_anything(voltaic: Voltaic, hub: Any, card: dict[str, Any]) -> None:
    """Whatever a model card says of its licence is kept as a text."""
    hub.add(ID, repository(), **card)
    result = voltaic("models", "add", ID, "--json")
    assert result.exit_code == 0, result.output
    assert isinstance(json.loads(result.stdout)["license"], str)


def test_an_unknown_revision_and_a_broken_hub_are_told_apart(voltaic: Voltaic, hub: Any) -> None:
    """Each failure of the hub has its own way out."""
    hub.add(ID, repository())
    assert "has no revision 'nowhere'" in error(voltaic("models", "add", ID, "--revision", "nowhere"))
    hub.broken.add(ID)
    assert "the hub answered 500. Try again later." in error(voltaic("models", "add", ID))


def test_without_network_a_folder_is_the_way_out(voltaic: Voltaic, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that cannot be reached is named, with what works without it; an address that is none is said."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    result = voltaic("models", "add", ID)
    assert result.exit_code == 2
    assert "http://127.0.0.1:9 cannot be reached" in error(result)
    assert "voltaic models add DIR" in error(result)
    monkeypatch.setenv("HF_ENDPOINT", "nonsense")
    assert "HF_ENDPOINT: is no address" in error(voltaic("models", "add", ID))


def test_an_unknown_family_is_refused_as_unknown(voltaic: Voltaic, hub: Any, own: Path) -> None:
    """A model whose shapes nobody knows is not added, be it forced; the exit code is that of unknown."""
    hub.add(ID, repository(model_type="qwen99"))
    result = voltaic("models", "add", ID, "--force")
    assert result.exit_code == 3
    assert "model_type 'qwen99' is not one whose shapes voltaic knows" in error(result)
    assert not own.exists()


def test_a_size_that_the_shapes_do_not_explain_is_refused(voltaic: Voltaic, hub: Any) -> None:
    """A checkpoint twice as large as its shapes is added only by force."""
    hub.add(ID, {**repository(), "model.safetensors": header(3 * BYTES)})
    assert "one of the two is not understood, and a bill would be wrong" in error(voltaic("models", "add", ID))
    assert voltaic("models", "add", ID, "--force").exit_code == 0


def test_what_is_known_is_replaced_only_by_force(voltaic: Voltaic, hub: Any) -> None:
    """A model of the catalogue, or one that was added, is not overwritten by accident; the added one is then used."""
    hub.add("microsoft/phi-2", repository())
    assert "microsoft/phi-2: is known already" in error(voltaic("models", "add", "microsoft/phi-2"))
    assert voltaic("models", "add", "microsoft/phi-2", "--force").exit_code == 0
    model = known_model("microsoft/phi-2")
    assert model is not None
    assert (model.added, model.architecture.hidden) == (True, 64)
    assert voltaic("models", "remove", "Microsoft/Phi-2").exit_code == 0
    model = known_model("microsoft/phi-2")
    assert model is not None
    assert (model.added, model.architecture.hidden) == (False, 2560)
    assert "comes with voltaic and was not added" in error(voltaic("models", "remove", "microsoft/phi-2"))


def test_a_folder_is_added_under_an_id(voltaic: Voltaic, tmp_path: Path) -> None:
    """A folder tells its id by its configuration or its place in a download cache, or is given one."""
    folder = tmp_path / "models--my-team--cached" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "chat_template.jinja").write_text("x")
    assert voltaic("models", "add", str(folder)).exit_code == 0
    model = known_model("my-team/cached")
    assert model is not None
    assert (model.weights_bytes, model.chat_template) == (None, True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps(CONFIG))
    assert "says no id of its own. Name it with: --id ORGANISATION/NAME" in error(voltaic("models", "add", str(other)))
    assert voltaic("models", "add", str(other), "--id", "my-team/other").exit_code == 0
    assert known_model("my-team/other") is not None


def test_a_folder_that_cannot_be_read_is_explained(voltaic: Voltaic, tmp_path: Path) -> None:
    """A folder without or with a wrong configuration ends with the reason; its tokenizer tells the chat template."""
    folder = tmp_path / "folder"
    folder.mkdir()
    words = ("models", "add", str(folder), "--id", ID)
    assert "config.json: missing; it holds the shapes of the model." in error(voltaic(*words))
    (folder / "config.json").write_text(json.dumps({**CONFIG, "hidden_size": -1}))
    assert "hidden_size: found -1" in error(voltaic(*words))
    (folder / "config.json").write_text(json.dumps({**CONFIG, "quantization_config": {"bits": 4}}))
    assert "quantization_config.quant_method: missing" in error(voltaic(*words))
    (folder / "config.json").write_text(json.dumps({**CONFIG, "_name_or_path": ID}))
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(header(BYTES))
    document = json.loads(voltaic("models", "add", str(folder), "--json").stdout)
    assert (document["id"], document["chat_template"], document["weights_bytes"]) == (ID, False, BYTES)


def test_a_place_that_cannot_be_written_is_named(voltaic: Voltaic, hub: Any, own: Path) -> None:
    """Where the folder cannot be made, nothing is left behind and the file is named."""
    hub.add(ID, repository())
    own.write_text("a file")
    result = voltaic("models", "add", ID)
    assert result.exit_code == 2
    assert f"{own / 'my-team--tiny-llama.json'}: cannot be written: " in error(result)
    assert own.read_text() == "a file"


def test_without_a_home_a_folder_must_be_named(voltaic: Voltaic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without HOME there is no folder of one's own, which is said before the hub is asked."""
    for name in ("HOME", "XDG_DATA_HOME", "VOLTAIC_MODELS"):
        monkeypatch.delenv(name, raising=False)
    result = voltaic("models", "add", ID)
    assert result.exit_code == 2
    assert "HOME is not set. Set VOLTAIC_MODELS to one, or use --stack" in error(result)


def test_a_file_that_cannot_be_removed_is_named(voltaic: Voltaic, own: Path) -> None:
    """What cannot be removed stays, and is named."""
    (own / "my-team--tiny-llama.json").mkdir(parents=True)
    known.forget()
    assert "my-team--tiny-llama.json: cannot be removed: " in error(voltaic("models", "remove", ID))


def test_a_stack_carries_its_own_models(voltaic: Voltaic, tmp_path: Path, own: Path) -> None:
    """With --stack the file lies beside Pulumi.yaml, is known everywhere below it, and is seen before one's own."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "config.json").write_text(json.dumps(CONFIG))
    assert "--stack: no Pulumi.yaml here or in a folder above" in error(
        voltaic("models", "add", str(source), "--id", ID, "--stack")
    )
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    assert voltaic("models", "add", str(source), "--id", ID, "--stack").exit_code == 0
    assert (tmp_path / "models" / "my-team--tiny-llama.json").is_file()
    assert not own.exists()
    model = known_model(ID)
    assert model is not None
    assert model.file.parent == tmp_path / "models"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "no/such/thing"), "no/such/thing: is no folder, and no repository id"),
        (("add", ".", "--revision", "main"), "--revision: a folder has only one"),
        (("add", ID, "--id", "a/b"), "--id: a repository keeps its own id"),
        (("add", ".", "--id", "a b"), "--id: 'a b' is no id"),
        (
            ("--family", "qwen99"),
            "--family: 'qwen99' is no family of a known model; did you mean 'qwen3'? known: bloom, ",
        ),
        (("--fits", "nonsense"), "--fits: "),
        (("--json", "show", "microsoft/phi-2"), "--json: stands behind show"),
        (("show", "microsoft/phi-22"), "did you mean microsoft/phi-2"),
        (("show", "a b"), "Add it with: voltaic models add 'a b'"),
        (("add", ""), "ID|DIR: empty; give a repository id, or a folder with a config.json"),
        (("remove", "microsoft/phi-22"), "no model of this id was added; voltaic models --added lists those that were"),
    ],
)
def test_wrong_words_are_explained(voltaic: Voltaic, words: tuple[str, ...], why: str) -> None:
    """What is typed wrongly ends with exit code 2, the value found and what is allowed."""
    result = voltaic("models", *words)
    assert result.exit_code == 2
    assert why in error(result)


def test_a_file_that_cannot_be_used_is_left_out_and_named(voltaic: Voltaic, own: Path) -> None:
    """A damaged file hides nothing else; the list names it, and a plan of that model is unknown with the reason."""
    own.mkdir()
    (own / "my-team--bad.json").write_text("{")
    (own / "my-team--wrong.json").write_text('{"id": "other/name", "gated": 3}')
    known.forget()
    shown = voltaic("models", "--family", "phi", env={"COLUMNS": "300"})
    assert shown.exit_code == 0
    assert f"Left out: {own / 'my-team--bad.json'}: not JSON" in shown.stdout
    assert "gated: found 3, allowed is true or false" in shown.stdout
    planned = voltaic("plan", "--profile", "v100-1gpu", "--model", "my-team/bad", env={"COLUMNS": "300"})
    assert planned.exit_code == 3
    assert "cannot be used" in planned.output


def test_the_list_has_every_model_and_can_be_narrowed(voltaic: Voltaic) -> None:
    """All known models are listed, those of one family, and those that a profile starts as they are."""
    document = json.loads(voltaic("models", "--json").stdout)
    assert document["schema"] == "voltaic/models/v1"
    assert len(document["models"]) == len(known.known_models())
    gemma = json.loads(voltaic("models", "--family", "gemma2", "--json").stdout)["models"]
    assert {model["family"] for model in gemma} == {"gemma2"}
    fitting = json.loads(voltaic("models", "--family", "phi", "--fits", "v100-1gpu", "--json").stdout)["models"]
    assert [model["id"] for model in fitting] == ["microsoft/phi-2"]


def test_one_model_is_shown_with_sources_and_profiles(voltaic: Voltaic) -> None:
    """Facts, where a stack of it starts, and where each fact comes from."""
    text = voltaic("models", "show", "openai-community/gpt2", env={"COLUMNS": "200"}).stdout
    for line in (
        "  parameters      124,439,808 (124 M)",
        "  KV cache        36 KiB per token at two bytes an element",
        "  chat template   no: chat requests fail",
        "  also            gpt2",
    ):
        assert line in text
    assert "A stack with just this model and profile" in text
    document = json.loads(voltaic("models", "show", "gpt2", "--json").stdout)
    assert document["id"] == "openai-community/gpt2"
    assert set(document["profiles"].values()) <= {"accept", "refuse", "unknown"}
    assert set(document["sources"]) >= {"config", "access"}


def test_documents_are_what_the_reference_says(voltaic: Voltaic, hub: Any) -> None:
    """List, model, added model and error keep to docs/reference/models.schema.json."""
    reference = Path(__file__).parents[2] / "docs" / "reference"
    names = ("models.schema.json", "plan.schema.json")
    schemas = {name: json.loads((reference / name).read_text(encoding="utf-8")) for name in names}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(content)) for name, content in schemas.items()
    )
    Draft202012Validator.check_schema(schemas["models.schema.json"])
    validator = Draft202012Validator(schemas["models.schema.json"], registry=registry)
    hub.add(ID, repository())
    for words in (
        ("--json",),
        ("show", "microsoft/phi-2", "--json"),
        ("show", "deepseek-ai/DeepSeek-V2-Lite-Chat", "--json"),
        ("add", ID, "--json", "--dry-run"),
        ("add", "microsoft/phi-2", "--json"),
    ):
        document = json.loads(voltaic("models", *words).stdout)
        assert [error.message for error in validator.iter_errors(document)] == []


def test_plan_does_not_load_the_hub_library(voltaic_process: VoltaicProcess) -> None:
    """No other command pays for the hub's library."""
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", "import sys, cli.main; print('huggingface_hub' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_ids_are_completed(voltaic_process: VoltaicProcess) -> None:
    """The shell is offered ids of known models behind show."""
    words = "voltaic models show microsoft/phi"
    done = voltaic_process(_VOLTAIC_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD="3")
    assert "microsoft/phi-2" in done.stdout.split()


def test_a_model_to_remove_is_meant_among_the_added(voltaic: Voltaic, hub: Any) -> None:
    """A typing error in what is to be removed gets the nearest id that was added."""
    hub.add(ID, repository())
    assert voltaic("models", "add", ID).exit_code == 0
    result = voltaic("models", "remove", f"{ID}x")
    assert (result.exit_code, error(result)) == (
        2,
        f"voltaic models remove: '{ID}x': no model of this id was added; did you mean {ID}?",
    )


@pytest.mark.parametrize("command", [(), ("list",)])
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_list_keeps_to_the_width(voltaic: Voltaic, command: tuple[str, ...], width: int) -> None:
    """In a narrow terminal columns are left out, and said to be; no id is broken, no line ends in blanks."""
    result = voltaic("models", *command, "--family", "falcon", env={"COLUMNS": str(width)})
    lines = result.stdout.splitlines()
    assert all(len(line) <= width and line == line.rstrip() for line in lines)
    assert [line.split()[0] for line in lines[1:5]] == [
        f"tiiuae/falcon-{name}" for name in ("40b", "40b-instruct", "7b", "7b-instruct")
    ]
    assert ("licence" in lines[0], "A wider terminal" in result.stdout) == (width > 80, width <= 80)


def test_nothing_added_says_how_to_add(voltaic: Voltaic) -> None:
    """A list without models has no empty table, but the command that adds one."""
    assert voltaic("models", "--added").stdout == "0 models. One is added with: voltaic models add ID\n"


def test_facts_of_a_model_stand_below_each_other(voltaic: Voltaic) -> None:
    """Values that need several lines go on in their own column."""
    lines = voltaic("models", "show", "gpt2", env={"COLUMNS": "60"}).stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("  starts"))
    assert lines[at].startswith("  starts          v100-1gpu, -2gpu")
    assert lines[at + 1].startswith(" " * 18 + "v100-32gb-1gpu")
    assert max(map(len, lines)) <= 60


def test_a_list_in_a_pipe_has_all_columns(voltaic_process: VoltaicProcess) -> None:
    """A pipe has no width: nothing is left out there, and each model is one line."""
    lines = voltaic_process("models", "--fits", "v100-2gpu").stdout.splitlines()
    assert lines[0].split() == ["model", "family", "parameters", "weights", "KV", "per", "token", "licence"]
    assert "A wider terminal" not in lines[-1]
    assert all("/" in line.split()[0] for line in lines[1:-2])

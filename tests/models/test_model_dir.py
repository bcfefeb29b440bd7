"""A local model directory: configuration, index, headers and the quantizer's file."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voltaic.models import InvalidConfig, InvalidModelDir, Quantization, UnknownArchitecture, families, model_dir

if TYPE_CHECKING:
    from pathlib import Path

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "intermediate_size": 176,
    "vocab_size": 1000,
    "torch_dtype": "float16",
}


def write(folder: Path, name: str, content: object) -> None:
    """Write a JSON file."""
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def safetensors(folder: Path, name: str, header: object, data: bytes = b"") -> None:
    """Write a safetensors file, as a rule without its tensors."""
    text = json.dumps(header).encode()
    (folder / name).write_bytes(len(text).to_bytes(8, "little") + text + data)


def tensor(start: int, end: int) -> dict[str, Any]:
    """Return a tensor of a safetensors header."""
    return {"dtype": "F16", "shape": [(end - start) // 2], "data_offsets": [start, end]}


def test_a_configuration_alone_is_enough(tmp_path: Path) -> None:
    """A directory with only config.json is a model of unknown checkpoint size."""
    write(tmp_path, "config.json", CONFIG)
    model = model_dir(tmp_path)
    assert model.id == str(tmp_path)
    assert model.architecture is not None
    assert (model.architecture.hidden, model.weights_bytes, model.unknown_because) == (64, None, None)
    assert model.config == CONFIG


def test_the_index_gives_the_size_without_weights(tmp_path: Path) -> None:
    """Where the files are not there, the index's total is the size of the checkpoint."""
    write(tmp_path, "config.json", CONFIG)
    index = {"metadata": {"total_size": 5_559_367_680}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}
    write(tmp_path, "model.safetensors.index.json", index)
    assert model_dir(tmp_path).weights_bytes == 5_559_367_680


def test_headers_win_over_the_index(tmp_path: Path) -> None:
    """Where all files of the index are there, their headers say how large the tensors are."""
    write(tmp_path, "config.json", CONFIG)
    index = {"metadata": {"total_size": 1}, "weight_map": {"a": "x.safetensors", "b": "y.safetensors"}}
    write(tmp_path, "model.safetensors.index.json", index)
    safetensors(
        tmp_path, "x.safetensors", {"__metadata__": {"format": "pt"}, "a": tensor(0, 600), "c": tensor(600, 1000)}
    )
    safetensors(tmp_path, "y.safetensors", {"b": tensor(0, 234)})
    assert model_dir(tmp_path).weights_bytes == 1234


@pytest.mark.parametrize("name", ["model.safetensors", "gptq_model-4bit-128g.safetensors"])
def test_a_single_file_is_read_by_its_header(tmp_path: Path, name: str) -> None:
    """One safetensors file gives the size by its header alone, whatever it is called."""
    write(tmp_path, "config.json", CONFIG)
    safetensors(tmp_path, name, {"a": tensor(0, 600)})
    assert model_dir(tmp_path).weights_bytes == 600


@pytest.mark.parametrize("name", ["model.safetensors", "gptq_model-4bit-128g.safetensors"])
def test_a_consolidated_copy_is_not_counted(tmp_path: Path, name: str) -> None:
    """Mistral's consolidated copy of the same tensors is not loaded, and so not counted."""
    write(tmp_path, "config.json", CONFIG)
    safetensors(tmp_path, name, {"a": tensor(0, 600)})
    safetensors(tmp_path, "consolidated.safetensors", {"a": tensor(0, 600)})
    assert model_dir(tmp_path).weights_bytes == 600


def test_several_files_without_an_index_are_not_added_up(tmp_path: Path) -> None:
    """Which of several files would be loaded is not known without an index, so no size is claimed."""
    write(tmp_path, "config.json", CONFIG)
    safetensors(tmp_path, "a.safetensors", {"a": tensor(0, 600)})
    safetensors(tmp_path, "b.safetensors", {"b": tensor(0, 600)})
    assert model_dir(tmp_path).weights_bytes is None


def test_an_index_of_floating_point_is_read(tmp_path: Path) -> None:
    """A total that a writer summed in floating point is read where it is whole."""
    write(tmp_path, "config.json", CONFIG)
    write(tmp_path, "model.safetensors.index.json", {"metadata": {"total_size": 1000.0}, "weight_map": {"a": "x"}})
    assert model_dir(tmp_path).weights_bytes == 1000


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        (
            "quantize_config.json",
            {"bits": 4, "group_size": 128, "desc_act": False, "sym": True},
            Quantization("gptq", 4, 128, act_order=False, symmetric=True),
        ),
        (
            "quant_config.json",
            {"zero_point": True, "q_group_size": 128, "w_bit": 4, "version": "GEMM"},
            Quantization("awq", 4, 128, symmetric=False),
        ),
    ],
)
def test_the_quantizers_own_file_is_read(tmp_path: Path, name: str, content: object, found: Quantization) -> None:
    """A checkpoint whose config.json is silent is quantized as the quantizer's own file says."""
    write(tmp_path, "config.json", CONFIG)
    write(tmp_path, name, content)
    model = model_dir(tmp_path)
    assert model.architecture is not None
    assert model.architecture.quantization == found
    assert model.config is not None
    assert model.config["quantization_config"]["quant_method"] == found.method


def test_the_configuration_wins_over_the_quantizers_file(tmp_path: Path) -> None:
    """What config.json says of quantization is in force, as for transformers."""
    write(tmp_path, "config.json", {**CONFIG, "quantization_config": {"quant_method": "awq", "bits": 4}})
    write(tmp_path, "quantize_config.json", {"bits": 8})
    model = model_dir(tmp_path)
    assert model.architecture is not None
    assert model.architecture.quantization == Quantization("awq", 4)


def test_an_unknown_family_is_no_error(tmp_path: Path) -> None:
    """A directory of an unknown family is a model without architecture, and says why."""
    write(tmp_path, "config.json", {**CONFIG, "model_type": "qwen9"})
    model = model_dir(tmp_path)
    assert model.architecture is None
    assert model.unknown_because == str(UnknownArchitecture("qwen9", families.names()))


def message(folder: Path) -> str:
    """Return the message with which a directory is refused, without the name of the directory."""
    with pytest.raises((InvalidModelDir, InvalidConfig)) as error:
        model_dir(folder)
    return str(error.value).replace(f"{folder}{os.sep}", "").replace(str(folder), "DIR")


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    """A missing path, a file and a directory without config.json are one sentence each."""
    assert message(tmp_path / "nowhere") == "DIR: does not exist; a directory with a config.json is needed."
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    assert message(file) == "DIR: is a file; a directory with a config.json is needed."
    assert message(tmp_path) == "config.json: missing; it holds the shapes of the model."


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "config.json: not JSON: Expecting value: line 1 column 1 (char 0)."),
        (b"\xff\xfe\x00", "config.json: not JSON: "),
        (b"[1]", "config.json: found a list of 1 items, allowed is an object."),
        (b'{"vocab_size": ' + b"9" * 5000 + b"}", "config.json: not JSON: Exceeds the limit (4300 digits)"),
        (b"[" * 200_000, "config.json: nested too deep to be a configuration."),
        (b" " * (16 * 2**20 + 1), "config.json: larger than 16 MiB; no configuration or index is."),
        (b'{"model_type": "llama"}', "config.json cannot be used, 5 faults: hidden_size: missing, "),
    ],
)
def test_a_broken_configuration_is_one_sentence(tmp_path: Path, content: bytes, expected: str) -> None:
    """Whatever is in config.json, the answer is one message that names the file."""
    (tmp_path / "config.json").write_bytes(content)
    assert message(tmp_path).startswith(expected)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ([], "model.safetensors.index.json: found a list of 0 items, allowed is an object."),
        (
            {},
            "model.safetensors.index.json: weight_map: found null, allowed is an object of file names.",
        ),
        (
            {"weight_map": [7]},
            "model.safetensors.index.json: weight_map: found a list of 1 items, allowed is an object of file names.",
        ),
        (
            {"weight_map": {"a": "../../secret"}},
            "model.safetensors.index.json: weight_map names the text '../../secret', allowed are files beside it.",
        ),
        (
            {"weight_map": {"a": "x"}, "metadata": {"total_size": "big"}},
            "model.safetensors.index.json: metadata.total_size: found the text 'big', allowed is a number of bytes.",
        ),
        (
            {"weight_map": {"a": "x"}, "metadata": {"total_size": 10**30}},
            f"model.safetensors.index.json: metadata.total_size: found {10**30}, allowed is a number of bytes.",
        ),
    ],
)
def test_a_broken_index_is_one_sentence(tmp_path: Path, index: object, expected: str) -> None:
    """An index that cannot be right is refused by name, and no file outside the directory is opened."""
    write(tmp_path, "config.json", CONFIG)
    write(tmp_path, "model.safetensors.index.json", index)
    assert message(tmp_path) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "model.safetensors: not safetensors: it ends within its header."),
        (b"\x05\x00", "model.safetensors: not safetensors: it ends within its header."),
        (b"\xff" * 8, "model.safetensors: not safetensors: its header would be 18446744073709551615 bytes long."),
        ((100).to_bytes(8, "little") + b"{}", "model.safetensors: not safetensors: it ends within its header."),
        (
            (2).to_bytes(8, "little") + b"[]",
            "model.safetensors, header: found a list of 0 items, allowed is an object.",
        ),
        (
            (10).to_bytes(8, "little") + b'{"a": {} }',
            "model.safetensors: not safetensors: data_offsets of the text 'a' are no start and end in bytes.",
        ),
    ],
)
def test_a_broken_header_is_one_sentence(tmp_path: Path, content: bytes, expected: str) -> None:
    """A file that is no safetensors file is refused by name, before anything large is read."""
    write(tmp_path, "config.json", CONFIG)
    (tmp_path / "model.safetensors").write_bytes(content)
    assert message(tmp_path) == expected


def test_a_broken_quantizer_file_is_one_sentence(tmp_path: Path) -> None:
    """A fault in the quantizer's own file is named with that file."""
    write(tmp_path, "config.json", CONFIG)
    write(tmp_path, "quantize_config.json", {"bits": "four"})
    assert message(tmp_path) == (
        "quantize_config.json cannot be used, 1 fault: quantize_config.json.bits: found the text 'four', allowed is a "
        "whole number from 1 to 16."
    )


def test_an_unreadable_path_is_one_sentence() -> None:
    """A path that the system refuses is one message, no traceback."""
    with pytest.raises(InvalidModelDir, match=r"cannot be read: File name too long\.$"):
        model_dir("x" * 5000)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.binary(max_size=200), st.sampled_from(["config.json", "model.safetensors.index.json", "model.safetensors"]))
def test_any_bytes_in_any_file_are_answered(tmp_path: Path, content: bytes, name: str) -> None:
    """Whatever bytes a file of the directory has, the answer is a model or one of the two errors."""
    write(tmp_path, "config.json", CONFIG)
    (tmp_path / "model.safetensors.index.json").unlink(missing_ok=True)
    (tmp_path / "model.safetensors").unlink(missing_ok=True)
    (tmp_path / name).write_bytes(content)
    with pytest.raises((InvalidModelDir, InvalidConfig)):
        model_dir(tmp_path)


def test_parts_without_an_index_are_added_up_where_all_are_there(tmp_path: Path) -> None:
    """Files that say of themselves that they are parts 1 to n of one checkpoint are loaded together."""
    write(tmp_path, "config.json", CONFIG)
    safetensors(tmp_path, "model-00001-of-00002.safetensors", {"a": tensor(0, 600)})
    assert model_dir(tmp_path).weights_bytes is None
    safetensors(tmp_path, "model-00003-of-00003.safetensors", {"b": tensor(0, 60)})
    assert model_dir(tmp_path).weights_bytes is None
    (tmp_path / "model-00003-of-00003.safetensors").unlink()
    safetensors(tmp_path, "model-00002-of-00002.safetensors", {"b": tensor(0, 60)})
    safetensors(tmp_path, "consolidated.00.safetensors", {"b": tensor(0, 60)})
    assert model_dir(tmp_path).weights_bytes == 660


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("params.json", "There is params.json, the format of the model's maker"),
        ("tiny-Q4_K_M.gguf", "There is tiny-Q4_K_M.gguf, whose own header has the shapes: GGUF is served by llama.cpp"),
        ("sub/config.json", "There is one in a folder below: give that."),
    ],
)
def test_other_kinds_of_directories_say_what_they_are(tmp_path: Path, name: str, why: str) -> None:
    """A directory without config.json is told by what is there in its place."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}")
    with pytest.raises(InvalidModelDir) as fault:
        model_dir(tmp_path)
    assert "config.json: missing; it holds the shapes of the model." in str(fault.value)
    assert why in str(fault.value)

"""GGUF files: types of tensors, and headers that may be anything."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voltaic.models.gguf import InvalidGguf, LongArray, ggml_types, ggml_types_source, gguf_header

if TYPE_CHECKING:
    from pathlib import Path


def text(value: str) -> bytes:
    """Return a text as GGUF writes it."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def entry(key: str, kind: int, value: bytes) -> bytes:
    """Return an entry of the metadata."""
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: str, shape: tuple[int, ...], kind: int) -> bytes:
    """Return a row of the tensor table."""
    sizes = b"".join(struct.pack("<Q", size) for size in shape)
    return text(name) + struct.pack("<I", len(shape)) + sizes + struct.pack("<IQ", kind, 0)


def gguf(entries: list[bytes], tensors: list[bytes], version: int = 3) -> bytes:
    """Return a file without its weights."""
    return b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries)) + b"".join(entries) + b"".join(tensors)


def texts(values: list[str]) -> bytes:
    """Return an array of texts."""
    return struct.pack("<IQ", 8, len(values)) + b"".join(text(value) for value in values)


GOOD = gguf(
    [
        entry("general.architecture", 8, text("llama")),
        entry("llama.block_count", 4, struct.pack("<I", 22)),
        entry("llama.rope.freq_base", 6, struct.pack("<f", 10000.0)),
        entry("tokenizer.ggml.add_bos_token", 7, b"\x01"),
        entry("llama.attention.head_count_kv", 9, struct.pack("<IQ3I", 4, 3, 4, 4, 8)),
        entry("tokenizer.ggml.tokens", 9, texts([str(number) for number in range(5000)])),
        entry("tokenizer.ggml.scores", 9, struct.pack("<IQ5000f", 6, 5000, *range(5000))),
    ],
    [tensor("token_embd.weight", (2048, 32000), 12), tensor("output_norm.weight", (2048,), 0)],
)


def written(folder: Path, content: bytes) -> Path:
    """Write a file."""
    file = folder / "model.gguf"
    file.write_bytes(content)
    return file


def test_metadata_and_tensors_are_read_without_weights(tmp_path: Path) -> None:
    """Numbers, texts, truth values and short arrays are kept, of a vocabulary the length, of tensors shape and type."""
    header = gguf_header(written(tmp_path, GOOD))
    assert header.version == 3
    assert dict(header.metadata) == {
        "general.architecture": "llama",
        "llama.block_count": 22,
        "llama.rope.freq_base": 10000.0,
        "tokenizer.ggml.add_bos_token": True,
        "llama.attention.head_count_kv": (4, 4, 8),
        "tokenizer.ggml.tokens": LongArray(5000),
        "tokenizer.ggml.scores": LongArray(5000),
    }
    assert [(tensor.name, tensor.shape, tensor.type.name) for tensor in header.tensors] == [
        ("token_embd.weight", (2048, 32000), "Q4_K"),
        ("output_norm.weight", (2048,), "F32"),
    ]
    assert header.tensor_bytes == 2048 * 32000 // 256 * 144 + 2048 * 4


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        *(("F16", 16), ("BF16", 16), ("Q8_0", 8.5), ("Q4_0", 4.5), ("Q4_K", 4.5), ("Q5_K", 5.5), ("Q6_K", 6.5625)),
        *(("Q3_K", 3.4375), ("Q2_K", 2.625), ("IQ4_XS", 4.25), ("MXFP4", 4.25), ("IQ1_S", 1.5625), ("TQ1_0", 1.6875)),
    ],
)
def test_bits_per_weight_are_those_that_llama_cpp_names(name: str, bits: float) -> None:
    """A block's bytes over its weights give the bits per weight by which a type is known."""
    assert ggml_types()[name].bits_per_weight == bits


def test_types_are_told_apart_and_sourced() -> None:
    """No number means two types, and the table says where it comes from."""
    numbers = [kind.id for kind in ggml_types().values()]
    assert len(numbers) == len(set(numbers)) == 32
    assert ggml_types_source().confidence == "read"
    assert "llama.cpp" in ggml_types_source().text


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it ends within its header"),
        (b"GGML" + GOOD[4:], "it does not begin with GGUF"),
        (b"GGUF" + struct.pack("<I", 1) + GOOD[8:], "version 1; versions 2 and 3 are read"),
        (b"GGUF" + struct.pack(">I", 3) + GOOD[8:], "version 50331648, or written for a big-endian machine;"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0), "9223372036854775808 tensors, at most 1048576 are read"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63), "metadata entries, at most"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**60), "bytes of text, at most"),
        (gguf([entry("a", 99, b"")], []), "a value of the unknown type 99"),
        (gguf([entry("a", 9, struct.pack("<IQ", 9, 1))], []), "an array of arrays"),
        (gguf([entry("a", 9, struct.pack("<IQ", 77, 10**4))], []), "an array of the unknown type 77"),
        (gguf([entry("a", 9, struct.pack("<IQ", 4, 2**40))], []), "elements of an array, at most"),
        (gguf([entry("a", 7, b"\x00")] * 2, []), "the text 'a' twice in its metadata"),
        (gguf([], [tensor("t", (32,), 0)] * 2), "the tensor the text 't' twice"),
        (gguf([], [tensor("t", (), 0)]), "a tensor of 0 dimensions"),
        (gguf([], [tensor("t", (1,) * 5, 0)]), "a tensor of 5 dimensions"),
        (gguf([], [tensor("t", (32,), 4)]), "of type 4, which is not known"),
        (gguf([], [tensor("t", (33,), 2)]), "of type Q4_0 cannot be 33"),
        (gguf([], [tensor("t", (32, 0), 2)]), "cannot be 32 x 0"),
        (gguf([], [tensor("t", (2**60, 2**60), 0)]), "cannot be 1152921504606846976 x 1152921504606846976"),
        (GOOD[:-5], "it ends within its header"),
    ],
)
def test_what_is_no_gguf_is_said(tmp_path: Path, content: bytes, why: str) -> None:
    """A file that is something else, cut short or absurd is one clear error, whatever it claims to hold."""
    with pytest.raises(InvalidGguf, match="not a usable GGUF file") as fault:
        gguf_header(written(tmp_path, content))
    assert why in str(fault.value)


def test_a_header_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that does not end is given up, so that a file of any size costs bounded memory."""
    monkeypatch.setattr("voltaic.models.gguf.MOST_HEADER_BYTES", 2**21)
    endless = gguf([entry(str(number), 8, text("x" * 2**19)) for number in range(9)], [])
    with pytest.raises(InvalidGguf, match="its header is larger than 2 MiB"):
        gguf_header(written(tmp_path, endless))


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 400), changed=st.binary(min_size=1, max_size=8))
def test_any_change_of_a_header_is_read_or_explained(tmp_path: Path, at: int, changed: bytes) -> None:
    """Whatever bytes stand in a header, it is read, or refused with a reason."""
    content: Any = bytearray(GOOD)
    content[at : at + len(changed)] = changed
    file = written(tmp_path, bytes(content))
    try:
        assert gguf_header(file).tensor_bytes >= 0
    except InvalidGguf as fault:
        assert "not a usable GGUF file" in str(fault)  # noqa: PT017  (either is right)

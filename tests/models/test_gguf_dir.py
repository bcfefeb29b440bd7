"""A folder with a GGUF file: shapes and sizes come from its header, and what is not whole is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.models import gguf_writer as writer
from voltaic import models
from voltaic.document import InvalidLine, line_from_spec, spec_from_line
from voltaic.engines.llama_cpp import mix
from voltaic.models import InvalidConfig, InvalidModelDir, gguf_dir
from voltaic.models.gguf_config import architectures, source
from voltaic.verdict import judge

if TYPE_CHECKING:
    from pathlib import Path

    from voltaic.models import Architecture

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
TINY = "TinyLlama/TinyLlama-1.1B-Chat-v1.0"
SMALL: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 512,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 128,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
}


def arch_of(name: str) -> Architecture:
    """Return the architecture of a known model."""
    arch = models.resolve(name).architecture
    assert arch is not None
    return arch


def small(**changes: Any) -> tuple[dict[str, Any], writer.Tensors]:
    """Return metadata and tensors of a file of two layers; keys of metadata may be changed."""
    tensors: writer.Tensors = [("token_embd.weight", (64, 1000), "F16"), ("output_norm.weight", (64,), "F32")]
    for layer in range(2):
        tensors += [(f"blk.{layer}.attn_q.weight", (64, 64), "Q4_0"), (f"blk.{layer}.attn_norm.weight", (64,), "F32")]
    return SMALL | {key.replace("__", "."): value for key, value in changes.items()}, tensors


def written(folder: Path, metadata: dict[str, Any], tensors: writer.Tensors, name: str = "a.gguf") -> Path:
    """Write a file, and return its folder."""
    (folder / name).write_bytes(writer.header(metadata, tensors))
    return folder


@pytest.mark.parametrize(("model", "kind"), [(MISTRAL, "Q4_K_M"), (TINY, "Q6_K"), ("meta-llama/Llama-3.2-1B", "Q8_0")])
def test_a_header_gives_what_the_type_gives(tmp_path: Path, model: str, kind: str) -> None:
    """Of a file as the quantizer writes it, the header's bytes are those of the type in its name, layer by layer."""
    (tmp_path / "some-name.gguf").write_bytes(writer.file_of(model, kind))
    found = gguf_dir(tmp_path)
    assert found.gguf is not None
    assert mix.of_file(found.gguf) == mix.weights(arch_of(model), kind)


def test_the_metadata_tells_the_architecture(tmp_path: Path) -> None:
    """Layers, widths, heads, vocabulary and context come from the header; a head of its own is seen in its tensors."""
    (tmp_path / "a.gguf").write_bytes(writer.file_of(MISTRAL, "Q4_K_M"))
    found, known = gguf_dir(tmp_path).architecture, arch_of(MISTRAL)
    assert found is not None
    for name in ("layers", "hidden", "heads", "kv_heads", "head_dim", "intermediate", "vocab", "tied_embeddings"):
        assert getattr(found, name) == getattr(known, name)
    assert found.max_positions == 32768


def test_experts_make_a_mixtral(tmp_path: Path) -> None:
    """An `llama` file with experts is Mixtral's class; the largest matrix of stacked experts is one expert's."""
    metadata, tensors = small(llama__expert_count=8, llama__expert_used_count=2)
    for layer in range(2):
        tensors.append((f"blk.{layer}.ffn_up_exps.weight", (64, 128, 8), "Q4_0"))
    found = gguf_dir(written(tmp_path, metadata, tensors))
    assert found.architecture is not None
    assert found.gguf is not None
    assert (found.architecture.model_type, found.architecture.experts and found.architecture.experts.count) == (
        "mixtral",
        8,
    )
    assert (found.gguf.largest, found.gguf.split_experts, found.gguf.alone) == (64 * 128, False, True)


@pytest.mark.parametrize("name", architectures())
def test_every_architecture_is_read(tmp_path: Path, name: str) -> None:
    """Each architecture of the table is read by the class that it names, from what a converter writes."""
    metadata, tensors = small()
    metadata = {key.replace("llama.", f"{name}."): value for key, value in metadata.items()}
    metadata |= {"general.architecture": name, f"{name}.attention.key_length": 16, f"{name}.attention.value_length": 16}
    metadata |= {f"{name}.attention.head_count_kv": 4} if name in {"phi2", "gpt2", "gptneox"} else {}
    experts = ("expert_count", "expert_used_count", "expert_feed_forward_length", "expert_shared_feed_forward_length")
    metadata |= {f"{name}.{key}": 4 for key in experts if "moe" in name}
    found = gguf_dir(written(tmp_path, metadata, tensors)).architecture
    assert found is not None
    assert (found.layers, found.hidden, found.heads, found.head_dim, found.vocab) == (2, 64, 4, 16, 1000)
    assert source().confidence == "read"


def test_parts_are_one_file(tmp_path: Path) -> None:
    """The tensors of all parts count, and a part that is not there is named."""
    metadata, tensors = small()
    written(tmp_path, metadata, tensors[:3], "b-00001-of-00002.gguf")
    with pytest.raises(InvalidModelDir, match=r"b-00002-of-00002\.gguf is missing; llama\.cpp loads all 2 parts"):
        gguf_dir(tmp_path)
    written(tmp_path, {"split.no": 1}, tensors[3:], "b-00002-of-00002.gguf")
    whole = gguf_dir(tmp_path).gguf
    assert whole is not None
    assert (whole.name, len(whole.layers)) == ("b-00001-of-00002.gguf", 2)
    assert whole.total == 64 * 1000 * 2 + 64 * 4 + 2 * (64 * 64 // 32 * 18 + 64 * 4)
    assert whole.end == 64 * 4 + 64 * 1000 * 2  # the norm, and a copy of the table as head


def test_the_file_that_is_served_is_the_one_that_is_named(tmp_path: Path) -> None:
    """Of several files -m names one by its name, wherever it lies in the container; projectors are no models."""
    metadata, tensors = small()
    written(tmp_path, metadata, tensors, "one.gguf")
    written(tmp_path, {"general.architecture": "clip"}, [], "mmproj-one.gguf")
    assert gguf_dir(tmp_path).gguf is not None
    written(tmp_path, metadata, [(n, s, "F16" if k == "Q4_0" else k) for n, s, k in tensors], "two.gguf")
    with pytest.raises(InvalidModelDir, match=r"holds one\.gguf, two\.gguf; name the one that is served: -- -m FILE"):
        gguf_dir(tmp_path)
    named = gguf_dir(tmp_path, "/models/two.gguf").gguf
    assert named is not None
    assert (named.name, named.quantized, named.type) == ("two.gguf", False, "F16")
    with pytest.raises(InvalidModelDir, match=r"has no file three\.gguf, which is to be served; there is one\.gguf"):
        gguf_dir(tmp_path, "three.gguf")
    with pytest.raises(InvalidModelDir, match=r"config\.json: missing"):
        gguf_dir(tmp_path, "")


def test_a_config_beside_it_is_believed_and_compared(tmp_path: Path) -> None:
    """With a config.json the header needs no known architecture, and another model's is an error."""
    metadata, tensors = small(general__architecture="llama")
    config = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4}
    config |= {"num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 1000}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = gguf_dir(written(tmp_path, metadata, tensors))
    assert found.gguf is not None
    assert not found.gguf.alone
    assert found.config == config
    assert gguf_dir(tmp_path, "elsewhere-Q4_K_M.gguf").gguf is None
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(InvalidModelDir, match=r"has 2 layers of 64 elements, and its config\.json says 3 of 64"):
        gguf_dir(tmp_path)


def test_a_folder_without_a_file_is_read_as_ever(tmp_path: Path) -> None:
    """Nothing changes where there is no GGUF file, and a path that is no folder is said."""
    with pytest.raises(InvalidModelDir, match="does not exist"):
        gguf_dir(tmp_path / "none")
    with pytest.raises(InvalidModelDir, match="missing; it holds the shapes"):
        gguf_dir(tmp_path)


@pytest.mark.parametrize(
    ("changes", "more", "why"),
    [
        ({"general__architecture": "deepseek2"}, [], "block_count: found null"),
        ({"general__architecture": 7}, [], "general.architecture: found 7"),
        ({"llama__block_count": 2**31}, [], "block_count: found 2147483648, allowed is a whole number from 1 to 10000"),
        ({"llama__block_count": 3}, [], "layer 2 of 3 has no tensor"),
        ({"llama__block_count": 1}, [], "the tensor the text 'blk.1.attn_q.weight' beside 1 layers"),
        ({"llama__embedding_length": 32}, [], "has 2 layers of 64 elements, and its metadata says 2 of 32"),
        ({"llama__attention.head_count_kv": [2, 1]}, [], "llama.attention.head_count_kv differs from layer to layer"),
        ({"llama__attention.value_length": 8}, [], "value_length is 8, and keys are as wide as they are not"),
    ],
)
def test_a_header_that_cannot_be_is_said(tmp_path: Path, changes: dict[str, Any], more: Any, why: str) -> None:
    """Contradictions between metadata and tensors are one clear error that names the file."""
    metadata, tensors = small(**changes)
    with pytest.raises(InvalidModelDir) as fault:
        gguf_dir(written(tmp_path, metadata, [*tensors, *more]))
    assert why in str(fault.value)
    assert "a.gguf" in str(fault.value)


def test_an_unread_architecture_asks_for_the_config(tmp_path: Path) -> None:
    """Where the metadata of an architecture is not read, the config.json of the original settles it."""
    metadata, tensors = small()
    metadata |= {"general.architecture": "deepseek2", "deepseek2.block_count": 2}
    with pytest.raises(InvalidModelDir, match=r"is the text 'deepseek2', .* config\.json of the original model"):
        gguf_dir(written(tmp_path, metadata, tensors))


def test_a_file_without_tokens_is_none(tmp_path: Path) -> None:
    """A file without the table of tokens cannot be served."""
    metadata, tensors = small()
    with pytest.raises(InvalidModelDir, match=r"no tensor token_embd\.weight"):
        gguf_dir(written(tmp_path, metadata, tensors[1:]))


def test_impossible_sizes_are_faults_of_the_header(tmp_path: Path) -> None:
    """Metadata is judged as a config.json is."""
    metadata, tensors = small(**{"llama__attention.head_count": 3})
    with pytest.raises(InvalidConfig):
        gguf_dir(written(tmp_path, metadata, tensors))


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 700), changed=st.binary(min_size=1, max_size=8))
def test_any_change_of_a_file_is_read_or_explained(tmp_path: Path, at: int, changed: bytes) -> None:
    """Whatever a header says, the folder is read, or refused with a reason."""
    content = bytearray(writer.header(*small()))
    content[at : at + len(changed)] = changed
    (tmp_path / "a.gguf").write_bytes(bytes(content))
    try:
        assert gguf_dir(tmp_path).gguf is not None
    except (InvalidModelDir, InvalidConfig) as fault:
        assert "a.gguf" in str(fault)  # noqa: PT017  (either is right)


def line(folder: Path, engine: str = "llama.cpp", *args: str) -> dict[str, Any]:
    """Return the batch line of a folder, as the command line hands it on."""
    found = gguf_dir(folder)
    assert found.gguf is not None
    named = {"model_id": str(folder), "config": dict(found.config or {}), "gguf": found.gguf.document()}
    return {"gpu": "v100-16gb", "gpus": 1, "engine": engine, "engine_version": "b9000", **named, "args": list(args)}


def test_a_line_carries_the_file(tmp_path: Path) -> None:
    """A spec with a file is written as a line and read back as the same, and judged without -m."""
    (tmp_path / "a.gguf").write_bytes(writer.file_of(TINY, "Q4_K_M"))
    spec = spec_from_line(line(tmp_path, "llama.cpp", "-c", "2048"))
    assert spec_from_line(json.loads(json.dumps(line_from_spec(spec)))) == spec
    assert judge(spec).verdict == "accept"


def test_another_file_than_the_one_read_is_unknown(tmp_path: Path) -> None:
    """A command line that names another file, or a repository, is not judged from the header."""
    (tmp_path / "a.gguf").write_bytes(writer.file_of(TINY, "Q4_K_M"))
    assert judge(spec_from_line(line(tmp_path, "llama.cpp", "-m", "/data/a.gguf", "-c", "2048"))).verdict == "accept"
    for args in (("-m", "b.Q4_K_M.gguf"), ("-hf", "a/b:Q4_K_M")):
        verdict = judge(spec_from_line(line(tmp_path, "llama.cpp", *args, "-c", "2048")))
        assert verdict.verdict == "unknown"
        assert any("what is judged is a.gguf" in finding.message for finding in verdict.findings)


def test_other_engines_are_not_judged_by_a_file(tmp_path: Path) -> None:
    """A folder with nothing but a GGUF file says nothing of what TGI does with it."""
    (tmp_path / "a.gguf").write_bytes(writer.file_of(TINY, "Q4_K_M"))
    verdict = judge(spec_from_line(line(tmp_path, "tgi") | {"engine_version": "3.0.1"}))
    assert verdict.verdict != "accept"
    assert any("there is no other checkpoint beside it" in finding.message for finding in verdict.findings)


def test_files_of_single_experts_do_not_load(tmp_path: Path) -> None:
    """Mixtral files of 2023 end every build that the facts cover."""
    metadata, tensors = small(llama__expert_count=8, llama__expert_used_count=2)
    tensors += [(f"blk.{layer}.ffn_up.0.weight", (64, 128), "Q4_0") for layer in range(2)]
    verdict = judge(spec_from_line(line(written(tmp_path, metadata, tensors), "llama.cpp", "-c", "512", "-ngl", "99")))
    assert verdict.verdict == "refuse"
    assert any("missing tensor 'blk.0.ffn_down_exps.weight'" in finding.why for finding in verdict.findings)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"layers": [1]}, "layers: 1 sizes, and the model has 22 layers"),
        ({"layers": None}, "layers: missing"),
        ({"layers": [-1] * 22}, "layers: found -1"),
        ({"total": 2**60}, "total: found"),
        ({"name": 5}, "name: found 5"),
        ({"unheard": 5}, "unheard: unknown key"),
    ],
)
def test_a_file_in_a_line_is_checked(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    """What a line says of a file is checked as all else in it."""
    (tmp_path / "a.gguf").write_bytes(writer.file_of(TINY, "Q4_K_M"))
    wrong = line(tmp_path)
    wrong["gguf"] |= change
    with pytest.raises(InvalidLine) as fault:
        spec_from_line(wrong)
    assert f"gguf: {why}" in str(fault.value)
    with pytest.raises(InvalidLine, match="gguf: 5 is not an object"):
        spec_from_line(wrong | {"gguf": 5})

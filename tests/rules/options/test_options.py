"""The legal exceptions and the arithmetic of rules about options that no manifest alone shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import engines
from voltaic.document import spec_from_line
from voltaic.engines import data, outdated
from voltaic.engines.llama_cpp import command_line as llama
from voltaic.engines.versions import parse_version, within
from voltaic.engines.vllm import releases as vllm_releases
from voltaic.engines.vllm.options import options as vllm_options
from voltaic.engines.words.options import table
from voltaic.rules import catalogue
from voltaic.verdict import judge

if TYPE_CHECKING:
    from pathlib import Path

    from voltaic.engines.outdated import Old

_OFF = {"USE_FLASH_ATTENTION": "false"}
_TINY = "TinyLlama/TinyLlama-1.1B-Chat-v1.0"
_QWEN = "Qwen/Qwen2.5-1.5B-Instruct"
_INT8 = "--num-shard 1 --quantize bitsandbytes"
_AWQ = "Qwen/Qwen2.5-7B-Instruct-AWQ"


def _said(rule: str, engine: str, args: str, **line: Any) -> list[str]:
    """Return the messages of one rule about a spec."""
    given = {"engine": engine, "model": _TINY, "gpu": "v100-16gb", "gpus": 1, "args": args.split(), **line}
    given = {key: value for key, value in given.items() if value is not None}
    asked = next(one for one in catalogue.about("spec") if one.id == rule)
    found = asked.ask(spec_from_line(given))
    assert {finding.level for finding in found} <= {"advisory"}
    assert all(finding.about for finding in found)
    return [finding.message for finding in found]


@pytest.mark.parametrize(
    ("version", "args", "found"),
    [
        ("3.0.1", "", 1),
        ("3.0.1", "--max-batch-size 4", 0),
        ("3.0.1", "--max-concurrent-requests 200", 0),
        ("2.2.0", "--max-batch-size 4", 1),
        ("2.2.0", "--max-concurrent-requests 4", 0),
        ("3.0.1", "--max-total-tokens 2048", 0),
        ("3.0.1", "--max-batch-size x", 0),
    ],
)
def test_what_bounds_a_batch(version: str, args: str, found: int) -> None:
    """A stated number of requests is a bound in every release; where the bill does not fit, the verdict has said so."""
    limits = "--num-shard 1 --max-input-tokens 128 --max-batch-prefill-tokens 128"
    total = "" if "total" in args else "--max-total-tokens 256"
    said = _said("batch-unbounded", "tgi", f"{limits} {total} {args}", engine_version=version, env=_OFF)
    assert len(said) == found


def test_a_pool_bounds_a_batch() -> None:
    """With flash attention the cache is a pool, so that nothing is said."""
    line = {"engine_version": "3.3.7", "gpu": "a10g-24gb"}
    assert _said("batch-unbounded", "tgi", "--num-shard 1", **line) == []


@pytest.mark.parametrize(
    ("engine", "version", "args", "found"),
    [
        ("tgi", "3.0.1", "--num-shard 1 --max-total-tokens 4096 --max-input-tokens 2000 --max-batch-size 1", 1),
        ("tgi", "3.0.1", "--num-shard 1 --max-total-tokens 2048 --max-input-tokens 2000 --max-batch-size 1", 0),
        ("lmdeploy", "0.16.0-cu12.8", f"{_TINY} --dtype float16 --session-len 4096", 1),
        ("lmdeploy", "0.16.0-cu12.8", f"{_TINY} --dtype float16 --session-len 4096 --rope-scaling-factor 2.0", 0),
        ("lmdeploy", "0.16.0-cu12.8", f"{_TINY} --dtype float16", 0),
        ("llama.cpp", "cuda-b9000", "-m tinyllama.Q4_K_M.gguf -ngl 999 -c 4096 -np 1", 1),
        ("llama.cpp", "cuda-b9000", "-m tinyllama.Q4_K_M.gguf -ngl 999 -c 4096 -np 2", 0),
        ("llama.cpp", "cuda-b9000", "-m tinyllama.Q4_K_M.gguf -ngl 999 -c 4096 -np 2 -kvu", 1),
        ("llama.cpp", "cuda-b9000", "-m tinyllama.Q4_K_M.gguf -ngl 999 -c 4096 -np 1 --rope-scale 2", 0),
    ],
)
def test_requests_longer_than_the_model(engine: str, version: str, args: str, found: int) -> None:
    """What one request may have is compared with the positions of the model, unless an option stretches them."""
    assert len(_said("context-length", engine, args, engine_version=version, env=_OFF)) == found


def test_positions_without_a_bound() -> None:
    """A model whose positions have no bound (ALiBi) has no longest request."""
    args = "--num-shard 1 --max-total-tokens 8192 --max-input-tokens 4096 --max-batch-size 1"
    line = {"engine_version": "3.0.1", "env": _OFF, "model": "bigscience/bloom-560m"}
    assert _said("context-length", "tgi", args, **line) == []


@pytest.mark.parametrize(
    ("line", "args", "found"),
    [
        ({"env": _OFF}, "--max-batch-prefill-tokens 40000 --max-batch-size 4", 0),
        ({"gpu": "a10g-24gb"}, "--max-batch-prefill-tokens 40000", 1),
        ({"gpu": "a10g-24gb"}, "--max-batch-prefill-tokens 40000 --max-concurrent-requests 512", 0),
        ({"env": _OFF}, "--max-batch-prefill-tokens 200 --max-batch-size 129", 1),
        ({"env": _OFF, "engine_version": "2.2.0"}, "--max-batch-prefill-tokens 200 --max-batch-size 129", 0),
    ],
)
def test_limits_that_others_undo(line: dict[str, Any], args: str, found: int) -> None:
    """What is reserved counts where it is reserved, and a batch where the release keeps to it."""
    limits = "--num-shard 1 --max-input-tokens 200 --max-total-tokens 300"
    assert len(_said("limits-incoherent", "tgi", f"{limits} {args}", **{"engine_version": "3.0.1", **line})) == found


@pytest.mark.parametrize(
    ("scaling", "found"),
    [
        (None, 1),
        ({"type": "linear", "factor": 2.0}, 0),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 2048}, 0),
        ({"type": "linear"}, 0),
    ],
)
def test_positions_that_the_configuration_stretches(scaling: dict[str, Any] | None, found: int) -> None:
    """A factor of the configuration counts; one that cannot be read leaves it open."""
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 2048,
        "num_hidden_layers": 22,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "intermediate_size": 5632,
        "vocab_size": 32000,
        "max_position_embeddings": 2048,
        "torch_dtype": "float16",
        "rope_scaling": scaling,
    }
    args = "--num-shard 1 --max-total-tokens 4096 --max-input-tokens 2000 --max-batch-size 1"
    line = {"engine_version": "3.0.1", "env": _OFF, "config": config}
    assert len(_said("context-length", "tgi", args, model=None, **line)) == found


@pytest.mark.parametrize(
    ("engine", "line", "args", "found"),
    [
        ("vllm", {"gpu": "a10g-24gb", "model": _AWQ, "engine_version": "0.16.0"}, "--quantization awq", 1),
        ("vllm", {"gpu": "a10g-24gb", "model": _AWQ, "engine_version": "0.16.0"}, "--quantization awq_marlin", 0),
        ("vllm", {"gpu": "a10g-24gb", "model": _AWQ, "engine_version": "0.4.3"}, "--quantization awq", 0),
        ("vllm", {"gpu": "t4-16gb", "model": _AWQ, "engine_version": "0.8.5"}, "--quantization awq", 0),
        ("vllm", {"gpu": "t4-16gb", "model": _AWQ, "engine_version": "0.14.0"}, "--quantization awq", 1),
        ("vllm", {"gpu": "a10g-24gb", "model": _QWEN, "engine_version": "0.16.0"}, "--dtype float32", 1),
        ("vllm", {"gpu": "a10g-24gb", "model": _QWEN, "engine_version": "0.16.0"}, "--quantization bitsandbytes", 0),
        ("vllm", {"gpu": "a10g-24gb", "model": _QWEN, "engine_version": "0.16.0"}, "--dtype bfloat16", 0),
        (
            "vllm",
            {"gpu": "v100-16gb", "model": "google/gemma-2-2b-it", "engine_version": "0.10.2"},
            "--dtype float32",
            0,
        ),
        ("tgi", {"gpu": "v100-16gb", "engine_version": "3.0.1", "env": _OFF}, "--num-shard 1 --dtype bfloat16", 1),
        ("tgi", {"gpu": "v100-16gb", "engine_version": "3.0.1", "env": _OFF}, "--num-shard 1 --dtype float16", 0),
        ("tgi", {"gpu": "a10g-24gb", "engine_version": "3.0.1"}, "--num-shard 1 --quantize bitsandbytes", 1),
        ("tgi", {"gpu": "a10g-24gb", "engine_version": "2.0.4"}, "--num-shard 1 --quantize bitsandbytes", 0),
        ("tgi", {"gpu": "a10g-24gb", "model": _AWQ, "engine_version": "3.0.1"}, _INT8, 0),
        (
            "tgi",
            {"gpu": "v100-16gb", "engine_version": "3.0.1", "env": _OFF},
            "--num-shard 1 --quantize bitsandbytes",
            0,
        ),
    ],
)
def test_what_is_slow(engine: str, line: dict[str, Any], args: str, found: int) -> None:
    """Slow is what an option makes slow, not what the GPU or the family leaves no choice in."""
    model = f"--model {line['model']} " if engine == "vllm" else ""
    assert len(_said("dtype-slow", engine, model + args, **line)) == found


def test_the_way_out_of_a_slow_format_is_accepted() -> None:
    """The format that the launcher names instead starts on the same GPU."""
    line = {"engine": "tgi", "engine_version": "3.3.7", "model": _TINY, "gpu": "a10g-24gb", "gpus": 1}
    verdict = judge(spec_from_line(line | {"args": ["--num-shard", "1", "--quantize", "eetq"]}))
    assert verdict.verdict == "accept"


@pytest.mark.parametrize(
    ("version", "args", "env", "where"),
    [
        ("0.10.0", "--disable-log-requests", {}, []),
        ("0.10.1", "--disable-log-requests", {}, ["--disable-log-requests"]),
        ("0.10.1", "--no-disable-log-requests", {}, ["--no-disable-log-requests"]),
        ("0.10.1", "--disable_log_requests", {}, ["--disable_log_requests"]),
        ("0.11.0", "--task=generate", {}, ["--task"]),
        ("0.10.1", "", {"HUGGING_FACE_HUB_TOKEN": None}, ["HUGGING_FACE_HUB_TOKEN"]),
        ("0.10.1", "", {"HUGGING_FACE_HUB_TOKEN": None, "HF_TOKEN": None}, []),
        ("0.10.1", "", {"TRANSFORMERS_CACHE": "/a", "HF_HOME": "/a"}, []),
        ("latest", "--disable-log-requests", {}, []),
    ],
)
def test_outdated_names(version: str, args: str, env: dict[str, str | None], where: list[str]) -> None:
    """Names are outdated by release, however they are spelled; beside the newer name they stand for older releases."""
    line = {"engine": "vllm", "engine_version": version, "model": _QWEN, "args": f"--model {_QWEN} {args}".split()}
    assert [written.where for written in outdated.outdated(spec_from_line(line | {"env": env}))] == where


def test_values_that_are_outdated() -> None:
    """An option may be in order and one of its values outdated."""
    line = {"engine": "lmdeploy", "engine_version": "0.16.0", "model": _QWEN}
    for words, found in (("--communicator native", 1), ("--communicator=native", 1), ("--communicator nccl", 0)):
        assert len(outdated.outdated(spec_from_line(line | {"args": [_QWEN, *words.split()]}))) == found


@pytest.mark.parametrize("old", outdated._table("vllm"), ids=lambda old: (*old.flags, *old.variables)[0])
def test_outdated_options_are_options(old: Old) -> None:
    """Every outdated option of vLLM is one that all releases in its range still take."""
    numbers = [parse_version(text) for text in vllm_releases.versions()]
    held = [number for number in numbers if number and any(within(number, text) for text in old.releases)]
    assert held
    for flag in old.flags:
        option = vllm_options().by_name[flag.removeprefix("--").replace("-", "_")]
        assert all(option.in_release(number) for number in held), flag


def test_outdated_options_of_others_are_options() -> None:
    """The same holds for the other engines."""
    spellings = {word for option in table(llama.DIALECT.path).by_name.values() for word in option.spellings}
    assert {flag for old in outdated._table("llama.cpp") for flag in old.flags} <= spellings
    tgi = engines.engine("tgi")
    assert tgi is not None
    for old in outdated._table("tgi"):
        assert [tgi.parse("3.3.7", [flag, "5"], {}).faults for flag in old.flags] == [()] * len(old.flags)


@pytest.mark.parametrize(
    "row",
    [
        'releases = "*"',
        'flags = ["--a"]\nreleases = "*"\ndoes = "little"',
        'flags = ["--a"]\nreleases = "*"\nuses = "--b"',
    ],
)
def test_outdated_names_that_contradict_themselves_are_not_read(tmp_path: Path, row: str) -> None:
    """A row without a name, an effect that nobody knows, and a key that nobody reads are errors of the data."""
    file = tmp_path / "outdated.toml"
    file.write_text(f'source = "x"\nconfidence = "read"\n[[name]]\n{row}\n')
    with pytest.raises(data.BadFactsError):
        outdated._rows(file, "vllm")


@pytest.mark.parametrize(
    ("version", "args", "found"),
    [
        ("0.16.0", "--swap-space 4", 1),
        ("0.16.0", "--swap-space 0", 0),
        ("0.16.0", "", 0),
    ],
)
def test_what_vllm_ignores(version: str, args: str, found: int) -> None:
    """What its V1 engine does not read is said where that engine serves, and a verdict says the same."""
    line = {"engine": "vllm", "engine_version": version, "model": _QWEN, "gpu": "a10g-24gb", "gpus": 1}
    spec = spec_from_line(line | {"args": f"--model {_QWEN} --max-model-len 4096 {args}".split()})
    rule = next(one for one in catalogue.about("spec") if one.id == "ignored-options")
    said = [finding.message for finding in rule.ask(spec)]
    assert len(said) == found
    assert [ground.message for ground in judge(spec).rests_on if ground.kind == "differs"] == said

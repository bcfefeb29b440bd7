"""Commands that voltaic prints, typed as they are printed: each is accepted."""

from __future__ import annotations

import io
import json
import shlex
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cli import quick
from cli.main import app
from voltaic import engines, hardware, settings
from voltaic.models import known, known_ids, known_model
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

GPUS = [gpu.name for gpu in hardware.gpu_models()]
ARGUMENTS = {
    "tgi": (
        (),
        ("--num-shard", "2", "--quantize", "awq"),
        ("--max-input-tokens", "7000", "--max-total-tokens", "8192", "--max-batch-size", "64"),
        ("--num-shard", "1", "--max-input-tokens", "4000", "--max-total-tokens", "4096", "--dtype", "bfloat16"),
    ),
    "vllm": ((), ("--max-model-len", "32768"), ("--max-model-len", "8192", "-tp", "2", "--dtype", "bfloat16")),
    "lmdeploy": ((), ("--session-len", "65536"), ("--tp", "2", "--session-len", "8192", "--model-format", "awq")),
    **dict.fromkeys(("sglang", "tensorrt-llm", "exllamav3", "ollama"), ((),)),
    "llama.cpp": (("-c", "65536", "-ngl", "99"), ("-hf", "a/b:Q4_K_M", "-c", "131072", "-np", "8")),
}


def corpus() -> list[list[str]]:
    """Return what people ask, over all models, GPUs and engines: a stack, and a command line of one's own, of each."""
    asked = []
    for number, model in enumerate(known_ids()):
        profile = f"{GPUS[number % len(GPUS)].removesuffix('-16gb')}-{1 + number % 2}gpu"
        asked.append(["plan", "--profile", profile, "--model", model])
        asked.append(["plan", "--profile", f"v100-{1 + number % 4}gpu", "--model", model])
        for turn, engine in enumerate(engines.names()):
            said = ARGUMENTS.get(engine, ((),))
            gpu, count = GPUS[(3 * number + turn) % len(GPUS)], str(1 + (number + turn) % 2)
            args = said[number % len(said)]
            words = ["plan", "--gpu", gpu, "--gpus", count, "--engine", engine, "--model", model]
            asked.append([*words, *(["--", *args] if args else [])])
    return asked


def typed(words: Sequence[str]) -> tuple[int, str]:
    """Return exit code and output of a command line."""
    out = io.StringIO()
    with redirect_stdout(out):
        code = quick.plan(words)
    if code is not None:
        return code, out.getvalue()
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def printed(out: str) -> Iterator[list[list[str]]]:
    """Yield the commands that stand together in an output, as a shell reads them."""
    block: list[list[str]] = []
    for line in [*out.splitlines(), ""]:
        if line.startswith("    ") and line.strip().startswith(("voltaic ", "pulumi ")):
            block.append(shlex.split(line))
        elif block:
            yield block
            block = []


def refused_by(block: list[list[str]], asked: Sequence[str]) -> list[str]:
    """Return the commands that are not accepted: plans as they stand, changes of a stack all together."""
    wrong = []
    stack = dict(zip(asked[1::2], asked[2::2], strict=False))
    stack = {"profile": stack.get("--profile"), "model": stack.get("--model")}
    for words in block:
        if words[0] == "voltaic":
            code, out = typed(words[1:])
            wrong += [] if code == 0 else [f"{shlex.join(words)}: {code} {out[:2000]}"]
        elif words[:3] == ["pulumi", "config", "set"]:
            stack[words[3]] = words[4]
        else:
            stack.pop(words[3], None)
    if any(words[0] == "pulumi" for words in block):
        verdict = judge(settings.serving_spec(settings.read(stack, where="here")))
        wrong += [] if verdict.verdict == "accept" else [f"{stack}: {verdict.verdict} {verdict.answers}"]
    return wrong


def wrong_of(asked: Sequence[str]) -> tuple[int, list[str]]:
    """Return how many blocks of commands an answer prints, and what is wrong with them."""
    code, out = typed(asked)
    assert code in {0, 1, 3}, (shlex.join(asked), out)
    blocks = list(printed(out))
    return len(blocks), [fault for block in blocks for fault in refused_by(block, asked)]


TYPICAL = [
    shlex.split(line)
    for line in (
        "plan --profile v100-1gpu --model Qwen/Qwen2.5-14B-Instruct",
        "plan --profile v100-1gpu --model meta-llama/Llama-2-13b-chat-hf",
        "plan --gpu v100-16gb --gpus 1 --engine vllm --model Qwen/Qwen2.5-14B-Instruct",
        "plan --gpu v100-16gb --gpus 2 --engine vllm --model mistralai/Mistral-7B-Instruct-v0.2",
        "plan --gpu t4-16gb --gpus 1 --model Qwen/Qwen2.5-7B-Instruct --env HUGGING_FACE_HUB_TOKEN=hf_x --env 'A=b c'",
    )
]


@pytest.mark.parametrize("asked", [*TYPICAL, *corpus()[::97]], ids=" ".join)
def test_what_a_refusal_prints_is_accepted(asked: list[str]) -> None:
    """Each command that a refusal names, typed as it is printed, is accepted."""
    assert wrong_of(asked)[1] == []


@pytest.mark.parametrize("asked", corpus()[5::211], ids=" ".join)
def test_limits_that_are_printed_are_accepted(asked: list[str]) -> None:
    """Each command that `voltaic limits` prints, typed as it is printed, is accepted."""
    assert wrong_of(["limits", *asked[1:]])[1] == []


@pytest.fixture
def thirteen(tmp_path: Path) -> Path:
    """Return a folder with a blank in its name, that holds the configuration of a model of 13 B parameters."""
    folder = tmp_path / "my model"
    folder.mkdir()
    config = known_model("meta-llama/Llama-2-13b-chat-hf").config
    (folder / "config.json").write_text(json.dumps(dict(config)))
    return folder


def test_a_folder_is_named_as_it_was(thirteen: Path) -> None:
    """Ways out for a model of one's own name its folder, in quotes where it needs them."""
    asked = ["plan", "--gpu", "v100-16gb", "--gpus", "1", "--model-dir", str(thirteen)]
    blocks, wrong = wrong_of([*asked, "--env", "USE_FLASH_ATTENTION=false"])
    assert blocks
    assert wrong == []


@pytest.fixture
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep what is added in a folder of the test's own."""
    monkeypatch.setenv("VOLTAIC_MODELS", str(tmp_path / "own"))
    known.forget()
    yield
    known.forget()


@pytest.mark.usefixtures("_own")
@pytest.mark.parametrize("where", [["--profile", "v100-1gpu"], ["--gpu", "v100-16gb", "--gpus", "1"]], ids=" ".join)
def test_a_model_that_was_added_is_named_by_its_id(thirteen: Path, where: list[str]) -> None:
    """Ways out for a model that a user added name it as the user does: no folder has it any more."""
    engine = [] if "--profile" in where else ["--engine", "vllm"]
    added = CliRunner().invoke(app, ["models", "add", str(thirteen), "--id", "team/thirteen"])
    assert added.exit_code == 0, added.output
    blocks, wrong = wrong_of(["plan", *where, *engine, "--model", "team/thirteen"])
    assert blocks
    assert wrong == []

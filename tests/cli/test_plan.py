"""`voltaic plan`: one spec, for people and for machines."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Voltaic = Callable[..., Result]
    VoltaicProcess = Callable[..., subprocess.CompletedProcess[str]]

TOO_LARGE = ("--gpu", "v100-16gb", "--gpus", "1", "--model", "meta-llama/Llama-2-13b-chat-hf")
SECRET = "correct-horse"
FLASH_OFF = ("--env", "USE_FLASH_ATTENTION=false")


@pytest.mark.parametrize("output", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--profile", "v100-2gpu", "--model", "mistralai/Mistral-7B-Instruct-v0.2", *FLASH_OFF), 0),
        ((*TOO_LARGE, *FLASH_OFF), 1),
        (("--profile", "v100-2gpu"), 2),
        (("--profile", "v100-2gpu", "--model", "nobody/nothing", *FLASH_OFF), 3),
    ],
    ids=["accept", "refuse", "bad input", "unknown"],
)
def test_exit_codes_of_the_real_command(
    voltaic_process: VoltaicProcess,
    accepted_arguments: tuple[str, ...],
    words: tuple[str, ...],
    output: tuple[str, ...],
    code: int,
) -> None:
    """0 accept, 1 refused, 2 bad input, 3 unknown, whatever is printed; and never a traceback."""
    done = voltaic_process("plan", *words, *output, *accepted_arguments)

    assert done.returncode == code
    assert "Traceback" not in done.stdout + done.stderr


def test_an_accepted_plan_as_people_read_it(
    voltaic: Voltaic, accepted_words: tuple[str, ...], accepted_arguments: tuple[str, ...]
) -> None:
    """Verdict first, then how it runs, then the bill in GiB with two decimals, which adds up."""
    result = voltaic(*accepted_words, *accepted_arguments)

    lines = result.stdout.splitlines()
    assert lines[0] == "ACCEPTED  mistralai/Mistral-7B-Instruct-v0.2 on 2 x v100-16gb with tgi 3.0.1"
    assert lines[1].startswith("Runs as transformers-fallback: one process, layers split over 2 GPUs, float16")
    start = next(number for number, line in enumerate(lines) if line.startswith("VRAM per GPU at the worst moment ("))
    rows = [(line[:17].strip(), line.split()[-1]) for line in lines[start + 2 : start + 10]]
    assert [name for name, _ in rows] == [
        *("context", "weights", "KV cache", "activations", "planning margin", "total", "budget", "headroom"),
    ]
    assert all(value[-3] == "." for _, value in rows)
    sizes = {name: float(value) for name, value in rows}
    parts = sum(sizes[name] for name in ("context", "weights", "KV cache", "activations", "planning margin"))
    assert sizes["total"] == pytest.approx(parts, abs=0.03)
    assert sizes["headroom"] == pytest.approx(sizes["budget"] - sizes["total"], abs=0.02)
    assert not [line for line in lines if line != line.rstrip()], "no blanks at the ends of lines"


def test_a_refused_plan_has_the_way_out_as_commands(voltaic: Voltaic, accepted_arguments: tuple[str, ...]) -> None:
    """A refusal says rule, reason and way out; the proven fixes can be copied, and are accepted."""
    result = voltaic("plan", *TOO_LARGE, *FLASH_OFF, *accepted_arguments)

    lines = result.stdout.splitlines()
    assert lines[0] == "REFUSED  meta-llama/Llama-2-13b-chat-hf on 1 x v100-16gb with tgi 3.0.1"
    assert "vram-budget  mandatory, violation" in lines
    assert [line for line in lines if line.startswith("  Why: ")]
    assert [line for line in lines if line.startswith("  Way out: ")]
    assert "pulumi" not in result.stdout, "these settings belong to stack files"
    commands = [shlex.split(line) for line in lines if line.startswith("    voltaic plan ")]
    assert commands
    for command in commands:
        again = voltaic(*command[1:])
        assert (again.stdout.split(maxsplit=1)[0], again.exit_code) == ("ACCEPTED", 0)


def test_json_is_one_document_and_nothing_else(
    voltaic: Voltaic, accepted_words: tuple[str, ...], accepted_arguments: tuple[str, ...]
) -> None:
    """Stdout is the document, stderr is empty."""
    result = voltaic(*accepted_words, "--json", *accepted_arguments)

    document = json.loads(result.stdout)
    assert (document["schema"], document["verdict"], result.stderr) == ("voltaic/plan/v1", "accept", "")
    assert document["spec"]["args"] == list(accepted_arguments[1:])


def test_a_plan_and_its_batch_line_agree(
    voltaic: Voltaic,
    accepted_words: tuple[str, ...],
    accepted_arguments: tuple[str, ...],
    accepted_line: dict[str, Any],
) -> None:
    """The options of the command and the keys of a line mean the same."""
    plan = json.loads(voltaic(*accepted_words, "--json", *accepted_arguments).stdout)
    line = json.loads(voltaic("plan", "--batch", "-", input=json.dumps(accepted_line)).stdout)

    assert plan == line


def test_engine_and_release_default_to_those_of_our_stacks(
    voltaic: Voltaic, accepted_arguments: tuple[str, ...]
) -> None:
    """Left out, engine and release are what a stack without them gets; nothing else is derived."""
    words = ("plan", "--profile", "v100-2gpu", "--model", "gpt2", "--json")

    spec = json.loads(voltaic(*words, *accepted_arguments).stdout)["spec"]

    assert (spec["engine"], spec["engine_version"], spec["env"]) == ("tgi", "3.0.1", {})


def test_profile_and_model_alone_ask_what_a_stack_would_run(voltaic: Voltaic, tmp_path: Path) -> None:
    """With nothing else given the core derives the rest, as for a stack file of these two settings."""
    settings = ("--profile", "v100-2gpu", "--model", "mistralai/Mistral-7B-Instruct-v0.2")
    stack = tmp_path / "Pulumi.it.yaml"
    stack.write_text(f"config:\n  voltaic:profile: {settings[1]}\n  voltaic:model: {settings[3]}\n", encoding="utf-8")

    plan = json.loads(voltaic("plan", *settings, "--json").stdout)
    deployed = json.loads(voltaic("check", str(stack), "--json").stdout)["workloads"][0]["plan"]
    text = voltaic("plan", *settings).stdout.splitlines()

    assert plan == deployed
    assert plan["verdict"] == "accept"
    assert text[1] == "Derived as for a stack with these two settings:"
    start = text.index(next(line for line in text if line.startswith("Runs as ")))
    derived = " ".join(line.strip() for line in text[2:start])
    assert derived.startswith("USE_FLASH_ATTENTION=false ")
    assert derived.endswith(shlex.join(plan["spec"]["args"]))


def test_the_ways_out_of_such_a_stack_are_settings_and_are_accepted(voltaic: Voltaic) -> None:
    """The change is typed as settings; where profile and model say it all, the plan of it is there and is accepted."""
    result = voltaic("plan", "--profile", "v100-1gpu", "--model", "meta-llama/Llama-2-13b-chat-hf")

    lines = [line.strip() for line in result.stdout.splitlines() if line.startswith("    ")]
    assert lines[lines.index("pulumi config set profile v100-2gpu") + 1] == (
        "voltaic plan --profile v100-2gpu --model meta-llama/Llama-2-13b-chat-hf"
    )
    plans = [line for line in lines if line.startswith("voltaic plan ")]
    assert [voltaic(*shlex.split(plan)[1:]).exit_code for plan in plans] == [0] * len(plans)
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "words",
    [("--",), ("--engine", "tgi"), ("--engine-version", "3.0.1"), FLASH_OFF],
    ids=["mark", "engine", "release", "variable"],
)
def test_with_any_other_option_nothing_is_derived(voltaic: Voltaic, words: tuple[str, ...]) -> None:
    """What is given is judged as it stands."""
    settings = ("--profile", "v100-2gpu", "--model", "mistralai/Mistral-7B-Instruct-v0.2")

    spec = json.loads(voltaic("plan", *settings, "--json", *words).stdout)["spec"]

    assert spec["args"] == []


def test_a_model_that_no_stack_could_name_is_bad_input(voltaic: Voltaic) -> None:
    """The settings of such a stack are held to their own standard."""
    result = voltaic("plan", "--profile", "v100-2gpu", "--model", "not a model")

    assert result.stderr.startswith("voltaic plan: --model: ")
    assert result.exit_code == 2


def test_a_model_directory_needs_no_weights(
    voltaic: Voltaic, accepted_arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """`--model-dir` judges a configuration that no catalogue knows."""
    config = {
        "model_type": "llama",
        "hidden_size": 2048,
        "num_hidden_layers": 22,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "intermediate_size": 5632,
        "vocab_size": 32000,
        "max_position_embeddings": 4096,
        "torch_dtype": "float16",
    }
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")

    result = voltaic(
        *("plan", "--gpu", "v100-16gb", "--gpus", "1", "--model-dir", str(tmp_path), *FLASH_OFF, "--json"),
        *accepted_arguments,
    )

    document = json.loads(result.stdout)
    assert (document["verdict"], document["spec"]["model_id"]) == ("accept", str(tmp_path))
    assert document["spec"]["config"] == config


def test_an_option_of_the_engine_that_is_ours_too_goes_to_the_engine(
    voltaic: Voltaic, accepted_words: tuple[str, ...]
) -> None:
    """Behind the mark nothing is ours, not even `--json` or a second mark."""
    result = voltaic(*accepted_words, "--json", "--", "--json", "--", "--model", "x")

    assert json.loads(result.stdout)["spec"]["args"] == ["--json", "--", "--model", "x"]


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_narrow_terminal_gets_lines_that_fit(
    voltaic: Voltaic, accepted_arguments: tuple[str, ...], width: int
) -> None:
    """Text is wrapped and the table of eight GPUs is broken up; only commands keep their length, to be copied."""
    words = ("plan", "--profile", "v100-8gpu", "--model", "meta-llama/Llama-2-13b-chat-hf", *FLASH_OFF)

    result = voltaic(*words, *accepted_arguments, env={"COLUMNS": str(width)})

    lines = [line for line in result.stdout.splitlines() if not line.startswith("    ")]
    assert max(map(len, lines)) <= width


def test_colours_only_where_they_are_wanted(
    voltaic_process: VoltaicProcess, accepted_words: tuple[str, ...], accepted_arguments: tuple[str, ...]
) -> None:
    """No colour in a pipe; FORCE_COLOR asks for it, NO_COLOR refuses it."""
    words = (*accepted_words, *accepted_arguments)

    plain = voltaic_process(*words)
    forced = voltaic_process(*words, FORCE_COLOR="1", TERM="xterm")
    refused = voltaic_process(*words, FORCE_COLOR="1", TERM="xterm", NO_COLOR="1")

    assert "\x1b[" not in plain.stdout
    assert forced.stdout.startswith("\x1b[1;32mACCEPTED")
    assert "\x1b[1;32m" not in refused.stdout


@pytest.mark.parametrize("more", [(), (f"--api-key={SECRET}", SECRET)], ids=["well-formed", "given twice"])
@pytest.mark.parametrize("output", [(), ("--json",)], ids=["text", "json"])
def test_no_secret_is_printed(
    voltaic: Voltaic, accepted_arguments: tuple[str, ...], output: tuple[str, ...], more: tuple[str, ...]
) -> None:
    """Tokens and keys that were typed do not come back: not in the bill, not in a finding, not in a command."""
    words = ("plan", *TOO_LARGE, *FLASH_OFF, "--env", f"HF_TOKEN={SECRET}", "--env", f"API_KEY={SECRET}", *output)

    result = voltaic(*words, *accepted_arguments, "--api-key", SECRET, *more)

    assert result.exit_code == 1
    assert SECRET not in result.output
    assert "(hidden)" in result.output


def test_a_folder_with_a_gguf_file_is_judged_from_its_header(voltaic: Voltaic, tmp_path: Path) -> None:
    """llama.cpp needs no config.json beside a file; -m names one of several, and the document can be judged again."""
    from tests.models import gguf_writer

    name = "TinyLlama/TinyLlama-1.1B-Chat-v1.0"
    (tmp_path / "one.gguf").write_bytes(gguf_writer.file_of(name, "Q4_K_M"))
    words = ("plan", "--profile", "v100-1gpu", "--engine", "llama.cpp", "--model-dir", str(tmp_path))
    found = json.loads(voltaic(*words, "--json", "--", "-c", "4096").stdout)
    assert found["verdict"] == "accept"
    assert found["spec"]["gguf"]["name"] == "one.gguf"
    again = voltaic("plan", "--batch", "-", input=json.dumps(found["spec"]))
    assert json.loads(again.stdout)["memory"] == found["memory"]
    (tmp_path / "two.gguf").write_bytes(gguf_writer.file_of(name, "Q8_0"))
    several = voltaic(*words, "--", "-c", "4096")
    assert several.exit_code == 2
    assert "name the one that is served: -- -m FILE.gguf" in several.stderr
    larger = json.loads(voltaic(*words, "--json", "--", "-c", "4096", "-m", "/models/two.gguf").stdout)
    assert larger["memory"]["per_gpu"][0]["weights"] > found["memory"]["per_gpu"][0]["weights"]
    grid = json.loads(voltaic(*words, "--grid", "--context", "512", "--json", "--", "-m", "one.gguf").stdout)
    assert [cell["verdict"] for cell in grid["cells"]] == ["accept"]
    assert voltaic(*words[:4], "tgi", *words[5:]).exit_code == 2

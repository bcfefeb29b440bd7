"""Faults of usage: one message with all of them, exit code 2, no traceback."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from voltaic import engines, hardware

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]


def _unknown_gpu(name: str) -> str:
    """Return what the core says of a GPU model that it does not know."""
    with pytest.raises(hardware.UnknownGpuModel) as unknown:
        hardware.gpu_model(name)
    return str(unknown.value)


GPUS = ("--profile", "v100-2gpu")
MODEL = ("--model", "gpt2")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ("plan",),
            "voltaic plan: 2 faults\n"
            "  --profile: missing; give --profile NAME, or --gpu MODEL and --gpus N\n"
            "  --model: missing; give --model ID, or --model-dir DIR with its config.json\n"
            "Try 'voltaic plan --help'.\n",
            id="nothing given",
        ),
        pytest.param(
            (
                "plan",
                *GPUS,
                "--gpu",
                "v100-16gb",
                *MODEL,
                "--model-dir",
                ".",
                "--env",
                "A",
                "--env",
                "B=1",
                "--env",
                "B=2",
            ),
            "voltaic plan: 4 faults\n"
            "  --profile: names GPU model and count; leave out --gpu and --gpus\n"
            "  --model, --model-dir: give one of them\n"
            "  --env: 'A' is no variable with a value; write it as NAME=VALUE\n"
            "  --env: B is given twice\n"
            "Try 'voltaic plan --help'.\n",
            id="all at once",
        ),
        pytest.param(
            ("plan", "--gpu", "v100-16gb", *MODEL),
            "voltaic plan: --gpu, --gpus: belong together; give both\nTry 'voltaic plan --help'.\n",
            id="GPU without count",
        ),
        pytest.param(
            ("plan", "--batch", "-", *GPUS, "--", "--num-shard", "1"),
            "voltaic plan: --batch: takes everything from its lines; leave out --profile, -- ENGINE ARGUMENTS\n"
            "Try 'voltaic plan --help'.\n",
            id="batch and single",
        ),
        pytest.param(
            ("plan", "--batch", "nowhere.jsonl"),
            "voltaic plan: --batch nowhere.jsonl: No such file or directory\n",
            id="no batch file",
        ),
        pytest.param(
            ("plan", *GPUS, "--num-shard", "1"),
            "Usage: voltaic plan [OPTIONS] [-- ENGINE ARGUMENTS]\n"
            "Try 'voltaic plan --help' for help.\n\n"
            "Error: No such option: --num-shard\n"
            "Arguments of the engine go behind --, as in: voltaic plan … -- --num-shard 1\n",
            id="engine argument before the mark",
        ),
        pytest.param(
            ("plan", "--gpu", "v100-16gb", *MODEL, "--gpus", "1.5"),
            "voltaic plan: --gpus: '1.5' is not a number of GPUs; give a whole number from 1\n"
            "Try 'voltaic plan --help'.\n",
            id="half a GPU",
        ),
        pytest.param(
            ("plan", "--gpu", "v100-17gb", "--gpus", "1", *MODEL, "--engine", "vlm"),
            "voltaic plan: 2 faults\n"
            f"  --gpu: {_unknown_gpu('v100-17gb')}\n"
            f"  --engine: unknown engine 'vlm'; did you mean 'vllm'? known: {', '.join(engines.names())}\n",
            id="unheard-of GPU and engine",
        ),
        pytest.param(
            ("plan", "--profil", "v100-2gpu", *MODEL),
            "Usage: voltaic plan [OPTIONS] [-- ENGINE ARGUMENTS]\n"
            "Try 'voltaic plan --help' for help.\n\n"
            "Error: No such option: --profil; did you mean --profile?\n",
            id="misspelt option",
        ),
        pytest.param(
            ("plan", "--profile", "v100-1gpu,v100-2gpu", "--model", "", "--engine", "vlm"),
            "voltaic plan: 3 faults\n"
            "  --model: empty\n"
            "  --profile: 'v100-1gpu,v100-2gpu' is several; give one, or several with --grid\n"
            f"  --engine: unknown engine 'vlm'; did you mean 'vllm'? known: {', '.join(engines.names())}\n"
            "Try 'voltaic plan --help'.\n",
            id="several, none and another",
        ),
        pytest.param(
            ("plan", "--gpu", "v100-16gb", "--gpus", str(2**63), *MODEL),
            f"voltaic plan: gpus: {2**63} is not a number of GPUs of the pod; "
            f"allowed: whole numbers from 1 to {2**63 - 1}\n",
            id="more GPUs than a number holds",
        ),
        pytest.param(
            ("plan", "--grid"),
            "voltaic plan: 2 faults\n"
            "  --profile: give --profile NAME, or --gpu MODEL with --gpus N; each may have several values\n"
            "  --model: missing; give --model ID, or --model-dir DIR with its config.json\n",
            id="grid of nothing",
        ),
        pytest.param(
            ("check", ""),
            "voltaic check: '': an empty name; give a file, a folder, or - for stdin\n",
            id="nothing as a path",
        ),
        pytest.param(
            ("check", "nowhere.yaml"),
            "voltaic check: nowhere.yaml: No such file or directory\n",
            id="no manifest",
        ),
        pytest.param(
            ("check",),
            "Usage: voltaic check [OPTIONS] {PATH|-}...\n"
            "Try 'voltaic check --help' for help.\n\n"
            "Error: Missing argument 'PATH|-'.\n",
            id="nothing to check",
        ),
    ],
)
def test_faults_of_usage_come_at_once(voltaic: Voltaic, words: tuple[str, ...], message: str) -> None:
    """Each fault of the command line is named, in one message on stderr, with exit code 2."""
    result = voltaic(*words)

    assert (result.stderr, result.exit_code) == (message, 2)


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--profil", "x"),
        ("check",),
        ("models", "show"),
        ("models", "sohw", "gpt2"),
        ("models", "--famly", "llama"),
        ("rules", "vram-budget", "x"),
        ("plam",),
    ],
    ids=" ".join,
)
def test_wrong_words_are_a_document_too(voltaic: Voltaic, words: tuple[str, ...]) -> None:
    """Where a document is asked for, words that cannot be parsed give one on stdout, and the message on stderr."""
    result = voltaic(*words, "--json")

    document = json.loads(result.stdout)
    assert (document["schema"], len(document["faults"])) == ("voltaic/error/v1", 1)
    assert f"Error: {document['faults'][0]}" in result.stderr
    assert result.exit_code == 2


def test_help_names_arguments_without_types(voltaic: Voltaic) -> None:
    """Help says what an argument is in words, not in those of the language it is written in."""
    for command in (("check",), ("engines",), ("models", "show"), ("models", "add")):
        assert "<" not in voltaic(*command, "--help").stdout


def _started(*words: str, redirected: str) -> subprocess.CompletedProcess[str]:
    line = f"{shlex.join([sys.executable, '-m', 'cli', *words])} {redirected}"
    root = Path(__file__).parents[2]
    return subprocess.run(["/bin/sh", "-c", line], cwd=root, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [("plan", *GPUS, *MODEL), ("rules",)])
def test_a_stdout_that_is_closed_changes_no_verdict(words: tuple[str, ...]) -> None:
    """A caller who reads nothing but the exit code may close stdout."""
    done = _started(*words, redirected=">&-")

    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
@pytest.mark.parametrize("words", [("plan", *GPUS, *MODEL), ("rules", "--json")])
def test_a_full_disk_is_named(words: tuple[str, ...]) -> None:
    """Where stdout takes no more, that is what is said, and the exit code is no verdict."""
    done = _started(*words, redirected="> /dev/full")

    assert done.stderr == "voltaic: what it has to say cannot be written: No space left on device\n"
    assert done.returncode == 74


def test_an_unknown_profile_is_named_with_the_nearest(voltaic: Voltaic) -> None:
    """A typing error in the profile gets a suggestion, and with --json an error document."""
    result = voltaic("plan", "--profile", "v100-2gpuu", *MODEL, "--json")

    document = json.loads(result.stdout)
    assert result.stderr.startswith(
        "voltaic plan: --profile: unknown profile 'v100-2gpuu'; did you mean 'v100-2gpu'? A profile is "
    )
    assert (document["schema"], document["verdict"], len(document["faults"])) == ("voltaic/error/v1", "unknown", 1)
    assert result.exit_code == 2


def test_a_model_directory_without_configuration_is_bad_input(voltaic: Voltaic, tmp_path: Path) -> None:
    """A folder without config.json is named with what it lacks."""
    result = voltaic("plan", *GPUS, "--model-dir", str(tmp_path))

    assert result.stderr == (
        f"voltaic plan: --model-dir: {tmp_path}/config.json: missing; it holds the shapes of the model.\n"
    )
    assert result.exit_code == 2


def test_the_version_is_that_of_the_project(voltaic: Voltaic, monkeypatch: pytest.MonkeyPatch) -> None:
    """`voltaic --version` prints name and version."""
    monkeypatch.setattr("importlib.metadata.version", {"voltaic": "1.2.3"}.__getitem__)

    result = voltaic("--version")

    assert (result.stdout, result.exit_code) == ("voltaic 1.2.3\n", 0)


@pytest.mark.parametrize(
    "command",
    [
        "plan",
        "limits",
        "check",
        "rules",
        "engines",
        *(f"models {name}".rstrip() for name in ("", "list", "show", "add")),
    ],
)
def test_every_command_has_help_with_an_example(voltaic: Voltaic, command: str) -> None:
    """`--help` says what the command does and shows it being used."""
    result = voltaic(*command.split(), "--help")

    assert f"  voltaic {command} " in result.stdout or f" voltaic {command} " in result.stdout.partition("Example")[2]
    assert result.exit_code == 0


def test_a_fault_of_ours_is_one_message() -> None:
    """What nobody foresaw ends with one message, how to report it, and exit code 70, not with a traceback."""
    code = "import cli.batch, cli.main; cli.batch.exit_code = None; cli.main.run()"

    done = subprocess.run(
        [sys.executable, "-c", code, "plan", "--batch", "-"],
        cwd=Path(__file__).parents[2],
        input="",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == (
        "voltaic: this is a fault of voltaic itself (TypeError: 'NoneType' object is not callable).\n"
        "Run the same command with VOLTAIC_TRACEBACK=1 set, and report what it prints.\n"
    )
    assert done.returncode == 70


def test_the_installed_command_is_this_one() -> None:
    """Set-up installs `voltaic` beside the interpreter, with the version of the project."""
    command = Path(sys.executable).with_name("voltaic")
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr, done.returncode) == (f"voltaic {project['version']}\n", "", 0)

"""`voltaic import-config`: old configurations become stacks that start, line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

ROOT = Path(__file__).parents[3]
OLD = ROOT / "docs" / "examples" / "old"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA_13B = "meta-llama/Llama-2-13b-chat-hf"
TOKEN = "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH"


@pytest.mark.parametrize(
    ("file", "verdicts", "settings"),
    [
        (
            "one-v100.sh",
            ("refuse", "accept"),
            {"profile": "v100-1gpu", "model": "microsoft/phi-2", "maxInputTokens": 2048, "maxTotalTokens": 4096},
        ),
        (
            "two-v100.sh",
            ("refuse", "accept"),
            {"profile": "v100-2gpu", "model": MISTRAL, "maxInputTokens": 4096, "maxTotalTokens": 8192},
        ),
        (
            "two-v100-short.sh",
            ("refuse", "accept"),
            {"profile": "v100-2gpu", "model": MISTRAL, "maxInputTokens": 2048, "maxTotalTokens": 4096},
        ),
        (
            "llama.sh",
            ("refuse", "accept"),
            {
                "profile": "v100-1gpu",
                "model": "meta-llama/Llama-2-7b-chat-hf",
                "maxTotalTokens": 2048,
                "maxInputTokens": 1536,
                "maxBatchPrefillTokens": 1536,
            },
        ),
        ("llama-13b-awq.sh", ("refuse", "accept"), {"profile": "v100-2gpu", "model": LLAMA_13B}),
        ("llama-13b-four.sh", ("refuse", "accept"), {"profile": "v100-4gpu", "model": LLAMA_13B}),
        (
            "tiny.sh",
            ("refuse", "accept"),
            {"profile": "v100-1gpu", "model": "TinyLlama/TinyLlama-1.1B-Chat-v1.0"},
        ),
        ("gemma.sh", ("refuse", "refuse"), None),
        ("vllm-gptq.sh", (None, "refuse"), None),
    ],
)
def test_the_example_configurations_are_translated(
    voltaic: Voltaic, project: Path, file: str, verdicts: tuple[str | None, str], settings: dict[str, Any] | None
) -> None:
    """What they would have done, and the stack that they become: written where it starts, else not."""
    result = voltaic("import-config", str(OLD / file), "--stack", "new", "--json")

    document = json.loads(result.stdout)
    assert ((document["old"] or {}).get("verdict"), document["edit"]["verdict"]) == verdicts
    assert document["edit"]["written"] == (settings is not None)
    path = project / "Pulumi.new.yaml"
    if settings is None:
        assert (result.exit_code, path.exists()) == (1, False)
    else:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]
        assert {key.removeprefix("voltaic:"): value for key, value in config.items()} == settings


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("file", ["two-v100.sh", "gemma.sh", "vllm-gptq.sh", "nothing.sh"])
def test_the_document_is_as_its_schema_says(
    voltaic: Voltaic, problems: Callable[[str, Any], list[str]], file: str
) -> None:
    """One document on stdout, whatever the verdict."""
    assert problems("edit.schema.json", json.loads(voltaic("import-config", str(OLD / file), "--json").stdout)) == []


def test_every_example_is_tested() -> None:
    """A file that is added gets its verdict above."""
    assert len(list(OLD.glob("*.sh"))) == 9


def test_a_quantization_that_does_nothing_is_replaced_and_said(voltaic: Voltaic, project: Path) -> None:
    """With the judge's reason, beside the line; the old server's verdict stands before it."""
    said = " ".join(voltaic("import-config", str(OLD / "two-v100.sh"), "--stack", "new").stdout.split())
    assert f"As it was REFUSED {MISTRAL} on 2 x v100-16gb with tgi 1.2.0" in said
    assert "line 4 QUANTIZATION=awq replaced: --quantize awq does nothing: TGI 3.0.1 loads Mistral in float16" in said
    assert "In its place: quantization is left out" in said
    assert "quantization" not in (project / "Pulumi.new.yaml").read_text(encoding="utf-8")


def test_a_model_is_never_replaced_unasked(voltaic: Voltaic, project: Path) -> None:
    """Another model or more GPUs are for a person to choose: --take NUMBER."""
    refused = voltaic("import-config", str(OLD / "vllm-gptq.sh"), "--stack", "new")
    assert (refused.exit_code, (project / "Pulumi.new.yaml").exists()) == (1, False)
    assert "MODEL_NAME=TheBloke/Mistral-7B-Instruct-v0.2-GPTQ refused: does not start here" in " ".join(
        refused.stdout.split()
    )

    taken = voltaic("import-config", str(OLD / "vllm-gptq.sh"), "--stack", "new", "--take", "1")
    assert taken.exit_code == 0
    assert f"voltaic:model: {MISTRAL}\n" in (project / "Pulumi.new.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_token_is_neither_printed_nor_written(voltaic: Voltaic, project: Path, as_json: tuple[str, ...]) -> None:
    """The command that sets it stands in its place."""
    file = project / "config.sh"
    file.write_text(
        f'export MODEL_NAME=microsoft/phi-2\nexport HUGGINGFACE_TOKEN="{TOKEN}"\nTGI_API_KEY=open-sesame\nX={TOKEN}\n',
        encoding="utf-8",
    )
    result = voltaic("import-config", "config.sh", "--stack", "new", *as_json)
    assert result.exit_code == 0
    written = "".join(
        path.read_text(encoding="utf-8") for path in project.rglob("*") if path.suffix in {".yaml", ".json"}
    )
    for text in (result.output, written):
        assert TOKEN not in text
        assert "open-sesame" not in text
    assert "pulumi config set --secret hfToken --stack new" in " ".join(result.output.split())


def test_nothing_of_the_file_is_run(voltaic: Voltaic, project: Path) -> None:
    """A command in it leaves no trace, and its line is said to be unreadable."""
    (project / "config.sh").write_text("MODEL_NAME=microsoft/phi-2\nX=$(touch ran)\ntouch ran\n", encoding="utf-8")
    result = voltaic("import-config", "config.sh", "--stack", "new", "--dry-run")
    assert result.exit_code == 0
    assert not (project / "ran").exists()
    assert "line 3 unreadable: `touch` is a command, and nothing is run" in " ".join(result.stdout.split())


def test_a_manifest_is_imported(voltaic: Voltaic, project: Path) -> None:
    """The same way, with the fields of the manifest in place of lines."""
    file = ROOT / "docs" / "examples" / "public-recipe.yaml"
    result = voltaic("import-config", str(file), "--stack", "new")
    assert result.exit_code == 0
    assert "spec.template.spec.containers[0].args[1] --quantize=awq replaced:" in " ".join(result.stdout.split())
    assert (project / "Pulumi.new.yaml").read_text(encoding="utf-8") == (
        f"config:\n  voltaic:profile: v100-2gpu\n  voltaic:model: {MISTRAL}\n"
    )


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("text", "words", "says"),
    [
        ("A=1\n", (), "sets no variable of the old scripts"),
        ("MODEL_NAME=gpt2\nGPU_TYPE=gpu-tesla-a100\n", (), "--profile: the file does not say which GPUs"),
        ("GPU_COUNT=2\n", (), "--model: the file names no model"),
        ("MODEL_NAME=gpt2\nUSE_GPU=false\n", (), "--profile: the file does not say which GPUs"),
        ("kind: ConfigMap\n", (), "no model server that is known stands in it"),
        ("kind: [\n", (), "not YAML"),
        ("MODEL_NAME=gpt2\n", ("--model", "a b"), "model: a b is not valid"),
    ],
)
def test_what_cannot_be_imported_is_said(voltaic: Voltaic, text: str, words: tuple[str, ...], says: str) -> None:
    """Bad input, with what to name."""
    result = voltaic("import-config", "-", *words, input=text)
    assert (result.exit_code, says in result.output) == (2, True)


def test_what_is_named_beside_goes_before_the_file(voltaic: Voltaic, project: Path) -> None:
    """GPUs, model and namespace."""
    words = ("--profile", "v100-4gpu", "--model", "microsoft/phi-2", "--namespace", "team-a")
    assert voltaic("import-config", str(OLD / "llama-13b-awq.sh"), *words).exit_code == 0
    assert (project / "Pulumi.v100-4gpu.yaml").read_text(encoding="utf-8") == (
        "config:\n  voltaic:profile: v100-4gpu\n  voltaic:model: microsoft/phi-2\n  voltaic:namespace: team-a\n"
    )


def test_a_stack_that_is_there_needs_a_yes(voltaic: Voltaic, project: Path) -> None:
    """As for voltaic init; a document says that nothing was written."""
    path = project / "Pulumi.two.yaml"
    before = path.read_bytes()
    words = ("import-config", str(OLD / "tiny.sh"), "--stack", "two")
    assert [voltaic(*words).exit_code, voltaic(*words, "--json").exit_code] == [1, 1]
    assert path.read_bytes() == before
    assert voltaic(*words, "--yes").exit_code == 0
    assert "TinyLlama" in path.read_text(encoding="utf-8")

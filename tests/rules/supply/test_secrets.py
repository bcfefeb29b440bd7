"""What counts as a secret, and that its value is shown nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from cli.app import app
from voltaic.manifests.views import Container
from voltaic.rules.supply import _secrets

BASE: Final = (Path(__file__).parents[1] / "fixtures/baseline/tgi.yaml").read_text("utf-8")
HUB: Final = "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"
VALUE: Final = "correct-horse-battery"


@pytest.mark.parametrize(
    ("told", "name", "value"),
    [
        ("has the name of a secret", "API_KEY", VALUE),
        ("has the name of a secret", "API_KEYS", VALUE),
        ("has the name of a secret", "--api-keys", VALUE),
        ("has the name of a secret", "WEBUI_SECRET_KEY", "t0p-s3cr3t"),
        ("has the name of a secret", "API_KEY", "my-key-of-this-server"),
        ("has the form of a secret (Hugging Face)", "NOTE", f"use {HUB}"),
        ("has the form of a secret (password in a URL)", "DATABASE_URL", "postgres://chat:swordfish@db/chat"),
        (None, "DATABASE_URL", "postgres://chat:$(PASSWORD)@db/chat"),
        (None, "DATABASE_URL", "postgres://chat@db/chat"),
        (None, "API_KEY", "EMPTY"),
        (None, "OPENAI_API_KEY", "sk-no-key-required"),
        (None, "API_KEY", "$(KEY_OF_A_SECRET)"),
        (None, "API_KEY", "${KEY}"),
        (None, "API_KEY", "<your key>"),
        (None, "API_KEY", ""),
        (None, "API_KEY", "abc"),
        (None, "HF_TOKEN", "your_token_here"),
        (None, "HF_TOKEN", "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        (None, "STOP_TOKEN", "<|endoftext|>"),
        (None, "EOS_TOKEN", "end-of-text"),
        (None, "IMAGE_PULL_SECRET", "registry-login"),
        (None, "API_KEY_FILE", "/run/secrets/key"),
        (None, "MAX_TOKENS", "4096"),
        (None, "TOKENIZER", "mistralai/Mistral-7B-Instruct-v0.2"),
        (None, "REVISION", "3ad372fc79158a2148299e3318516c786aeded6c"),
        (None, "MODEL_SHA256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ],
)
def test_what_counts_as_a_secret(told: str | None, name: str, value: str) -> None:
    """By its name or its form; not what stands for no key, for a value elsewhere, or for one that is still to come."""
    assert told == _secrets.secret(name, value)


@pytest.mark.parametrize(
    ("names", "args"),
    [
        (["--api-key"], ["--api-key", VALUE, "--port", "8000"]),
        (["--api-key"], [f"--api-key={VALUE}"]),
        (["--api-keys", "--api-keys"], ["--api-keys", VALUE, f"second-{VALUE}", "--tp", "2"]),
        (["--hf-token"], ["vllm serve model --hf-token hf-of-nobody-but-me --port 8000"]),
        (["HF_TOKEN"], [f"export HF_TOKEN={VALUE}; vllm serve model"]),
        ([], ["huggingface-cli login --token $(HF_TOKEN); echo 'Download the model'; chmod -R g+w /data"]),
        ([], ["--api-key", "$(API_KEY)", "--port", "8000"]),
        ([], ["--api-key", "--port", "8000"]),
        ([], ["--port", 8000, None, {"api_key": VALUE}]),
        ([], ["it's not closed --port 8000"]),
    ],
)
def test_secrets_of_a_command_line(names: list[str], args: list[object]) -> None:
    """Options take one value unless their name is that of several; a shell's line is read word by word."""
    found = list(_secrets.literals(Container({"args": args}, "spec.containers[0]")))
    assert names == [name for name, _, _ in found]


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_no_value_is_shown(form: str) -> None:
    """Whatever is printed, and wherever the secret stands, its value is not in it."""
    config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: team-a}\n"
    config += f"data: {{SEARCH_API_KEY: {VALUE}}}\n"
    env = "        envFrom:\n        - configMapRef: {name: more}\n"
    env += f"        env:\n        - {{name: NOTE, value: {HUB}}}\n"
    written = BASE.replace("        args:\n", f"        args:\n        - --api-key={VALUE}\n")
    written = written.replace("        env:\n", env)
    result = CliRunner().invoke(app, ["check", "-", "--format", form], input=written + config)

    assert "literal-secret" in result.output
    assert "configmap-secret" in result.output
    assert VALUE not in result.output
    assert HUB not in result.output

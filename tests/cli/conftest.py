"""Runs `voltaic` in this process, and for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

ROOT = Path(__file__).parents[2]

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
ARGUMENTS = (
    *("--num-shard", "1", "--max-input-tokens", "3072", "--max-total-tokens", "4096"),
    *("--max-batch-prefill-tokens", "3072", "--max-batch-size", "2"),
)
"""Launcher arguments with which TGI 3.0.1 serves Mistral 7B on two V100 16 GB."""


@pytest.fixture
def accepted_line() -> dict[str, Any]:
    """Return a batch line that is accepted."""
    return {
        "gpu": "v100-16gb",
        "gpus": 2,
        "engine": "tgi",
        "engine_version": "3.0.1",
        "model": MISTRAL,
        "args": list(ARGUMENTS),
        "env": {"USE_FLASH_ATTENTION": "false"},
    }


@pytest.fixture
def accepted_words() -> tuple[str, ...]:
    """Return the same as options of `voltaic plan`; the engine's arguments follow after `--`."""
    release = ("--engine-version", "3.0.1", "--env", "USE_FLASH_ATTENTION=false")
    return ("plan", "--profile", "v100-2gpu", "--model", MISTRAL, *release)


@pytest.fixture
def accepted_arguments() -> tuple[str, ...]:
    """Return the engine's arguments behind their mark."""
    return ("--", *ARGUMENTS)


@pytest.fixture(scope="session")
def problems() -> Callable[[str, Any], list[str]]:
    """Return a function that says what is wrong with a document, by its schema in docs/reference."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    files = sorted((ROOT / "docs/reference").glob("*.schema.json"))
    schemas = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(content)) for name, content in schemas.items()
    )

    def found(schema: str, document: Any) -> list[str]:
        Draft202012Validator.check_schema(schemas[schema])
        validator = Draft202012Validator(schemas[schema], registry=registry)
        return [error.message for error in validator.iter_errors(document)]

    return found


@pytest.fixture
def voltaic() -> Callable[..., Result]:
    """Return a function that runs `voltaic` in this process."""
    from cli.main import app

    runner = CliRunner()

    def run(*words: str, input: str | bytes | None = None, env: dict[str, str] | None = None) -> Result:  # noqa: A002
        return runner.invoke(app, list(words), input=input, env={"COLUMNS": "100", **(env or {})}, prog_name="voltaic")

    return run


@pytest.fixture
def voltaic_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `voltaic` as a process of its own."""

    def run(*words: str, input: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:  # noqa: A002
        return subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=ROOT,
            env={**os.environ, **env},
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run

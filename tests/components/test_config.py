"""Reading the configuration of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components import harness

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

GOOD = {"profile": "v100-2gpu", "model": harness.MODEL}


def test_all_faults_stand_in_one_error(program: harness.Program) -> None:
    """A typo, a number too small and half a GPU are reported together, once, and nothing is registered."""
    run = program({**GOOD, "modle": "x", "maxInputTokens": "0", "gpus": "1.5"})
    expected = (
        "Pulumi.v100-2gpu.yaml: 3 settings are not valid\n"
        "  modle: unknown setting. Did you mean model? Remove this one with: pulumi config rm modle\n"
        "  maxInputTokens: 0 is too small; allowed: 1 to 32768, tokens. "
        "Set it with: pulumi config set maxInputTokens VALUE, "
        "or use its default with: pulumi config rm maxInputTokens\n"
        "  gpus: 1.5 is not a whole number of GPUs; allowed: 1 to 2. "
        "Set it with: pulumi config set gpus VALUE, or use its default with: pulumi config rm gpus"
    )
    assert run.errors == [expected]
    assert run.resources == []


def test_the_language_host_adds_no_error_of_its_own(program: harness.Program) -> None:
    """The program ends with the exit code that says that its reason was shown."""
    assert program({**GOOD, "modle": "x"}).exit_code == 32


def test_keys_that_a_stack_leaves_out_arrive_as_nothing(program: harness.Program) -> None:
    """The empty default that Pulumi.yaml gives every key counts as not said."""
    run = program(harness.stack_values("v100-2gpu"))
    assert run.errors == []


def test_a_stack_without_anything_names_what_it_needs(program: harness.Program) -> None:
    """Without a single value the error asks for both required keys at once."""
    (error,) = program({"profile": "", "model": ""}).errors
    assert "profile: missing; allowed: v100-2gpu" in error
    assert "model: missing; allowed: a repository id" in error


def test_secrets_in_plain_text_are_warned_of(program: harness.Program) -> None:
    """A secret that is not encrypted in the stack file is used, with a warning that does not show it."""
    run = program({**GOOD, "hfToken": "hf_abc"})
    assert (
        "hfToken stands in plain text in Pulumi.v100-2gpu.yaml. "
        "Encrypt it with: pulumi config set -s v100-2gpu --secret hfToken" in run.warnings
    )
    assert "hf_abc" not in " ".join(run.warnings)


def test_encrypted_secrets_are_not_warned_of(program: harness.Program) -> None:
    """An encrypted secret is used without a word."""
    run = program({**GOOD, "hfToken": "hf_abc"}, secret=("hfToken",))
    assert not any("plain text" in warning for warning in run.warnings)


def test_faults_carry_the_line_of_the_stack_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are counted in the file as it is, comments and other namespaces included."""
    from components import config

    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(
        "# mine\nconfig:\n  other:model: y\n  voltaic:model: x\n  voltaic:labels:\n    a: b\n  voltaic:gpus: 1\n"
    )
    assert config.lines(file, "voltaic") == {"model": 4, "labels": 5, "gpus": 7}


def test_a_stack_file_that_cannot_be_read_has_no_lines(tmp_path: Path) -> None:
    """Without the file, or with one that is no YAML, messages come without lines instead of failing."""
    from components import config

    broken = tmp_path / "Pulumi.y.yaml"
    broken.write_text("config: [")
    assert config.lines(tmp_path / "Pulumi.x.yaml", "voltaic") == {}
    assert config.lines(broken, "voltaic") == {}

"""A project with stack files, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
TWO_GPUS = f"""\
# the small node
encryptionsalt: v1:abc=:v1:def:ghi
config:
  voltaic:profile: v100-2gpu
  voltaic:model: {MISTRAL} # for everybody
  voltaic:hfToken:
    secure: AAABAKQ+x/y=
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a project with the stack `two`; it is the working directory."""
    (tmp_path / "Pulumi.yaml").write_bytes((ROOT / "Pulumi.yaml").read_bytes())
    (tmp_path / "Pulumi.two.yaml").write_text(TWO_GPUS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    return tmp_path

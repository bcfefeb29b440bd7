"""Variables of the old scripts become settings, and every one of them is accounted for."""

from __future__ import annotations

import pytest

from voltaic import settings
from voltaic.imports import config_sh
from voltaic.imports.config_sh import translated
from voltaic.verdict import judge

TOKEN = "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH"


def outcomes(text: str) -> dict[str, str]:
    """Return what became of each variable."""
    return {line.name: line.outcome for line in translated(text).lines}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MODEL_NAME=a/b", {"model": "a/b", "profile": "v100-1gpu"}),
        ("MODEL_NAME=a/b\nGPU_COUNT=2", {"model": "a/b", "profile": "v100-2gpu"}),
        ("GPU_TYPE=gpu-tesla-v100s GPU_COUNT=4", {"profile": "v100-32gb-4gpu"}),
        ("GPU_TYPE=gpu-tesla-a100", {}),
        ("GPU_COUNT=99", {}),
        ("GPU_COUNT=two", {}),
        ("USE_GPU=false", {}),
        ("MAX_TOTAL_TOKENS=4096\nMAX_MODEL_LEN=2048", {"profile": "v100-1gpu", "maxTotalTokens": 4096}),
        ("MAX_INPUT_LENGTH=long", {"profile": "v100-1gpu"}),
        ("NAMESPACE=waa123-default", {"profile": "v100-1gpu", "namespace": "waa123-default"}),
        ("NAMESPACE=wXYZ123-default", {"profile": "v100-1gpu"}),
        ('QUANTIZATION=""', {"profile": "v100-1gpu"}),
        ("MODEL_NAME=a/b\nMODEL_NAME=c/d", {"profile": "v100-1gpu", "model": "c/d"}),
        (f"HUGGINGFACE_TOKEN={TOKEN}", {"profile": "v100-1gpu"}),
    ],
)
def test_variables_become_settings(text: str, expected: dict[str, object]) -> None:
    """GPU type and count make the profile; a place to fill in is no namespace; secrets are left out."""
    assert translated(text).settings == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DSHM_SIZE=8Gi", "derived"),
        ("CUDA_MEMORY_FRACTION=0.85", "dropped"),
        ("TGI_API_KEY=changeme123", "secret"),
        ("QUANTIZATION=", "empty"),
        ("MY_OWN=1", "unknown"),
        ("MODEL_NAME=$(cat model)", "unreadable"),
        ("GPU_TYPE=gpu-tesla-a100", "dropped"),
        ("NAMESPACE=wXYZ123-default", "dropped"),
        ("MODEL_NAME=a/b", "taken"),
    ],
)
def test_every_line_has_an_outcome_and_says_why(text: str, expected: str) -> None:
    """None is passed over in silence."""
    (line,) = translated(text).lines
    assert (line.outcome, bool(line.says)) == (expected, True)


@pytest.mark.parametrize("name", ["HUGGINGFACE_TOKEN", "TGI_API_KEY", "MY_PASSWORD", "MODEL_NAME", "ANYTHING"])
def test_no_secret_is_told(name: str) -> None:
    """Neither under a secret's name nor by its form."""
    found = translated(f"{name}={TOKEN}\n")
    assert TOKEN not in repr(found.lines)
    assert f"set --secret {'apiKey' if name == 'TGI_API_KEY' else 'hfToken'}" in found.lines[0].says or name not in {
        "HUGGINGFACE_TOKEN",
        "TGI_API_KEY",
    }


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("MODEL_NAME=TinyLlama/TinyLlama-1.1B-Chat-v1.0", "accept"),
        ("MODEL_NAME=mistralai/Mistral-7B-Instruct-v0.2", "refuse"),
        ("MODEL_NAME=TinyLlama/TinyLlama-1.1B-Chat-v1.0\nGPU_COUNT=2", "refuse"),
        ("MODEL_NAME=TinyLlama/TinyLlama-1.1B-Chat-v1.0\nQUANTIZATION=awq", "refuse"),
    ],
)
def test_the_old_server_is_judged_as_the_script_ran_it(text: str, verdict: str) -> None:
    """With the release and the arguments of the script, its defaults included."""
    old = translated(text).old
    assert old is not None
    assert (str(old.release), judge(old).verdict) == ("tgi 1.2.0", verdict)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("ENGINE_TYPE=vllm", "which release that was cannot be told"),
        ("ENGINE_TYPE=ollama", "neither tgi nor vllm"),
        ("GPU_TYPE=gpu-tesla-a100", "its GPUs cannot be told"),
    ],
)
def test_an_old_server_that_cannot_be_told_is_not_judged(text: str, because: str) -> None:
    """No verdict is better than one about something else."""
    found = translated(text)
    assert (found.old, because in found.old_because) == (None, True)


def test_the_facts_are_whole() -> None:
    """Each variable stands once, is of a known kind, and leads to a setting that exists."""
    rows = config_sh.table()["variable"]
    names = [name for row in rows for name in row["names"]]
    keys = {key.name for key in settings.schema()}
    assert len(names) == len(set(names))
    assert [row for row in rows if row["kind"] not in config_sh.KINDS] == []
    assert {row["key"] for row in rows if "key" in row} <= keys
    assert [row["names"] for row in rows if row["kind"] != "setting" and not row.get("says")] == []

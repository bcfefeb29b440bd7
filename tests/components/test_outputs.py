"""What the stack tells those who deployed it."""

from __future__ import annotations

import shlex

from tests.components import harness

GOOD = {"profile": "v100-2gpu", "model": harness.MODEL}


def test_the_bill_is_there_for_people_and_for_programs(program: harness.Program) -> None:
    """One readable line a GPU, and the same bill in bytes; the headroom is that of the fullest GPU."""
    outputs = program(GOOD).outputs
    lines, gpus = outputs["bill"]["per_gpu"], outputs["bill"]["bytes"]["per_gpu"]
    assert len(lines) == len(gpus) == 2
    for line, gpu in zip(lines, gpus, strict=True):
        assert line.startswith(f"{gpu['total'] / 2**30:.2f} GiB of {gpu['budget'] / 2**30:.2f} GiB: context ")
        parts = [gpu[name] for name in ("context", "weights", "kv_cache", "activations", "other")]
        assert sum(parts) == gpu["total"] == gpu["budget"] - gpu["headroom"]
    assert outputs["headroom"] == f"{min(gpu['headroom'] for gpu in gpus) / 2**30:.2f} GiB"


def test_the_launcher_command_is_what_the_container_runs(program: harness.Program) -> None:
    """It can be pasted: arguments as in the container, plain variables before them, no secret."""
    run = program({**GOOD, "apiKey": "my-own-key"})
    words = shlex.split(run.outputs["launcherCommand"])
    start = words.index("text-generation-launcher")
    assert words[start + 1 :] == run.container("tgi")["args"]
    allocator = "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
    assert words[:start] == ["HF_HOME=/data", allocator, "USE_FLASH_ATTENTION=false"]
    assert "my-own-key" not in run.outputs["launcherCommand"]


def test_secrets_among_the_outputs_are_marked(program: harness.Program) -> None:
    """They are shown on request only."""
    assert program(GOOD).secret_outputs == {"apiKey", "chatAdminPassword"}


def test_every_output_has_its_place(program: harness.Program) -> None:
    """Names that others read from a stack do not change by accident."""
    assert set(program(GOOD).outputs) == {
        "apiInClusterUrl",
        "apiKey",
        "apiUrl",
        "bill",
        "chatAdminEmail",
        "chatAdminPassword",
        "chatInClusterUrl",
        "chatUrl",
        "forwardCommands",
        "headroom",
        "launcherCommand",
        "modelServed",
        "namespace",
    }

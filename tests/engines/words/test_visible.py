"""Which GPUs CUDA_VISIBLE_DEVICES leaves to a server, and what becomes of it."""

from __future__ import annotations

import pytest

from voltaic.document import spec_from_line
from voltaic.engines.words.visible import visible
from voltaic.verdict import judge

MODEL = "meta-llama/Llama-3.1-8B-Instruct"


def line(engine: str, version: str, stated: str | None, *args: str, gpus: int | None = 2) -> dict[str, object]:
    """Return a line with the variable."""
    env = {"CUDA_VISIBLE_DEVICES": stated}
    said = {"engine": engine, "engine_version": version, "gpu": "a100-80gb", "gpus": gpus, "model": MODEL}
    return {**said, "args": list(args), "env": env}


@pytest.mark.parametrize(
    ("stated", "count"),
    [
        ("0", 1),
        ("0,1", 2),
        ("1, 0", 2),
        ("0,5,1", 1),
        ("", 0),
        ("-1", 0),
        ("all", 0),
        ("0,0", 0),
        ("GPU-5d1f,1", None),
        (None, None),
        ("٣", 0),
    ],
)
def test_devices_before_the_first_that_is_not_there_are_visible(stated: str | None, count: int | None) -> None:
    """CUDA takes indexes up to the first that there is not; other names of devices leave it open."""
    assert visible(spec_from_line(line("vllm", "0.8.5", stated))) == count


@pytest.mark.parametrize(
    ("engine", "version", "args", "verdict"),
    [
        ("vllm", "0.8.5", ("-tp", "2", "--max-model-len", "4096"), "refuse"),
        ("vllm", "0.8.5", ("--max-model-len", "4096"), "accept"),
        ("lmdeploy", "0.13.0-cu12", ("--tp", "2", "--session-len", "4096"), "refuse"),
        ("llama.cpp", "cuda-b9000", ("-m", "a-Q4_K_M.gguf", "-ngl", "99", "-c", "4096"), "unknown"),
    ],
)
def test_a_rank_without_a_visible_gpu_is_refused(
    engine: str, version: str, args: tuple[str, ...], verdict: str
) -> None:
    """One GPU of two is visible: two ranks do not start, one does, and layers that go to one GPU are another bill."""
    found = judge(spec_from_line(line(engine, version, "0", *args)))
    assert found.verdict == verdict
    said = [finding.message for finding in found.answers if "CUDA_VISIBLE_DEVICES" in finding.message]
    assert (verdict == "accept") is not bool(said)


def test_a_variable_that_is_set_out_of_sight_leaves_it_open() -> None:
    """What CUDA_VISIBLE_DEVICES is cannot be read: not accepted, and not refused."""
    assert judge(spec_from_line(line("vllm", "0.8.5", None, "--max-model-len", "4096"))).verdict == "unknown"
    assert visible(spec_from_line(line("vllm", "0.8.5", "0", gpus=None))) is None

"""What an accept rests on is said: reports of others, and options that become something else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cli import render
from voltaic import engines
from voltaic.document import plan_document, spec_from_line
from voltaic.engines.base import Support
from voltaic.engines.matrix import matrices, releases_of
from voltaic.findings import Source
from voltaic.grounds import grounds
from voltaic.verdict import judge

V100 = {"gpu": "v100-16gb", "gpus": 1}
SMALL = ("--num-shard", "1", "--max-batch-size", "1")
TINY = "TinyLlama/TinyLlama-1.1B-Chat-v1.0"


def line(engine: str, version: str, *args: str, **more: Any) -> dict[str, Any]:
    """Return a line for a small model on one V100."""
    return {**V100, "engine": engine, "engine_version": version, "model": TINY, "args": list(args), **more}


@pytest.mark.parametrize(
    ("said", "kind", "word"),
    [
        (line("vllm", "0.8.5", "--dtype", "half"), "reported", "production-stack"),
        (line("llama.cpp", "cuda-b9000", "-m", "a-Q4_K_M.gguf", "-ngl", "99", "-c", "2048"), "reported", "driver 570"),
        (line("lmdeploy", "0.13.0-cu12", "--dtype", "bfloat16"), "differs", "becomes float16"),
        (line("lmdeploy", "0.13.0-cu12", "--dtype", "float16"), None, ""),
        (
            line("tgi", "3.0.1", *SMALL, "--cuda-memory-fraction", "0.85", env={"USE_FLASH_ATTENTION": "false"}),
            "differs",
            "--cuda-memory-fraction is set and does nothing: the transformers-fallback implementation does not read",
        ),
        (
            line("tgi", "3.0.1", *SMALL, env={"USE_FLASH_ATTENTION": "false", "MAX_MODEL_LEN": "4096"}),
            "differs",
            "MAX_MODEL_LEN is set and does nothing: TGI 3.0.1 has no variable of that name. Set MAX_TOTAL_TOKENS for",
        ),
        (line("vllm", "0.8.5", gpu="a100-40gb"), None, ""),
        (
            line("tgi", "3.0.1", "--num-shard", "1", "--max-batch-size", "1", env={"USE_FLASH_ATTENTION": "false"}),
            None,
            "",
        ),
    ],
)
def test_an_accept_says_what_it_rests_on(said: dict[str, Any], kind: str | None, word: str) -> None:
    """Facts that only others report stand in the document and in print, and facts that were read do not."""
    verdict = judge(spec_from_line(said))
    assert verdict.verdict == "accept"
    document = plan_document(verdict)
    assert [ground["kind"] for ground in document.get("rests_on", [])] == ([] if kind is None else [kind])
    console = Console(width=300, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as captured:
        render.rests_on(console, verdict)
    assert (word in captured.get()) is True
    assert bool(captured.get()) is (kind is not None)


def test_a_refusal_rests_on_its_findings() -> None:
    """What is refused or left open says so in findings alone."""
    verdict = judge(spec_from_line(line("vllm", "0.8.5", "--dtype", "bfloat16")))
    assert (verdict.verdict, verdict.rests_on) == ("refuse", ())
    assert "rests_on" not in plan_document(verdict)


def test_the_weakest_source_decides() -> None:
    """An answer of several sources is as sure as the weakest, and an engine that is not known rests on nothing."""
    spec = spec_from_line(line("lmdeploy", "0.13.0-cu12", "--dtype", "float16"))
    runs = judge(spec).runs
    assert runs is not None
    notes = (Support("ok", "Nobody tried it.", sources=(Source("a", "reported"), Source("b", "unverified"))),)
    assert [ground.kind for ground in grounds(spec, replace(runs, notes=notes))] == ["unverified"]
    assert grounds(spec_from_line({**V100, "engine": "unheard-of", "model": TINY}), None) == ()


@pytest.mark.parametrize("name", list(matrices()))
def test_no_engine_promises_what_nobody_verified(name: str) -> None:
    """Where a release starts by its facts, the fact was read, executed, derived or reported."""
    matrix = matrices()[name]
    for release in releases_of(name):
        for arch in matrix.archs():
            cell = next(iter(matrix.matrix(release, arch)))
            assert cell.answer != "ok" or cell.source.confidence != "unverified", (release, arch)


def test_every_engine_says_what_an_ok_rests_on() -> None:
    """An answer that a release runs on a GPU names what is known and where from."""
    for name, version in (
        ("vllm", "0.8.5"),
        ("lmdeploy", "0.13.0-cu12"),
        ("llama.cpp", "cuda-b9000"),
        ("tgi", "2.0.4"),
    ):
        engine = engines.engine(name)
        assert engine is not None
        found = engine.gpu_support(spec_from_line(line(name, version)))
        assert found.answer == "ok"
        assert found.message.endswith(".")
        assert found.sources

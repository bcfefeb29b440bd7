"""What our own components make, against every rule: nothing of it is refused, and nothing is said about its GPUs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli import stack_files
from cli.bounded_yaml import load_documents
from voltaic import checking, hardware, manifests
from voltaic.manifests import Document
from voltaic.manifests.views import Objects
from voltaic.rules import catalogue
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltaic.checking import Checked
    from voltaic.spec import ServingSpec

ROOT = Path(__file__).parents[2]
GOLDEN = sorted(folder for folder in (ROOT / "tests/golden").iterdir() if folder.is_dir())
STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))
SILENT = ("gpus", "options")
"""Families of rules that have nothing to say about what our own components make, not even as advice."""


def _checked(documents: Sequence[Document]) -> Sequence[Checked]:
    return checking.of_workloads(manifests.workloads(documents), Objects.of(documents), ours=True)


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda folder: folder.name)
def test_what_our_components_make_is_not_refused(folder: Path) -> None:
    """No rule refuses a default stack as it is rendered, objects together and each alone."""
    documents = [
        Document(file.name, 1, content)
        for file in sorted(folder.glob("*.yaml"))
        for content in load_documents(file.read_text())
    ]
    together = _checked(documents)
    assert {one.workload.recognised for one in together} > {"tgi"}
    alone = [one for document in documents for one in _checked([document])]
    families = {rule.id: catalogue.family(rule) for rule in catalogue.catalogue()}
    for said in (said for one in (*together, *alone) for said in one.said):
        assert said.finding.level == "advisory", said.finding
        assert families[said.finding.rule] not in SILENT, said.finding


def _spec(file: str, content: Any) -> ServingSpec:
    workload = stack_files.workload(file, content)
    assert workload is not None
    assert workload.spec is not None
    return workload.spec


def _advice(spec: ServingSpec) -> list[str]:
    return [finding.message for rule in catalogue.about("spec") for finding in rule.ask(spec)]


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.name)
def test_default_stacks_are_not_advised_against(file: Path) -> None:
    """Rules about a spec have nothing to say about the stacks that come with the project."""
    (content,) = load_documents(file.read_text())
    spec = _spec(str(file), content)
    assert judge(spec).verdict == "accept"
    assert _advice(spec) == []


@pytest.mark.parametrize("gpu", [gpu.name for gpu in hardware.gpu_models()])
@pytest.mark.parametrize("model", ["mistralai/Mistral-7B-Instruct-v0.2", "TinyLlama/TinyLlama-1.1B-Chat-v1.0"])
@pytest.mark.parametrize("gpus", [1, 2])
def test_what_is_derived_is_not_advised_against(gpu: str, model: str, gpus: int) -> None:
    """What a stack derives from a profile and a model alone meets every rule about a spec, on every GPU."""
    stack = {"config": {"voltaic:profile": f"{gpu}-{gpus}gpu", "voltaic:model": model}}
    assert _advice(_spec("Pulumi.derived.yaml", stack)) == []

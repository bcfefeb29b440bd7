"""The documents that machines read are what docs/reference says they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

REFERENCE = Path(__file__).parents[2] / "docs/reference"
SCHEMAS: dict[str, Any] = {
    name: json.loads((REFERENCE / name).read_text(encoding="utf-8"))
    for name in ("plan.schema.json", "check.schema.json", "grid.schema.json", "limits.schema.json", "rules.schema.json")
}


def problems(schema: str, document: Any) -> list[str]:
    """Return what is wrong with a document, after proving that the schema itself is one."""
    Draft202012Validator.check_schema(SCHEMAS[schema])
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(content)) for name, content in SCHEMAS.items()
    )
    return [error.message for error in Draft202012Validator(SCHEMAS[schema], registry=registry).iter_errors(document)]


LINES: list[dict[str, Any]] = [
    {},
    {"id": 7, "gpus": 1, "args": ["--num-shard", "2"]},
    {"gpus": 1, "model": "meta-llama/Llama-2-13b-chat-hf"},
    {"engine_version": "9.9.9"},
    {"engine_version": None, "gpu": "rtx-9090"},
    {"engine": "unheard-of"},
    {"model": "nobody/nothing"},
    {"model": None, "config": {"model_type": "unheard-of"}},
    {"model": None, "config": {"model_type": "llama", "hidden_size": -1}},
    {"gpus": 0.5, "args": "x"},
    {"env": {"HF_TOKEN": None, "API_KEY": None}, "model_revision": "main", "weights_bytes": 14_483_464_192},
]


@pytest.mark.parametrize("changes", LINES, ids=[json.dumps(line)[:60] for line in LINES])
def test_every_answer_of_a_batch_meets_the_schema(
    voltaic: Voltaic, accepted_line: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Accepted, refused, unknown and unreadable: each answer is a plan document or an error document."""
    result = voltaic("plan", "--batch", "-", input=json.dumps(accepted_line | changes))

    document = json.loads(result.stdout)
    assert problems("plan.schema.json", document) == []
    assert document["id"] == changes.get("id")


def test_a_plan_can_be_judged_again_from_its_own_document(voltaic: Voltaic, accepted_line: dict[str, Any]) -> None:
    """The `spec` of a plan is a batch line: judged again it gives the same plan."""
    first = json.loads(voltaic("plan", "--batch", "-", input=json.dumps(accepted_line)).stdout)
    second = json.loads(voltaic("plan", "--batch", "-", input=json.dumps(first["spec"])).stdout)

    assert second == first


def test_a_check_document_meets_the_schema(voltaic: Voltaic, tmp_path: Path) -> None:
    """Servers, other objects, stack files and unreadable files together."""
    container = {
        "name": "tgi",
        "image": "ghcr.io/huggingface/text-generation-inference:1.2.0",
        "args": ["--model-id", "gpt2"],
        "resources": {"limits": {"nvidia.com/gpu": 2}},
    }
    pod = {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [container]}}
    (tmp_path / "a.json").write_text(json.dumps(pod), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(
        "kind: Pod\n---\nkind: Pod\nspec: {containers: [{image: nginx}]}\n", encoding="utf-8"
    )
    (tmp_path / "c.yaml").write_text("a: [", encoding="utf-8")
    (tmp_path / "Pulumi.d.yaml").write_text("config: {'voltaic:profile': v100-2gpu, 'voltaic:model': gpt2}\n", "utf-8")

    document = json.loads(voltaic("check", str(tmp_path), "--json").stdout)

    assert problems("check.schema.json", document) == []
    assert [entry["kind"] for entry in document["workloads"]] == ["Stack", "Pod", "Pod", "Pod"]
    assert len(document["errors"]) == 1


def test_the_rules_meet_their_schema(voltaic: Voltaic) -> None:
    """Rules, and the error in their place, are what the reference says."""
    assert problems("rules.schema.json", json.loads(voltaic("rules", "--json").stdout)) == []


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--profile", "none", "--model", "gpt2"),
        ("check", "-", "--profile", "none"),
        ("limits", "--profile", "none", "--model", "gpt2"),
        ("rules", "x"),
    ],
    ids=["plan", "check", "limits", "rules"],
)
def test_faults_of_usage_are_error_documents(voltaic: Voltaic, words: tuple[str, ...]) -> None:
    """With `--json` stdout holds one document even where the input is bad."""
    result = voltaic(*words, "--json", input="")

    assert problems(f"{words[0]}.schema.json", json.loads(result.stdout)) == []
    assert result.exit_code == 2


@pytest.mark.parametrize(
    "broken",
    [
        {"verdict": "fine"},
        {"memory": {}},
        {"findings": [{}]},
        {"spec": {"engine": "tgi"}},
        {"fixes": [{"settings": {}, "total": 1, "verdict": "refuse"}]},
        {"extra": 1},
    ],
)
def test_the_schema_refuses_what_is_no_plan(
    voltaic: Voltaic, accepted_line: dict[str, Any], broken: dict[str, Any]
) -> None:
    """A document with a wrong or missing part does not meet the schema."""
    document = json.loads(voltaic("plan", "--batch", "-", input=json.dumps(accepted_line)).stdout)

    assert problems("plan.schema.json", document | broken)

"""`voltaic check`: every model server in the manifests gets its verdict, everything else is listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

ROOT = Path(__file__).parents[2]
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]}}},
}


@pytest.fixture
def server(accepted_line: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Return a function that writes a Deployment of the accepted server, and what a test changes in it."""

    def write(*, name: str = "llm", version: str = "3.0.1", gpus: int = 2, shards: str = "1") -> dict[str, Any]:
        args = ["--model-id", accepted_line["model"], *accepted_line["args"]]
        args[args.index("--num-shard") + 1] = shards
        container = {
            "name": "tgi",
            "image": f"ghcr.io/huggingface/text-generation-inference:{version}",
            "args": args,
            "env": [{"name": name, "value": value} for name, value in accepted_line["env"].items()],
            "resources": {"limits": {"nvidia.com/gpu": gpus}},
        }
        selector = {"nvidia.com/gpu.product": "Tesla-V100-SXM2-16GB"}
        pod = {"nodeSelector": selector, "containers": [container]}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"template": {"spec": pod}},
        }

    return write


def listed(result: Result) -> list[tuple[str, int, str, str, str | None, str | None]]:
    """Return the workloads of a check document in short: file, position, kind, name, engine, verdict."""
    return [
        (
            Path(entry["file"]).name,
            entry["document"],
            entry["kind"],
            entry["name"],
            entry["recognised"],
            entry["plan"] and entry["plan"]["verdict"],
        )
        for entry in json.loads(result.stdout)["workloads"]
    ]


def test_every_server_of_a_folder_gets_its_verdict(
    voltaic: Voltaic, server: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """Files, documents and lists are all read; what is no model server is listed and not judged."""
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([CONFIG_MAP, server(), None, WEB]), encoding="utf-8")
    (tmp_path / "sub").mkdir()
    bundle = {"apiVersion": "v1", "kind": "List", "items": [server(name="one", gpus=1, shards="2"), WEB]}
    (tmp_path / "sub/b.json").write_text(json.dumps(bundle), encoding="utf-8")

    result = voltaic("check", str(tmp_path), "--json")

    document = json.loads(result.stdout)
    assert (document["schema"], document["files"], document["errors"]) == ("voltaic/check/v1", 2, [])
    assert listed(result) == [
        ("a.yaml", 2, "Deployment", "llm", "tgi", "accept"),
        ("a.yaml", 4, "Deployment", "web", None, None),
        ("b.json", 1, "Deployment", "one", "tgi", "refuse"),
        ("b.json", 1, "Deployment", "web", None, None),
    ]
    assert result.exit_code == 1


REFUSED = {"gpus": 1, "shards": "2"}
UNKNOWN = {"version": "latest"}


@pytest.mark.parametrize(
    ("others", "code"),
    [([], 0), ([REFUSED], 1), ([UNKNOWN], 3), ([UNKNOWN, REFUSED], 1)],
    ids=["accept", "refuse", "unknown", "unknown and refuse"],
)
def test_the_exit_code_is_the_worst_verdict(
    voltaic: Voltaic, server: Callable[..., dict[str, Any]], others: list[dict[str, Any]], code: int
) -> None:
    """One stream with an accepted server and others: refuse comes before unknown, unknown before accept."""
    manifests = [server(), *(server(**changes) for changes in others)]

    result = voltaic("check", "-", "--json", input=yaml.safe_dump_all(manifests))

    assert result.exit_code == code
    assert json.loads(result.stdout)["workloads"][0]["file"] == "-"


def test_what_is_no_server_is_never_refused(voltaic: Voltaic) -> None:
    """Manifests without a model server end with exit code 0, and say so."""
    result = voltaic("check", "-", input=yaml.safe_dump_all([CONFIG_MAP, WEB]))

    assert result.stdout == (
        "No model server found in 1 file.\n"
        "\n"
        "Not judged: 1 object without a model server that is known here\n"
        "  -:11: Deployment web\n"
        "\n"
        "Summary: 0 model servers; 0 advisory findings; waived: 0; 1 object not judged; 0 files unreadable.\n"
    )
    assert result.exit_code == 0


def test_the_profile_stands_in_for_a_missing_node_label(
    voltaic: Voltaic, server: Callable[..., dict[str, Any]]
) -> None:
    """Without a GPU model the verdict is unknown; `--profile` names it."""
    manifest = server()
    del manifest["spec"]["template"]["spec"]["nodeSelector"]
    text = yaml.safe_dump(manifest)

    assert voltaic("check", "-", input=text).exit_code == 3
    assert voltaic("check", "-", "--profile", "v100-2gpu", input=text).exit_code == 0


def test_a_file_that_cannot_be_read_does_not_hide_the_others(
    voltaic: Voltaic, server: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """The fault goes to stderr, in one line, the others are judged, and the exit code is 2."""
    (tmp_path / "bad.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(server()), encoding="utf-8")

    result = voltaic("check", str(tmp_path), "--json")

    assert result.stderr == f"voltaic check: {tmp_path}/bad.yaml: line 2: the key 'a' is given twice\n"
    assert json.loads(result.stdout)["errors"] == [
        {"file": f"{tmp_path}/bad.yaml", "line": 2, "faults": ["line 2: the key 'a' is given twice"]}
    ]
    assert [entry[5] for entry in listed(result)] == ["accept"]
    assert result.exit_code == 2


def test_people_read_the_worst_verdict_first(
    voltaic: Voltaic, server: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """The first line has the verdict and the counts; each server follows under its place, what is refused first."""
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump_all([server(), server(name="alone", gpus=1, shards="2")]), encoding="utf-8")

    lines = voltaic("check", str(path), env={"COLUMNS": "200"}).stdout.splitlines()

    assert lines[0] == "REFUSED  2 model servers in 1 file: 1 refused, 1 accepted"
    alone, llm = (lines.index(f"{path}:{at}, container tgi") for at in ("36: Deployment alone", "4: Deployment llm"))
    assert alone < llm
    assert any(line.startswith(f"{path}:") and "  single-gpu-shard  mandatory, violation" in line for line in lines)
    assert any(line.startswith("    arguments and variables: USE_FLASH_ATTENTION=false --model-id ") for line in lines)


@pytest.mark.parametrize("stack", ["v100-1gpu", "v100-2gpu"])
def test_the_stacks_of_this_repository_are_accepted(voltaic: Voltaic, stack: str) -> None:
    """A stack file is judged as what it would deploy."""
    result = voltaic("check", str(ROOT / f"Pulumi.{stack}.yaml"), "--json")

    assert listed(result) == [(f"Pulumi.{stack}.yaml", 1, "Stack", stack, "tgi", "accept")]
    assert result.exit_code == 0


def test_a_stack_file_with_faults_names_them_all(voltaic: Voltaic, tmp_path: Path) -> None:
    """Settings are held to the same standard as in a preview; encrypted values are left alone."""
    path = tmp_path / "Pulumi.mine.yaml"
    config = {
        "voltaic:profile": "v100-2gpu",
        "voltaic:modle": "x",
        "voltaic:maxInputTokens": 0,
        "voltaic:hfToken": {"secure": "v1:abc"},
        "other:key": 1,
    }
    path.write_text(yaml.safe_dump({"config": config}), encoding="utf-8")

    result = voltaic("check", str(path))

    assert result.stderr.startswith(f"voltaic check: {path}: 3 faults\n  ")
    assert "modle" in result.stderr
    assert "maxInputTokens: 0 is too small" in result.stderr
    assert "hfToken" not in result.stderr
    assert (result.stdout, result.exit_code) == ("", 2)


def test_the_way_out_of_a_stack_is_settings_to_type(voltaic: Voltaic, tmp_path: Path) -> None:
    """A refused stack file gets the commands of Pulumi, for that stack; typed, they are accepted."""
    path = tmp_path / "Pulumi.mine.yaml"
    config = {"voltaic:profile": "v100-1gpu", "voltaic:model": "meta-llama/Llama-2-13b-chat-hf"}
    path.write_text(yaml.safe_dump({"config": config}), encoding="utf-8")

    result = voltaic("check", str(path))

    commands = [line.split() for line in result.stdout.splitlines() if line.startswith("    pulumi")]
    assert commands[0] == ["pulumi", "config", "set", "profile", "v100-2gpu", "-s", "mine"]
    path.write_text(yaml.safe_dump({"config": config | {"voltaic:profile": "v100-2gpu"}}), encoding="utf-8")
    assert (result.exit_code, voltaic("check", str(path)).exit_code) == (1, 0)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_ends_in_blanks(voltaic: Voltaic, width: int) -> None:
    """What is printed can be pasted into a review as it is, however narrow the terminal was."""
    result = voltaic("check", str(ROOT / "docs/examples/public-recipe.yaml"), env={"COLUMNS": str(width)})
    assert [line for line in result.stdout.splitlines() if line != line.rstrip()] == []

"""Pulumi.yaml, the stack files and `__main__.py`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import yaml

from tests.components import harness, project_file
from voltaic import settings

if TYPE_CHECKING:
    import pytest

STACKS = sorted(harness.ROOT.glob("Pulumi.*.yaml"))


def test_every_key_is_declared_as_the_settings_describe_it(request: pytest.FixtureRequest) -> None:
    """The configuration block is written from the settings; `--golden` rewrites it."""
    expected = project_file.expected()
    if request.config.getoption("--golden"):
        project_file.PROJECT_FILE.write_text(expected, encoding="utf-8")
    assert project_file.PROJECT_FILE.read_text(encoding="utf-8") == expected


def test_every_key_has_a_description_and_no_value_of_its_own() -> None:
    """The core knows the defaults; the project file says what a key is for."""
    declared = yaml.safe_load(project_file.PROJECT_FILE.read_text(encoding="utf-8"))["config"]
    assert set(declared) == {key.name for key in settings.schema()}
    for name, entry in declared.items():
        assert len(entry["description"]) > 20, name
        assert entry["default"] == "", name


def test_the_project_asks_for_a_pulumi_that_it_works_with() -> None:
    """Policy packs in a shared environment need 3.227."""
    document = yaml.safe_load(project_file.PROJECT_FILE.read_text(encoding="utf-8"))
    assert document["requiredPulumiVersion"] == ">=3.227.0"
    assert document["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}


def test_stack_files_say_profile_and_model_and_nothing_derivable() -> None:
    """Two lines of configuration, and the salt without which making the stack would change the file."""
    assert [path.name for path in STACKS] == ["Pulumi.v100-1gpu.yaml", "Pulumi.v100-2gpu.yaml"]
    for path in STACKS:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert set(document) == {"encryptionsalt", "config"}
        assert set(document["config"]) == {"voltaic:profile", "voltaic:model"}
        assert document["config"]["voltaic:profile"] == path.name.split(".")[1]


def test_committed_stacks_are_accepted() -> None:
    """What is committed starts: every stack file passes the settings and the judge."""
    from voltaic import judge

    for path in STACKS:
        values = {key: value for key, value in harness.stack_values(path.name.split(".")[1]).items() if value != ""}
        assert judge(settings.serving_spec(settings.read(values, where=path.name))).verdict == "accept"


def test_the_program_is_short() -> None:
    """`__main__.py` reads settings, makes components and exports; everything else lies elsewhere."""
    text = (harness.ROOT / "__main__.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"pulumi", "components"}

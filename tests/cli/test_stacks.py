"""Which stack a command is about, told by files alone."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from cli import stacks
from voltaic import kubernetes_names

if TYPE_CHECKING:
    from pathlib import Path

FILE = """config:
  voltaic:namespace: team
  voltaic:context: site
  voltaic:gpus: 2
  voltaic:hfToken:
    secure: v1:abc
  other:namespace: elsewhere
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with two stacks."""
    (tmp_path / "Pulumi.yaml").write_text("name: voltaic\nruntime: python\n", encoding="utf-8")
    for name in ("one", "two"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path


def select(folder: Path, home: Path, stack: str) -> dict[str, str]:
    """Select a stack as Pulumi does, and return the environment that leads to it."""
    digest = hashlib.sha1(str(folder / "Pulumi.yaml").encode(), usedforsecurity=False).hexdigest()
    place = home / "workspaces" / f"voltaic-{digest}-workspace.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"stack": stack}), encoding="utf-8")
    return {"PULUMI_HOME": str(home)}


def test_a_stack_that_is_named_is_read(folder: Path) -> None:
    """Its plain settings are there, without what is encrypted and what belongs to others."""
    found = stacks.chosen("one", folder, {})
    assert (found.name, found.project, found.namespace, found.context) == ("one", "voltaic", "team", "site")
    assert found.values == {"namespace": "team", "context": "site", "gpus": 2}
    assert found.secrets == {"hfToken"}


def test_a_stack_is_found_from_a_folder_below(folder: Path) -> None:
    """As Pulumi does, the nearest project file above counts."""
    below = folder / "docs" / "deep"
    below.mkdir(parents=True)
    assert stacks.chosen("two", below, {}).name == "two"
    assert stacks.names(below) == ["one", "two"]


def test_the_selected_stack_is_meant(folder: Path, tmp_path: Path) -> None:
    """`pulumi stack select` counts here too, whatever organization stands before the name."""
    environment = select(folder, tmp_path / "home", "organization/voltaic/two")
    assert stacks.chosen(None, folder, environment).name == "two"
    assert stacks.chosen(None, folder, environment | {"PULUMI_STACK": "one"}).name == "one"
    assert stacks.chosen("one", folder, environment).name == "one"


def test_the_only_stack_needs_no_name(folder: Path, tmp_path: Path) -> None:
    """Where there is one file, it is meant."""
    (folder / "Pulumi.two.yaml").unlink()
    assert stacks.chosen(None, folder, {"PULUMI_HOME": str(tmp_path)}).name == "one"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (None, "no stack is selected; there are: one, two. Name one with --stack NAME"),
        ("ones", "did you mean one?"),
        ("x", "there are: one, two."),
    ],
)
def test_a_stack_that_cannot_be_told_is_asked_for(folder: Path, name: str | None, words: str) -> None:
    """The message lists what there is."""
    with pytest.raises(stacks.NoStack) as said:
        stacks.chosen(name, folder, {"PULUMI_HOME": str(folder)})
    assert words in str(said.value)


def test_a_folder_without_project_says_so(tmp_path: Path) -> None:
    """The next step is named."""
    with pytest.raises(stacks.NoStack, match=r"no Pulumi\.yaml here or above: .*voltaic init"):
        stacks.chosen(None, tmp_path, {})


def test_a_broken_file_is_named_with_its_line(folder: Path) -> None:
    """What is no YAML is no stack, and its text is not repeated."""
    (folder / "Pulumi.one.yaml").write_text("config:\n  a: [secret\n", encoding="utf-8")
    with pytest.raises(stacks.NoStack, match=r"Pulumi\.one\.yaml, line 3: not YAML$"):
        stacks.chosen("one", folder, {})


def test_labels_select_a_stack() -> None:
    """The same labels as components write."""
    assert kubernetes_names.of_stack("v100-2gpu") == {
        "app.kubernetes.io/instance": "v100-2gpu",
        "app.kubernetes.io/managed-by": "voltaic",
    }

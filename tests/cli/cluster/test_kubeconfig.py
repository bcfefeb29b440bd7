"""What a kubeconfig leads to, read as kubectl reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.cluster import ClusterError, kubeconfig

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., dict[str, Any]]


def files(*documents: Any) -> list[kubeconfig.File]:
    """Return kubeconfigs in folders of their own."""
    return [kubeconfig.File(Path(f"/folder-{number}/config"), found) for number, found in enumerate(documents)]


def test_the_current_context_is_followed(kubeconfig_of: Make) -> None:
    """Server, namespace and names come from the entries that the context names."""
    found = kubeconfig.access(files(kubeconfig_of("site")))
    assert (found.context, found.namespace, found.server) == ("site", "team", "https://k8s.example.org:6443")


def test_the_first_file_that_has_a_name_wins(kubeconfig_of: Make) -> None:
    """Several files are one kubeconfig, as kubectl merges them; paths are relative to the file of the entry."""
    first = kubeconfig_of("site", server="https://first:6443") | {"current-context": ""}
    second = kubeconfig_of("site", server="https://second:6443") | {"current-context": "site"}
    found = kubeconfig.access(files(first, second))
    assert ("https://first:6443", Path("/folder-0")) == (found.server, found.cluster_folder)


def test_a_single_context_needs_no_name(kubeconfig_of: Make) -> None:
    """Without a current context, the only one is meant."""
    assert kubeconfig.access(files(kubeconfig_of("site", current=""))).context == "site"


def test_a_context_without_namespace_names_none(kubeconfig_of: Make) -> None:
    """Which namespace is meant then, is not decided here."""
    assert kubeconfig.access(files(kubeconfig_of("site", namespace=None))).namespace is None


@pytest.mark.parametrize(
    ("change", "context", "kind", "words"),
    [
        ({}, "sites", "no-context", "has no context sites; it has: site. Did you mean --context site?"),
        (
            {},
            "other-thing",
            "no-context",
            "has no context other-thing; it has: site. Name another with --context NAME.",
        ),
        ({"contexts": [], "current-context": ""}, None, "no-context", "names no current context; it has: none."),
        ({"clusters": []}, None, "bad-kubeconfig", "names the cluster 'site', which is not there"),
        ({"users": []}, None, "bad-kubeconfig", "names the user 'site', which is not there"),
        ({"contexts": [{"name": "site", "context": {"cluster": "site"}}]}, None, "bad-kubeconfig", "names no user"),
        ({"clusters": [{"name": "site", "cluster": {}}]}, None, "bad-kubeconfig", "has no server address"),
        ({"contexts": "none"}, None, "no-context", "has no context site; it has: none"),
    ],
)
def test_what_leads_nowhere_is_said(
    kubeconfig_of: Make, change: dict[str, Any], context: str | None, kind: str, words: str
) -> None:
    """Every way in which a context leads to no cluster has its own words and names what there is."""
    with pytest.raises(ClusterError) as said:
        kubeconfig.access(files(kubeconfig_of("site") | change), context)
    assert kind == said.value.kind
    assert words in str(said.value)


def test_files_are_looked_for_where_kubectl_looks() -> None:
    """A file that is given, else KUBECONFIG, else the one in the home folder."""
    two = os.pathsep.join(["/a", "", "/b"])
    assert [Path("/c")] == kubeconfig.paths("/c", {"KUBECONFIG": two})
    assert [Path("/a"), Path("/b")] == kubeconfig.paths(None, {"KUBECONFIG": two})
    assert [Path("/home/me/.kube/config")] == kubeconfig.paths(None, {"HOME": "/home/me"})


def test_no_file_at_all_is_said_with_the_place(tmp_path: Path) -> None:
    """The message names the file that was looked for and what to set."""
    with pytest.raises(ClusterError, match=r"nowhere does not exist\. Set KUBECONFIG") as said:
        kubeconfig.read([tmp_path / "nowhere"])
    assert said.value.kind == "no-kubeconfig"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("users: [\n - token: my-secret", "not YAML, line 2"),
        ("- a\n- b\n", "it holds a list"),
        ("token my-secret", "it holds plain text"),
    ],
)
def test_what_is_no_kubeconfig_is_said_without_its_content(tmp_path: Path, text: str, words: str) -> None:
    """A text that may hold a token is never repeated."""
    place = tmp_path / "config"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(ClusterError, match=words) as said:
        kubeconfig.read([place])
    assert "my-secret" not in str(said.value)


def test_an_entry_shows_no_secret(kubeconfig_of: Make, tmp_path: Path) -> None:
    """What a debugger or a log would print of it holds no token."""
    place = tmp_path / "config"
    place.write_text(yaml.safe_dump(kubeconfig_of("site", user={"token": "my-secret"})), encoding="utf-8")
    found = kubeconfig.read([place])
    assert "my-secret" not in repr(found) + repr(kubeconfig.access(found))


@pytest.fixture
def kubeconfig_of(kubeconfig: Make) -> Make:
    """Return a function that makes kubeconfigs."""
    return kubeconfig

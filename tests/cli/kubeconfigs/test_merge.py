"""A context taken over into a kubeconfig that has others, comments and an order of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.cluster import kubeconfig
from cli.files import Unwritable
from cli.kubeconfigs import merge, writing

if TYPE_CHECKING:
    from cli.cluster.kubeconfig import Access

EXISTING = """# mine
apiVersion: v1
kind: Config
current-context: old   # the old one
contexts:
- name: old            # of 2024
  context: {cluster: kubernetes, user: "admin"}
clusters:
- name: kubernetes
  cluster:
    server: https://old.example.org
users:
- name: admin
  user: {token: old-secret}
"""


def incoming(**change: Any) -> Access:
    """Return a downloaded kubeconfig with the names that many clusters have."""
    given = {
        "server": "https://new.example.org:6443",
        "context": "site",
        "cluster": "kubernetes",
        "user": "admin",
        "namespace": "team",
        "login": {"token": "new-secret"},
    } | change
    document = {
        "contexts": [
            {
                "name": given["context"],
                "context": {"cluster": given["cluster"], "user": given["user"], "namespace": given["namespace"]},
            }
        ],
        "clusters": [{"name": given["cluster"], "cluster": {"server": given["server"]} | given.get("more", {})}],
        "users": [{"name": given["user"], "user": given["login"]}],
    }
    return kubeconfig.access([kubeconfig.File(Path("/downloads/config"), document)])


def merged(existing: str, access: Access, **how: Any) -> merge.Merge:
    """Merge as the command does by default."""
    return merge.merge(writing.load(existing), access, **({"name": None, "namespace": None, "use": True} | how))


def access_of(made: merge.Merge, context: str) -> Access:
    """Return what a context of the merged kubeconfig leads to."""
    return kubeconfig.access([kubeconfig.File(Path("/c"), yaml.safe_load(writing.dump(made.document)))], context)


def test_other_contexts_and_comments_stay() -> None:
    """Every line that was there is still there, but for the current context."""
    made = merged(EXISTING, incoming())
    text = writing.dump(made.document)
    assert [line for line in EXISTING.splitlines() if line not in text.splitlines()] == [
        "current-context: old   # the old one"
    ]
    assert "current-context: site  # the old one" in text or "current-context: site   # the old one" in text
    assert made.kept == ("old",)
    assert access_of(made, "old").user == {"token": "old-secret"}


def test_names_that_stand_for_another_cluster_are_left_alone() -> None:
    """Clusters and users of the same name get a longer one, with the host of the new server."""
    made = access_of(merged(EXISTING, incoming()), "site")
    assert (made.cluster_name, made.user_name) == ("kubernetes-new.example.org", "admin-new.example.org")
    assert (made.server, made.user) == ("https://new.example.org:6443", {"token": "new-secret"})


def test_a_context_that_stands_for_another_cluster_is_left_alone() -> None:
    """The same name for another server does not lose the old one."""
    made = merged(EXISTING, incoming(context="old"))
    assert made.context == "old-new.example.org"
    assert access_of(made, "old").server == "https://old.example.org"


def test_a_new_login_for_the_same_cluster_is_taken_in_its_place() -> None:
    """After the old one ended, the names stay."""
    made = merged(EXISTING, incoming(context="old", server="https://old.example.org", namespace=None))
    assert made.changes == ("~ user admin: token (hidden) → (hidden)",)
    assert access_of(made, "old").user == {"token": "new-secret"}
    assert "# of 2024" in writing.dump(made.document)


def test_what_is_there_already_changes_nothing() -> None:
    """Doing it twice is doing it once."""
    once = writing.dump(merged(EXISTING, incoming()).document)
    assert merged(once, incoming()).changes == ()


def test_changes_are_told_without_secrets() -> None:
    """A line each; tokens and certificates are hidden, ends and programs shown."""
    login = {"exec": {"command": "./plugin", "args": ["--client-secret=abc"]}, "client-key-data": "very-secret"}
    made = merged(EXISTING, incoming(login=login, more={"certificate-authority-data": "Zm9v"}))
    told = "\n".join(made.changes)
    assert "+ context site: cluster kubernetes-new.example.org, user admin-new.example.org, namespace team" in told
    assert "runs: /downloads/plugin --client-secret=(hidden)" in told
    assert "~ current context: old → site" in told
    assert not any(secret in told for secret in ("abc", "very-secret", "Zm9v", "old-secret"))


def test_files_are_found_from_anywhere() -> None:
    """Paths of the downloaded kubeconfig are relative to it, and it is elsewhere."""
    made = merged("", incoming(more={"certificate-authority": "ca.crt"}, login={"tokenFile": "/abs/token"}))
    found = access_of(made, "site")
    assert found.cluster["certificate-authority"] == "/downloads/ca.crt"
    assert found.user["tokenFile"] == "/abs/token"


@pytest.mark.parametrize("existing", ["", "# empty\n", "contexts:\nclusters:\n", "kind: Config\nusers: []\n"])
def test_a_kubeconfig_without_anything_is_filled(existing: str) -> None:
    """None, an empty one, and one with empty lists."""
    made = merged(existing, incoming(), name="mine", namespace="other")
    found = access_of(made, "mine")
    assert (found.context, found.namespace, made.undo) == ("mine", "other", "kubectl config delete-context mine")


def test_the_current_context_may_stay() -> None:
    """Only where it is wanted does the new one become current."""
    made = merged(EXISTING, incoming(), use=False)
    assert made.document["current-context"] == "old"
    assert merged(EXISTING, incoming()).undo == "kubectl config use-context old && kubectl config delete-context site"


def test_a_kubeconfig_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 600 whatever it was, no half file, no lock left, and a link stays a link."""
    place = tmp_path / "folder" / "config"
    writing.write(place, "a: 1\n")
    place.chmod(0o644)
    link = tmp_path / "link"
    link.symlink_to(place)
    writing.write(link, "a: 2\n")
    assert link.is_symlink()
    assert (oct(place.stat().st_mode)[-3:], oct(place.parent.stat().st_mode)[-3:]) == ("600", "700")
    assert place.read_text(encoding="utf-8") == "a: 2\n"
    assert [path.name for path in place.parent.iterdir()] == ["config"]


def test_two_programs_do_not_write_at_once(tmp_path: Path) -> None:
    """The lock is the one of kubectl; it is named, since a killed program leaves it."""
    place = tmp_path / "config"
    (tmp_path / "config.lock").touch()
    with pytest.raises(Unwritable, match=r"another program is writing it .*config\.lock"):
        writing.write(place, "a: 1\n")
    assert not place.exists()


@pytest.mark.parametrize(("mode", "said"), [(0o600, None), (0o640, "read"), (0o604, "read"), (0o666, "change")])
def test_a_login_that_others_may_read_is_told(tmp_path: Path, mode: int, said: str | None) -> None:
    """Group and others count alike."""
    place = tmp_path / "config"
    place.touch()
    place.chmod(mode)
    assert writing.others_may(place) == (None if said is None else f"others may {said} it")
    assert writing.others_may(tmp_path / "nowhere") is None

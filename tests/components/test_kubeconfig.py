"""Where a kubeconfig leads."""

from __future__ import annotations

import hashlib
import os
import socket
from typing import TYPE_CHECKING

import pytest

from components import kubeconfig
from components.kubeconfig import NoClusterError, Target
from tests.components import harness

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = hashlib.sha256(harness.AUTHORITY.strip().encode()).hexdigest()


def test_the_current_context_is_followed(tmp_path: Path) -> None:
    """Address, authority and namespace are those of the current context."""
    path = harness.write_kubeconfig(tmp_path / "config")
    assert kubeconfig.target(None, {"KUBECONFIG": str(path)}) == Target(
        context="site", namespace="team-a", server="https://10.20.30.40:6443", certificate_authority=SHA256
    )


def test_a_named_context_is_followed(tmp_path: Path) -> None:
    """A named context wins over the current one; the first file that defines a name wins over later ones."""
    first = harness.write_kubeconfig(tmp_path / "first")
    second = harness.write_kubeconfig(tmp_path / "second", context="other", server="https://other:6443")
    third = harness.write_kubeconfig(tmp_path / "third", context="other", server="https://hidden:6443")
    environment = {"KUBECONFIG": os.pathsep.join(map(str, (first, second, third)))}
    assert kubeconfig.target("other", environment).server == "https://other:6443"
    assert kubeconfig.target(None, environment).context == "site"


def test_the_file_in_the_home_folder_is_the_default(tmp_path: Path) -> None:
    """Without KUBECONFIG the file is looked for where kubectl looks for it."""
    (tmp_path / ".kube").mkdir()
    harness.write_kubeconfig(tmp_path / ".kube" / "config")
    assert kubeconfig.target(None, {"HOME": str(tmp_path)}).context == "site"


def test_an_authority_file_is_found_beside_the_kubeconfig(tmp_path: Path) -> None:
    """A relative path to the authority is relative to the kubeconfig; the same certificate is the same cluster."""
    path = harness.write_kubeconfig(tmp_path / "config")
    (tmp_path / "ca.crt").write_text(harness.AUTHORITY)
    text = path.read_text()
    head, _, tail = text.partition("certificate-authority-data: ")
    path.write_text(head + "certificate-authority: ca.crt\n" + tail.partition("\n")[2])
    assert kubeconfig.target(None, {"KUBECONFIG": str(path)}).certificate_authority == SHA256


def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    """Without any kubeconfig the error names the place and two ways on."""
    with pytest.raises(NoClusterError) as caught:
        kubeconfig.target(None, {"HOME": str(tmp_path)})
    assert str(caught.value) == (
        f"no kubeconfig: KUBECONFIG is not set, and there is no {tmp_path}/.kube/config. "
        "Set KUBECONFIG to the file that your cluster's administrator gave you, "
        "or start the simulated cluster with: make up, then: . ./activate"
    )
    with pytest.raises(NoClusterError, match="KUBECONFIG names /nowhere, which does not exist"):
        kubeconfig.target(None, {"KUBECONFIG": "/nowhere"})


def test_a_misspelt_context_is_suggested(tmp_path: Path) -> None:
    """A context that is not there is answered with the nearest one."""
    path = harness.write_kubeconfig(tmp_path / "config")
    with pytest.raises(NoClusterError) as caught:
        kubeconfig.target("sit", {"KUBECONFIG": str(path)})
    assert str(caught.value) == (
        f"{path} has no context sit; did you mean site? Name one with: pulumi config set context site"
    )


CONTEXT = "current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\n"
UNREADABLE = "the certificate authority of cluster y cannot be read"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cannot be read as a kubeconfig: while parsing"),
        ("- a", "is no kubeconfig: it holds list, not a mapping"),
        ("", "has no current context"),
        ("current-context: x\ncontexts: nonsense", "has no context x; it has: none"),
        (CONTEXT, "names the cluster 'y', which is not there"),
        (f"{CONTEXT}clusters: [{{name: y, cluster: {{a: b}}}}]", "has no server address"),
        (f"{CONTEXT}clusters: [{{name: y, cluster: {{server: s, certificate-authority: /nowhere/ca}}}}]", UNREADABLE),
        (f"{CONTEXT}clusters: [{{name: y, cluster: {{server: s, certificate-authority-data: é}}}}]", UNREADABLE),
    ],
)
def test_a_broken_kubeconfig_is_said_to_be_one(tmp_path: Path, text: str, message: str) -> None:
    """Whatever stands in the file, the answer is a sentence and no traceback."""
    path = tmp_path / "config"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NoClusterError) as caught:
        kubeconfig.target(None, {"KUBECONFIG": str(path)})
    assert message in str(caught.value)


def test_an_address_that_nobody_listens_at_does_not_answer() -> None:
    """A port counts as answering only while something listens on it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        here = Target("c", None, f"https://127.0.0.1:{port}", None)
        assert here.answers()
    assert not here.answers()


def test_a_cluster_behind_a_proxy_is_not_probed(tmp_path: Path) -> None:
    """What a proxy hides cannot be told by connecting, so it counts as there."""
    path = harness.write_kubeconfig(tmp_path / "config", server="https://127.0.0.1:1")
    behind = kubeconfig.target(None, {"KUBECONFIG": str(path), "HTTPS_PROXY": "http://proxy:3128"})
    assert behind.answers()

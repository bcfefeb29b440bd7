"""One stack, one cluster: the guard, the provider, and runs without a cluster."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from components import cluster, kubeconfig
from tests.components import harness

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"profile": "v100-2gpu", "model": harness.MODEL}
HERE = {
    "context": "site",
    "server": "https://10.20.30.40:6443",
    "certificateAuthority": hashlib.sha256(harness.AUTHORITY.strip().encode()).hexdigest(),
    "namespace": "team-a",
}
ELSEWHERE = {**HERE, "context": "other", "server": "https://10.0.0.1:6443", "certificateAuthority": "ab" * 32}


def test_the_provider_goes_to_one_named_context(program: harness.Program) -> None:
    """Context and identifier are explicit, and no path of this machine gets into the state."""
    provider = program(GOOD).one("kubernetes", "cluster")
    assert provider.type == "pulumi:providers:kubernetes"
    assert provider.inputs == {
        "clusterIdentifier": "voltaic/v100-2gpu",
        "context": "site",
        "enableConfigMapMutable": "true",
        "enableSecretMutable": "true",
        "kubeconfig": "",
        "namespace": "team-a",
        "skipUpdateUnreachable": "false",
    }


def test_every_object_goes_through_that_provider(program: harness.Program) -> None:
    """No object is left to a default provider, which would follow whatever kubectl points at."""
    run = program(GOOD)
    objects = [one for one in run.resources if one.type.startswith("kubernetes:")]
    assert objects
    assert all("pulumi:providers:kubernetes::cluster" in one.options["provider"] for one in objects)


def test_the_first_run_writes_down_where_it_deploys_to(program: harness.Program) -> None:
    """The record holds context, address, authority and namespace, and no credentials."""
    assert program(GOOD).one("Stash", "cluster").inputs == {"input": HERE}


def test_another_cluster_is_refused_before_anything_is_touched(program: harness.Program) -> None:
    """A stack that lives elsewhere is not deployed here: not even the provider is registered."""
    run = program(GOOD, recorded={"cluster": ELSEWHERE})
    expected = (
        "this stack lives in the cluster of context other (https://10.0.0.1:6443), "
        "and the kubeconfig now leads to that of context site (https://10.20.30.40:6443). Nothing was changed.\n"
        "  To go on where it lives: pulumi config set -s v100-2gpu context other; "
        "pulumi config set -s v100-2gpu namespace team-a\n"
        "  To deploy elsewhere as well: pulumi stack init NAME, with a stack file of its own\n"
        "  If it is the same cluster under a new address and certificate: pulumi up --replace "
        "'urn:pulumi:v100-2gpu::voltaic::pulumi:index:Stash::cluster'"
    )
    assert run.errors == [expected]
    assert [one.type for one in run.resources] == ["pulumi:index:Stash"]


def test_the_same_context_name_in_another_file_is_told_apart(program: harness.Program) -> None:
    """Where the names agree and the cluster does not, the way back is the other file."""
    (error,) = program(GOOD, recorded={"cluster": {**ELSEWHERE, "context": "site"}}).errors
    assert (
        "To go on where it lives: set KUBECONFIG to the file whose context site leads to https://10.0.0.1:6443" in error
    )


def test_a_cluster_that_moved_is_the_same_cluster(program: harness.Program) -> None:
    """A new port or address behind the same authority and context name is no other cluster."""
    run = program(GOOD, recorded={"cluster": {**HERE, "server": "https://10.20.30.40:7443"}})
    assert run.errors == []


@pytest.mark.parametrize(
    ("recorded", "same"),
    [
        (HERE, True),
        ({**HERE, "context": "renamed"}, True),
        ({**HERE, "server": "https://moved:6443"}, True),
        (
            {**HERE, "context": "renamed", "server": "https://moved:6443"},
            False,
        ),  # several clusters behind one authority
        ({**HERE, "certificateAuthority": "cd" * 32}, False),  # made anew at the same address
        ({**HERE, "certificateAuthority": ""}, False),
    ],
)
def test_same_cluster_needs_the_authority_and_one_of_address_and_name(recorded: dict[str, str], *, same: bool) -> None:
    """The authority must be the same, and either the address or the context's name."""
    assert cluster.same_cluster(recorded, HERE) is same


def test_without_an_authority_only_the_address_tells() -> None:
    """Clusters with a publicly trusted certificate are told apart by their address alone."""
    here = {**HERE, "certificateAuthority": ""}
    assert cluster.same_cluster(here, here)
    assert not cluster.same_cluster({**here, "server": "https://moved:6443"}, here)


def test_a_namespace_that_slipped_is_refused(program: harness.Program) -> None:
    """The context's namespace is part of where a stack lives, unless the stack names one itself."""
    recorded = {"cluster": {**HERE, "namespace": "team-b"}}
    (error,) = program(GOOD, recorded=recorded).errors
    assert error.startswith(
        "this stack lives in the namespace team-b, and the kubeconfig's context site now names team-a. "
        "Nothing was changed."
    )
    assert program({**GOOD, "namespace": "team-a"}, recorded=recorded).errors == []


def test_a_preview_without_kubeconfig_judges_and_shows(
    program: harness.Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a cluster a preview still shows every object, says so, and leaves the record as it is."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    run = program(GOOD, preview=True)
    assert run.errors == []
    assert run.one("TGIServer", "tgi").inputs["verdict"] == "accept"
    assert run.one("Deployment", "tgi").inputs["metadata"]["namespace"] == "default"
    assert run.one("Stash", "cluster").options["ignoreChanges"] == ["input"]
    assert run.warnings[0] == (
        "no kubeconfig: KUBECONFIG names /nowhere, which does not exist. Set KUBECONFIG to the file that your "
        "cluster's administrator gave you, or start the simulated cluster with: make up, then: . ./activate\n"
        "This preview judges and shows all the same; the API server has not seen it."
    )


def test_an_update_without_kubeconfig_says_what_to_do(
    program: harness.Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` needs a cluster, and registers nothing without one."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    run = program(GOOD)
    assert run.errors[0].startswith("no kubeconfig: KUBECONFIG names /nowhere")
    assert run.resources == []


def test_a_cluster_that_does_not_answer_stops_an_update(
    program: harness.Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` ends with one error instead of one an object; a preview warns."""
    monkeypatch.setattr(kubeconfig.Target, "answers", lambda _self: False)
    problem = (
        "the API server https://10.20.30.40:6443 of context site does not answer. Check VPN and address with: "
        "kubectl version, or start the simulated cluster with: make up"
    )
    assert program(GOOD).errors == [problem]
    preview = program(GOOD, preview=True)
    assert preview.errors == []
    assert preview.warnings[0].startswith(problem)


def test_a_context_that_names_no_namespace_means_default(kubeconfig: Path, program: harness.Program) -> None:
    """The default is that of kubectl."""
    kubeconfig.write_text(kubeconfig.read_text().replace("    namespace: team-a\n", ""))
    assert program(GOOD).one("Service", "tgi").inputs["metadata"]["namespace"] == "default"


def test_no_namespace_is_made_unless_asked_for(program: harness.Program) -> None:
    """A user of one namespace has no rights over namespaces."""
    assert program(GOOD).all("Namespace") == []


def test_an_owned_namespace_outlives_the_stack_like_its_volumes(program: harness.Program) -> None:
    """A deleted namespace would take the kept volumes with it, so it stays with them, and goes with them."""
    asked = {**GOOD, "namespace": "llm", "createNamespace": "true"}
    kept = program(asked)
    assert kept.one("Namespace", "namespace").options["retainOnDelete"] is True
    assert kept.one("Deployment", "tgi").inputs["metadata"]["namespace"] == "llm"
    gone = program({**asked, "modelCacheDeleteOnDestroy": "true", "webuiDataDeleteOnDestroy": "true"})
    assert gone.one("Namespace", "namespace").options["retainOnDelete"] is False

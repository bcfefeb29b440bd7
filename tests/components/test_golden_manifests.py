"""What each committed stack deploys, object by object."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.components import harness

GOLDEN = harness.ROOT / "tests" / "golden"
KUBERNETES = "1.36"
STACKS = sorted(path.name.split(".")[1] for path in harness.ROOT.glob("Pulumi.*.yaml"))


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    """Each committed stack."""
    return str(request.param)


@pytest.fixture
def manifests(stack: str, program: harness.Program) -> dict[str, dict[str, Any]]:
    """The objects of one stack, by the name of their golden file."""
    run = program(harness.stack_values(stack), stack=stack)
    assert run.errors == []
    found: dict[str, dict[str, Any]] = run.manifests()
    return found


def test_stacks_deploy_what_is_written_down(
    manifests: dict[str, dict[str, Any]], stack: str, request: pytest.FixtureRequest
) -> None:
    """A committed stack deploys exactly the objects in its golden folder; `--golden` rewrites them."""
    folder = GOLDEN / stack
    texts = {
        f"{name}.yaml": yaml.safe_dump(manifest, sort_keys=True, width=120) for name, manifest in manifests.items()
    }
    if request.config.getoption("--golden"):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.yaml"):
            old.unlink()
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    assert {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))} == texts


def test_kubernetes_knows_every_field(manifests: dict[str, dict[str, Any]]) -> None:
    """Every object is valid under the strict schemas of Kubernetes 1.36."""
    assert manifests
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_validation_sees_a_wrong_field(manifests: dict[str, dict[str, Any]], stack: str) -> None:
    """A field that Kubernetes does not know fails the validation, so that it cannot pass by chance."""
    deployment = manifests[f"deployment-tgi-{stack}"]
    deployment["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError, match="enableServiceLink"):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)

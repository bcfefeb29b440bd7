"""What a stack runs is read back as what was judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from voltaic import hardware, models, settings
from voltaic.engines.tgi.deployment import deployment as facts
from voltaic.manifests import Document, workloads

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

ROOT = Path(__file__).parents[2]


@bounds(deadline=None)
@given(
    profile=st.sampled_from(["v100-1gpu", "v100-2gpu", "v100-32gb-4gpu", "t4-1gpu", "a100-80gb-2gpu"]),
    model=st.sampled_from([model.id for model in models.known_models()] + ["nobody/unknown"]),
    values=st.fixed_dictionaries(
        {},
        optional={
            "engineVersion": st.sampled_from(["1.2.0", "2.0.4", "3.0.1", "3.3.7"]),
            "maxTotalTokens": st.integers(min_value=2, max_value=9000),
            "maxBatchSize": st.integers(min_value=1, max_value=9),
            "modelRevision": st.just("0123abc"),
            "quantization": st.sampled_from(["bitsandbytes", "awq"]),
            "hfToken": st.just("hf_token"),
            "gpus": st.just(1),
        },
    ),
)
def test_a_stack_s_pod_is_read_back_as_the_spec_that_was_judged(
    *, profile: str, model: str, values: dict[str, Any], container: Make, deployment: Make, one: Make
) -> None:
    """Settings make a spec, the spec makes a pod, and the pod is read back as the same spec."""
    wanted = settings.serving_spec(settings.read({"profile": profile, "model": model} | values, where="x"))
    env = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "s"}}}
        if value is None
        else {"name": name, "value": value}
        for name, value in wanted.command.env.items()
    ]
    gpu = hardware.profile(profile).gpu
    found = one(
        deployment(
            container(
                image=facts(wanted.release.version).image,
                args=list(wanted.command.args),
                env=env,
                resources={"limits": {gpu.resource_name: str(wanted.gpus)}},
            ),
            nodeSelector={gpu.node_label: gpu.node_label_values[0]},
        )
    )
    assert found.spec == replace(wanted, id="Deployment/llm/tgi")


@pytest.mark.parametrize("stack", sorted(path.name for path in (ROOT / "tests/golden").iterdir()))
def test_the_manifests_of_every_stack_are_read_back_as_what_its_settings_mean(stack: str) -> None:
    """What the components write is read back as the spec of the stack file, whatever they add beside it."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    wanted = settings.serving_spec(settings.read(settings.of_project(config, "voltaic"), where=stack))
    files = sorted((ROOT / "tests/golden" / stack).glob("*.yaml"))
    documents = [Document(file.name, 1, yaml.safe_load(file.read_text())) for file in files]
    (found,) = [workload.spec for workload in workloads(documents) if workload.spec is not None]
    assert wanted.command.env.items() <= found.command.env.items()
    assert found == replace(wanted, id=found.id, command=replace(wanted.command, env=found.command.env))

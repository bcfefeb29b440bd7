"""What a server needs of its node, and how long it may take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import hardware, host, models, settings, units
from voltaic.settings import InvalidSettings
from voltaic.units import GIB

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA_13B = "meta-llama/Llama-2-13b-chat-hf"


def plan(profile: str = "v100-1gpu", model: str = MISTRAL, **values: Any) -> host.HostPlan:
    """Return the host plan of a stack."""
    found = settings.read({"profile": profile, "model": model} | values, where="Pulumi.test.yaml")
    return host.plan(found, settings.serving_spec(found), where="Pulumi.test.yaml")


@pytest.mark.parametrize("model", [model.id for model in models.known_models()])
@pytest.mark.parametrize("profile", ["v100-1gpu", "v100-2gpu", "v100-32gb-1gpu", "a100-80gb-4gpu"])
def test_nothing_gives_up_before_what_it_waits_for(profile: str, model: str) -> None:
    """Startup budget, progress deadline and Pulumi's timeout each leave room for the one before, for every model."""
    found = plan(profile, model)
    start = found.startup_budget.value
    assert found.startup_period.value * found.startup_failures.value == start
    assert start + found.termination_grace.value < found.progress_deadline.value < found.pulumi_timeout.value
    assert found.pre_stop.value < found.termination_grace.value
    assert found.liveness_period.value * found.liveness_failures.value >= 100
    assert found.startup_budget.value < 4 * 3600


def test_a_server_on_one_gpu_needs_the_whole_model_in_host_memory() -> None:
    """Without tensor parallelism the model is built in host memory beside the file that is read."""
    found = plan()
    assert found.memory.because.startswith("13.49 GiB whole model, built in host memory before it moves to the GPU + ")
    assert found.memory.value == 24 * GIB
    assert found.shm.value == GIB


def test_a_layer_split_needs_one_weights_file_in_host_memory() -> None:
    """With the layers spread over GPUs, files are loaded one by one."""
    found = plan("v100-2gpu")
    assert "whole model" not in found.memory.because
    assert found.memory.value == 10 * GIB
    assert found.shm.value == GIB
    assert found.shm.because == "one process, no NCCL"


def test_shared_memory_counts_in_the_memory_of_the_container() -> None:
    """Pages of /dev/shm are charged to the container: its limit holds them and the working set."""
    found = plan(model=LLAMA_13B, profile="v100-32gb-1gpu")
    assert found.memory.because.endswith(" + 1.00 GiB shared memory")
    assert found.memory.value >= 24.24 * GIB + found.shm.value
    assert found.memory.value % GIB == 0


def test_a_start_may_take_twice_what_is_estimated() -> None:
    """The budget is derived from the bytes to fetch and to load, and says so."""
    found = plan()
    assert found.download.value == 14_483_464_192
    assert found.startup_budget.value == 970
    assert found.startup_budget.because == (
        "2 x (290 s download at 50 MB/s + 73 s load at 200 MB/s + 60 s process + 60 s warm-up)"
    )


def test_the_progress_deadline_counts_everything_before_the_server_answers() -> None:
    """The old pod, scheduling, the image and the start itself, one after the other."""
    found = plan()
    assert found.progress_deadline.value == 130 + 60 + 900 + 970
    assert found.progress_deadline.because == "130 s for the old pod + 60 s scheduling + 900 s image + 970 s start"
    assert found.pulumi_timeout.value == 2060 + 120


def test_a_slow_line_lengthens_every_deadline() -> None:
    """The bandwidth of a site is a setting, and nothing gives up before the download can be there."""
    found, usual = plan(downloadMegabytesPerSecond="5"), plan()
    assert found.startup_budget.value == 2 * (2897 + 73 + 120)
    longer = found.startup_budget.value - usual.startup_budget.value
    assert found.progress_deadline.value - usual.progress_deadline.value == longer
    assert found.pulumi_timeout.value - usual.pulumi_timeout.value == longer


def test_replicas_are_started_one_after_the_other() -> None:
    """Without a spare GPU each replica waits for the one before."""
    one, three, parked = plan(), plan(replicas="3"), plan(replicas="0")
    assert three.progress_deadline == one.progress_deadline
    assert three.pulumi_timeout.value == 3 * one.progress_deadline.value + 120
    assert parked.pulumi_timeout == one.pulumi_timeout


@pytest.mark.parametrize("profile", ["v100-1gpu", "v100-2gpu", "v100-32gb-1gpu"])
def test_the_cache_does_not_follow_the_model(profile: str) -> None:
    """A model change leaves the volume as it is: it cannot shrink, and need not be able to grow."""
    sizes = {
        plan(profile, model.id).cache.value
        for model in models.known_models()
        if (model.weights_bytes or 0) <= hardware.profile(profile).count * hardware.profile(profile).gpu.usable_bytes
    }
    assert len(sizes) == 1
    assert sizes.pop() >= 2 * hardware.profile(profile).count * hardware.profile(profile).gpu.usable_bytes


def test_a_cache_of_a_stated_size_is_taken_as_it_is() -> None:
    """What the stack states stands."""
    assert plan(modelCacheSize="20Gi").cache.value == 20 * GIB


def test_a_cache_that_cannot_hold_the_checkpoint_is_refused() -> None:
    """The download would fail at the end of the volume: said before, with the size that is enough."""
    with pytest.raises(InvalidSettings) as caught:
        plan(modelCacheSize="13Gi")
    assert str(caught.value) == (
        "Pulumi.test.yaml: 1 setting is not valid\n"
        "  modelCacheSize: 13Gi cannot hold the checkpoint of 13.49 GiB; allowed: 14Gi or more. "
        "Use the default with: pulumi config rm modelCacheSize"
    )


def test_weights_kept_in_the_pod_count_as_ephemeral_storage() -> None:
    """An emptyDir is charged to the pod, which is evicted beyond its limit."""
    kept, usual = plan(modelCacheEphemeral="true"), plan()
    assert kept.ephemeral_storage.value == usual.ephemeral_storage.value + kept.cache.value


def test_a_model_at_a_path_is_not_downloaded() -> None:
    """Nothing is fetched for a model that is already there; unknown shapes count as much as the GPUs hold."""
    found = plan(model="/data/own")
    assert found.download.value == 0
    assert "0 s download" in found.startup_budget.because
    assert found.memory.value > hardware.gpu_model("v100-16gb").usable_bytes


def test_tensor_parallel_processes_need_shared_memory_and_cores() -> None:
    """Each process of a sharded server takes cores, and NCCL takes shared memory."""
    found = plan("a100-80gb-4gpu", shards="4")
    assert (found.shm.value, found.cpu_request.value) == (8 * GIB, 10)
    assert found.shm.because == "4 processes that talk through NCCL"
    assert plan("a100-80gb-8gpu", shards="8").shm.value == 16 * GIB
    two = plan("a100-80gb-2gpu")
    assert (two.shm.value, two.cpu_request.value) == (4 * GIB, 6)
    assert two.shm.because == "2 processes that talk through NCCL"
    assert two.memory.because == (
        "4.66 GiB largest weights file + 8.00 GiB model processes + 2.00 GiB router and tokenizer "
        "+ 4.00 GiB shared memory"
    )


@given(st.sampled_from([model.id for model in models.known_models()]), st.integers(min_value=1, max_value=99_999))
def test_a_faster_line_never_lengthens_a_start(model: str, speed: int) -> None:
    """More bandwidth never means a longer budget."""
    slow, fast = (plan(model=model, downloadMegabytesPerSecond=str(value)) for value in (speed, speed + 1))
    assert fast.startup_budget.value <= slow.startup_budget.value


def test_every_table_of_facts_has_a_source() -> None:
    """No number is there without saying where it comes from."""
    for name in host.table():
        assert host.source(name).text


def test_figures_are_plain_numbers_with_units() -> None:
    """Each figure says its unit and its reason."""
    found = plan()
    figures = {name: getattr(found, name) for name in found.__dataclass_fields__}
    assert {figure.unit for figure in figures.values()} == {"bytes", "seconds", "cores", "failures"}
    assert all(figure.because for figure in figures.values())
    assert int(found.memory) == units.size_of(units.quantity(found.memory.value))


def test_a_start_is_the_sum_of_its_parts() -> None:
    """Download, load, process and warm-up in seconds; the startup budget allows twice of it, in whole periods."""
    chosen = settings.read({"profile": "v100-1gpu", "model": MISTRAL}, where="Pulumi.test.yaml")
    found = host.start(chosen, settings.serving_spec(chosen))
    assert [int(part) for part in (found.download, found.load, found.process, found.warm_up)] == [290, 73, 60, 60]
    assert found.seconds == 483
    assert plan().startup_budget.value == 970


def test_a_model_on_a_path_is_not_downloaded() -> None:
    """It lies in the image or in the cache; loading it takes time all the same."""
    chosen = settings.read({"profile": "v100-1gpu", "model": "/data/mine"}, where="Pulumi.test.yaml")
    found = host.start(chosen, settings.serving_spec(chosen))
    assert int(found.download) == 0
    assert int(found.load) > 0

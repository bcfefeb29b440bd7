"""What engines say at /metrics."""

from __future__ import annotations

import pytest

from voltaic.engines import metrics

TGI = """# HELP tgi_queue_size x
# TYPE tgi_queue_size gauge
tgi_queue_size 3
tgi_batch_current_size 2
tgi_batch_current_max_tokens 1024
tgi_batch_max_total_tokens 4096
tgi_request_count 12
tgi_request_success{kind="full"} 7
tgi_request_success{kind="stop"} 3
tgi_request_failure{err="overloaded"} 2
tgi_request_generated_tokens_sum 900
tgi_request_generated_tokens_count 10
tgi_request_input_length_sum 5000
tgi_request_mean_time_per_token_duration_bucket{le="0.1"} 9
tgi_request_mean_time_per_token_duration_sum 0.5
tgi_request_mean_time_per_token_duration_count 10
"""
VLLM = """vllm:num_requests_running{engine="0",model_name="a b, \\"c\\" }"} 1.0
vllm:num_requests_waiting{engine="0"} 4
vllm:gpu_cache_usage_perc{engine="0"} 0.25
vllm:prompt_tokens_total{engine="0"} 100 1700000000000
vllm:generation_tokens_total{engine="0"} 50
vllm:time_to_first_token_seconds_sum{engine="0"} 4
vllm:time_to_first_token_seconds_count{engine="0"} 2
"""
LMDEPLOY = """lmdeploy:num_requests_running{engine="0"} 1
lmdeploy:num_requests_running{engine="1"} 2
lmdeploy:num_requests_waiting{engine="0"} 0
lmdeploy:gpu_cache_usage_perc{engine="0"} 0.5
lmdeploy:gpu_cache_usage_perc{engine="1"} 0.75
"""
LLAMA_CPP = """llamacpp:requests_processing 1
llamacpp:requests_deferred 0
llamacpp:tokens_predicted_total 40
llamacpp:tokens_predicted_seconds_total 2
"""


@pytest.mark.parametrize(
    ("engine", "text", "load"),
    [
        (
            "tgi",
            TGI,
            metrics.Load(2, 3, 0.25, 5000, 900, 10, 2, token_seconds=0.05),
        ),
        ("vllm", VLLM, metrics.Load(1, 4, 0.25, 100, 50, first_seconds=2.0)),
        ("lmdeploy", LMDEPLOY, metrics.Load(3, 0, 0.75)),
        ("llama.cpp", LLAMA_CPP, metrics.Load(1, 0, answer_tokens=40, token_seconds=0.05)),
    ],
)
def test_every_engine_is_read_by_its_own_names(engine: str, text: str, load: metrics.Load) -> None:
    """Counts of several label sets are added, of shares the largest counts, what is not said is None."""
    samples = metrics.read(text)
    assert metrics.recognised(samples) == engine
    assert metrics.load(engine, samples) == load


def test_the_newer_of_two_names_counts() -> None:
    """A release that gives both says the same twice."""
    samples = {"vllm:kv_cache_usage_perc": [0.5], "vllm:gpu_cache_usage_perc": [0.1]}
    assert metrics.load("vllm", samples).kv_share == 0.5


@pytest.mark.parametrize(
    "text",
    ["", "# nothing", "not a metric", "a{b 1", "a NaN", "a +Inf", "a{} one", "<html>", "\x00", '{"a": 1}'],
)
def test_what_is_no_metric_is_left_out(text: str) -> None:
    """Whatever a port answers, nothing is made up of it."""
    assert metrics.read(text) == {}
    assert metrics.recognised(metrics.read(text)) is None


def test_no_share_is_beyond_the_whole() -> None:
    """An engine that counts a little wrong does not show 110 percent, and an empty room is no share."""
    assert metrics.load("vllm", {"vllm:kv_cache_usage_perc": [1.1]}).kv_share == 1.0
    used = {"tgi_batch_current_max_tokens": [10.0]}
    assert metrics.load("tgi", used | {"tgi_batch_max_total_tokens": [0.0]}).kv_share is None
    assert metrics.load("tgi", used).kv_share is None


def test_the_facts_are_whole() -> None:
    """Every engine has its names, its source, and says when its counters grow."""
    assert metrics.engines() == ("tgi", "vllm", "lmdeploy", "llama.cpp")
    assert {row["when"] for row in metrics.table().values()} == {"ended", "step"}
    assert (metrics.needs("llama.cpp"), metrics.needs("tgi"), metrics.guarded("llama.cpp")) == ("--metrics", None, True)

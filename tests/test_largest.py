"""Which limits to set: the largest that the judge accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import changes
from voltaic.document import spec_from_line
from voltaic.largest import Largest, largest_limits
from voltaic.verdict import judge

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"


def spec_of(model: str = MISTRAL, gpus: int = 1, **more: Any) -> ServingSpec:
    """Return a spec of two requests of 2048 tokens on V100."""
    args = "--num-shard 1 --max-input-tokens 1024 --max-total-tokens 2048 --max-batch-prefill-tokens 1024"
    line = {"gpu": "v100-16gb", "gpus": gpus, "engine": "tgi", "engine_version": "3.0.1", "model": model}
    env = {"USE_FLASH_ATTENTION": "false"}
    return spec_from_line(line | {"args": [*args.split(), "--max-batch-size", "2"], "env": env} | more)


def both(spec: ServingSpec) -> tuple[Largest, Largest]:
    """Return the largest length and the largest number of requests."""
    found = largest_limits(spec)
    assert found.total is not None
    assert found.requests is not None
    return found.total, found.requests


def verdict_with(spec: ServingSpec, settings: dict[str, Any]) -> tuple[str, bool]:
    """Return what the judge says of the spec with these settings."""
    after = changes.apply(spec, settings)
    assert after is not None
    found = judge(after)
    return found.verdict, found.tight


@pytest.mark.parametrize("gpus", [1, 2])
def test_the_largest_are_accepted_and_one_more_is_not(gpus: int) -> None:
    """Roomy and tight values are accepted as such; one step more is tight, or refused."""
    spec = spec_of(gpus=gpus)
    total, requests = both(spec)
    for found in (total, requests):
        assert found.roomy is not None
        assert found.tight is not None
        assert found.roomy.value <= found.tight.value
        assert verdict_with(spec, dict(found.roomy.settings)) == ("accept", False)
        assert verdict_with(spec, dict(found.tight.settings))[0] == "accept"
    assert requests.roomy is not None
    assert requests.tight is not None
    assert verdict_with(spec, {"maxBatchSize": requests.roomy.value + 1}) != ("accept", False)
    assert verdict_with(spec, {"maxBatchSize": requests.tight.value + 1})[0] == "refuse"


def test_a_model_bounds_the_length() -> None:
    """No longer requests than the model has positions."""
    total, _ = both(spec_of("microsoft/phi-2", gpus=4))
    assert total.most == 2048
    assert total.tight is not None
    assert total.tight.value == 2048


def test_the_tokens_of_all_requests_follow() -> None:
    """A stated limit for all requests together is raised with the requests, and told."""
    args = (*spec_of().command.args, "--max-batch-total-tokens", "4096")
    _, requests = both(spec_of(gpus=2, args=list(args)))
    assert requests.tight is not None
    assert requests.tight.settings["maxBatchTotalTokens"] == requests.tight.value * 2048
    assert largest_limits(spec_of(gpus=2)).pool_tokens[1] == requests.tight.value * 2048


def test_a_pool_bounds_the_requests() -> None:
    """Where the engine takes a pool, as many requests are named as it holds at that length."""
    args = ["--max-model-len", "4096", "--max-num-seqs", "8"]
    spec = spec_of(gpu="a100-40gb", engine="vllm", engine_version="0.19.1", args=args, env={})
    _, requests = both(spec)
    assert requests.tight is not None
    assert requests.tight.value * 4096 <= requests.tight.kv_cache_tokens + 4096
    assert requests.most < 200


@pytest.mark.parametrize(
    ("line", "because"),
    [
        ({"model": "meta-llama/Llama-2-13b-chat-hf"}, "Needs"),
        ({"engine_version": "3.3.7"}, "TGI 3.3.7"),
        ({"engine": "nobody"}, "nobody"),
        ({"model": "bigscience/bloom-560m", "engine_version": "2.0.4"}, ""),
    ],
)
def test_nothing_is_said_without_a_reason(line: dict[str, Any], because: str) -> None:
    """Where no limits fit, or none can be told, the reason is the judge's own."""
    found = largest_limits(spec_of(**line))
    assert found.because
    assert because in found.because
    assert found.pool_tokens == (None, None)

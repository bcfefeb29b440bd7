"""Ways out over all engines: bounded, kept apart, and the same whatever was asked before."""

from __future__ import annotations

import functools
import gc
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.fuzz.inputs import Maker
from voltaic import answers, changes, elsewhere, proposals, trying
from voltaic import settings as stack
from voltaic.document import InvalidLine, plan_document, spec_from_line
from voltaic.engines.tgi import case, limits
from voltaic.memory import estimate
from voltaic.verdict import judge

if TYPE_CHECKING:
    from voltaic.fixes import Fix
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
QWEN_14B = "Qwen/Qwen2.5-14B-Instruct"
LIMITS = "--max-input-tokens 1024 --max-total-tokens 2048 --max-batch-prefill-tokens 1024 --max-batch-size 1"


def tgi(model: str = MISTRAL, shards: int = 1, **more: Any) -> Verdict:
    """Return the verdict on TGI on a V100."""
    args = ["--num-shard", str(shards), *LIMITS.split()]
    line = {"gpu": "v100-16gb", "gpus": 1, "engine": "tgi", "engine_version": "3.0.1", "model": model, "args": args}
    return judge(spec_from_line(line | {"env": {"USE_FLASH_ATTENTION": "false"}} | more))


def settings_of(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the settings of every way out."""
    return [dict(fix.settings) for fix in verdict.fixes]


class Seeded:
    """Choices that follow from one number."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  nothing secret

    def below(self, number: int) -> int:
        """Return a whole number from 0 to this one, without it."""
        return int(self._random.random() * number)


def lines(count: int) -> list[dict[str, Any]]:
    """Return lines of every engine that can be read."""
    found = []
    for seed in range(count):
        line = Maker(Seeded(seed)).line()
        try:
            spec_from_line(line)
        except InvalidLine:
            continue
        found.append(line)
    return found


def test_replicas_are_offered_in_place_of_shards() -> None:
    """What cannot be sharded there is offered one GPU a replica, beside the split over all GPUs."""
    verdict = tgi(shards=2, gpus=2)
    assert {"shards": 1, "gpus": 1, "replicas": 2} in settings_of(verdict)
    (fix,) = [fix for fix in verdict.fixes if "replicas" in fix.settings]
    assert "2 replicas with 1 GPU each" in str(fix)
    assert (fix.spec.gpus, fix.spec.option("num_shard")) == (1, 1)


@pytest.mark.parametrize(("engine", "option"), [("vllm", "--tensor-parallel-size 2"), ("lmdeploy", "--tp 2")])
def test_idle_gpus_are_put_to_use(engine: str, option: str) -> None:
    """Where the engine uses one GPU of two, a shard for each is offered before other GPUs."""
    line = {"gpu": "v100-16gb", "gpus": 2, "engine": engine, "model": "mistralai/Mistral-7B-Instruct-v0.2"}
    version, words = {"vllm": ("0.8.5", "--dtype half"), "lmdeploy": ("0.13.0", "--session-len 16384")}[engine]
    verdict = judge(spec_from_line(line | {"engine_version": version, "args": words.split()}))
    assert verdict.verdict == "refuse"
    found = settings_of(verdict)
    at = found.index({"shards": 2})
    assert not any("profile" in settings for settings in found[:at])
    assert str(verdict.fixes[at]).startswith(f"{option} (")


@pytest.mark.parametrize("words", ["--num-shard 1", "--num-shard 2 --quantize awq"])
@pytest.mark.parametrize("env", [{}, {"USE_FLASH_ATTENTION": "false"}], ids=["no variable", "variable"])
def test_what_only_shows_later_is_mended_with_the_rest(words: str, env: dict[str, str]) -> None:
    """A prefill limit that the launcher would compute too small is no reason to send anybody to another release."""
    args = [*words.split(), "--max-total-tokens", "8192", "--max-input-tokens", "7000"]
    line = {"gpu": "v100-16gb", "gpus": 2, "engine": "tgi", "engine_version": "3.0.1", "args": args, "env": env}
    verdict = judge(spec_from_line(line | {"model": "Qwen/Qwen2.5-7B-Instruct"}))
    assert verdict.verdict == "refuse"
    first = verdict.fixes[0]
    assert "engineVersion" not in first.settings
    assert first.settings["maxBatchPrefillTokens"] == 7000
    assert first.spec.option("max_input_tokens") == 7000


def test_another_engine_is_the_proven_release_with_its_variables() -> None:
    """An engine that starts on a GPU with a variable set is named in its proven release, not in one without need."""
    line = {"gpu": "v100-16gb", "gpus": 1, "engine": "sglang", "engine_version": "0.5.19", "args": []}
    verdict = judge(spec_from_line(line | {"model": "microsoft/phi-2"}))
    (there,) = [fix for fix in verdict.ways.elsewhere if fix.spec.release.engine == "tgi"]
    assert (there.spec.release.version, there.env["USE_FLASH_ATTENTION"]) == ("3.0.1", "false")


def test_replicas_can_be_set_in_a_stack() -> None:
    """A stack that asks for shards on V100 is told what to type for replicas, and accepts it."""
    values = {"profile": "v100-2gpu", "model": MISTRAL, "shards": 2}
    verdict = judge(stack.serving_spec(stack.read(values, where="stack")))
    (fix,) = [fix for fix in verdict.fixes if "replicas" in fix.settings]
    assert fix.commands == [
        *("pulumi config set shards 1", "pulumi config set gpus 1", "pulumi config set replicas 2"),
    ]
    after = judge(stack.serving_spec(stack.read(values | dict(fix.settings), where="stack")))
    assert after.verdict == "accept"


def test_another_engine_is_told_apart() -> None:
    """A model that TGI cannot hold on one V100: other engines do, with a command to ask; no change of a stack."""
    verdict = tgi(QWEN_14B)
    found = {fix.spec.release.engine: fix for fix in verdict.ways.elsewhere}
    assert {"vllm", "lmdeploy"} <= found.keys()
    assert not any("engine" in settings for settings in settings_of(verdict))
    for fix in found.values():
        assert judge(spec_from_line(line_of(fix))).verdict == "accept"
        (command,) = fix.commands
        assert command.startswith(f"voltaic plan --gpu v100-16gb --gpus 1 --engine {fix.spec.release.engine} ")
    document = plan_document(verdict)
    assert [fix["verdict"] for fix in document["elsewhere"]] == ["accept"] * len(found)


def line_of(fix: Fix) -> dict[str, Any]:
    """Return what the command of a fix for another engine says, as a line."""
    spec = fix.spec
    return {
        "gpu": None if spec.gpu is None else spec.gpu.name,
        "gpus": spec.gpus,
        "engine": spec.release.engine,
        "engine_version": spec.release.version,
        "model": spec.model.id,
        "args": list(spec.command.args),
        "env": dict(spec.command.env),
    }


def test_no_other_engine_is_named_where_this_one_will_do() -> None:
    """As long as engine, model and GPUs can stay, nothing else is searched."""
    verdict = tgi(shards=2, gpus=2)
    assert verdict.ways.elsewhere == ()
    assert "elsewhere" not in plan_document(verdict)


@pytest.mark.parametrize(
    ("version", "model", "gpu", "args", "expected"),
    [
        ("0.19.1", "meta-llama/Llama-2-13b-chat-hf", "a10g-24gb", "", {"quantization": "bitsandbytes"}),
        ("0.19.1", "meta-llama/Llama-3.1-8B-Instruct", "a10g-24gb", "--max-model-len 131072", {"maxTotalTokens"}),
    ],
)
def test_vllm_has_ways_out_of_its_own(version: str, model: str, gpu: str, args: str, expected: Any) -> None:
    """Limits and quantization are offered in vLLM's own options, and accepted by its own bill."""
    line = {"gpu": gpu, "gpus": 1, "engine": "vllm", "engine_version": version, "model": model, "args": args.split()}
    verdict = judge(spec_from_line(line))
    assert verdict.verdict == "refuse"
    found = settings_of(verdict)
    assert any(
        settings == expected or (isinstance(expected, set) and settings.keys() == expected) for settings in found
    )
    for fix in verdict.fixes:
        assert judge(spec_from_line(line_of(fix))).verdict == "accept"
        assert "--max-total-tokens" not in str(fix)


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is refused, so many changes are judged and no more; of other engines so many each."""
    judged: list[str] = []

    def count(spec: ServingSpec) -> Verdict:
        judged.append(spec.release.engine)
        return judge(spec)

    monkeypatch.setattr(trying, "judge", count)
    monkeypatch.setattr(elsewhere, "judge", count)
    refused = 0
    for line in lines(400):
        judged.clear()
        verdict = judge(spec_from_line(line))
        _ = verdict.fixes
        refused += verdict.verdict == "refuse"
        own = judged.count(verdict.spec.release.engine)
        # Variables that must be set besides are judged one by one, and a correction once.
        assert own <= trying.MOST_JUDGED + 12
        assert len(judged) - own <= 3 * (elsewhere.MOST_OF_ONE + 1)
    assert refused > 100


def forget() -> None:
    """Empty every cache of the core."""
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper) and found.__module__.startswith("voltaic"):
            found.cache_clear()
    answers._last_runs = (None, None)
    answers._last_bill = (None, answers._last_bill[1])
    changes._last_said = (None, {})
    case._last = (None, None)
    estimate.plans.clear()
    limits._last = ((None,) * 6, limits._last[1])
    proposals._facts.clear()
    proposals._families = (None, {})


def test_documents_are_the_same_with_and_without_caches() -> None:
    """What was asked before changes no answer: in order, backwards, and with nothing remembered."""
    asked = lines(60)

    def documents(*, remember: bool, backwards: bool = False) -> list[str]:
        found = []
        for line in reversed(asked) if backwards else asked:
            if not remember:
                forget()
            found.append(json.dumps(plan_document(judge(spec_from_line(line)))))
        return found[::-1] if backwards else found

    plain = documents(remember=True)
    assert documents(remember=True, backwards=True) == plain
    some = asked[:12]
    asked[:] = some
    assert documents(remember=False) == plain[:12]

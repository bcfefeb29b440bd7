"""The promise, as a table: what must be accepted, refused and left open, and by which rule.

Written from the public record alone (release notes, sources at each tag, issue threads), not from the code. A row is a
command line; its answer is what happens to a server that is started with it.
"""

from __future__ import annotations

from typing import Any

import pytest

from voltaic.document import plan_document, spec_from_line
from voltaic.verdict import Verdict, judge

OFF = {"USE_FLASH_ATTENTION": "false"}
PHI = "microsoft/phi-2"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA = "meta-llama/Llama-2-7b-chat-hf"
LLAMA_13B = "meta-llama/Llama-2-13b-chat-hf"
LLAMA_3 = "meta-llama/Meta-Llama-3-8B"
GEMMA = "google/gemma-2b"
GEMMA_7B = "google/gemma-7b-it"
FALCON = "tiiuae/falcon-7b"
BLOOM = "bigscience/bloom-560m"
LLAMA_AWQ = "TheBloke/Llama-2-7B-Chat-AWQ"
LLAMA_GPTQ = "TheBloke/Llama-2-7B-Chat-GPTQ"

GPU, MODEL, SHARDS = "engine-gpu-support", "engine-model-support", "single-gpu-shard"
ARGUMENTS, BUDGET = "launcher-arguments", "vram-budget"

SMALL = "--max-input-tokens 512 --max-total-tokens 768 --max-batch-prefill-tokens 512 --max-batch-size 1"
OLD = "--max-input-length 512 --max-total-tokens 768 --max-batch-prefill-tokens 512 --max-concurrent-requests 1"
"""Small limits for releases in which max_batch_size is missing or does not hold."""
ONE = f"--num-shard 1 {SMALL}"
ONE_OLD = f"--num-shard 1 {OLD}"


def verdict_of(  # noqa: PLR0917  a line, in the order of reading
    version: str,
    model: str | None,
    args: str = ONE,
    gpu: str = "v100-16gb",
    gpus: int = 1,
    env: dict[str, str] | None = None,
    **more: Any,
) -> Verdict:
    """Return what the judge says of a command line of TGI."""
    line = {"gpu": gpu, "gpus": gpus, "engine": "tgi", "engine_version": version, "model": model}
    return judge(spec_from_line({**line, "args": args.split(), "env": env or {}, **more}))


def violated(verdict: Verdict) -> set[str]:
    """Return the rules that refuse."""
    return {finding.rule for finding in verdict.answers if finding.outcome == "violation"}


def check(verdict: Verdict, wanted: str) -> None:
    """Compare with `accept`, `unknown`, or the rule that must be among those that refuse, followed by its reason."""
    rule, _, reason = wanted.partition(": ")
    if rule in {"accept", "unknown"}:
        assert verdict.verdict == rule, [finding.message for finding in verdict.answers]
        return
    assert verdict.verdict == "refuse"
    assert rule in violated(verdict), [finding.message for finding in verdict.answers]
    said = " ".join(f"{finding.message} {finding.why}" for finding in verdict.answers if finding.rule == rule)
    assert reason in said


# The capability of the first slice's releases on the V100, feature by feature.
V100: list[tuple[str, str, str, dict[str, str], int, str]] = [
    # 1.2.0: no flash attention, by itself; Llama unsharded is all that loads.
    ("1.2.0", LLAMA, ONE_OLD, {}, 1, "accept"),
    ("1.2.0", LLAMA, ONE_OLD, OFF, 1, "accept"),
    ("1.2.0", LLAMA, f"--num-shard 2 {OLD}", {}, 2, f"{MODEL}: Sharded Llama requires Flash Attention"),
    ("1.2.0", MISTRAL, ONE_OLD, {}, 1, f"{MODEL}: Mistral model requires flash attention v2"),
    ("1.2.0", PHI, ONE_OLD, {}, 1, f"{MODEL}: Unsupported model type phi"),
    ("1.2.0", GEMMA, ONE_OLD, {}, 1, f"{MODEL}: Unsupported model type gemma"),
    ("1.2.0", LLAMA_AWQ, f"{ONE_OLD} --quantize awq", {}, 1, f"{MODEL}: random weights"),
    # 1.4.5
    ("1.4.5", LLAMA, ONE_OLD, {}, 1, "accept"),
    ("1.4.5", MISTRAL, ONE_OLD, {}, 1, "accept"),
    ("1.4.5", PHI, ONE_OLD, {}, 1, "accept"),
    ("1.4.5", LLAMA, f"--num-shard 2 {OLD}", {}, 2, f"{MODEL}: Sharded Llama requires Flash Attention"),
    ("1.4.5", MISTRAL, f"--num-shard 2 {OLD}", {}, 2, f"{MODEL}: Sharded Mistral requires Flash Attention"),
    ("1.4.5", LLAMA_AWQ, f"{ONE_OLD} --quantize awq", {}, 1, f"{MODEL}: auto-awq"),
    # 2.0.0 to 2.0.3 start nothing, with the switch or without.
    ("2.0.0", LLAMA, ONE_OLD, {}, 1, f"{GPU}: capability 7 0 is not supported"),
    ("2.0.3", LLAMA, ONE_OLD, OFF, 1, f"{GPU}: capability 7 0 is not supported"),
    # 2.0.4: no flash attention, by itself.
    *(("2.0.4", model, ONE_OLD, {}, 1, "accept") for model in (LLAMA, MISTRAL, PHI, GEMMA)),
    ("2.0.4", LLAMA, f"--num-shard 2 {OLD}", {}, 2, f"{MODEL}: Sharded Llama requires Flash Attention"),
    ("2.0.4", MISTRAL, f"--num-shard 2 {OLD}", {}, 2, f"{MODEL}: Sharded Mistral requires Flash Attention"),
    ("2.0.4", BLOOM, f"--num-shard 2 {OLD} --disable-custom-kernels", {}, 2, "unknown"),
    ("2.0.4", BLOOM, f"--num-shard 2 {OLD}", {}, 2, f"{MODEL}: no kernel image"),
    ("2.0.4", LLAMA_AWQ, f"{ONE_OLD} --quantize awq", {}, 1, f"{MODEL}: auto-awq"),
    ("2.0.4", LLAMA_GPTQ, f"{ONE_OLD} --quantize gptq", {}, 1, f"{MODEL}: optimum"),
    ("2.0.4", LLAMA, f"{ONE_OLD} --quantize bitsandbytes", {}, 1, "accept"),
    ("2.0.4", LLAMA, f"{ONE_OLD} --quantize bitsandbytes-nf4", {}, 1, f"{MODEL}: does nothing"),
    # 2.1.0 to 3.3.0 choose flash attention that cannot run, unless told otherwise.
    ("2.1.0", LLAMA, ONE_OLD, {}, 1, f"{GPU}: only supports Ampere"),
    ("2.1.0", LLAMA, ONE_OLD, OFF, 1, "accept"),
    ("2.3.0", LLAMA, ONE, {}, 1, f"{GPU}: only supports Ampere"),
    ("2.3.0", LLAMA, ONE, OFF, 1, "accept"),
    ("2.4.1", PHI, ONE, OFF, 1, "accept"),
    ("2.4.1", GEMMA, ONE, OFF, 1, "accept"),
    ("2.4.1", LLAMA, f"--num-shard 2 {SMALL}", OFF, 2, f"{MODEL}: Sharded llama requires Flash Attention"),
    ("3.0.0", MISTRAL, ONE, OFF, 1, "accept"),
    ("3.0.1", MISTRAL, ONE, {}, 1, f"{GPU}: Expected is_sm90"),
    *(("3.0.1", model, ONE, OFF, 1, "accept") for model in (LLAMA, MISTRAL, PHI, GEMMA)),
    ("3.0.1", MISTRAL, ONE.replace("--max-batch-size 1", "--max-batch-size 2"), OFF, 1, "accept"),
    ("3.0.1", MISTRAL, f"--num-shard 2 {SMALL}", OFF, 2, f"{MODEL}: Sharded Mistral requires Flash Attention"),
    ("3.0.1", FALCON, f"--num-shard 2 {SMALL}", OFF, 2, f"{MODEL}: Sharded Falcon requires Flash Attention"),
    ("3.0.1", PHI, f"--num-shard 2 {SMALL}", OFF, 2, f"{MODEL}: Every token comes out once per shard"),
    ("3.0.1", LLAMA_AWQ, f"{ONE} --quantize awq", OFF, 1, f"{MODEL}: auto-awq"),
    ("3.0.1", LLAMA_AWQ, ONE, OFF, 1, f"{MODEL}: auto-awq"),
    ("3.0.1", LLAMA_GPTQ, f"{ONE} --quantize gptq", OFF, 1, f"{MODEL}: optimum"),
    *(("3.0.1", LLAMA, f"{ONE} --quantize {name}", OFF, 1, f"{MODEL}: does nothing") for name in ("eetq", "fp8")),
    ("3.0.1", LLAMA, f"{ONE} --quantize marlin", OFF, 1, f"{MODEL}: does nothing"),
    ("3.0.1", LLAMA, f"{ONE} --lora-adapters some/adapter", OFF, 1, f"{MODEL}: LoRA"),
    # 3.0.2 to 3.3.0: one request at a time.
    ("3.3.0", MISTRAL, ONE, OFF, 1, "accept"),
    ("3.3.0", MISTRAL, ONE.replace("--max-batch-size 1", "--max-batch-size 2"), OFF, 1, f"{MODEL}: second request"),
    ("3.0.2", PHI, ONE, OFF, 1, f"{MODEL}: TransformersFlashCausalLM"),
    ("3.3.0", PHI, ONE, OFF, 1, f"{MODEL}: TransformersFlashCausalLM"),
    # 3.3.1 and newer: PyTorch without code for the V100.
    *((version, LLAMA, ONE, env, 1, f"{GPU}: no kernel image") for version in ("3.3.1", "3.3.7") for env in ({}, OFF)),
    # Several GPUs without sharding.
    ("3.0.1", MISTRAL, ONE, OFF, 2, "accept"),
    ("3.0.1", LLAMA_13B, ONE, OFF, 4, "accept"),
]


@pytest.mark.parametrize(("version", "model", "args", "env", "gpus", "wanted"), V100)
def test_capability_on_the_v100(  # noqa: PLR0917  one row of the table
    version: str, model: str, args: str, env: dict[str, str], gpus: int, wanted: str
) -> None:
    """Every release of the first slice does on a V100 what its sources and its users say."""
    check(verdict_of(version, model, args, gpus=gpus, env=env), wanted)


NEWER: list[tuple[str, str, str, dict[str, str], str]] = [
    *((version, LLAMA, "a100-80gb", {}, "accept") for version in ("1.2.0", "2.0.2", "2.4.1", "3.0.1", "3.3.7")),
    ("3.3.7", LLAMA_AWQ, "a100-40gb", {}, "accept"),
    ("3.3.7", MISTRAL, "h100-80gb", {}, "accept"),
    ("3.3.7", MISTRAL, "t4-16gb", {}, "unknown"),
    ("2.0.4", MISTRAL, "t4-16gb", {}, "accept"),
    ("2.2.0", GEMMA, "t4-16gb", {}, f"{GPU}: only supports Ampere"),
    ("2.2.0", GEMMA, "t4-16gb", OFF, "accept"),
    ("3.3.7", GEMMA, "t4-16gb", OFF, "accept"),
    ("2.0.3", LLAMA, "a100-80gb", OFF, f"{GPU}: USE_FLASH_ATTENTION"),
    ("1.2.0", LLAMA, "mi300x-192gb", {}, f"{GPU}: gfx90a"),
    ("3.3.7", LLAMA, "mi300x-192gb", {}, "unknown"),
]


@pytest.mark.parametrize(("version", "model", "gpu", "env", "wanted"), NEWER)
def test_no_false_refusal_on_newer_gpus(version: str, model: str, gpu: str, env: dict[str, str], wanted: str) -> None:
    """Where a release runs, nothing is refused; where its memory is not modelled, nothing is accepted."""
    old = version < "2.3"
    check(verdict_of(version, model, ONE_OLD if old else ONE, gpu=gpu, env=env), wanted)


# Limits of one and two V100 on 3.0.1: input, total, prefill, batch total, size, and GiB on the fullest GPU without
# context, reserved rests and kept logits, as worked out by hand from the closed forms.
RECOMMENDED: list[tuple[str, str, int, tuple[int, ...], float]] = [
    (PHI, "v100-16gb", 1, (1536, 2048, 2048, 8192, 4), 12.1),
    (MISTRAL, "v100-16gb", 1, (1024, 2048, 1024, 4096, 2), 15.05),
    (MISTRAL, "v100-16gb", 2, (4096, 6144, 4096, 24576, 4), 11.5),
    (LLAMA, "v100-16gb", 1, (1024, 1536, 1024, 1536, 1), 14.6),
    (LLAMA, "v100-16gb", 2, (3072, 4096, 4096, 12288, 3), 14.4),
    (LLAMA_13B, "v100-16gb", 2, (1024, 1536, 1024, 1536, 1), 14.5),
    (LLAMA_13B, "v100-32gb", 1, (2048, 3072, 2048, 3072, 1), 30.7),
]


def limits_of(limits: tuple[int, ...]) -> str:
    """Return the arguments of these limits."""
    names = ("input-tokens", "total-tokens", "batch-prefill-tokens", "batch-total-tokens", "batch-size")
    told = (f"--max-{name} {limit}" for name, limit in zip(names, limits, strict=True))
    return " ".join(("--num-shard 1 --dtype float16", *told))


@pytest.mark.parametrize(("model", "gpu", "gpus", "limits", "need"), RECOMMENDED)
def test_recommended_limits_are_accepted(model: str, gpu: str, gpus: int, limits: tuple[int, ...], need: float) -> None:
    """Limits worked out by hand fit, and the bill is near: by hand the split of 13B is less even."""
    verdict = verdict_of("3.0.1", model, limits_of(limits), gpu=gpu, gpus=gpus, env=OFF)
    check(verdict, "accept")
    memory = plan_document(verdict)["memory"]
    fullest = max(line["total"] - line["context"] for line in memory["per_gpu"])
    assert fullest / 2**30 == pytest.approx(need, abs=0.7)


@pytest.mark.parametrize(
    ("model", "gpu", "gpus", "args"),
    [
        (LLAMA_13B, "v100-16gb", 1, ONE),
        (LLAMA_3, "v100-16gb", 1, limits_of((1024, 1536, 1024, 1536, 1))),
        (LLAMA, "v100-16gb", 1, limits_of((1024, 1536, 1024, 3072, 2))),
        (LLAMA, "v100-16gb", 1, "--num-shard 1 --max-batch-size 1"),
        (GEMMA_7B, "v100-16gb", 1, ONE),
    ],
)
def test_what_does_not_fit_is_refused(model: str, gpu: str, gpus: int, args: str) -> None:
    """Weights that fill the card, two requests where one fits, and the default warm-up of 4096 tokens do not fit."""
    check(verdict_of("3.0.1", model, args, gpu=gpu, gpus=gpus, env=OFF), f"{BUDGET}: ")


def test_thirty_four_billion_parameters_on_four_cards() -> None:
    """A model of 34 billion parameters in 16 bits, 68 GB, does not fit on four cards of 16 GB."""
    config = {
        "model_type": "llama",
        "hidden_size": 8192,
        "num_hidden_layers": 48,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "intermediate_size": 22016,
        "vocab_size": 32000,
        "max_position_embeddings": 16384,
    }
    verdict = verdict_of("3.0.1", None, gpus=4, env=OFF, config=config)
    check(verdict, f"{BUDGET}: The weights alone do not fit")


ADVICE: list[tuple[str, int, str, dict[str, str], str]] = [
    (PHI, 1, f"{ONE_OLD} --quantize awq", {}, f"{MODEL}: awq quantization is not supported for AutoModel"),
    (MISTRAL, 2, "--quantize awq --sharded=true", {}, f"{MODEL}: requires flash attention v2"),
    (LLAMA, 1, f"{ONE_OLD} --quantize awq", {}, f"{MODEL}: does nothing"),
    (LLAMA_AWQ, 1, f"{ONE_OLD} --quantize awq", {}, f"{MODEL}: random weights"),
    (LLAMA, 2, f"--num-shard 2 {OLD}", {}, f"{MODEL}: Sharded Llama requires Flash Attention"),
    (LLAMA_13B, 2, f"--num-shard 2 {OLD} --quantize awq", {}, f"{MODEL}: Sharded Llama requires Flash Attention"),
    (LLAMA_13B, 4, f"--num-shard 4 {OLD}", {}, f"{MODEL}: Sharded Llama requires Flash Attention"),
    (LLAMA_13B, 4, ONE_OLD, {}, "accept"),
    (GEMMA, 1, ONE_OLD, {}, f"{MODEL}: Unsupported model type gemma"),
    (GEMMA_7B, 1, ONE_OLD, {}, f"{MODEL}: Unsupported model type gemma"),
    (LLAMA, 1, "--num-shard 1", {}, f"{BUDGET}: "),
    (LLAMA_AWQ, 1, f"{ONE_OLD} --dtype=bfloat16 --quantize awq", {}, f"{MODEL}: Only 1 can be set between `dtype`"),
    (LLAMA, 1, "--num-shard 1", {"CUDA_MEMORY_FRACTION": "0.85"}, f"{BUDGET}: "),
    (LLAMA, 2, f"{OLD} --sharded true", {}, f"{MODEL}: Sharded Llama requires Flash Attention"),
    (LLAMA, 1, f"{ONE_OLD} --sharded", {}, f"{ARGUMENTS}: --sharded"),
    (LLAMA, 1, f"{ONE_OLD} --max-parallel-loading-workers 1", {}, f"{ARGUMENTS}: --max-parallel-loading-workers"),
    (LLAMA, 1, f"{ONE_OLD} --max-model-len 2048", {}, f"{ARGUMENTS}: --max-model-len"),
]


@pytest.mark.parametrize(("model", "gpus", "args", "env", "wanted"), ADVICE)
def test_common_advice_for_1_2_0(model: str, gpus: int, args: str, env: dict[str, str], wanted: str) -> None:
    """Recipes for 1.2.0 that circulate are refused for the reason for which they fail."""
    check(verdict_of("1.2.0", model, args, gpus=gpus, env=env), wanted)


def test_a_switch_that_is_not_the_reason_is_not_the_way_out() -> None:
    """A model type that a release does not know stays unknown to it with flash attention."""
    (finding,) = (
        finding
        for finding in verdict_of("1.2.0", GEMMA, ONE_OLD, gpu="a100-40gb", env=OFF).answers
        if finding.rule == MODEL
    )
    assert finding.fix == "Use TGI 3.3.7."


def test_two_visible_gpus_may_shard_by_themselves() -> None:
    """Without --num-shard two GPUs are sharded or not as the container runtime lists them: not accepted."""
    check(verdict_of("3.0.1", MISTRAL, SMALL, gpus=2, env=OFF), "unknown")


SHARDING: list[tuple[str, int, str]] = [
    ("", 1, "accept"),
    ("--sharded true", 1, f"{SHARDS}: `sharded` is true but only found 1 CUDA devices"),
    ("--sharded true --num-shard 1", 2, f"{SHARDS}: `sharded` is true but `num_shard` <= 1"),
    ("--sharded true --num-shard 2", 2, f"{MODEL}: Sharded Mistral requires"),
    ("--sharded false", 2, "accept"),
    ("--sharded false --num-shard 2", 2, f"{MODEL}: Sharded Mistral requires"),
    ("--sharded false --num-shard 2", 1, f"{SHARDS}: Each process is one gpu"),
    ("--num-shard 4", 2, f"{SHARDS}: Each process is one gpu"),
    ("--num-shard 0", 1, f"{ARGUMENTS}: `num_shard` cannot be < 1"),
]


@pytest.mark.parametrize(("args", "gpus", "wanted"), SHARDING)
def test_what_the_launcher_makes_of_sharding(args: str, gpus: int, wanted: str) -> None:
    """The launcher's own count of shards decides, also where its options contradict each other."""
    check(verdict_of("3.0.1", MISTRAL, f"{args} {SMALL}", gpus=gpus, env=OFF), wanted)


LIMITS: list[tuple[str, str, str]] = [
    ("1.4.5", "--max-input-length 768 --max-total-tokens 768", "`max_input_length` must be < `max_total_tokens`"),
    ("2.0.4", "--max-input-tokens 768 --max-total-tokens 768", "`max_input_tokens must be < `max_total_tokens`"),
    (
        "3.0.1",
        "--max-input-tokens 768 --max-total-tokens 768",
        "`max_input_tokens`(768) must be < `max_total_tokens`(7",
    ),
    ("1.4.5", "--max-input-length 999 --max-batch-prefill-tokens 9", "must be >= `max_input_length`. Given: 9 and 999"),
    ("2.3.0", "--max-input-tokens 999 --max-batch-prefill-tokens 9", "must be >= `max_input_tokens`. Given: 9 and 999"),
    ("2.0.4", "--max-batch-prefill-tokens 9999 --max-batch-total-tokens 8000", "must be <= `max_batch_total_tokens`"),
    (
        "3.0.1",
        "--max-total-tokens 2000 --max-batch-total-tokens 1999",
        "`max_total_tokens` must be <= `max_batch_total",
    ),
    (
        "3.0.1",
        "--max-input-tokens 9 --max-input-length 9",
        "`max_input_tokens` (9) and `max_input_length` (9) are both set",
    ),
    ("3.0.1", "--validation-workers 0", "`validation_workers` must be > 0"),
    ("3.0.1", "--max-batch-size 0", "`max_batch_size` must be > 0"),
    ("1.2.0", "--max-batch-size 1", "--max-batch-size"),
    ("1.2.0", "--max-input-tokens 512", "--max-input-tokens"),
    ("1.2.0", "--quantize fp8", "fp8"),
    ("3.0.1", "--quantize hqq", "hqq"),
]


@pytest.mark.parametrize(("version", "args", "said"), LIMITS)
def test_limits_that_contradict(version: str, args: str, said: str) -> None:
    """What ends launcher or router is refused with the message that its log shows."""
    check(verdict_of(version, LLAMA, f"--num-shard 1 {args}", env=OFF), f"{ARGUMENTS}: {said}")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("false", "accept"), ("False", "accept"), ("FALSE", "accept"), ("0", GPU), ("true", GPU), ("", GPU), ("no", GPU)],
)
def test_spellings_of_the_switch(value: str, wanted: str) -> None:
    """USE_FLASH_ATTENTION is compared lower-case with false; every other value leaves flash attention on."""
    check(verdict_of("3.0.1", MISTRAL, env={"USE_FLASH_ATTENTION": value}), wanted)


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("CUDA_VISIBLE_DEVICES", "0,1", "accept"),
        ("CUDA_VISIBLE_DEVICES", "1,0", "accept"),
        ("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b", "accept"),
        *(("CUDA_VISIBLE_DEVICES", value, "unknown") for value in ("0", "", "-1", "0,1,2", "0,0", "0,2")),
        ("NVIDIA_VISIBLE_DEVICES", "2,3", "accept"),
        *(("NVIDIA_VISIBLE_DEVICES", value, "unknown") for value in ("0", "all", "none", "void")),
    ],
)
def test_devices_that_the_server_does_not_see(variable: str, value: str, wanted: str) -> None:
    """A layer split over two GPUs is accepted only where nothing hides one of them."""
    limits = limits_of((4096, 6144, 4096, 24576, 4))
    check(verdict_of("3.0.1", MISTRAL, limits, gpus=2, env={**OFF, variable: value}), wanted)


@pytest.mark.parametrize(
    ("named", "wanted"), [(MISTRAL, "accept"), ("/models/mistral", "accept"), (GEMMA_7B, "unknown")]
)
def test_arguments_that_name_another_model(named: str, wanted: str) -> None:
    """What is judged must be what the server loads; a folder may hold it."""
    check(verdict_of("3.0.1", MISTRAL, f"{ONE} --model-id {named}", env=OFF), wanted)


LLAMA_3_1 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
PROPERTIES: list[tuple[str, dict[str, Any], str]] = [
    *(
        (version, {"rope_scaling": LLAMA_3_1}, f"{MODEL}: two fields")
        for version in ("1.2.0", "1.4.5", "2.0.4", "2.1.1")
    ),
    *((version, {"rope_scaling": LLAMA_3_1}, "accept") for version in ("2.2.0", "2.3.0", "3.0.1")),
    ("1.2.0", {"rope_scaling": {"type": "linear", "factor": 4.0}}, "accept"),
    ("2.0.4", {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}, f"{MODEL}: two fields"),
    ("3.0.1", {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}, "accept"),
    ("3.0.1", {"rope_scaling": {"type": "su", "factor": 4.0}}, "unknown"),
    ("3.0.1", {"model_type": "mistral", "rope_scaling": {"type": "linear", "factor": 4.0}}, "unknown"),
    ("2.3.0", {"head_dim": 128}, f"{MODEL}: size mismatch"),
    ("2.3.1", {"head_dim": 128}, "accept"),
    ("2.0.4", {"model_type": "mistral", "head_dim": 128}, f"{MODEL}: size mismatch"),
    ("2.2.0", {"model_type": "mistral", "head_dim": 128}, "accept"),
    ("1.2.0", {"attention_bias": True}, f"{MODEL}: biases in attention"),
    ("1.3.4", {"attention_bias": True}, "accept"),
    ("1.4.5", {"mlp_bias": True}, f"{MODEL}: biases in the MLP"),
    ("2.0.4", {"mlp_bias": True}, "accept"),
]


@pytest.mark.parametrize(("version", "properties", "wanted"), PROPERTIES)
def test_properties_that_the_class_does_not_know(version: str, properties: dict[str, Any], wanted: str) -> None:
    """A configuration of one's own runs only where the release's transformers knows all that it says."""
    config = {
        "model_type": "llama",
        "hidden_size": 2048,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 8192,
        "vocab_size": 128256,
        "max_position_embeddings": 8192,
        "sliding_window": None,
        **properties,
    }
    args, env = (ONE_OLD, {}) if version < "2.1" else (ONE_OLD if version < "2.3" else ONE, OFF)
    check(verdict_of(version, None, args, env=env, config=config), wanted)


def test_another_allocator() -> None:
    """The bill models PyTorch's own allocator, and speaks of no other."""
    check(verdict_of("3.0.1", MISTRAL, env={**OFF, "PYTORCH_CUDA_ALLOC_CONF": "backend:cudaMallocAsync"}), "unknown")
    check(verdict_of("3.0.1", MISTRAL, env={**OFF, "PYTORCH_CUDA_ALLOC_CONF": "backend:native"}), "accept")


def test_a_server_that_lets_nobody_in() -> None:
    """A server that admits no request serves nothing."""
    args = f"{ONE} --max-concurrent-requests 0"
    check(verdict_of("3.0.1", MISTRAL, args, env=OFF), f"{ARGUMENTS}: Model is overloaded")


def test_a_window_shorter_than_the_input() -> None:
    """Mistral v0.1 attends to 4096 tokens: without flash attention longer inputs are refused at start."""
    long = "--num-shard 1 --max-input-tokens 4097 --max-total-tokens 4200 --max-batch-prefill-tokens 4097"
    model = "mistralai/Mistral-7B-Instruct-v0.1"
    check(verdict_of("3.0.1", model, f"{long} --max-batch-size 1", gpus=2, env=OFF), f"{MODEL}: sliding window")
    within = long.replace("4097", "4096")
    check(verdict_of("3.0.1", model, f"{within} --max-batch-size 1", gpus=2, env=OFF), "accept")


def test_the_switch_beside_dtype_and_quantize() -> None:
    """--dtype beside --quantize ends the shard on any GPU, also where nothing else about it is known."""
    args = f"{ONE} --quantize eetq --dtype float16"
    check(verdict_of("3.3.7", LLAMA, args, gpu="t4-16gb"), f"{MODEL}: Only 1 can be set between `dtype` and `quantize`")


def test_sizes_of_a_plan_document_are_integers() -> None:
    """Every size of a plan document is a whole number of bytes."""
    memory = plan_document(verdict_of("3.0.1", MISTRAL, env=OFF, gpus=2))["memory"]
    sizes = [size for line in memory["per_gpu"] for size in {**line, **line["terms"]}.values() if size != line["terms"]]
    sizes += [size for held in memory["moments"].values() for size in held]
    assert {type(size) for size in (*sizes, memory["kv_cache_bytes_per_token"], memory["kv_cache_tokens"])} == {int}
    for line in memory["per_gpu"]:
        parts = ("context", "weights", "kv_cache", "activations", "other")
        assert line["total"] == sum(line[name] for name in parts)
        assert line["headroom"] == line["budget"] - line["total"]

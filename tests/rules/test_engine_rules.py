"""The rules about the engine: what people read, word for word."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from voltaic import engines
from voltaic.document import spec_from_line
from voltaic.rules import engine_gpu_support, engine_model_support, launcher_arguments, single_gpu_shard
from voltaic.spec import Release
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from voltaic.findings import Finding
    from voltaic.rules.rule import Rule
    from voltaic.spec import ServingSpec

    SpecOf = Callable[..., ServingSpec]

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
OFF = {"USE_FLASH_ATTENTION": "false"}
V100, PAIR = "v100-16gb", "v100-16gb x2"


def text(finding: Finding) -> tuple[str, str, str, str]:
    """What people read of a finding."""
    return finding.outcome, finding.message, finding.why, finding.fix


def test_the_common_public_recipe_is_refused_with_the_reason_and_what_runs_instead(spec_of: SpecOf) -> None:
    """TGI 1.2.0 with Mistral and AWQ sharded over two V100 needs flash attention, which 7.0 has not."""
    spec = spec_of("1.2.0", PAIR, MISTRAL, ["--quantize", "awq", "--num-shard", "2"])
    assert engine_gpu_support.RULE.ask(spec) == ()
    (finding,) = engine_model_support.RULE.ask(spec)
    assert text(finding) == (
        "violation",
        (
            "TGI 1.2.0 cannot serve Mistral on 2 shards on NVIDIA V100 16 GB (compute capability 7.0): the shard "
            "ends with "
            '"Mistral model requires flash attention v2".'
        ),
        (
            "It needs flash attention. Flash attention v2 needs compute capability 8.0 (v1 needs 7.5), which NVIDIA "
            "V100 16 GB "
            "(compute capability 7.0) has not."
        ),
        (
            "Use TGI 3.0.1 with USE_FLASH_ATTENTION=false and --num-shard 1, which spreads the layers over the 2 "
            "GPUs, without "
            "--quantize awq."
        ),
    )
    assert finding.sources
    assert single_gpu_shard.RULE.ask(spec) == ()


def test_the_newest_release_has_no_code_for_a_v100(spec_of: SpecOf) -> None:
    """3.3.7 ships a torch without sm_70 code; the way out is the newest release that has it."""
    (finding,) = engine_gpu_support.RULE.ask(spec_of("3.3.7", V100, MISTRAL, ["--num-shard", "1"], OFF))
    assert text(finding) == (
        "violation",
        (
            "TGI 3.3.7 does not run on NVIDIA V100 16 GB (compute capability 7.0): every shard ends with "
            '"no kernel image is available for execution on the device".'
        ),
        (
            "The image ships torch 2.7.0+cu128, which is compiled for sm_75, sm_80, sm_86, sm_90, sm_100 and sm_120 "
            "and has no "
            "sm_70 code."
        ),
        "Use TGI 3.0.1 with USE_FLASH_ATTENTION=false and --num-shard 1.",
    )


def test_flash_attention_must_be_switched_off_on_a_v100(spec_of: SpecOf) -> None:
    """3.0.1 selects flash attention on a V100 and dies in the warm-up unless it is told not to."""
    (finding,) = engine_gpu_support.RULE.ask(spec_of("3.0.1", V100, MISTRAL, ["--num-shard", "1"]))
    assert text(finding) == (
        "violation",
        (
            "TGI 3.0.1 dies in its warm-up on NVIDIA V100 16 GB (compute capability 7.0) unless "
            "USE_FLASH_ATTENTION=false is "
            'set: "Expected is_sm90 || is_sm8x || is_sm75 to be true, but got false."'
        ),
        "Flash attention v1 is selected without a test of the capability, needs 7.5, and dies in the warm-up.",
        "Set the variable USE_FLASH_ATTENTION=false: Transformers then serves the model without flash attention.",
    )


def test_a_second_request_breaks_newer_releases_on_a_v100(spec_of: SpecOf) -> None:
    """From 3.0.2 to 3.3.0 one request at a time works, and the next one breaks the batch."""
    (finding,) = engine_model_support.RULE.ask(spec_of("3.1.0", V100, MISTRAL, ["--num-shard", "1"], OFF))
    assert text(finding) == (
        "violation",
        (
            "TGI 3.1.0 breaks on NVIDIA V100 16 GB (compute capability 7.0) as soon as a second request joins the "
            "first: "
            "\"'list' object has no attribute 'get_seq_length'\"."
        ),
        (
            "Transformers 4.48 and newer return a cache object, and joining batches rebuilds it as lists that the "
            "model does "
            "not take."
        ),
        (
            "Write --max-batch-size 1, which serves one request at a time. Or: Use TGI 3.0.1 with "
            "USE_FLASH_ATTENTION=false "
            "and --num-shard 1."
        ),
    )


def test_an_ignored_quantization_is_a_violation(spec_of: SpecOf) -> None:
    """What was asked for is not what runs: said with what runs, and with the one method that works."""
    (finding,) = engine_model_support.RULE.ask(
        spec_of("3.0.1", V100, MISTRAL, ["--num-shard", "1", "--quantize", "awq"], OFF)
    )
    assert text(finding) == (
        "violation",
        (
            "--quantize awq does nothing: TGI 3.0.1 loads Mistral in float16 on NVIDIA V100 16 GB (compute capability "
            "7.0)."
        ),
        "Transformers' AutoModel is only ever told of bitsandbytes.",
        "Leave --quantize awq away, or write --quantize bitsandbytes for 8 bit weights.",
    )


def test_more_shards_than_gpus(spec_of: SpecOf) -> None:
    """Two shards on one GPU: the number asked for, the number there is, and both ways out."""
    (finding,) = single_gpu_shard.RULE.ask(spec_of("3.0.1", V100, MISTRAL, ["--num-shard", "2"], OFF))
    assert text(finding) == (
        "violation",
        "TGI 3.0.1 starts 2 shards on 1 GPU: --num-shard 2.",
        'Every shard takes a GPU of its own; the shards without one end with "Each process is one gpu".',
        "Write --num-shard 1, or use a profile with more GPUs.",
    )
    (finding,) = single_gpu_shard.RULE.ask(spec_of("3.0.1", PAIR, MISTRAL, ["--num-shard", "4"], OFF))
    assert finding.fix == "Write --num-shard 2."


def test_sharding_asked_of_one_gpu(spec_of: SpecOf) -> None:
    """`--sharded true` on one GPU ends the launcher, with or without a number."""
    (finding,) = single_gpu_shard.RULE.ask(spec_of("3.0.1", V100, MISTRAL, ["--sharded", "true"], OFF))
    assert text(finding) == (
        "violation",
        "Sharding is asked of a pod with 1 GPU, and the launcher finds one shard: --sharded true.",
        'The launcher ends with "`sharded` is true but only found 1 CUDA devices".',
        "Leave --sharded away and write --num-shard 1.",
    )
    (finding,) = single_gpu_shard.RULE.ask(
        spec_of("3.0.1", PAIR, MISTRAL, ["--sharded", "true", "--num-shard", "1"], OFF)
    )
    assert finding.why == 'The launcher ends with "`sharded` is true but `num_shard` <= 1".'
    assert finding.fix == "Leave --sharded away, or --num-shard 2 without --sharded."


def test_unstated_shards_on_several_gpus_are_not_certain(spec_of: SpecOf) -> None:
    """Without --num-shard the container runtime decides; that is said, and never taken for an accept."""
    (finding,) = single_gpu_shard.RULE.ask(spec_of("3.0.1", PAIR, MISTRAL, [], OFF))
    assert text(finding) == (
        "unknown",
        "TGI 3.0.1 starts 2 or 1 shards: --num-shard is not set.",
        (
            "Without --num-shard the launcher counts the entries of CUDA_VISIBLE_DEVICES or NVIDIA_VISIBLE_DEVICES. "
            "The device "
            "plugin lists one entry a GPU; where the container runtime sets `all` or `void`, that counts as one."
        ),
        "Write --num-shard 1 to spread the layers over the 2 GPUs.",
    )
    assert single_gpu_shard.RULE.ask(spec_of("3.0.1", V100, MISTRAL, [], OFF)) == ()
    (finding,) = single_gpu_shard.RULE.ask(spec_of("3.0.1", "a100-80gb x2", MISTRAL))
    assert finding.fix == "Write --num-shard 1 to use one GPU, or --num-shard 2 to shard."
    (finding,) = engine_model_support.RULE.ask(spec_of("3.0.1", PAIR, MISTRAL, [], OFF))
    assert (finding.outcome, finding.fix) == (
        "unknown",
        "Write --num-shard 1: one process spreads the layers over the 2 GPUs.",
    )


def test_sharding_asked_without_a_number(spec_of: SpecOf) -> None:
    """`--sharded true` on two V100 either shards, which the model refuses, or ends: that is certain."""
    spec = spec_of("1.2.0", PAIR, MISTRAL, ["--quantize", "awq", "--sharded=true"])
    (finding,) = single_gpu_shard.RULE.ask(spec)
    assert text(finding)[:2] == (
        "unknown",
        "TGI 1.2.0 starts 2 shards or ends: --sharded true without --num-shard.",
    )
    assert [finding.outcome for finding in engine_model_support.RULE.ask(spec)] == ["violation"]
    spec = spec_of("3.0.1", PAIR, MISTRAL, ["--sharded", "true"], OFF)
    assert [finding.outcome for finding in engine_model_support.RULE.ask(spec)] == ["violation"]


def test_an_unknown_number_of_gpus_is_no_accept(spec_of: SpecOf) -> None:
    """Two shards and nobody knows how many GPUs: unknown; one shard needs no more than one."""
    two = replace(spec_of("3.0.1", PAIR, MISTRAL, ["--num-shard", "2"], OFF), gpus=None)
    (finding,) = single_gpu_shard.RULE.ask(two)
    assert text(finding)[:2] == ("unknown", "TGI 3.0.1 starts 2 shards; how many GPUs the pod gets is not known.")
    one = replace(spec_of("3.0.1", V100, MISTRAL, ["--num-shard", "1"], OFF), gpus=None)
    assert single_gpu_shard.RULE.ask(one) == ()
    (finding,) = single_gpu_shard.RULE.ask(replace(spec_of("3.0.1", V100, MISTRAL, [], OFF), gpus=None))
    assert finding.message == (
        "How many shards TGI 3.0.1 starts is not known: neither --num-shard nor the visible devices are."
    )


def test_exl2_is_not_sharded(spec_of: SpecOf) -> None:
    """From 2.1.0 on the launcher refuses to shard exl2 weights."""
    (finding,) = single_gpu_shard.RULE.ask(
        spec_of("3.0.1", "a100-80gb x2", MISTRAL, ["--num-shard", "2", "--quantize", "exl2"])
    )
    assert text(finding) == (
        "violation",
        "TGI 3.0.1 does not shard weights quantized by exl2, and --num-shard is 2.",
        'The launcher ends with "Sharding is currently not supported with `exl2` quantization".',
        "Write --num-shard 1.",
    )


def test_arguments_with_which_the_launcher_exits(spec_of: SpecOf) -> None:
    """A malformed line and limits that contradict are all named at once."""
    args = ["--num-shard", "1", "--max-model-len", "4096", "--max-batch-size", "0", "--validation-workers", "0"]
    found = launcher_arguments.RULE.ask(spec_of("3.0.1", V100, MISTRAL, args, OFF))
    assert [text(finding) for finding in found] == [
        (
            "violation",
            "--max-model-len is not an option of TGI 3.0.1; the launcher exits with a usage error.",
            "The launcher reads its arguments before it loads anything; with this one it does not start.",
            "Write --max-total-tokens 4096: input and output together are bounded by --max-total-tokens.",
        ),
        (
            "violation",
            "--validation-workers is 0.",
            'The launcher ends with "`validation_workers` must be > 0".',
            "Leave --validation-workers away, or write 1 or more.",
        ),
        (
            "violation",
            "A batch of 0 requests.",
            'The server does not get ready: "`max_batch_size` must be > 0".',
            "Write --max-batch-size 1 or more.",
        ),
    ]


def test_options_that_need_each_other(spec_of: SpecOf) -> None:
    """A tunnel needs its token and edge, an adapter at most one revision."""
    args = ["--num-shard", "1", "--ngrok", "--lora-adapters", "a/b@c@d,e/f"]
    found = launcher_arguments.RULE.ask(spec_of("3.3.7", "a100-80gb", MISTRAL, args, {"NGROK_EDGE": None}))
    messages = [finding.message for finding in found if finding.outcome == "violation"]
    assert messages == [
        "--ngrok is set without --ngrok-authtoken.",
        "The LoRA adapter 'a/b@c@d' is not of the form id, id@revision or id=path.",
    ]


def test_what_cannot_be_read_is_unknown(spec_of: SpecOf) -> None:
    """A value from elsewhere makes no violation of what rests on its absence."""
    spec = spec_of("3.0.1", V100, MISTRAL, ["--num-shard", "1", "--max-total-tokens", "2048"], OFF | {"DTYPE": None})
    found = launcher_arguments.RULE.ask(spec)
    assert [finding.outcome for finding in found] == ["unknown", "unknown"]
    assert found[0].message == "DTYPE is set from somewhere else; its value is not known here."
    spec = spec_of("3.0.1", V100, MISTRAL, ["--num-shard", "1"], {"USE_FLASH_ATTENTION": None})
    (finding,) = engine_gpu_support.RULE.ask(spec)
    assert text(finding)[:2] == (
        "unknown",
        (
            "Whether TGI 3.0.1 serves on NVIDIA V100 16 GB (compute capability 7.0) is not known: "
            "USE_FLASH_ATTENTION=false is "
            "needed, and not all variables could be read."
        ),
    )


def test_an_engine_without_facts_is_unknown_once(spec_of: SpecOf) -> None:
    """The question about the GPU says that the engine is not known; the others have nothing to add."""
    spec = replace(spec_of("3.0.1", V100, MISTRAL, ["--num-shard", "1"], OFF), release=Release("unheard-of", "0.5.0"))
    (finding,) = engine_gpu_support.RULE.ask(spec)
    assert text(finding) == (
        "unknown",
        "The engine 'unheard-of' is not known here.",
        "What an engine needs, and what it makes of its options, differs from engine to engine.",
        f"Use one of the engines {', '.join(engines.names())}.",
    )
    assert (
        engine_model_support.RULE.ask(spec)
        == single_gpu_shard.RULE.ask(spec)
        == launcher_arguments.RULE.ask(spec)
        == ()
    )


def test_an_unknown_gpu_says_what_would_settle_it(spec_of: SpecOf) -> None:
    """Without a GPU model nothing is promised about the release."""
    spec = replace(spec_of("3.0.1", V100, MISTRAL, [], OFF), gpu=None, gpu_unknown_because="no node label names it")
    (finding,) = engine_gpu_support.RULE.ask(spec)
    assert text(finding)[:2] == (
        "unknown",
        "Whether TGI 3.0.1 runs on this GPU is not known: no node label names it.",
    )
    assert engine_model_support.RULE.ask(spec) == ()


def test_the_defaults_of_the_stacks_pass(spec_of: SpecOf) -> None:
    """What the stacks ship with raises no finding of these rules."""
    args = ["--num-shard", "1", "--dtype", "float16", "--max-input-tokens", "1024", "--max-total-tokens", "2048"]
    args += ["--max-batch-prefill-tokens", "1024", "--max-batch-total-tokens", "4096", "--max-batch-size", "2"]
    for profile in (V100, PAIR):
        spec = spec_of("3.0.1", profile, MISTRAL, args, OFF | {"API_KEY": None, "HF_TOKEN": None})
        for module in (engine_gpu_support, engine_model_support, single_gpu_shard, launcher_arguments):
            assert module.RULE.ask(spec) == ()


@pytest.mark.parametrize("module", [engine_gpu_support, engine_model_support, single_gpu_shard, launcher_arguments])
def test_rules_are_mandatory_and_say_why(module: ModuleType) -> None:
    """Every one of these rules refuses, and its title is a question."""
    rule: Rule = module.RULE
    assert rule.level == "mandatory"
    assert rule.title.endswith("?")
    assert rule.why.endswith(".")
    assert rule.id == module.ID


@pytest.mark.parametrize(("gpus", "args", "found"), [(1, [], []), (2, ["--tensor-parallel-size", "2"], ["unknown"])])
def test_a_model_spread_over_slices_is_no_accept(gpus: int, args: list[str], found: list[str]) -> None:
    """A process sees one slice of a GPU, so that shards on several are not promised to start."""
    line = {"engine": "vllm", "engine_version": "0.10.2", "gpu": "a100-80gb-mig-3g.40gb", "gpus": gpus}
    spec = spec_from_line(line | {"model": "mistralai/Mistral-7B-Instruct-v0.2", "args": args})
    assert [finding.outcome for finding in single_gpu_shard.RULE.ask(spec)] == found
    assert judge(spec).verdict == (found or ["accept"])[0]

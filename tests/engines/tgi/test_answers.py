"""What holds for every spec: answers are whole, agree with each other, and never end in an exception."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.engines import engine
from voltaic.engines.tgi.ignored import ignored_options
from voltaic.engines.tgi.options import options
from voltaic.engines.tgi.releases import versions
from voltaic.hardware import gpu_models
from voltaic.models import known_models, resolve
from voltaic.spec import Release, ServingSpec

if TYPE_CHECKING:
    from voltaic.engines.base import Engine, Support

RELEASES = [None, "3.4.0", "3.0.1-rocm", *versions()]
VALUES = {
    "num_shard": st.integers(0, 9).map(str),
    "sharded": st.sampled_from(["true", "false"]),
    "quantize": st.sampled_from(options().by_name["quantize"].values(None)),
    "dtype": st.sampled_from(["float16", "bfloat16"]),
    "max_input_tokens": st.integers(0, 9000).map(str),
    "max_total_tokens": st.integers(0, 9000).map(str),
    "max_batch_prefill_tokens": st.integers(0, 9000).map(str),
    "max_batch_total_tokens": st.integers(0, 99_000).map(str),
    "max_batch_size": st.integers(0, 9).map(str),
    "lora_adapters": st.sampled_from(["a/b", "a@b@c", ""]),
    "validation_workers": st.integers(0, 2).map(str),
}


def tgi() -> Engine:
    """The engine under test."""
    found = engine("tgi")
    assert found is not None
    return found


@st.composite
def specs(draw: st.DrawFn) -> ServingSpec:
    """Any release, GPU, model and options; mostly things that people write."""
    version = draw(st.sampled_from(RELEASES))
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=5))
    args = [word for name in names for word in ("--" + name.replace("_", "-"), draw(VALUES[name]))]
    args += draw(st.lists(st.sampled_from(["--disable-custom-kernels", "--trust-remote-code", "--foo"]), max_size=2))
    env: dict[str, str | None] = draw(
        st.dictionaries(
            st.sampled_from(["USE_FLASH_ATTENTION", "ATTENTION", "NVIDIA_VISIBLE_DEVICES", "DTYPE", "MAX_MODEL_LEN"]),
            st.sampled_from(["false", "all", "0,1", "paged", None]),
        )
    )
    model = draw(st.sampled_from([known.id for known in known_models()]))
    return ServingSpec(
        release=Release("tgi", version),
        gpu=draw(st.sampled_from([None, *gpu_models()])),
        gpus=draw(st.sampled_from([None, 1, 2, 3, 4, 8])),
        model=resolve(model),
        command=tgi().parse(version, args, env),
    )


def answers(spec: ServingSpec) -> list[Support]:
    """Every answer that is not ok."""
    gpu = tgi().gpu_support(spec)
    found = [gpu] if gpu.answer != "ok" else []
    return [*found, *tgi().model_support(spec), *tgi().shard_support(spec), *tgi().argument_support(spec)]


@settings(max_examples=500, deadline=None)
@given(specs())
def test_answers_are_whole_sentences(spec: ServingSpec) -> None:
    """Whatever is not ok says what, why and what to do, each in sentences that end once."""
    for support in answers(spec):
        assert support.answer in {"no", "unknown"}
        for text in (support.message, support.why, support.fix):
            assert text.strip() == text != ""
            assert text.endswith((".", "?", '."'))
            assert ".." not in text
            assert "``" not in text
            assert "None" not in re.sub(r'"[^"]*"', "", text), "a value that is not there was printed"
    assert isinstance(ignored_options(spec), tuple)


@settings(max_examples=500, deadline=None)
@given(specs())
def test_what_raises_no_question_runs(spec: ServingSpec) -> None:
    """Where every answer is ok and every word was understood, it is known how the spec runs."""
    if spec.command.faults or answers(spec):
        return
    runs = tgi().runs(spec)
    assert runs is not None
    assert spec.gpus is None or runs.shards <= spec.gpus
    assert not (runs.layer_split and runs.shards > 1)


def _no(spec: ServingSpec) -> set[str]:
    return {support.message for support in answers(spec) if support.answer == "no"}


@settings(max_examples=300, deadline=None)
@given(specs())
def test_what_is_said_to_be_needed_does_not_refuse(spec: ServingSpec) -> None:
    """Adding the variables and options that the engine asks for takes violations away, and brings none."""
    needed: dict[str, Any] = {**tgi().required_options(spec)}
    if spec.release.version is None or not spec.command.args:
        return
    version = spec.release.version
    args = [*spec.command.args, *tgi().build(version, needed)]
    # Variables that are set stay: only a missing one is added.
    env = {**tgi().environment(spec), **spec.command.env}
    helped = replace(spec, command=tgi().parse(version, args, env))
    before, after = _no(spec), _no(helped)
    if "num_shard" not in needed and "USE_FLASH_ATTENTION" in spec.command.env:
        assert after <= before
    assert not any("USE_FLASH_ATTENTION=false is set" in message for message in after - before)


@settings(max_examples=200, deadline=None)
@given(specs())
def test_without_any_fact_nothing_is_certain(spec: ServingSpec) -> None:
    """An unknown release or GPU never refuses and never accepts on its own."""
    nothing = replace(spec, gpu=None, release=Release("tgi", None))
    assert tgi().gpu_support(nothing).answer == "unknown"
    assert tgi().model_support(nothing) == ()
    assert tgi().runs(nothing) is None

"""Command lines of vLLM: read as its server reads them, written so that they are read back alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.engines.vllm.command_line import CannotBuildError, build, parse
from voltaic.engines.vllm.options import options
from voltaic.engines.vllm.releases import versions

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.engines.vllm.options import Option
    from voltaic.spec import CommandLine


def _values(option: Option, version: Version) -> st.SearchStrategy[Any]:
    kind = option.kind(version)
    if kind == "flag":
        return st.just(True)
    if kind in {"bool", "switch"}:
        return st.booleans()
    if kind == "choice":
        return st.sampled_from(option.values(version))
    if kind in {"int", "human"}:
        return st.integers(0, 10**12)
    if kind == "real":
        return st.floats(0, 1e6, allow_nan=False)
    if kind == "texts":
        return st.lists(st.from_regex(r"[a-z/:.]{1,8}", fullmatch=True), min_size=1, max_size=3).map(tuple)
    return st.text(min_size=1)


@st.composite
def _settings(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    version = draw(st.sampled_from(versions()))
    number = tuple(map(int, version.split(".")))
    names = sorted(n for n, option in options().by_name.items() if option.in_release(number) and n != "config")
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=6))
    return version, {name: draw(_values(options().by_name[name], number)) for name in chosen}


@settings(max_examples=300, deadline=None)
@given(_settings())
def test_what_is_built_is_read_back(case: tuple[str, dict[str, Any]]) -> None:
    """Every option of every release that is written is read back with the same value and without a fault."""
    version, said = case
    found = parse(version, build(version, said), {})
    assert found.faults == ()
    assert dict(found.options) == said


def _faults(version: str | None, *args: str) -> list[str]:
    return [fault.message for fault in parse(version, args, {}).faults]


def _options(version: str | None, *args: str) -> dict[str, Any]:
    found: CommandLine = parse(version, args, {})
    assert found.faults == ()
    return dict(found.options)


@pytest.mark.parametrize(
    ("version", "args", "expected"),
    [
        ("0.8.5", ["--model", "a/b", "-tp", "2"], {"model": "a/b", "tensor_parallel_size": 2}),
        ("0.8.5", ["-tp=2", "--max-model-len=4K"], {"tensor_parallel_size": 2, "max_model_len": 4096}),
        ("0.8.5", ["--max-model-len", "1.5k"], {"max_model_len": 1500}),
        ("0.8.5", ["--max_model_len", "4096", "--max-model-len", "2048"], {"max_model_len": 2048}),
        ("0.8.5", ["serve", "a/b", "--enforce-eager"], {"model": "a/b", "enforce_eager": True}),
        ("0.8.5", ["vllm", "serve", "a/b"], {"model": "a/b"}),
        ("0.8.5", ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "a"], {"model": "a"}),
        ("0.19.1", ["a/b", "--no-enable-prefix-caching"], {"model": "a/b", "enable_prefix_caching": False}),
        ("0.19.1", ["--model", "a/b", "--max-model-len", "auto"], {"model": "a/b", "max_model_len": -1}),
        ("0.19.1", ["a", "-O3", "--compilation-config.mode", "3", "-cc.x=1"], {"model": "a"}),
        ("0.8.5", ["--gpu-memory-util", "0.8"], {"gpu_memory_utilization": 0.8}),
        ("0.6.3", ["--enable-chunked-prefill"], {"enable_chunked_prefill": True}),
        ("0.6.3", ["--enable-chunked-prefill", "false"], {"enable_chunked_prefill": False}),
        ("0.8.5", ["--served-model-name", "a", "b", "--port", "80"], {"served_model_name": ("a", "b"), "port": 80}),
        (None, ["a/b", "--dtype", "half"], {"model": "a/b", "dtype": "half"}),
    ],
)
def test_spellings_of_one_command(version: str | None, args: list[str], expected: dict[str, Any]) -> None:
    """Short, joined, shortened, underscored and negated spellings say what argparse makes of them."""
    if "-cc.x=1" in args:
        args = [word for word in args if word != "-cc.x=1"]
    assert _options(version, *args) == expected


@pytest.mark.parametrize(
    ("version", "args", "fault"),
    [
        ("0.8.5", ["--num-shard", "2"], "--num-shard is not an option of vLLM 0.8.5; the server exits"),
        ("0.19.1", ["--swap-space", "4"], "--swap-space exists in 0.17.1 and older, not in vLLM 0.19.1"),
        ("0.4.2", ["--max_model_len", "8"], "--max_model_len is not written like that in vLLM 0.4.2"),
        ("0.8.5", ["--dtype", "fp16"], "--dtype fp16: not one of auto, half, float16"),
        ("0.8.5", ["--max-model-len", "4.5K"], "decimals are not allowed with the binary suffix K"),
        ("0.8.3", ["--max-model-len", "4k"], "--max-model-len 4k: not a whole number"),
        ("0.8.5", ["--max-model-len"], "--max-model-len needs a value and has none"),
        ("0.8.5", ["--enforce-eager=true"], "--enforce-eager takes no value, 'true' was given"),
        ("0.8.5", ["a/b"], "'a/b' is not an option and belongs to none"),
        ("0.8.5", ["serve", "--model", "a"], "--model is given beside `vllm serve`"),
        ("0.4.2", ["serve", "a"], "vLLM 0.4.2 has no `vllm serve`"),
        ("0.8.5", ["--max-num", "2"], "--max-num may mean --max-num-batched-tokens, --max-num-partial-prefills"),
        ("0.8.5", ["--help"], "--help prints and exits; nothing is served"),
        ("0.8.5", ["-x", "1"], "-x is not an option of vLLM 0.8.5"),
        ("0.8.5", ["--gpu-memory-utilization", "much"], "--gpu-memory-utilization much: not a number"),
        ("0.8.5", ["--port", "9" * 30], "a number of too many digits"),
        ("0.8.5", ["--api-key"], "--api-key needs a value"),
        ("0.6.3", ["--enable-chunked-prefill=perhaps"], "--enable-chunked-prefill perhaps: not true or false"),
    ],
)
def test_what_the_server_does_not_take_is_a_fault(version: str, args: list[str], fault: str) -> None:
    """Options of other programs and releases, wrong values and lone words end the server, and the fault says which."""
    assert fault in " ".join(_faults(version, *args))
    assert not any(found.unreadable for found in parse(version, args, {}).faults)


def test_what_cannot_be_read_is_unreadable() -> None:
    """A file of options, a variable from elsewhere and an option in an unknown release leave it open."""
    found = parse("0.8.5", ["--config", "a.yaml"], {"VLLM_USE_V1": None}).faults
    assert [fault.where for fault in found if fault.unreadable] == ["--config", "VLLM_USE_V1"]
    assert [fault.unreadable for fault in parse(None, ["--nonsense", "1"], {}).faults] == [True]


def test_a_release_whose_options_were_not_read_refuses_none() -> None:
    """An option that none of the neighbours has is unreadable in a release that could not be read."""
    assert [fault.unreadable for fault in parse("0.15.0", ["--nonsense", "1"], {}).faults] == [True]


def test_all_faults_of_building_are_said_at_once() -> None:
    """Options that a release lacks and values of the wrong type are refused together."""
    with pytest.raises(CannotBuildError) as error:
        build("0.19.1", {"swap_space": 4.0, "max_model_len": "long", "max_model_length": 1})
    assert len(error.value.faults) == 3
    assert "did you mean max_model_len?" in str(error.value)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([None, *versions()]),
    st.lists(st.text() | st.sampled_from(["--model", "-tp", "serve", "--max-model-len", "1K", "-O", "--", "=", "-1"])),
)
def test_reading_never_raises(version: str | None, args: list[str]) -> None:
    """Whatever the words are, they are read or faulted."""
    assert parse(version, args, {}).args == tuple(args)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (['--override-generation-config={"top_p": 1}'], 0),
        (["--served-model-name=my model"], 0),
        (["--max-model-len 4096"], 1),
        (["--enable-chunked-prefill=false"], 1),
    ],
)
def test_a_space_makes_a_value_of_a_word_unless_it_stands_behind_its_option(words: list[str], wrong: int) -> None:
    """As argparse does: `--name=a b` is an option with its value, `--name a` in one word belongs to none."""
    assert len(_faults("0.9.2", *words)) == wrong


def test_whether_a_switch_takes_a_value_is_open_without_a_release() -> None:
    """Release 0.6.6 takes `--enable-chunked-prefill=false`, others exit with it."""
    (fault,) = parse(None, ["--enable-chunked-prefill=false"], {}).faults
    assert fault.unreadable

"""Command lines of LMDeploy and llama.cpp: read as their programs read them, written so that they are read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.engines import data
from voltaic.engines.llama_cpp import command_line as llama
from voltaic.engines.lmdeploy import command_line as lmdeploy
from voltaic.engines.lmdeploy.facts import facts
from voltaic.engines.versions import parse_version
from voltaic.engines.words.line import CannotBuildError
from voltaic.engines.words.options import table

if TYPE_CHECKING:
    from pathlib import Path

    from voltaic.engines.versions import Version
    from voltaic.engines.words.options import Option
    from voltaic.spec import CommandLine


def _values(option: Option, version: Version) -> st.SearchStrategy[Any]:
    allowed = option.values(version)
    if allowed:
        return st.sampled_from(allowed).map(int if option.kind == "int" else str)
    return {
        "flag": st.just(True),
        "switch": st.sampled_from(["on", "off", "auto"]),
        "int": st.integers(0, 10**12),
        "real": st.floats(0, 1e6, allow_nan=False)
        .map(lambda number: float(f"{number:.6g}"))
        .filter(lambda n: n == 0 or n > 1e-4),
        "texts": st.lists(st.from_regex(r"[a-z/:.]{1,8}", fullmatch=True), min_size=1, max_size=3).map(tuple),
        "text": st.from_regex(r"[a-z][a-z/:. ]{0,12}", fullmatch=True),
    }[option.kind]


@st.composite
def _lmdeploy(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    version = draw(st.sampled_from(facts()["versions"]))
    number = parse_version(version)
    assert number is not None
    known = table(lmdeploy.DIALECT.path).by_name
    names = sorted(name for name, option in known.items() if option.in_release(number))
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=6))
    model = draw(st.none() | st.from_regex(r"[a-zA-Z0-9]{1,9}/[a-zA-Z0-9.]{1,9}", fullmatch=True))
    said = {} if model is None else {"model": model}
    return version, said | {name: draw(_values(known[name], number)) for name in chosen}


@settings(max_examples=200, deadline=None)
@given(_lmdeploy())
def test_what_lmdeploy_is_told_is_read_back(case: tuple[str, dict[str, Any]]) -> None:
    """Every option of every release that is written is read back with the same value and without a fault."""
    version, said = case
    found = lmdeploy.parse(version, lmdeploy.build(version, said), {})
    assert found.faults == ()
    assert dict(found.options) == said


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_llama_server_is_told_is_read_back(drawn: st.DataObject) -> None:
    """Every option that is written is read back with the same value and without a fault."""
    known = table(llama.DIALECT.path).by_name
    chosen = drawn.draw(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=6))
    said = {name: drawn.draw(_values(known[name], (9000, 0, 0))) for name in chosen}
    found = llama.parse("b9000", llama.build("b9000", said), {})
    assert found.faults == ()
    assert {name: value for name, value in found.options.items() if name != "model"} == said


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text(max_size=12) | st.sampled_from(["-c", "-ngl", "--tp", "--dtype", "=", "-fa", "--", "-m"]), max_size=8
    )
)
def test_no_line_ends_in_a_traceback(words: list[str]) -> None:
    """Whatever words are given, they are read, and a fault says what, why and what else."""
    for found in (lmdeploy.parse("0.13.0", words, {}), llama.parse("b9000", words, {}), llama.parse(None, words, {})):
        assert all(fault.message and fault.fix for fault in found.faults)


def _options(found: CommandLine) -> dict[str, Any]:
    assert found.faults == ()
    return dict(found.options)


def test_lmdeploy_as_people_write_it() -> None:
    """The subcommand, `=`, names cut short, and the model first or last."""
    line = ("lmdeploy", "serve", "api_server", "a/b", "--tp=2", "--session", "4096", "--quant-policy", "8")
    assert _options(lmdeploy.parse("0.13.0-cu12", line, {})) == {
        "model": "a/b",
        "tp": 2,
        "session_len": 4096,
        "quant_policy": 8,
    }
    assert _options(lmdeploy.parse("0.13.0", ("--tp", "1", "--tp", "4", "a/b"), {})) == {"model": "a/b", "tp": 4}
    assert _options(lmdeploy.parse("0.13.0", ("--api-keys", "x", "y", "--", "a/b"), {}))["api_keys"] == ("x", "y")


def test_llama_server_as_people_write_it() -> None:
    """Short forms, underscores, switches alone or with a word, negative forms, and variables under arguments."""
    line = ("/app/llama-server", "-m", "a-Q8_0.gguf", "-c", "8192", "-np", "2", "-fa", "-nkvo", "--n_gpu_layers", "all")
    assert _options(llama.parse("b9000", line, {})) == {
        "model": "a-Q8_0.gguf",
        "model_file": "a-Q8_0.gguf",
        "ctx_size": 8192,
        "parallel": 2,
        "flash_attn": "on",
        "kv_offload": False,
        "n_gpu_layers": "all",
    }
    said = {
        "LLAMA_ARG_CTX_SIZE": "4096",
        "LLAMA_ARG_N_PARALLEL": "4",
        "LLAMA_ARG_FLASH_ATTN": "off",
        "LLAMA_ARG_ENDPOINT_METRICS": "1",
    }
    assert _options(llama.parse("b9000", ("-c", "1024"), said)) == {
        "ctx_size": 1024,
        "parallel": 4,
        "flash_attn": "off",
        "metrics": True,
    }


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--session-len", "x"), "not a whole number"),
        (("--cache-max-entry-count", "much"), "not a number"),
        (("--model-format", "gptqq"), "write --model-format gptq"),
        (("--session-len",), "needs a value and has none"),
        (("--nonsense", "1"), "is not an option"),
        (("--enable-prefix-caching=1",), "takes no value"),
        (("--cap", "chat"), "exists in releases <=0.5.3"),
        (("a/b", "c"), "belongs to none"),
        (("--help",), "prints and exits"),
    ],
)
def test_what_ends_lmdeploy_is_a_fault(args: tuple[str, ...], word: str) -> None:
    """A fault says what was found, what is allowed and what to write."""
    (fault,) = lmdeploy.parse("0.13.0", args, {}).faults
    assert word in f"{fault.message} {fault.fix}"
    assert not fault.unreadable


def test_what_is_not_known_is_not_a_fault() -> None:
    """An option that the table of llama.cpp has not may be one of another build; a hidden variable is unreadable."""
    (fault,) = llama.parse("b5000", ("--brand-new", "1"), {}).faults
    assert fault.unreadable
    (fault,) = llama.parse("b9000", (), {"LLAMA_ARG_CTX_SIZE": None}).faults
    assert fault.unreadable
    (fault,) = lmdeploy.parse(None, ("--brand-new",), {}).faults
    assert fault.unreadable
    (fault,) = llama.parse("b9000", ("-c", "many"), {}).faults
    assert not fault.unreadable


def test_keys_are_never_shown() -> None:
    """A fault about a key does not repeat it."""
    assert all("secret" not in fault.message for fault in llama.parse("b9000", ("--api-key",), {}).faults)


@pytest.mark.parametrize(
    "said",
    [
        {"nope": 1},
        {"session_len": "long"},
        {"cap": "chat"},
        {"model_format": "exl2"},
        {"enable_prefix_caching": "yes"},
        {"api_keys": ()},
    ],
)
def test_what_cannot_be_written_is_said(said: dict[str, Any]) -> None:
    """Options of another release and values of another type raise with a way out."""
    with pytest.raises(CannotBuildError) as raised:
        lmdeploy.build("0.13.0", said)
    assert raised.value.faults[0].fix


def test_flags_that_are_off_are_written_where_there_is_a_way() -> None:
    """A flag that is False is written with its negative form, or not at all."""
    assert llama.build("b9000", {"kv_offload": False, "metrics": False}) == ("-nkvo",)


@pytest.mark.parametrize(
    "row",
    [
        '{ name = "a", kind = "maybe" }',
        '{ name = "a", kind = "int", relases = "*" }',
        '{ name = "a", kind = "int" }, { name = "a", kind = "int" }',
    ],
)
def test_a_table_that_contradicts_itself_is_not_read(tmp_path: Path, row: str) -> None:
    """A kind or key that nobody knows, and an option that stands twice, are errors of the data."""
    file = tmp_path / "options.toml"
    file.write_text(f'source = "x"\nconfidence = "read"\noption = [{row}]\n')
    with pytest.raises(data.BadFactsError):
        table(file)


@pytest.mark.parametrize(
    ("name", "faults"), [("LLAMA_API_KEY", []), ("HF_TOKEN", []), ("LLAMA_ARG_CTX_SIZE", ["LLAMA_ARG_CTX_SIZE"])]
)
def test_keys_out_of_a_secret_leave_nothing_open(name: str, faults: list[str]) -> None:
    """A key or token that comes from a Secret ends no server; a limit from elsewhere is missed."""
    assert [fault.where for fault in llama.parse("cuda-b9000", [], {name: None}).faults] == faults

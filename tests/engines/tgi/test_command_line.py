"""Command lines of TGI: read as the launcher reads them, written so that they are read back alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.engines.tgi.command_line import CannotBuildError, build, parse
from voltaic.engines.tgi.options import options
from voltaic.engines.tgi.releases import versions

if TYPE_CHECKING:
    from voltaic.engines.tgi.options import Option
    from voltaic.engines.versions import Version

RELEASES = ("1.1.0", "1.2.0", "1.4.5", "2.0.4", "2.2.0", "2.3.0", "3.0.1", "3.2.2", "3.3.7")


def _values(option: Option, version: Version) -> st.SearchStrategy[Any]:
    if option.kind == "flag":
        return st.just(True)
    if option.kind == "truth":
        return st.booleans()
    if option.kind == "choice":
        return st.sampled_from(option.values(version))
    if option.kind == "text":
        return st.text()
    if option.kind == "texts":
        return st.lists(st.text(), min_size=1, max_size=3).map(tuple)
    if option.kind == "real":
        return st.floats(allow_nan=False)
    number = st.integers(0, {"u16": 2**16, "u32": 2**32}.get(option.kind, 2**64) - 1)
    return st.lists(number, min_size=1, max_size=3).map(tuple) if option.kind == "sizes" else number


@st.composite
def _settings(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    version = draw(st.sampled_from(versions()))
    number = tuple(map(int, version.split(".")))
    names = sorted({option.canonical for option in options().of_release(number)})
    chosen = draw(st.lists(st.sampled_from(names), unique=True))
    written = {name: options().written_as(name, number) for name in chosen}
    return version, {name: draw(_values(option, number)) for name, option in written.items()}


@settings(max_examples=400, deadline=None)
@given(_settings())
def test_parse_is_the_inverse_of_build(case: tuple[str, dict[str, Any]]) -> None:
    """The arguments that set any options of a release are read back as the same options, without a fault."""
    version, wanted = case
    line = parse(version, build(version, wanted), {})
    assert line.faults == ()
    assert line.options == wanted


_TOKENS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["-", "--", "---", "-p", "-ep", "-e=1", "-p=", "--num-shard", "--sharded", "--num-shard=", "true", "0", "x"]
    ),
    st.sampled_from([option.flag for option in options().rows]),
)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(st.none(), st.text(max_size=6), st.sampled_from(versions())),
    st.lists(_TOKENS, max_size=8),
    st.dictionaries(
        st.sampled_from([option.variable or "E" for option in options().rows]) | st.text(max_size=4),
        st.none() | st.text(max_size=6),
        max_size=6,
    ),
)
def test_parse_never_raises(version: str | None, args: list[str], env: dict[str, str | None]) -> None:
    """Any list of words and any environment gives a command line that keeps them, whatever the release."""
    line = parse(version, args, env)
    assert line.args == tuple(args)
    assert line.env == env
    assert all(fault.where and fault.message and fault.fix for fault in line.faults)


@pytest.mark.parametrize(
    ("args", "options_"),
    [
        (["--num-shard", "2"], {"num_shard": 2}),
        (["--num-shard=2"], {"num_shard": 2}),
        (["-p", "80"], {"port": 80}),
        (["-p80"], {"port": 80}),
        (["-p=80"], {"port": 80}),
        (["-ep", "80"], {"env": True, "port": 80}),
        (["--json-output", "--env"], {"json_output": True, "env": True}),
        (["--sharded", "true"], {"sharded": True}),
        (["--cuda-graphs", "1,2", "--cuda-graphs", "4"], {"cuda_graphs": (1, 2, 4)}),
        (["--cors-allow-origin", "a", "--cors-allow-origin=b"], {"cors_allow_origin": ("a", "b")}),
        (["--max-input-length", "7"], {"max_input_tokens": 7}),
        (["--watermark-gamma=-0.5"], {"watermark_gamma": -0.5}),
        (["--num-shard", "+2"], {"num_shard": 2}),
        (["--model-id", ""], {"model_id": ""}),
        (["--revision", "-"], {"revision": "-"}),
        (["--"], {}),
    ],
)
def test_spellings(args: list[str], options_: dict[str, Any]) -> None:
    """Every spelling that the launcher takes gives the value that the launcher sees."""
    line = parse("3.0.1", args, {})
    assert (line.options, line.faults) == (options_, ())


def test_graceful_termination_has_a_short_form_from_3_2_2_on() -> None:
    """`-g` is an option where the release has it, and a fault before."""
    assert parse("3.3.0", ["-g", "5"], {}).options == {"graceful_termination_timeout": 5}
    assert parse("3.2.1", ["-g", "5"], {}).faults[0].message == (
        "-g is not an option of TGI 3.2.1; the launcher exits with a usage error"
    )


FAULTS = [
    (
        "3.0.1",
        ["--sharded"],
        "--sharded",
        "--sharded needs a value and has none; the launcher exits with a usage error",
        "write --sharded true, or leave it away",
    ),
    (
        "3.0.1",
        ["--sharded", "--num-shard", "1"],
        "--sharded",
        "--sharded needs a value and has none; the launcher exits with a usage error",
        "write --sharded true, or leave it away",
    ),
    (
        "3.0.1",
        ["--num-shard", "x"],
        "--num-shard",
        "--num-shard x: not a whole number of 0 or more; the launcher exits with a usage error",
        "write a whole number from 0 to 18446744073709551615",
    ),
    (
        "3.0.1",
        ["--port", "70000"],
        "--port",
        "--port 70000: out of range, 0 to 65535 are allowed; the launcher exits with a usage error",
        "write a whole number from 0 to 65535",
    ),
    (
        "3.0.1",
        ["--num-shard", "1", "--num-shard=1"],
        "--num-shard",
        "--num-shard is given 2 times and may be given once; the launcher exits with a usage error",
        "keep one --num-shard",
    ),
    (
        "3.0.1",
        ["--json-output=true"],
        "--json-output",
        "--json-output takes no value, 'true' was given; the launcher exits with a usage error",
        "write --json-output alone, or leave it away",
    ),
    (
        "3.0.1",
        ["--tensor-parallel-size", "2"],
        "--tensor-parallel-size",
        "--tensor-parallel-size is not an option of TGI 3.0.1; the launcher exits with a usage error",
        "write --num-shard 2: it is called --num-shard",
    ),
    (
        "3.0.1",
        ["--gpu-memory-utilization=0.9"],
        "--gpu-memory-utilization",
        "--gpu-memory-utilization is not an option of TGI 3.0.1; the launcher exits with a usage error",
        "write --cuda-memory-fraction 0.9: it is called --cuda-memory-fraction",
    ),
    (
        "3.0.1",
        ["--max-model-len", "4096"],
        "--max-model-len",
        "--max-model-len is not an option of TGI 3.0.1; the launcher exits with a usage error",
        "write --max-total-tokens 4096: input and output together are bounded by --max-total-tokens",
    ),
    (
        "3.0.1",
        ["--modle-id", "x"],
        "--modle-id",
        "--modle-id is not an option of TGI 3.0.1; the launcher exits with a usage error",
        "did you mean --model-id?",
    ),
    (
        "1.2.0",
        ["--max-batch-size", "2"],
        "--max-batch-size",
        "--max-batch-size exists in 1.4.1 and newer, not in TGI 1.2.0; the launcher exits with a usage error",
        "leave --max-batch-size away, or use a release that has it",
    ),
    (
        "1.2.0",
        ["--max-input-tokens", "5"],
        "--max-input-tokens",
        "--max-input-tokens exists in 2.0.0 and newer, not in TGI 1.2.0; the launcher exits with a usage error",
        "write --max-input-length 5",
    ),
    (
        "1.2.0",
        ["--quantize", "fp8"],
        "--quantize",
        (
            "--quantize fp8: not one of awq, eetq, gptq, bitsandbytes, bitsandbytes-nf4, bitsandbytes-fp4 in this "
            "release; the launcher exits with a usage error"
        ),
        "write one of awq, eetq, gptq, bitsandbytes, bitsandbytes-nf4, bitsandbytes-fp4",
    ),
    (
        "3.0.1",
        ["--dtype", "half"],
        "--dtype",
        "--dtype half: not one of float16, bfloat16; the launcher exits with a usage error",
        "write float16",
    ),
    (
        "3.0.1",
        ["--dtype", "auto"],
        "--dtype",
        "--dtype auto: not one of float16, bfloat16; the launcher exits with a usage error",
        "leave --dtype away",
    ),
    (
        "3.0.1",
        ["--sharded", "True"],
        "--sharded",
        "--sharded True: not one of true, false; the launcher exits with a usage error",
        "write true",
    ),
    (
        "3.0.1",
        ["serve"],
        "serve",
        "'serve' is not an option and belongs to none; the launcher exits with a usage error",
        "write every value directly after its option",
    ),
    ("3.0.1", ["--help"], "--help", "--help prints and exits; nothing is served", "leave --help away"),
    (
        "3.0.1",
        ["--max-input-tokens", "5", "--max-input-length", "5"],
        "--max-input-length",
        "`max_input_tokens` (5) and `max_input_length` (5) are both set; they are one option, and the launcher exits",
        "keep --max-input-tokens",
    ),
]


@pytest.mark.parametrize(("version", "args", "where", "message", "fix"), FAULTS)
def test_faults(version: str, args: list[str], where: str, message: str, fix: str) -> None:
    """What the launcher would exit on is one fault that names the option, the value and what to write."""
    (fault,) = parse(version, args, {}).faults
    assert (fault.where, fault.message, fault.fix, fault.unreadable) == (where, message, fix, False)


def test_all_faults_are_reported_at_once() -> None:
    """The launcher stops at the first fault; people see all of them."""
    faults = parse("3.0.1", ["--modle-id", "x", "--num-shard", "y", "--dtype", "half"], {"JSON_OUTPUT": "1"}).faults
    assert [fault.where for fault in faults] == ["--modle-id", "--num-shard", "--dtype", "JSON_OUTPUT"]


def test_arguments_win_over_variables() -> None:
    """A variable counts only where its option is not given; then even a bad value of it harms nothing."""
    env = {"NUM_SHARD": "x", "MAX_TOTAL_TOKENS": "4096", "JSON_OUTPUT": "true", "NGROK": "false"}
    line = parse("3.0.1", ["--num-shard", "2"], env)
    assert (line.options, line.faults) == ({"num_shard": 2, "max_total_tokens": 4096, "json_output": True}, ())


def test_variables_of_options_that_a_release_lacks_are_not_read() -> None:
    """`MAX_BATCH_SIZE` means nothing to 1.2.0, whatever it holds."""
    assert parse("1.2.0", [], {"MAX_BATCH_SIZE": "x"}).faults == ()
    assert len(parse("1.4.1", [], {"MAX_BATCH_SIZE": "x"}).faults) == 1


@pytest.mark.parametrize("text", ["1", "TRUE", "yes", ""])
def test_flags_in_the_environment_are_literally_true_or_false(text: str) -> None:
    """Clap takes no other spelling of a truth value from a variable."""
    (fault,) = parse("3.0.1", [], {"TRUST_REMOTE_CODE": text}).faults
    assert fault.message == (f"TRUST_REMOTE_CODE={text}: not one of true, false; the launcher exits with a usage error")


def test_a_value_from_elsewhere_is_unreadable_where_it_matters() -> None:
    """A secret API key cannot keep a server from starting; a model id, or the flash switch, from elsewhere can."""
    env = {"API_KEY": None, "HF_TOKEN": None, "HOSTNAME": None, "MODEL_ID": None, "USE_FLASH_ATTENTION": None}
    faults = parse("3.0.1", [], env).faults
    assert [(fault.where, fault.unreadable) for fault in faults] == [("MODEL_ID", True), ("USE_FLASH_ATTENTION", True)]
    assert faults[0].message == "MODEL_ID is set from somewhere else; its value is not known here"


def test_an_unknown_release_is_never_certain() -> None:
    """Where the release is not covered, an option that no release has is unreadable, not wrong."""
    for version in (None, "3.4.0", "latest"):
        (fault,) = parse(version, ["--brand-new", "1"], {}).faults
        assert fault.unreadable
    assert parse("3.4.0", ["--num-shard", "2"], {}).options == {"num_shard": 2}


def test_secrets_never_enter_a_message() -> None:
    """Whatever is wrong around a key, its value is not shown."""
    faults = parse(
        "2.2.0", ["--api_key", "hunter2", "--ngrok-authtoken", "hunter2", "--ngrok-authtoken=hunter2"], {}
    ).faults
    assert len(faults) == 2
    assert "hunter2" not in repr(faults)


def test_build_writes_long_names_of_the_release() -> None:
    """Before 2.0.0 the input limit has its older name; a value that starts with a dash is joined to its option."""
    assert build("1.4.5", {"max_input_tokens": 5, "json_output": True, "ngrok": False}) == (
        "--max-input-length",
        "5",
        "--json-output",
    )
    assert build("2.0.0", {"max_input_tokens": 5, "model_id": "-x"}) == ("--max-input-tokens", "5", "--model-id=-x")


def test_build_refuses_what_the_release_has_not_and_names_every_fault() -> None:
    """Options and values that no command line of the release can set are refused together."""
    with pytest.raises(CannotBuildError) as error:
        build("1.2.0", {"max_batch_size": 5, "modle_id": "x", "num_shard": True, "quantize": "fp8"})
    assert str(error.value).splitlines() == [
        "TGI 1.2.0 has no --max-batch-size: it exists in 1.4.1 and newer; leave it away, or use such a release",
        "modle_id is not an option of TGI; did you mean model_id?",
        "--num-shard cannot be True; give a whole number from 0 to 18446744073709551615",
        "--quantize cannot be 'fp8'; give one of awq, eetq, gptq, bitsandbytes, bitsandbytes-nf4, bitsandbytes-fp4",
    ]


@pytest.mark.parametrize("version", RELEASES)
def test_every_option_of_a_release_can_be_written_and_read(version: str) -> None:
    """The table of options, the writer and the reader agree on the names of each release."""
    number = tuple(map(int, version.split(".")))
    for option in options().of_release(number):
        assert options().written_as(option.canonical, number) is not None
        line = parse(version, [option.flag] if option.kind == "flag" else [option.flag + "=1"], {})
        assert not any("is not an option" in fault.message or "exists in" in fault.message for fault in line.faults)


def test_a_negative_zero_is_a_number_of_few_bits_only() -> None:
    """The launcher reads numbers of 16 and 32 bits as a range with a sign, those of 64 without: `-0` differs."""
    assert parse("3.3.7", ["--port=-0"], {}).options == {"port": 0}
    for name in ("graceful-termination-timeout", "max-batch-size"):
        assert parse("3.3.7", [f"--{name}=-0"], {}).faults

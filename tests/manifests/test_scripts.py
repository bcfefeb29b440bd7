"""What shell scripts start."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.manifests import shell
from voltaic.manifests.launching import Start, Unread
from voltaic.manifests.scripts import read
from voltaic.manifests.servers import serves
from voltaic.manifests.shell_words import NotRead
from voltaic.manifests.words import Word

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV = {"MODEL": "org/model", "EMPTY": "", "EXTRA": "--dtype half", "SECRET": None}
SERVED = ["serve", "org/model"]


def started(script: str, values: Mapping[str, str | None] = ENV) -> Start | Unread:
    """Return what a script starts in a container with these variables."""
    return read(script, values, serves)


def words(script: str, values: Mapping[str, str | None] = ENV) -> list[str | None]:
    """Return the words that the server of a script gets; None: not known."""
    found = started(script, values)
    assert isinstance(found, Start), found
    return [word.text for word in found.words]


@pytest.mark.parametrize(
    "script",
    [
        "vllm serve org/model",
        "exec vllm serve org/model",
        "/usr/local/bin/vllm serve org/model",
        "set -euo pipefail\nvllm serve org/model\n",
        "# a comment\nvllm serve org/model # and another",
        "vllm serve \\\n  org/model",
        "cd /app && vllm serve org/model",
        "cd /app; mkdir -p x && exec vllm serve org/model",
        "vllm serve org/model 2>&1 | tee /var/log/vllm.log",
        "vllm serve org/model > out 2> err < /dev/null",
        "vllm serve org/model &\nwait",
        "vllm serve org/model || exit 1",
        "test -d /models || mkdir /models; vllm serve org/model",
        "nohup vllm serve org/model",
        "env A=b C=d vllm serve org/model",
        "tini -g -- vllm serve org/model",
        "numactl -N 0 -m 0 vllm serve org/model",
        "timeout -k 5 1h vllm serve org/model",
        "uv run --python 3.12 vllm serve org/model",
        "bash -c 'vllm serve org/model'",
        'sh -ec "exec vllm serve org/model"',
        "cat > x <<'END'\nvllm serve other\nEND\nvllm serve org/model",
        "cat > x <<-END\n\tvllm serve other\n\tEND\nvllm serve org/model",
        'if [ -n "$X" ]; then\n  echo x; fi\nvllm serve org/model',
        "for f in a b; do cp $f /x; done; vllm serve org/model",
        "while ! curl -s localhost; do sleep 1; done && vllm serve org/model",
        "case $X in a) echo a;; (b) echo b;; esac\nvllm serve org/model",
        "[[ -f x && -d y ]] && echo z\nvllm serve org/model",
        "wait_for() {\n  sleep 1\n}\nwait_for\nvllm serve org/model",
        "function f { sleep 1; }\nvllm serve org/model",
        "(cd /x; echo y)\nvllm serve org/model",
        "pip install hf_transfer boto3 && vllm serve org/model",
        "source /opt/venv/bin/activate && vllm serve org/model",
        "trap 'kill 0' EXIT; ulimit -n 65535; vllm serve org/model",
        "vllm serve $MODEL",
        'vllm serve "${MODEL}"',
        "vllm serve $(MODEL)",
        "M=org/model; vllm serve $M",
        "export M=org/model\nvllm serve ${M}",
        'M=$MODEL\nvllm serve "$M"',
        "vllm serve ${EMPTY:-org/model}",
        "vllm serve 'org'/\"model\"",
        "vllm serve org/model $EMPTY",
        "huggingface-cli download org/model --local-dir /x && exec vllm serve org/model",
    ],
)
def test_the_one_server_that_certainly_runs_is_found(script: str) -> None:
    """Whatever is done before and after it, and however it is called."""
    assert words(script) == SERVED


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("python3 -m vllm.entrypoints.openai.api_server --model a", ["--model", "a"]),
        ("python3 -u -m vllm.entrypoints.openai.api_server --model a", ["--model", "a"]),
        ("vllm serve a $EXTRA", ["serve", "a", "--dtype", "half"]),
        ('vllm serve a "$EXTRA"', ["serve", "a", "--dtype half"]),
        ("vllm serve a --x='{\"b\": 1}'", ["serve", "a", '--x={"b": 1}']),
        ('vllm serve a --x "{\\"b\\": 1}"', ["serve", "a", "--x", '{"b": 1}']),
        ("vllm serve a --x=$EXTRA", ["serve", "a", "--x=--dtype", "half"]),
        ('vllm serve a --x ""', ["serve", "a", "--x", ""]),
        ("vllm serve a \\--x", ["serve", "a", "--x"]),
        ("vllm serve a 'it''s'", ["serve", "a", "its"]),
        ("vllm serve $$(MODEL) ", None),
        ("vllm serve a --x [*]", ["serve", "a", "--x", "[*]"]),
    ],
)
def test_words_are_those_that_the_shell_makes(script: str, wanted: list[str] | None) -> None:
    """Quotes hold words together, variables without them are split."""
    assert words(script) == (wanted or ["serve", None])


@pytest.mark.parametrize(
    ("script", "written", "option", "whole"),
    [
        ("vllm serve a --tp=$(nvidia-smi -L | wc -l)", "--tp=$(nvidia-smi -L | wc -l)", "--tp", True),
        ("vllm serve a --tp `nproc`", "`nproc`", None, False),
        ("vllm serve a --tp $((1 + 1))", "$((1 + 1))", None, False),
        ("vllm serve a $UNHEARD_OF", "$UNHEARD_OF", None, False),
        ("vllm serve a --x ${UNHEARD_OF:-b}", "${UNHEARD_OF:-b}", None, False),
        ("vllm serve a --key=$SECRET", "--key=$SECRET", "--key", True),
        ("vllm serve a --key=$(SECRET)", "--key=$(SECRET)", "--key", True),
        ("vllm serve a --x={{ .Values.x }}", "--x={{ .Values.x }}", "--x", True),
        ("vllm serve a --x=<YOUR_X>", "--x=<YOUR_X>", "--x", True),
        ("vllm serve a {b,c}", "{b,c}", None, False),
        ("vllm serve a ~/b", "~/b", None, False),
        ("if true; then X=1; fi; vllm serve a --x=$X", "--x=$X", "--x", True),
        ("false || X=1; vllm serve a --x=$X", "--x=$X", "--x", True),
        ("read X; vllm serve a --x=$X", "--x=$X", "--x", True),
        ("X=1; X+=2; vllm serve a --x=$X", "--x=$X", "--x", True),
    ],
)
def test_a_word_that_the_shell_makes_of_what_is_not_known_is_not_known(
    script: str,
    written: str,
    option: str | None,
    whole: bool,  # noqa: FBT001  a column of the table
) -> None:
    """Neither is the output of a command, nor a variable of the image, nor what only some runs set."""
    found = started(script)
    assert isinstance(found, Start)
    unknown = [word for word in found.words if word.text is None]
    assert [(word.written, word.option, word.whole) for word in unknown] == [(written, option, whole)]


@pytest.mark.parametrize(
    ("script", "env"),
    [
        ("export A=b\nvllm serve m", {"A": "b"}),
        ("A=b vllm serve m", {"A": "b"}),
        ("A=b; vllm serve m", {}),
        ("set -a; A=b; set +a; vllm serve m", {"A": "b"}),
        ("A=b; export A; vllm serve m", {"A": "b"}),
        ("EMPTY=full; vllm serve m", {"EMPTY": "full"}),
        ("unset MODEL; vllm serve m", {"MODEL": None}),
        ("export A=$(date); vllm serve m", {"A": None}),
        ("if x; then export A=b; fi; vllm serve m", {"A": None}),
        ("env A=b vllm serve m", {"A": "b"}),
        ("declare -x A=b; vllm serve m", {"A": "b"}),
        ("export A=b; bash -c 'C=d vllm serve m'", {"A": "b", "C": "d"}),
    ],
)
def test_the_server_gets_what_is_exported(script: str, env: dict[str, str | None]) -> None:
    """A shell hands on what the container had before, and what it is told to export."""
    found = started(script)
    assert isinstance(found, Start)
    assert found.env == env


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("if x; then vllm serve a; fi", "a script that starts vllm within if, which may run or not"),
        ("while true; do vllm serve a; done", "a script that starts vllm within while, which may run or not"),
        ("x || vllm serve a", "a script that starts vllm only where something else failed"),
        ("f() { vllm serve a; }; f", "a script that starts vllm within function, which may run or not"),
        ("case $X in a) vllm serve a;; esac", "a script that starts vllm within case, which may run or not"),
        ("vllm serve a & vllm serve b & wait", "a script that starts 2 servers, which share the GPUs"),
        ("vllm serve 'a", "a script that is not understood: a quote is not closed"),
        ("if x; then vllm serve a", "a script that is not understood: a block is not closed"),
        ("vllm serve $(a", "a script that is not understood: a bracket is not closed"),
        ("env -i vllm serve a", "a script in which env -i is not read"),
        ("x && bash -c 'if y; then vllm serve a; fi'", "a script that starts vllm within if, which may run or not"),
    ],
)
def test_a_server_that_may_not_run_is_not_read(script: str, reason: str) -> None:
    """What hangs on a condition is never guessed."""
    found = started(script)
    assert isinstance(found, Unread)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("script", "programs"),
    [
        ("sleep infinity", ["sleep"]),
        ("exit 0; vllm serve a", ["exit"]),
        ("exec sleep 5; vllm serve a", ["sleep"]),
        ("vllm bench serve", ["vllm"]),
        ("ollama pull x && ollama list", ["ollama", "ollama"]),
        ("echo vllm serve a", ["echo"]),
        ("cat <<END\nvllm serve a\nEND", ["cat"]),
        ("bash run.sh", ["bash", "run.sh"]),
        ("bash /x/multi-node-serving.sh worker", ["bash", "ray"]),
    ],
)
def test_a_script_without_a_server_names_what_it_runs(script: str, programs: list[str]) -> None:
    """What serves nothing is told apart from what is not known."""
    found = started(script)
    assert isinstance(found, Unread)
    assert (found.reason, list(found.programs)) == ("", programs)


@pytest.mark.parametrize(
    ("script", "changed"),
    [
        ("pip install -U vllm; vllm serve a", "pip install -U"),
        ("pip install vllm==0.9.0 && vllm serve a", "pip install vllm==0.9.0"),
        ("uv pip install 'transformers>=4.50'; vllm serve a", "uv install transformers>=4.50"),
        ("pip install git+https://x/y; vllm serve a", "pip install git+https://x/y"),
        ("uv run --with vllm==0.9 vllm serve a", "uv --with"),
        ("sed -i s/a/b/ /usr/lib/python3/dist-packages/vllm/x.py; vllm serve a", None),
        ("if x; then pip install vllm; fi; vllm serve a", "pip install vllm"),
        ("pip install bitsandbytes; vllm serve a", None),
        ("pip install vllm[audio]; vllm serve a", "pip install vllm[audio]"),
    ],
)
def test_what_is_installed_before_is_not_what_the_image_holds(script: str, changed: str | None) -> None:
    """An image's release says nothing where a script replaces the engine or what it rests on."""
    found = started(script)
    assert isinstance(found, Start)
    if "dist-packages" in script:
        changed = "sed /usr/lib/python3/dist-packages/vllm/x.py"
    assert found.changed == changed


def test_parameters_of_the_script_are_those_after_it() -> None:
    """The first word after the script is `$0`, so that it is lost to `$@`."""
    given = [Word(text, text) for text in ("sh", "--dtype", "half")]
    found = read('vllm serve a "$@" $1', {}, serves, positional=given)
    assert isinstance(found, Start)
    assert [word.text for word in found.words] == ["serve", "a", "--dtype", "half", "--dtype"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("source /etc/settings; vllm serve a", "/etc/settings is sourced, which may set variables"),
        ("eval $X; vllm serve a", "eval runs what is not read"),
        ("if x; then . ./env; fi; vllm serve a", ". within if sets what is not read"),
    ],
)
def test_variables_from_elsewhere_leave_the_environment_open(script: str, reason: str) -> None:
    """A file that is sourced may set any option that is a variable."""
    found = started(script)
    assert isinstance(found, Start)
    assert found.open_env == reason


def test_a_ray_cluster_is_told() -> None:
    """GPUs of other pods count for a server that joins one."""
    found = started("ray start --head && vllm serve a")
    assert isinstance(found, Start)
    assert found.ray


def test_a_script_without_end_is_not_read() -> None:
    """A script is read up to a length that nobody writes."""
    found = started("echo a\n" * 20_000)
    assert isinstance(found, Unread)
    assert found.reason.startswith("a script that is not understood: the script is longer than 65,536")


SIGNS = r"""
vllm serve a echo ' " $( ) ` ${ } { ( if then fi for do done case esac in ;; && || & ; | \ # <<E E > 2>&1 $A $@ A=b
export $(A) [[ ]] function ! ~ * exec bash -c env -m python
"""
PIECES = st.sampled_from([*SIGNS.split(), "\n", "\\\n", "\ue000", "\ue001"])


@settings(max_examples=400, deadline=None)
@given(script=st.lists(PIECES | st.text(max_size=3), max_size=25).map(" ".join))
def test_any_script_is_read_or_said_to_be_unread(script: str) -> None:
    """Whatever stands in a script, reading it ends."""
    assert isinstance(started(script), Start | Unread)
    with suppress(NotRead):
        assert isinstance(shell.commands(script), list)


def test_reading_takes_no_longer_than_a_script_is_long() -> None:
    """Quotes, brackets and blocks without end cost their length, not its square."""
    for piece in ("'", "$(", "((", "if ", "{ ", "\\", "a=", "<<E\n", "`", "${a:-"):
        assert isinstance(started(piece * (60_000 // len(piece))), Start | Unread)

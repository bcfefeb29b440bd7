"""What people read from `voltaic check`: the worst first, advice by rule, numbers last, and a bar while they wait."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from bench import check as cost_of
from bench import manifests

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

ROOT: Final = Path(__file__).parents[2]
BASE: Final = (ROOT / "tests/rules/fixtures/baseline/tgi.yaml").read_text("utf-8")
IMAGE: Final = "ghcr.io/huggingface/text-generation-inference:3.0.1"
DIGEST: Final = BASE.partition(IMAGE)[2].partition("\n")[0]
WITHOUT_DIGEST: Final = BASE.replace(DIGEST, "")
REFUSED: Final = BASE.replace("--num-shard=1", "--num-shard=2")
UNKNOWN: Final = BASE.replace("mistralai/Mistral-7B-Instruct-v0.2", "nobody/has-heard-of-it")
WEB: Final = "kind: Pod\nmetadata: {name: web}\nspec: {containers: [{image: nginx}]}\n"


def named(text: str, name: str) -> str:
    """Return a manifest under another name."""
    return text.replace("  name: llm\n", f"  name: {name}\n", 1)


def several(*texts: str) -> str:
    """Return one stream of manifests."""
    return "---\n".join(named(text, f"llm-{number}") for number, text in enumerate(texts))


def test_refused_comes_before_unknown_before_accepted(voltaic: Voltaic) -> None:
    """Whatever their order in the file; the last line has all numbers."""
    text = several(BASE, UNKNOWN, WITHOUT_DIGEST, REFUSED) + "---\n" + WEB

    lines = voltaic("check", "-", input=text, env={"COLUMNS": "250"}).stdout.splitlines()

    assert lines[0] == "REFUSED  4 model servers in 1 file: 1 refused, 1 unknown, 2 accepted"
    assert [line.rpartition(" llm-")[2][0] for line in lines if line.endswith("container tgi")] == ["3", "1", "0", "2"]
    assert lines[-1] == (
        "Summary: 4 model servers: 1 refused, 1 unknown, 2 accepted; 1 advisory finding; waived: 0; "
        "1 object not judged; 0 files unreadable."
    )


def test_a_finding_begins_with_file_line_rule_and_level(voltaic: Voltaic) -> None:
    """Editors and terminals open what begins so; the way out stands below."""
    lines = voltaic("check", "-", input=WITHOUT_DIGEST, env={"COLUMNS": "250"}).stdout.splitlines()

    line = WITHOUT_DIGEST[: WITHOUT_DIGEST.index("image: ")].count("\n") + 1
    place = lines.index("Advice: 1 advisory finding of 1 rule; the verdict stands")
    assert lines[place + 1].startswith(f"-:{line}  image-digest  advisory  The image {IMAGE} has ")
    assert lines[place + 2].startswith("  Way out: Write image: ")


def test_much_advice_of_one_rule_is_counted(voltaic: Voltaic) -> None:
    """Five of a rule are shown, and the same way out once; the bills of many servers do not bury the verdicts."""
    text = several(*[WITHOUT_DIGEST] * 9)

    printed = voltaic("check", "-", input=text, env={"COLUMNS": "250"}).stdout

    assert printed.count("  image-digest  advisory  ") == 5
    assert printed.count("Way out: ") == 1
    assert "  and 4 more of image-digest (--format json has all)\n" in printed
    assert "VRAM per GPU" not in printed
    assert "VRAM per GPU" in voltaic("check", "-", input=WITHOUT_DIGEST).stdout


@pytest.mark.parametrize(
    ("words", "shown", "left_out"),
    [
        ((), ("llm-0", "llm-1", "Advice:", "Not judged:", "Waived:"), ()),
        (("--quiet",), ("llm-1",), ("llm-0", "Advice:", "Not judged:", "Waived:")),
        (("-q", "--fail-on", "advisory"), ("llm-1", "Advice:"), ("Not judged:", "Waived:")),
    ],
)
def test_quiet_shows_what_decides(
    voltaic: Voltaic, words: tuple[str, ...], shown: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    """What refuses or leaves it open is always shown, and so are the numbers."""
    waived = "  annotations:\n    voltaic/waive-image-digest: The mirror keeps tags.\n"
    text = several(BASE, REFUSED, WITHOUT_DIGEST, WITHOUT_DIGEST.replace("  name: llm\n", f"  name: llm\n{waived}", 1))

    printed = voltaic("check", "-", *words, input=f"{text}---\n{WEB}").stdout

    blocks = "\n".join(line for line in printed.splitlines() if "advisory" not in line)
    assert [word for word in shown if word not in printed] == []
    assert [word for word in left_out if word in blocks] == []
    assert "Summary: 4 model servers: 1 refused, 3 accepted;" in printed


def test_a_refusal_that_is_waived_is_neither_hidden_nor_counted(voltaic: Voltaic) -> None:
    """It says what the rules said, and that its owner lives with it."""
    waiver = "  annotations:\n    voltaic/waive-engine-model-support: Only read, never run.\n"
    text = REFUSED.replace("  name: llm\n", f"  name: llm\n{waiver}", 1)

    result = voltaic("check", "-", input=text, env={"COLUMNS": "250"})

    lines = result.stdout.splitlines()
    assert lines[0] == "WAIVED  1 model server in 1 file: 1 waived"
    assert any(
        line.startswith("WAIVED  mistralai/") and line.endswith(": refused by the rules, and its owner lives with it")
        for line in lines
    )
    assert lines[-1].startswith("Summary: 1 model server: 1 waived; 0 advisory findings; waived: 1;")
    assert result.exit_code == 0


def test_a_page_that_is_refused_by_a_file_of_levels_has_a_block(voltaic: Voltaic, tmp_path: Path) -> None:
    """What serves no model can be held to rules too; it stands first, and decides the exit code."""
    page = (ROOT / "tests/rules/fixtures/baseline/page.yaml").read_text("utf-8")
    levels = tmp_path / "levels.json"
    levels.write_text(json.dumps({"all": "mandatory"}), "utf-8")

    result = voltaic("check", "-", "--levels", str(levels), input=page.replace("http://llm:8080", "llm:8080"))

    assert result.stdout.splitlines()[0] == "REFUSED  No model server found in 1 file."
    assert "  webui-url  mandatory, violation\n" in result.stdout
    assert "1 chat page: 1 refused" in result.stdout
    assert result.exit_code == 1


def test_what_is_unknown_is_said_in_short_where_there_is_much_of_it(voltaic: Voltaic) -> None:
    """Reasons and sources of the same open question are not repeated for each of many servers."""
    few = voltaic("check", "-", input=UNKNOWN, env={"COLUMNS": "250"}).stdout
    many = voltaic("check", "-", input=several(*[UNKNOWN] * 5), env={"COLUMNS": "250"}).stdout

    assert (few.count("  Why: ") > 0, many.count("  Why: ")) == (True, 0)
    assert many.count("  vram-budget  mandatory, unknown  Whether it fits is not known") == 5


def test_how_to_name_the_gpus_is_said_once(voltaic: Voltaic) -> None:
    """Where servers name no GPU model, one line says which option does."""
    no_gpu = BASE.replace("nvidia.com/gpu.product, operator: In", "example.com/rack, operator: In")
    assert no_gpu != BASE

    lines = voltaic("check", "-", input=several(no_gpu, no_gpu, BASE), env={"COLUMNS": "250"}).stdout.splitlines()

    assert lines[-2] == "2 model servers name no GPU model: --profile NAME says which."


@pytest.mark.parametrize("width", [40, 60, 100])
def test_narrow_terminals_get_narrow_lines(voltaic: Voltaic, width: int) -> None:
    """Only what is there to be copied is wider than the terminal, and no line ends in blanks."""
    printed = voltaic("check", "-", input=several(WITHOUT_DIGEST, REFUSED), env={"COLUMNS": str(width)}).stdout

    lines = [line for line in printed.splitlines() if not line.startswith("    arguments and variables: ")]
    assert [line for line in lines if len(line) > width or line != line.rstrip()] == []


def on_a_terminal(*words: str, **env: str) -> str:
    """Return what `voltaic check` writes to stderr where that is a terminal; stdout goes elsewhere."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR"}}
    command = [sys.executable, "-m", "cli", "check", *words]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**clean, "TERM": "xterm-256color", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as child:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            written += part
        child.wait()
    os.close(ours)
    return written.decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of sixty manifests."""
    path = tmp_path_factory.mktemp("many")
    manifests.write(path, 60)
    return path


def test_progress_is_shown_on_a_terminal(folder: Path) -> None:
    """A bar with its share, up to the end, and then it is gone."""
    written = on_a_terminal(str(folder), "--json")

    assert re.search(r"Checking.* \d+%", written)
    assert written.rstrip().endswith("\x1b[2K")


@pytest.mark.parametrize("env", [{"CI": "true"}, {"TERM": "dumb"}], ids=["in CI", "on a dumb terminal"])
def test_progress_is_not_shown_where_nobody_waits(folder: Path, env: dict[str, str]) -> None:
    """A log is not filled with bars."""
    assert on_a_terminal(str(folder), **env) == ""


def test_progress_is_not_shown_for_a_few_files() -> None:
    """What takes a blink needs no bar."""
    assert on_a_terminal(str(ROOT / "tests/rules/fixtures/baseline/tgi.yaml")) == ""


def test_progress_is_not_shown_in_a_pipe(folder: Path) -> None:
    """Nothing but faults goes to stderr where it is no terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "check", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_colours_are_left_out_where_they_are_not_wanted(folder: Path) -> None:
    """NO_COLOR holds for the bar too."""
    assert "\x1b[3" not in on_a_terminal(str(folder), NO_COLOR="1")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_a_thousand_manifests_stay_within_their_memory(form: str) -> None:
    """All are judged, in the memory that `python -m bench.check` holds them to."""
    found = cost_of.of_folder(1000, "--format", form)

    assert found.code == 1
    assert found.memory <= cost_of.MOST_MEMORY

"""`voltaic plan --plot`: the same picture for the same question, whole or not there, in words besides."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from voltaic.units import GIB, gib

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    from typer.testing import Result

    from voltaic.verdict import Judgement

    Voltaic = Callable[..., Result]

SVG = "{http://www.w3.org/2000/svg}"
MISTRAL = ("plan", "--profile", "v100-1gpu", "--model", "mistralai/Mistral-7B-Instruct-v0.2")
SMALL = ("--context", "1024,8192", "--batch-size", "1")


def texts(file: Path) -> list[str]:
    """Return everything that is written in an SVG."""
    root = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314  our own file
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def test_the_bill_is_drawn_with_its_numbers(voltaic: Voltaic, tmp_path: Path) -> None:
    """Names, sizes, budget and headroom stand in the picture as text: nothing is said by colour alone."""
    target = tmp_path / "bill.svg"

    result = voltaic(*MISTRAL, *SMALL, "--plot", str(target))

    written = texts(target)
    rows = dict(re.findall(r"^(\S.*?) {2,}(-?\d+\.\d+)$", result.stdout, flags=re.MULTILINE))
    assert {"context", "weights", "KV cache", "activations", "planning margin", "budget"} <= set(written)
    for part in ("context", "weights", "KV cache", "activations", "planning margin"):
        assert rows[part] in written
    assert f"headroom {rows['headroom']}" in written
    assert f"total {rows['total']} of {rows['budget']}" in written
    assert result.stdout.endswith(f"Drawn: {target}\n")


def test_an_svg_says_what_it_shows(voltaic: Voltaic, tmp_path: Path) -> None:
    """Title and description are there for those who do not see the picture, in the words of the verdict."""
    target = tmp_path / "bill.svg"
    voltaic(*MISTRAL, *SMALL, "--plot", str(target))

    root = ET.fromstring(target.read_text(encoding="utf-8"))  # noqa: S314  our own file

    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "title description")
    title, description = root.findtext(f"{SVG}title") or "", root.findtext(f"{SVG}desc") or ""
    plan = json.loads(voltaic(*MISTRAL, "--json").stdout)
    (gpu,) = plan["memory"]["per_gpu"]
    assert title.startswith("ACCEPTED")
    assert title.endswith(": mistralai/Mistral-7B-Instruct-v0.2 on 1 x v100-16gb with tgi 3.0.1")
    assert f"weights {gib(gpu['weights'])}, KV cache {gib(gpu['kv_cache'])}" in description
    assert f"headroom {gib(gpu['headroom'])}." in description
    assert "2048 tokens: up to 2 at once; 8192 tokens: none." in description


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_question_gives_the_same_bytes(voltaic: Voltaic, tmp_path: Path, suffix: str) -> None:
    """No date, no chance: a picture in a repository changes only where the bill does."""
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"

    for target in (first, second):
        voltaic(*MISTRAL, *SMALL, "--plot", str(target))

    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def test_the_map_marks_what_is_asked_and_judges_as_a_plan_does(voltaic: Voltaic) -> None:
    """Cells carry the sign of their headroom; the asked one is among them, and refusals begin where plans refuse."""
    from cli.plot_map import headroom_map
    from voltaic import settings
    from voltaic.verdict import judge

    spec = settings.serving_spec(settings.read({"profile": MISTRAL[2], "model": MISTRAL[4]}, where="here"))
    found = headroom_map(judge(spec), (1024, 8192), (1,))

    assert found is not None
    assert found.asked == (2048, 2)
    assert (found.contexts, found.batch_sizes) == ((1024, 2048, 8192), (1, 2))
    for size, row in zip(found.batch_sizes, found.spots, strict=True):
        for context, spot in zip(found.contexts, row, strict=True):
            stated = {"profile": MISTRAL[2], "model": MISTRAL[4], "maxTotalTokens": context, "maxBatchSize": size}
            verdict = judge(settings.serving_spec(settings.read(stated, where="here")))
            assert spot.verdict == verdict.verdict
            assert (spot.text[0] == "-") == (verdict.verdict == "refuse")
    assert {spot.verdict for row in found.spots for spot in row} == {"accept", "refuse"}


@pytest.mark.parametrize(
    ("verdict", "tight", "headroom", "text"),
    [
        ("accept", False, GIB, "+1.0"),
        ("accept", True, GIB // 4, "~+0.2"),
        ("refuse", False, -GIB, "-1.0"),
        ("refuse", False, -367 * GIB, "-367"),
        ("refuse", False, None, "x"),
        ("unknown", False, GIB, "?+1.0"),
        ("unknown", False, None, "?"),
    ],
)
def test_a_cell_says_its_verdict_without_colour(
    verdict: Judgement, *, tight: bool, headroom: int | None, text: str
) -> None:
    """Signs tell what is accepted, tight, refused and unknown apart, with the headroom where there is a bill."""
    from cli.plot_map import Spot

    assert Spot(verdict, tight=tight, headroom=headroom).text == text


def test_lengths_and_numbers_are_chosen_around_the_question() -> None:
    """Powers of two, within the model's context, with the asked ones among them."""
    from cli.plot_map import MOST_CONTEXTS, MOST_SIZES, headroom_map
    from voltaic import settings
    from voltaic.verdict import judge

    stated = {"profile": "v100-2gpu", "model": "microsoft/phi-2", "maxTotalTokens": 1500, "maxBatchSize": 3}
    found = headroom_map(judge(settings.serving_spec(settings.read(stated, where="here"))), (), ())

    assert found is not None
    assert found.contexts == (512, 1024, 1500, 2048)
    assert found.batch_sizes == (1, 2, 3, 4, 8, 16, 32)
    assert max(len(found.contexts), len(found.batch_sizes)) <= max(MOST_CONTEXTS, MOST_SIZES)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("bill.gif", "bill.gif: .gif is no kind of picture that can be written; end it with .png or .svg"),
        ("bill", "bill: the name has no ending; end it with .png or .svg"),
        ("none/bill.png", "none/bill.png: the folder {folder}none does not exist; make it first"),
        ("folder.png", "folder.png is a folder; give the name of a file in it"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_first(
    voltaic: Voltaic, tmp_path: Path, target: str, message: str
) -> None:
    """Exit code 2 before anything is judged, and nothing on stdout."""
    (tmp_path / "folder.png").mkdir()

    result = voltaic(*MISTRAL, "--plot", f"{tmp_path}/{target}")

    assert result.stderr == f"voltaic plan: --plot {tmp_path}/{message.format(folder=f'{tmp_path}/')}\n"
    assert (result.stdout, result.exit_code) == ("", 2)


def test_without_a_bill_there_is_no_picture_and_the_verdict_stands(voltaic: Voltaic, tmp_path: Path) -> None:
    """What is unknown is printed as ever; the missing picture is explained on stderr, and no file is made."""
    words = ("plan", "--profile", "v100-1gpu", "--model", "nobody/nothing", "--plot", str(tmp_path / "bill.png"))

    result = voltaic(*words)

    assert result.stdout.startswith("UNKNOWN  nobody/nothing")
    assert f"--plot {tmp_path}/bill.png: there is no bill to draw: " in result.stderr
    assert (result.exit_code, os.listdir(tmp_path)) == (3, [])  # noqa: PTH208  hidden files too


def test_any_name_can_be_drawn(voltaic: Voltaic, tmp_path: Path) -> None:
    """Dollar signs, markup, letters that the font lacks and control characters in a name break no picture."""
    from voltaic.models import known_model

    known = known_model("microsoft/phi-2")
    assert known is not None
    folder = tmp_path / "a$b_{$<c>&\x01\u6f22"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(dict(known.config)), encoding="utf-8")
    words = ("plan", "--gpu", "v100-16gb", "--gpus", "1", "--model-dir", str(folder), *SMALL)
    told = ("--env", "USE_FLASH_ATTENTION=false", "--plot", str(tmp_path / "a.svg"), "--", "--num-shard", "1")

    result = voltaic(*words, *told, "--max-input-tokens", "512", "--max-total-tokens", "1024", "--max-batch-size", "1")

    assert result.stdout.endswith("a.svg\n"), result.output
    assert result.stderr == ""
    assert any("a$b_{$<c>&?\u6f22" in text for text in texts(tmp_path / "a.svg"))


def test_a_home_that_cannot_be_written_is_not_spoken_of(
    voltaic_process: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    """In a container without a home the picture is drawn, and nothing is said about fonts and caches."""
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    place = {"HOME": str(nowhere), "MPLCONFIGDIR": "", "XDG_CONFIG_HOME": str(nowhere), "XDG_CACHE_HOME": str(nowhere)}

    done = voltaic_process(*MISTRAL, *SMALL, "--plot", str(tmp_path / "bill.svg"), **place)

    assert (done.stderr, done.returncode) == ("", 0)
    assert (tmp_path / "bill.svg").exists()

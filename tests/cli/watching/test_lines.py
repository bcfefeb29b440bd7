"""A sample as lines, as a document, as rows."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cli.files import Unwritable
from cli.watching import lines, table_file
from cli.watching.gpus import Gpu
from tests.cli.watching.samples import AT, LATER, PAGE, SAMPLE, SERVER
from voltaic.engines.metrics import Load

if TYPE_CHECKING:
    from pathlib import Path


def test_a_rate_is_what_was_written_between_two_samples() -> None:
    """Only for pods that say it, and not across a counter that began anew."""
    assert lines.rates(LATER, SAMPLE) == {SERVER.name: 20.0}
    assert lines.rates(SAMPLE, None) == {}
    assert lines.rates(SAMPLE, SAMPLE) == {}
    again = replace(LATER, pods=(replace(SERVER, load=Load(answer_tokens=5)),))
    assert lines.rates(again, SAMPLE) == {}


def test_a_pod_that_runs_well_says_little_of_its_past() -> None:
    """How it ended before is told where it was restarted, or is not ready."""
    told = list(lines.of_pod(replace(SERVER, restarts=0), AT))
    assert told[0] == "Running on gpu-1 for 3 h 5 min, ready, 0 restarts"
    assert not any("ended" in line for line in told)
    assert "ended the last time: OOMKilled, exit code 137, signal 9" in list(lines.of_pod(SERVER, AT))


def test_gpus_that_may_not_be_asked_are_counted() -> None:
    """What the pod holds is known from its specification; why they say nothing is told once."""
    silent = replace(SERVER, gpus=())
    assert "holds 2 GPUs" in list(lines.of_pod(silent, AT))
    forbidden = replace(silent, problems=("GPUs: the login may not",))
    assert [line for line in lines.of_pod(forbidden, AT) if "GPU" in line] == ["not known: GPUs: the login may not"]


def test_one_line_a_pod_without_a_terminal() -> None:
    """Words that a program can cut, with no blank in a value."""
    server, page = lines.plain(LATER, lines.rates(LATER, SAMPLE))
    assert server == (
        f"2026-11-21T12:00:05Z {SERVER.name} Running ready restarts=1 running=1 waiting=0 kv=10% tokens/s=20.0 "
        "gpu0=97% gpu0-memory=12.00GiB gpu1-memory=11.00GiB"
    )
    assert page == f"2026-11-21T12:00:05Z {PAGE.name} CrashLoopBackOff not-ready restarts=4"


def test_a_file_has_a_row_for_each_gpu(tmp_path: Path) -> None:
    """Columns are named once; a pod without GPUs has a row too; samples are appended."""
    place = tmp_path / "samples.csv"
    for sample, before in ((SAMPLE, None), (LATER, SAMPLE)):
        table_file.append(str(place), lines.COLUMNS, lines.rows(sample, lines.rates(sample, before)))
    rows = list(csv.DictReader(place.read_text(encoding="utf-8").splitlines()))
    assert [(row["part"], row["gpu"], row["answer_tokens_per_second"]) for row in rows] == [
        *[("tgi", "0", ""), ("tgi", "1", ""), ("webui", "", "")],
        *[("tgi", "0", "20"), ("tgi", "1", "20"), ("webui", "", "")],
    ]
    assert (rows[0]["kv_share"], rows[0]["gpu_used_bytes"], rows[1]["gpu_busy_percent"]) == ("0.25", "12884901888", "")


def test_rows_are_whole_or_not_there(tmp_path: Path) -> None:
    """A row that another program cut off stays alone, and a file of something else stays as it is."""
    place = tmp_path / "samples.csv"
    table_file.append(str(place), ("a", "b"), [("1", "2")])
    with place.open("a", encoding="utf-8") as stream:
        stream.write("3,")
    table_file.append(str(place), ("a", "b"), [("4", "5")])
    assert place.read_text(encoding="utf-8") == "a,b\n1,2\n3,\n4,5\n"
    with pytest.raises(Unwritable, match="holds other columns than a file of samples"):
        table_file.append(str(place), ("a", "c"), [("4", "5")])
    with pytest.raises(Unwritable, match="No such file or directory"):
        table_file.append(str(tmp_path / "nowhere" / "x.csv"), ("a",), [])


def test_a_document_says_all_of_it() -> None:
    """Plain data, sizes in bytes, moments in UTC; what is not known is null."""
    document = lines.document(SAMPLE, stack="v100-2gpu", namespace="llm", context="site")
    assert json.loads(json.dumps(document)) == document
    server, page = document["pods"]
    assert (document["ready"], server["ready"], page["engine"]) == (False, True, None)
    assert server["load"]["kv_share"] == 0.25
    assert server["gpus"][1]["busy"] is None


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=61), "1 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=25), "1 d 1 h"),
        (timedelta(days=90, hours=0, minutes=59), "90 d"),
    ],
)
def test_lengths_of_time_are_short(delta: timedelta, text: str) -> None:
    """The two largest units that say something."""
    assert lines.span(delta.total_seconds()) == text


@pytest.mark.parametrize(
    ("values", "most", "bars"),
    [
        ([], None, ""),
        ([0.0, 0.0], None, "▁▁"),
        ([None, 5.0, 10.0], None, " ▅█"),
        ([50.0, 200.0], 100.0, "▅█"),
    ],
)
def test_bars_grow_with_values(values: list[float | None], most: float | None, bars: str) -> None:
    """A gap where nothing is known; nothing is higher than full."""
    assert lines.bars(values, most) == bars


def test_a_gpu_says_what_its_driver_does() -> None:
    """What is not known is left out."""
    assert list(lines.of_gpu(Gpu(0, "X", None, None, None))) == ["X"]
    assert list(lines.of_gpu(Gpu(0, "X", 2**30, None, 5))) == ["X", "1.00 GiB in use", "5 % busy"]

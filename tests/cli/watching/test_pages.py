"""What people see at two widths, held against pages that were looked at."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from cli import monitor, preflight, status
from cli.cluster.options import Place
from cli.preflights.rows import Row
from tests.cli.watching.samples import LATER, SAMPLE

PAGES = Path(__file__).with_name("pages")
HERE = Place(
    cast("Any", SimpleNamespace(namespace="llm", context="site")), cast("Any", SimpleNamespace(name="v100-2gpu"))
)
ROWS = (
    Row("api-server", "ok", "https://k8s.example.org:6443 answers: v1.36.1, as me"),
    Row(
        "quota", "missing", "requests.nvidia.com/gpu: 1 left of 4, 2 needed (quota team)", "Free some, or ask for more."
    ),
    Row("gpu-nodes", "note", "nodes may not be read: that there is one with 2 x V100 is taken from the profile"),
    Row("image-pull", "unknown", "tgi: registry.example.org/tgi:3.0.1 is pulled without a pull secret"),
)


@pytest.fixture(params=["60", "120"])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Width of the terminal."""
    monkeypatch.setenv("COLUMNS", request.param)
    monkeypatch.setenv("NO_COLOR", "1")
    return str(request.param)


def held(name: str, columns: str, text: str, pytestconfig: pytest.Config) -> None:
    """Compare a page with the one that was looked at (`pytest tests/cli --golden` writes it)."""
    place = PAGES / f"{name}-{columns}.txt"
    page = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    if pytestconfig.getoption("--golden"):
        place.parent.mkdir(exist_ok=True)
        place.write_text(page, encoding="utf-8")
    assert page == place.read_text(encoding="utf-8")
    assert max(map(len, page.splitlines())) <= int(columns)


def test_status_fits(columns: str, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config) -> None:
    """Each pod is a block; the page ends with what to ask next."""
    status.show(SAMPLE, HERE)
    held("status", columns, capsys.readouterr().out, pytestconfig)


def test_preflight_fits(columns: str, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config) -> None:
    """Each row has its answer, and its way out below it."""
    preflight._show(ROWS, HERE)
    held("preflight", columns, capsys.readouterr().out, pytestconfig)


def test_a_page_that_goes_on_fits(columns: str, pytestconfig: pytest.Config) -> None:
    """The second sample has a rate and bars."""
    past: dict[str, monitor.History] = {}
    width = int(columns)
    monitor.page(SAMPLE, None, "Stack v100-2gpu", past, width)
    console = Console(width=width, record=True, color_system=None, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    console.print(monitor.page(LATER, SAMPLE, "Stack v100-2gpu", past, width))
    console.file.close()
    held("monitor", columns, console.export_text(), pytestconfig)


def test_a_stack_without_pods_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is deployed: that is no fault, and has a next step."""
    empty = SAMPLE.__class__(SAMPLE.at, ())
    status.show(empty, HERE)
    assert "voltaic up --stack v100-2gpu" in capsys.readouterr().out
    assert [status.code(sample) for sample in (empty, SAMPLE)] == [3, 1]

"""Adding a release is a change of a line or two in the data."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from voltaic.engines import data
from voltaic.engines.tgi import releases, routes

CORE = Path(__file__).parents[3] / "voltaic"
PROBE = """
import json
from voltaic.engines import engine
from voltaic.engines.tgi.case import dispatch
from voltaic.engines.tgi.families import families

tgi = engine("tgi")
starts = {arch: next(iter(tgi.matrix("3.3.8", arch))).answer for arch in tgi.archs()}
llama = dispatch(families().of("llama", None), "llama", (3, 3, 8), flash=True, sharded=True).way
line = tgi.parse("3.3.8", ["--max-total-tokens", "9", "--prometheus-port=1"], {})
print(json.dumps([tgi.releases()[-1], starts, llama, dict(line.options), len(line.faults)]))
"""


def test_a_release_is_added_in_the_data_alone(tmp_path: Path) -> None:
    """A number more in releases.toml, and the made-up 3.3.8 is read, dispatched and printed as the newest was."""
    copy = tmp_path / "voltaic"
    shutil.copytree(CORE, copy, ignore=shutil.ignore_patterns("__pycache__", "catalogue"))
    file = copy / "engines" / "tgi" / "releases.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"3.3.7",', '"3.3.7", "3.3.8",'), encoding="utf-8")

    ran = subprocess.run([sys.executable, "-c", PROBE], cwd=tmp_path, capture_output=True, text=True, check=True)

    newest, starts, llama, options, faults = json.loads(ran.stdout)
    assert newest == "3.3.8"
    assert starts["sm_70"] == "no"
    assert starts["sm_90"] == "ok"
    assert starts["gfx942"] == "unknown"
    assert llama == "flash"
    assert options == {"max_total_tokens": 9, "prometheus_port": 1}
    assert faults == 0


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"versions": ["3.3.7", "3.3.6"]}, "oldest first"),
        ({"versions": ["3.3"]}, "'3.3' is not a release"),
        ({"torch": [["<=3.0.1", "2.4.0"]]}, "torch: no value for 3.3.7"),
        ({"colour": "red"}, "unknown keys colour"),
    ],
)
def test_a_release_without_its_facts_is_found(broken: dict[str, object], message: str) -> None:
    """Releases out of order, misspelt or without a library's number are an error of the data file."""
    good = dict(releases.facts())
    with pytest.raises(data.BadFactsError, match=message):
        releases.checked(good | {"versions": ["3.3.7"]} | broken)


def test_a_route_from_no_release_is_found() -> None:
    """A misspelt key or release cannot hide a route."""
    source = data.source("server.rs", "read")
    for wrong, message in (({"sinse": "3.0.0"}, "unknown keys sinse"), ({"since": "3.0"}, "is not a release")):
        with pytest.raises(data.BadFactsError, match=message):
            routes._route({"path": "/x", "method": "GET", **wrong}, source)

"""What `import voltaic` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import voltaic

HEAVY = ("pydantic", "yaml", "ruamel", "pulumi", "tomllib", "json", "voltaic.")


def test_exports_are_there() -> None:
    """Every exported name can be had, and `dir` shows it."""
    for name in voltaic.__all__:
        assert getattr(voltaic, name).__name__ == name
        assert name in dir(voltaic)


def test_other_names_are_not() -> None:
    """A name that is not exported is an ordinary error."""
    with pytest.raises(AttributeError, match="module 'voltaic' has no attribute 'guess'"):
        _ = voltaic.guess


def test_import_loads_nothing_heavy() -> None:
    """Importing the package loads no framework, no data and no module of its own."""
    code = "import sys; before = set(sys.modules); import voltaic; print(*sorted(set(sys.modules) - before))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "voltaic" in shown
    assert [name for name in shown if name.startswith(HEAVY)] == []


def test_the_judge_needs_no_framework() -> None:
    """Judging loads neither pydantic nor YAML nor Pulumi."""
    code = "import sys, voltaic; voltaic.judge, voltaic.plan_document; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "voltaic.verdict" in shown
    assert [name for name in shown if name.partition(".")[0] in {"pydantic", "yaml", "ruamel", "pulumi"}] == []

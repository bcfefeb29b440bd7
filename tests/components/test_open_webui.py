"""The facts about Open WebUI."""

from __future__ import annotations

from typing import Any

from components import open_webui
from voltaic.engines import data


def test_every_table_has_a_source_with_its_confidence() -> None:
    """Facts are data that say where they come from."""
    for name, table in open_webui.facts().items():
        assert str(data.source(table["source"], table["confidence"])), name


def test_every_fact_is_read() -> None:
    """A table or key that nobody reads would be a fact that nobody checks."""
    used: set[tuple[str, str]] = {
        *(("release", key) for key in ("version", "image", "tag", "digest")),
        *(("user", key) for key in ("uid", "gid")),
        ("data", "path"),
        *(("probes", key) for key in ("startup", "readiness", "liveness", "period_seconds", "timeout_seconds")),
        *(("probes", key) for key in ("startup_failures", "failures")),
        *(("rollout", key) for key in ("image_pull_seconds", "margin_seconds")),
        *(("resources", key) for key in ("cpu_request", "cpu_limit", "memory", "ephemeral_storage")),
        *(("timeouts", key) for key in ("answer_seconds", "model_list_seconds", "login")),
    }
    told = {"source", "confidence", "because"}
    tables: dict[str, dict[str, Any]] = open_webui.facts()
    assert {(name, key) for name, table in tables.items() for key in table.keys() - told} == used

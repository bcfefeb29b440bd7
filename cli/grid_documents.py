"""A grid for machines: one JSON document, or CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from voltaic.hidden import hide, secrets_of, shown_args, shown_env

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltaic.grid import Axes, Cell

SCHEMA = "voltaic/grid/v1"
COLUMNS = (
    *("model", "engine", "engine_version", "profile", "gpu", "gpus", "context", "batch_size"),
    *("verdict", "tight", "total_bytes", "budget_bytes", "headroom_bytes", "peak_moment", "kv_cache_tokens"),
    *("rule", "reason"),
)
"""Columns of the CSV; sizes are those of the fullest GPU."""


def document(axes: Axes, cells: Sequence[Cell]) -> dict[str, Any]:
    """Return a grid as one document (schema voltaic/grid/v1); sizes are integers in bytes, of the fullest GPU."""
    return {
        "schema": SCHEMA,
        "axes": {
            "models": [model.id for model in axes.models],
            "engines": [{"engine": each.engine, "engine_version": each.version} for each in axes.releases],
            "profiles": [profile.name for profile in axes.profiles],
            "contexts": list(axes.contexts),
            "batch_sizes": list(axes.batch_sizes),
        },
        "counts": counts(cells),
        "cells": [_entry(cell) for cell in cells],
    }


def counts(cells: Sequence[Cell]) -> dict[str, int]:
    """Return how many cells have each verdict, and how many of the accepted ones are tight."""
    found = Counter(cell.verdict for cell in cells)
    return {
        "accept": found["accept"],
        "tight": sum(cell.tight for cell in cells),
        "refuse": found["refuse"],
        "unknown": found["unknown"],
    }


def table(cells: Sequence[Cell]) -> str:
    """Return a grid as CSV with a header; what is not known is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for cell in cells:
        row = _facts(cell)
        rule, message = reason(cell) or ("", "")
        row |= {f"{name}_bytes": row.pop(name) for name in ("total", "budget", "headroom")}
        row |= {"tight": str(cell.tight).lower(), "rule": rule, "reason": message}
        writer.writerow({name: "" if row[name] is None else row[name] for name in COLUMNS})
    return out.getvalue()


def _entry(cell: Cell) -> dict[str, Any]:
    found = reason(cell)
    entry = _facts(cell)
    entry["reason"] = None if found is None else {"rule": found[0], "message": found[1]}
    entry |= {"args": None, "env": None}
    if cell.judged is not None:
        command = cell.judged.spec.command
        secrets = secrets_of(command.args, command.env)
        entry["args"] = [hide(word, secrets) for word in shown_args(command.args)]
        entry["env"] = shown_env(command.env)
    return entry


def _facts(cell: Cell) -> dict[str, Any]:
    bill, worst = cell.bill, cell.worst
    context, size = cell.limits
    return {
        "model": cell.model.id,
        "engine": cell.release.engine,
        "engine_version": cell.release.version,
        "profile": cell.profile.name,
        "gpu": cell.profile.gpu.name,
        "gpus": cell.profile.count,
        "context": context,
        "batch_size": size,
        "verdict": cell.verdict,
        "tight": cell.tight,
        "total": None if worst is None else worst.total,
        "budget": None if worst is None else worst.budget,
        "headroom": None if worst is None else worst.headroom,
        "peak_moment": None if bill is None else bill.peak_moment,
        "kv_cache_tokens": None if bill is None else bill.kv_cache_tokens,
    }


def reason(cell: Cell) -> tuple[str, str] | None:
    """Return rule and message of the first reason against a cell, without secrets; None for an accept."""
    if cell.reason is None or cell.judged is None:
        return cell.reason
    command = cell.judged.spec.command
    rule, message = cell.reason
    return rule, hide(message, secrets_of(command.args, command.env))

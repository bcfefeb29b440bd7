"""Configurations whose shapes are compared with transformers: the catalogue, and small variants of every family."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

CATALOGUE = Path(__file__).resolve().parents[3] / "voltaic" / "models" / "catalogue"
KINS: dict[str, dict[str, dict[str, Any]]] = {
    file.stem: runpy.run_path(str(file))["VARIANTS"]
    for file in sorted(Path(__file__).with_name("families").glob("*.py"))
}
"""Variants by the file that they are in."""
VARIANTS: dict[str, dict[str, Any]] = {name: case for kin in KINS.values() for name, case in kin.items()}


def catalogue() -> dict[str, dict[str, Any]]:
    """Return the configurations of the catalogue by id, as if unquantized: quantizers keep the shapes."""
    rows = (json.loads(file.read_text(encoding="utf-8")) for file in sorted(CATALOGUE.glob("*.json")))
    return {
        row["id"]: {
            key: value for key, value in row["config"].items() if key not in {"quantization_config", "auto_map"}
        }
        for row in rows
    }

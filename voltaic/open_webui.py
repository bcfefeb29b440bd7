"""Facts of the chat page: the release that is deployed, and what its pod needs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from voltaic.engines import data


@cache
def facts() -> dict[str, Any]:
    """Return open_webui.toml."""
    return data.table(Path(__file__).with_name("open_webui.toml"))

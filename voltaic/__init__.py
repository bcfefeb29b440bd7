"""The core of voltaic: will this model start, and fit, on these GPUs with this engine?

The names below are loaded on first use, so that `import voltaic` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voltaic.document import InvalidLine, line_from_spec, plan_document, spec_from_line
    from voltaic.findings import Finding, Source
    from voltaic.memory.bill import Bill, NoBill
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict, judge

__all__ = [
    "Bill",
    "Finding",
    "InvalidLine",
    "NoBill",
    "ServingSpec",
    "Source",
    "Verdict",
    "judge",
    "line_from_spec",
    "plan_document",
    "spec_from_line",
]

_HOMES = {
    "Bill": "voltaic.memory.bill",
    "Finding": "voltaic.findings",
    "InvalidLine": "voltaic.document",
    "NoBill": "voltaic.memory.bill",
    "ServingSpec": "voltaic.spec",
    "Source": "voltaic.findings",
    "Verdict": "voltaic.verdict",
    "judge": "voltaic.verdict",
    "line_from_spec": "voltaic.document",
    "plan_document": "voltaic.document",
    "spec_from_line": "voltaic.document",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'voltaic' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Options of which no fact says anything leave a start open."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic.engines.lmdeploy.facts import facts
from voltaic.engines.vllm import settled as of_vllm
from voltaic.engines.words.settled import open_options, open_support
from voltaic.findings import Source

TABLE: dict[str, Any] = {"inert": ["host"], "values": {"size": [16, 32]}, "most": {"port": 65535}}


@pytest.mark.parametrize(
    ("name", "value", "settled"),
    [
        ("host", "anything", True),
        ("size", 16, True),
        ("size", 17, False),
        ("port", 80, True),
        ("port", 65536, False),
        ("port", -1, False),
        ("port", "80", False),
        ("strange", True, False),
        ("strange", False, True),
        ("strange", None, True),
        ("strange", ["a"], False),
    ],
)
def test_an_option_is_settled_by_name_value_or_bound(name: str, value: Any, *, settled: bool) -> None:
    """What is switched off is as if it were absent; everything else needs a fact."""
    assert (not list(open_options({name: value}, TABLE))) is settled


def test_an_open_option_names_what_is_known() -> None:
    """The message has the value found, and the way out the values that facts cover."""
    (found,) = open_support({"size": 7}, TABLE, "Engine 1", Source("a"))
    assert (found.answer, found.message) == ("unknown", "Whether Engine 1 starts with --size 7 here is not known.")
    assert found.why == "Known are 16, 32."
    (bare,) = open_support({"strange": True}, TABLE, "Engine 1", Source("a"))
    assert "starts with --strange here" in bare.message
    assert bare.fix == "Leave --strange away."


@pytest.mark.parametrize("table", [of_vllm.table(), facts()["settled"]], ids=["vllm", "lmdeploy"])
def test_no_option_is_settled_twice(table: dict[str, Any]) -> None:
    """An option is inert, or has values, or a bound."""
    names = [*table["inert"], *table["values"], *table["most"]]
    assert len(names) == len(set(names))

"""Names of the stack's objects."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from components import names
from tests.components import harness

DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
STACK = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="-_."), min_size=1, max_size=100)


def name_in(stack: str) -> str:
    """The name of the server's objects in a stack of this name."""
    found: list[str] = []
    harness.perform(lambda: found.append(names.object_name("webui")), stack=stack)
    return found[0]


def test_usual_stacks_keep_their_name() -> None:
    """What is a DNS label already is used as it is."""
    assert name_in("v100-2gpu") == "webui-v100-2gpu"


def test_other_stacks_get_a_digest() -> None:
    """Stacks that differ only in what a label cannot hold do not share objects."""
    assert re.fullmatch(r"webui-team-a-[0-9a-f]{6}", name_in("Team_A"))
    assert name_in("Team_A") != name_in("team.a") != name_in("team-a")
    assert re.fullmatch(r"webui-[0-9a-f]{6}", name_in("___"))


@given(STACK)
def test_every_stack_gives_names_that_kubernetes_takes(stack: str) -> None:
    """Whatever Pulumi takes as a stack's name, Services and their parts have valid names."""
    assert DNS_LABEL.fullmatch(f"{name_in(stack)}-data")

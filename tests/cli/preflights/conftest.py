"""What a stack needs, from the stack file of the checkout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli import stacks
from cli.preflights import needs as needed

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.preflights.needs import Needs

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def needs_of() -> Callable[..., Needs]:
    """Return a function that says what a stack needs, with settings changed."""
    stack = stacks.chosen("v100-2gpu", CHECKOUT, {})

    def make(*secrets: str, **change: Any) -> Needs:
        values = {key: value for key, value in {**stack.values, **change}.items() if value is not None}
        return needed.of_stack(replace(stack, values=values, secrets=frozenset(secrets)))

    return make

"""From settings to the serving spec that is judged and run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voltaic.settings.model import Settings
    from voltaic.spec import ServingSpec


def serving_spec(settings: Settings) -> ServingSpec:
    """Return everything that decides whether the server of these settings starts, with what was left out derived.

    `spec.command` holds exactly the arguments and the environment of the engine that the stack runs; the value of a
    variable that comes from a Secret is None.
    """
    raise NotImplementedError

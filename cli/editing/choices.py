"""Models that a stack of a profile starts as it is, the best first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.models import CatalogueModel


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that is accepted, with the limits that a stack derives for it."""

    model: CatalogueModel
    parameters: int
    total: int
    """Tokens of the longest request."""
    requests: int
    """Requests at once."""
    tight: bool

    @property
    def rank(self) -> tuple[bool, bool, int, int]:
        """Where it stands among others: those that chat first, then those with room, then by size and length."""
        return self.model.chat_template is not True, self.tight, -self.parameters, -self.total

    def __str__(self) -> str:
        """Return it as a line of a list."""
        from cli.model_facts import billions

        remarks = [
            f"{billions(self.parameters)} parameters",
            f"requests of {self.total:,} tokens, {self.requests} at once",
            *(["tight"] if self.tight else []),
            *(["gated: needs hfToken"] if self.model.gated else []),
            *(["no chat template"] if self.model.chat_template is False else []),
        ]
        return f"{self.model.id}  ({', '.join(remarks)})"


def of_profile(profile: str) -> list[Choice]:
    """Return the models of the catalogue that are accepted on a profile with nothing else set, the best first."""
    return sorted(_accepted(profile), key=lambda choice: choice.rank)


def _accepted(profile: str) -> Iterator[Choice]:
    from voltaic import models
    from voltaic.settings import serving_spec
    from voltaic.settings.decisive import Decisive
    from voltaic.verdict import judge

    for model in models.known_models():
        verdict = judge(serving_spec(Decisive(profile, model.id)))
        if verdict.verdict == "accept" and verdict.runs is not None:
            limits = {**verdict.spec.command.options, **verdict.runs.limits}
            size = models.parameter_count(model.architecture)
            yield Choice(model, size, limits["max_total_tokens"], limits["max_batch_size"], verdict.tight)


def gated(model: str) -> bool:
    """Return whether a model is downloaded with a token alone."""
    from voltaic import models

    known = models.known_model(model)
    return known is not None and known.gated

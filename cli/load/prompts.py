"""Prompts of a wanted length in tokens, without the model's tokenizer.

Common short English words are one token each for most vocabularies, so a prompt of N of them is about N tokens; the
server's own count of two prompts then says how many a word really costs, and what its chat template adds. No two
prompts begin alike: else an engine that keeps prompts would not have to read them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

_TEXT = (
    "time year people way day man thing woman life child world school state family student group country problem hand "
    "part place case week company system program question work government number night point home water room mother "
    "area money story fact month lot right study book eye job word business issue side kind head house service friend "
    "father power hour game line end member law car city community name president team minute idea body information "
    "back parent face others level office door health person art war history party result change morning reason"
)
WORDS = tuple(_TEXT.split())


@dataclass(frozen=True, slots=True)
class Scale:
    """How many tokens words cost: `base + each * words`."""

    base: float = 0.0
    each: float = 1.0
    measured: bool = False
    """Whether a server said so, or it is assumed."""

    def words(self, tokens: int) -> int:
        """Return how many words make a prompt of so many tokens, at least one."""
        return max(1, round((tokens - self.base) / self.each))


def prompt(words: int, seed: int) -> str:
    """Return so many words; another seed, other words from the first on."""
    chosen = random.Random(seed)  # noqa: S311  nothing secret
    return " ".join(chosen.choices(WORDS, k=words))


def scale(few: tuple[int, int], many: tuple[int, int]) -> Scale:
    """Return what two prompts cost.

    Args:
        few: words and tokens of the short one.
        many: of the long one.
    """
    each = (many[1] - few[1]) / (many[0] - few[0])
    if each <= 0:
        return Scale()
    return Scale(few[1] - each * few[0], each, measured=True)

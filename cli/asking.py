"""Questions before something is changed: asked on a terminal, answered beforehand by an option elsewhere."""

from __future__ import annotations

import sys


def agreed(question: str, *, yes: bool, option: str = "--yes") -> bool:
    """Return whether somebody agreed; without a terminal nobody does, and stderr says which option does.

    Args:
        question: one that can be answered with yes or no.
        yes: whether the option was given.
        option: the option that stands for yes.
    """
    if yes:
        return True
    answer = _answer(f"{question} [y/N] ", option)
    return answer is not None and answer.strip().lower() in {"y", "yes"}


def named(question: str, names: set[str], *, given: set[str], option: str) -> bool:
    """Return whether somebody named exactly these things, which is asked before data is deleted.

    Args:
        question: what happens to them.
        names: what has to be named.
        given: what was named by the option.
        option: the option.
    """
    if given:
        return given == names
    answer = _answer(f"{question} Type their names to go on ({', '.join(sorted(names))}): ", option)
    return answer is not None and set(answer.replace(",", " ").split()) == names


def _answer(prompt: str, option: str) -> str | None:
    """Return what was typed; None where there is no terminal, or nothing came."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        print(f"There is no terminal to ask at; agree beforehand with {option}.", file=sys.stderr)
        return None
    print(prompt, end="", file=sys.stderr, flush=True)
    try:
        return sys.stdin.readline() or None
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return None

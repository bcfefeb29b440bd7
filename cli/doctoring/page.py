"""The reference page about known failures: `python -m cli.doctoring.page`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from voltaic.doctor.pattern import patterns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.doctor.pattern import Example, Pattern

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "doctor.md"
TITLES: Final = {
    "host": "Host: memory, files, processes",
    "gpu": "GPU: memory, capability, drivers, several of them",
    "engine": "Engine: options and limits",
    "model": "Model: repository, weights, tokenizer",
    "kubernetes": "Kubernetes: places, images, probes, policies",
    "network": "Between here and the cluster: login, API server, Pulumi",
    "webui": "Chat page",
}
PLACES: Final = {
    "log": "a container's log",
    "state": "the state of an object",
    "event": "an event",
    "client": "what a tool says",
    "text": "text",
}
MARKUP: Final = str.maketrans({"<": "&lt;", "*": "\\*", "_": "\\_", "|": "\\|"})
LONGEST: Final = 240
"""Characters of an example that are shown."""

_HEAD: Final = """\
# Known failures

This page is generated (`python -m cli.doctoring.page`); a test compares it with `voltaic/doctor/patterns`.
`voltaic doctor` looks for them in a cluster or in files ([how](../how-to/doctor.md)), with `--list` it lists them.

{count} failures, under names that stay. Each is known by texts of real programs, cited below. *Certain* means that
the text has this cause alone; *likely*, that it mostly has. Of what is found only the deepest is told: a consequence
where no cause is found, a symptom where not even a consequence is. Where a rule says so before anything is applied, it
is named.
"""


def page() -> str:
    """Return the page."""
    lines = [_HEAD.format(count=len(patterns())), *_index(), ""]
    for subject, title in TITLES.items():
        lines.append(f"## {title}\n")
        for pattern in patterns():
            if pattern.subject == subject:
                lines += [*_pattern(pattern), ""]
    return "\n".join(lines).rstrip() + "\n"


def _index() -> Iterator[str]:
    yield "| subject | failures |"
    yield "| --- | --- |"
    for subject in TITLES:
        ids = (pattern.id for pattern in patterns() if pattern.subject == subject)
        yield f"| {subject} | {', '.join(f'[{name}](#{name})' for name in ids)} |"


def _pattern(pattern: Pattern) -> Iterator[str]:
    yield f"### {pattern.id}\n"
    yield f"**{plain(pattern.what)}** {plain(pattern.why)}\n"
    yield f"- Way out: {plain(pattern.way_out)}"
    if pattern.remedy == "smaller":
        yield "- Where the manifest is known: smaller limits that are accepted, with as much more room as was missing"
    depth = "" if pattern.depth == "cause" else f"; a {pattern.depth}"
    serving = "; also while it serves" if pattern.serving else ""
    yield f"- Told as: {pattern.sure}{depth}{serving}"
    if pattern.rules:
        yield f"- Said before by: {', '.join(f'[{rule}](rules.md#{rule})' for rule in pattern.rules)}"
    if pattern.engines:
        yield f"- Engines: {', '.join(pattern.engines)}{f', {pattern.releases}' if pattern.releases else ''}"
    yield f"- Rests on: {plain(str(pattern.source))}"
    for example in pattern.examples:
        yield f"- In {PLACES[example.where]}: {shown(example)} ({plain(example.source)})"
    for example in pattern.counter:
        yield f"- Not this: {shown(example)} ({plain(example.source)})"


def shown(example: Example) -> str:
    """Return an example as code on one line."""
    text = " ⏎ ".join(line.strip() for line in example.text.splitlines())
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return f"`` {short} ``" if "`" in short else f"`{short}`"


def plain(text: str) -> str:
    """Return text in which nothing is markup by accident; addresses are left as they are."""
    return " ".join(word if word.startswith("https://") else word.translate(MARKUP) for word in text.split(" "))


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

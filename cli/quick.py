"""A `voltaic plan` of plain words, read without typer, whose import takes as long as all the rest.

What is not plain (help, completion, a wrong or misspelt option, a batch, a grid, a picture) is left to typer, and so is
every fault: there is one place that says what is wrong. Both ways end in the same `show`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.output import BROKEN_PIPE, leave_quietly, print_json
from cli.plan_options import InvalidOptions, Typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.plan_options import Options
    from cli.render import FixLines
    from voltaic.verdict import Verdict

OPTIONS: Final = ("profile", "gpu", "gpus", "engine", "engine_version", "env", "model", "model_dir")
"""Options that take a value, as `Typed` calls them."""


def plan(words: Sequence[str]) -> int | None:
    """Judge and print what plain words ask for, and return the exit code; None where typer has to read them."""
    found = _read(words)
    if found is None:
        return None
    typed, as_json = found
    try:
        options = typed.once()
        spec = options.spec()
    except InvalidOptions:
        return None
    from voltaic.verdict import judge

    try:
        return show(judge(spec), options, as_json=as_json)
    except BrokenPipeError:
        leave_quietly()
        return BROKEN_PIPE


def show(verdict: Verdict, options: Options, *, as_json: bool) -> int:
    """Print a verdict and return the exit code."""
    if as_json:
        from voltaic.document import plan_document

        print_json(plan_document(verdict, advice=True))
    else:
        from cli import render
        from cli.output import console

        lines: FixLines = render.as_plan
        if options.is_stack:
            lines = render.as_profile_and_model(str(options.profile), str(options.model))
        render.show(console(), verdict, fix_lines=lines, derived=options.is_stack)
    return verdict.exit_code


def _read(words: Sequence[str]) -> tuple[Typed, bool] | None:
    """Return the options, and whether a document is asked for; None where a word is not a plain option or its value."""
    if not words or words[0] != "plan":
        return None
    mark = words.index("--") if "--" in words else len(words)
    own, arguments = list(words[1:mark]), tuple(words[mark + 1 :]) if mark < len(words) else None
    values: dict[str, list[str]] = {name: [] for name in OPTIONS}
    as_json = False
    while own:
        word = own.pop(0)
        name = word[2:].replace("-", "_")
        if word == "--json":
            as_json = True
        elif word.startswith("--") and "_" not in word and name in values and own and own[0][:1] not in {"-", ""}:
            values[name].append(own.pop(0))
        else:
            return None
    if not any(values.values()):
        return None
    given: dict[str, list[str] | None] = {name: found or None for name, found in values.items()}
    return Typed(**given, arguments=arguments), as_json

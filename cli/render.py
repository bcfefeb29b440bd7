"""Verdicts as people read them: the verdict first, the bill as a table, findings with their way out, fixes to type."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from cli.bill_lines import PARTS, POOL, columns, details, name_of, term_name
from cli.printable import printable
from voltaic import commands
from voltaic.grounds import WORDS as WORDS_OF_GROUNDS
from voltaic.hidden import hide, secrets_of, shown_args, shown_env
from voltaic.memory.bill import Bill
from voltaic.units import GIB, KIB, gib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from voltaic.engines.base import Runs
    from voltaic.findings import Finding
    from voltaic.fixes import Fix
    from voltaic.memory.bill import GpuBill
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

    FixLines = Callable[[Fix], list[str]]
    """Says what to type for a fix, one line each."""

STYLES = {"accept": "bold green", "refuse": "bold red", "unknown": "bold yellow"}
WORDS = {"accept": "ACCEPTED", "refuse": "REFUSED", "unknown": "UNKNOWN"}
_SUMS = ("total", "budget", "headroom")
MOST_SOURCES = 2
"""Sources that people are shown; the documents have all."""
_NAME_WIDTH = 17
_COLUMN_WIDTH = 12
"""Characters of the first column and of a GPU's column, padding included."""


def subject(spec: ServingSpec) -> str:
    """Return what was judged: model, GPUs, engine."""
    gpus = f"{spec.gpus} x " if spec.gpus else ""
    gpu = spec.gpu.name if spec.gpu else "GPU model unknown"
    return f"{spec.model.id or 'model'} on {gpus}{gpu} with {spec.release}"


def show(console: Console, verdict: Verdict, *, fix_lines: FixLines, derived: bool = False) -> None:
    """Print a verdict.

    Args:
        console: where to.
        verdict: what to print.
        fix_lines: what to type for a fix.
        derived: whether arguments and environment were derived by the core, and are worth a line.
    """
    spec = verdict.spec
    paragraph(console, headline(verdict.verdict, subject(spec)))
    if derived:
        paragraph(console, Text("Derived as for a stack with these two settings:"))
        for line in _wrapped(_command_words(spec), console.width - 2):
            console.print(Text(f"  {line}"), soft_wrap=True)
    how(console, verdict)
    findings(console, verdict.findings, secrets_of(spec.command.args, spec.command.env))
    fixes(console, verdict.fixes, fix_lines)
    elsewhere(console, verdict.ways.elsewhere if verdict.verdict == "refuse" else ())
    advice(console, verdict.advice, secrets_of(spec.command.args, spec.command.env))


def advice(console: Console, found: Sequence[Finding], secrets: Sequence[str] = ()) -> None:
    """Print what is advised besides, in short: the rule, what was found, and the way out."""
    if not found:
        return
    console.print()
    paragraph(console, Text("Advice, which changes no verdict", style="bold"))
    for finding in found:
        head = Text.assemble((finding.rule, "bold yellow"), f"  {finding.level}  {hide(finding.message, secrets)}")
        hanging(console, head)
        if finding.fix:
            indented(console, Text.assemble(("Way out: ", "bold"), hide(finding.fix, secrets)))


def how(console: Console, verdict: Verdict) -> None:
    """Print how a spec runs, its bill, and what an accept rests on."""
    if verdict.runs is not None:
        paragraph(console, Text(runs(verdict.runs, verdict.spec)))
    if isinstance(verdict.bill, Bill):
        bill(console, verdict.bill)
        if verdict.tight:
            paragraph(console, Text(_tight(verdict.bill), style="yellow"))
    elif not verdict.findings:
        paragraph(console, Text(f"No bill: {verdict.bill.because}. What would settle it: {verdict.bill.settled_by}."))
    rests_on(console, verdict)


def rests_on(console: Console, verdict: Verdict) -> None:
    """Print what an accept rests on that its reader should know, one paragraph each."""
    for ground in verdict.rests_on:
        told = "; ".join(source.text for source in ground.sources[:MOST_SOURCES])
        words = WORDS_OF_GROUNDS[ground.kind]
        paragraph(console, Text.assemble((f"{words}: ", "yellow"), f"{ground.message} Source: {told}."))


def _tight(found: Bill) -> str:
    """Return what tight means for this bill: its headroom, and how much it may err."""
    worst = found.worst
    return (
        f"Tight: it fits with {gib(worst.headroom)} of headroom, less than the {gib(int(found.margin * worst.budget))} "
        f"by which this estimate may err ({found.margin:.0%} of the budget)."
    )


def headline(verdict: str, text: str) -> Text:
    """Return the first line: the verdict, and of what."""
    return Text.assemble((WORDS[verdict], STYLES[verdict]), "  ", text)


def findings(console: Console, found: Sequence[Finding], secrets: Sequence[str] = ()) -> None:
    """Print findings with reason, way out and sources, without these secrets."""
    for finding in found:
        style = "bold yellow" if finding.outcome == "unknown" or finding.level == "advisory" else "bold red"
        console.print()
        paragraph(console, Text.assemble((finding.rule, style), f"  {finding.level}, {finding.outcome}"))
        # An unknown names what would settle it, in these words.
        way_out = "" if finding.fix.startswith("What would settle it") else "Way out: "
        parts = [("", finding.message), ("Why: ", finding.why), (way_out, finding.fix)]
        parts.append(("Sources: ", sources(finding)))
        for name, text in parts:
            if text:
                indented(console, Text.assemble((name, "bold"), hide(text, secrets)))


def sources(finding: Finding) -> str:
    """Return the first sources of a finding, and how many more a plan document has."""
    more = len(finding.sources) - MOST_SOURCES
    told = "; ".join(map(str, finding.sources[:MOST_SOURCES]))
    return f"{told}; and {more} more (--json)" if more > 0 else told


def fixes(console: Console, found: Sequence[Fix], fix_lines: FixLines) -> None:
    """Print the proven ways out, each in words and as what to type."""
    if not found:
        return
    console.print()
    paragraph(console, Text("Proven ways out: judged by the same rules, and accepted", style="bold"))
    for fix in found:
        indented(console, Text(str(fix)))
        for line in fix_lines(fix):
            # A command is never wrapped: it is there to be copied.
            console.print(_one_line(Text(f"    {line}")), soft_wrap=True)


def elsewhere(console: Console, found: Sequence[Fix]) -> None:
    """Print other engines that serve this model on these GPUs: accepted too, but no stack deploys them."""
    if not found:
        return
    console.print()
    paragraph(console, Text("Accepted with another engine, which no stack deploys", style="bold"))
    for fix in found:
        indented(console, Text(str(fix)))
        for line in fix.commands:
            console.print(_one_line(Text(f"    {line}")), soft_wrap=True)


def as_plan(fix: Fix) -> list[str]:
    """Return the `voltaic plan` that judges the spec with the change applied."""
    return [commands.plan(fix.spec)]


def as_arguments(fix: Fix) -> list[str]:
    """Return arguments and variables of the container with the change applied."""
    return [f"arguments and variables: {_command(fix.spec)}"]


def as_stack(stack: str) -> FixLines:
    """Return the writer of a change to a stack: the settings to type."""
    return lambda fix: commands.of_settings(fix.settings, stack)


def as_profile_and_model(profile: str, model: str) -> FixLines:
    """Return the writer of a change to a stack of these two settings, and of the plan for it where that is all."""

    def lines(fix: Fix) -> list[str]:
        asked = {"profile": profile, "model": model} | dict(fix.settings)
        plan = shlex.join(["voltaic", "plan", "--profile", asked["profile"], "--model", asked["model"]])
        return [*commands.of_settings(fix.settings), *([plan] if len(asked) == len(("profile", "model")) else [])]

    return lines


def _command(spec: ServingSpec) -> str:
    """Return variables and arguments as a shell takes them."""
    return " ".join(_command_words(spec))


def _command_words(spec: ServingSpec) -> list[str]:
    variables = [f"{name}={shlex.quote(value)}" for name, value in _known_variables(spec).items()]
    return [*variables, *map(shlex.quote, shown_args(spec.command.args))]


def _wrapped(words: Sequence[str], width: int) -> Iterator[str]:
    """Yield lines of at most this width, each option with its value beside it."""
    line = ""
    parts: list[str] = []
    for word in words:
        if parts and parts[-1].startswith("-") and " " not in parts[-1] and not word.startswith("-"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    for part in parts:
        if line and len(line) + 1 + len(part) > width:
            yield line
            line = part
        else:
            line = f"{line} {part}" if line else part
    if line:
        yield line


def _one_line(text: Text) -> Text:
    """Return text in which nothing ends a line that somebody wrote into a manifest: logs are read line by line."""
    text.plain = printable(text.plain)
    return text


def paragraph(console: Console, text: Text) -> None:
    """Print text over as many lines as it needs, without blanks at their ends."""
    for line in _one_line(text).wrap(console, max(20, console.width)):
        line.rstrip()
        console.print(line, soft_wrap=True)


def unpadded(console: Console, table: Table) -> None:
    """Print a table without the blanks at the ends of lines with which rich fills its last column."""
    for line in console.render_lines(table, pad=False):
        text = Text.assemble(*((part.text, part.style or "") for part in line))
        text.rstrip()
        console.print(text, soft_wrap=True)


def indented(console: Console, text: Text) -> None:
    """Print text two columns in, without the trailing blanks that rich's own padding leaves in logs."""
    for line in _one_line(text).wrap(console, max(20, console.width - 2)):
        line.rstrip()
        console.print(Text("  ") + line, soft_wrap=True)


def hanging(console: Console, text: Text) -> None:
    """Print text with every line but the first two columns in."""
    for number, line in enumerate(_one_line(text).wrap(console, max(20, console.width - 2))):
        line.rstrip()
        console.print(Text("  ") + line if number else line, soft_wrap=True)


def _known_variables(spec: ServingSpec) -> dict[str, str]:
    """Return the variables whose values may be shown; secrets do not decide whether a server starts."""
    return {name: value for name, value in shown_env(spec.command.env).items() if value is not None}


def runs(found: Runs, spec: ServingSpec) -> str:
    """Return how a spec runs, in one sentence."""
    if found.layer_split:
        placing = f"one process, layers split over {spec.gpus} GPUs"
    else:
        placing = "one process" if found.shards == 1 else f"{found.shards} tensor-parallel processes"
    weights = found.dtype if found.weights == found.dtype else f"{found.weights} weights, {found.dtype}"
    return f"Runs as {found.implementation}: {placing}, {weights}, {found.attention} attention."


def bill(console: Console, found: Bill) -> None:
    """Print a bill: a column a GPU, in as many tables as the width asks for, the moments, and what a token costs."""
    console.print()
    paragraph(console, Text(f"VRAM per GPU at the worst moment ({found.peak_moment}), in GiB", style="bold"))
    per_gpu = list(columns(found.per_gpu))
    room = max(1, (console.width - _name_width(found)) // _COLUMN_WIDTH)
    for start in range(0, len(per_gpu), room):
        unpadded(console, _table(found, per_gpu[start : start + room]))
    if found.moments:
        pooled = "with the engine's pool" if _has_pool(found) else "on the fullest GPU"
        held = ", ".join(f"{moment} {max(sizes) / GIB:.2f}" for moment, sizes in found.moments)
        paragraph(console, Text(f"By moment, {pooled}: {held} GiB."))
    paragraph(console, Text(_cache(found)))


def _has_pool(found: Bill) -> bool:
    return any(name == POOL for gpu in found.per_gpu for name, _ in gpu.terms)


def _name_width(found: Bill) -> int:
    """Return the width of the first column, padding included."""
    terms = {term_name(name) for gpu in found.per_gpu for name in details(gpu)}
    return max(_NAME_WIDTH, *(len(name) + 2 for name in terms), 0)


def _cache(found: Bill) -> str:
    """Return what a token costs, and how many there is room for."""
    per_token = f"KV cache: {found.kv_cache_bytes_per_token / KIB:,.2f} KiB a token"
    pools = [size for gpu in found.per_gpu for name, size in gpu.terms if name == POOL]
    if pools:
        return f"{per_token}; the engine's pool of {gib(min(pools))} a GPU holds {found.kv_cache_tokens:,} tokens."
    return f"{per_token}, {found.kv_cache_tokens:,} tokens at the stated limits."


def _table(found: Bill, per_gpu: Sequence[tuple[str, GpuBill]]) -> Table:
    table = Table(box=None, show_header=True, header_style="", pad_edge=False, padding=(0, 1))
    table.add_column("", width=_name_width(found) - 1, no_wrap=True)
    for heading, _ in per_gpu:
        table.add_column(heading, justify="right", min_width=_COLUMN_WIDTH - 2, no_wrap=True)
    for part in PARTS:
        table.add_row(Text(name_of(part, found)), *(_cell(getattr(gpu, part)) for _, gpu in per_gpu))
    for name in _SUMS:
        style = "" if name == "budget" else "bold"
        table.add_row(Text(name, style=style), *(_cell(getattr(gpu, name), style) for _, gpu in per_gpu))
    terms = dict.fromkeys(name for _, gpu in per_gpu for name in details(gpu))
    if terms:
        table.add_row("in detail:")
    for term in terms:
        sizes = (details(gpu).get(term) for _, gpu in per_gpu)
        table.add_row(f" {term_name(term)}", *("" if size is None else _cell(size) for size in sizes))
    return table


def _cell(size: int, style: str = "") -> Text:
    return Text(f"{size / GIB:.2f}", style="bold red" if size < 0 else style)

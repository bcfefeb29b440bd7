"""`voltaic limits`: the largest limits with which a model is accepted on these GPUs, as what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import spec_parameters as spec_option  # noqa: TC001  typer reads the types when the command is made
from cli.output import ACCEPT, fail, print_json
from cli.plan_options import InvalidOptions, Typed
from cli.spec_parameters import ENGINE_ARGUMENTS, SpecCommand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from voltaic.engines.ways import Load
    from voltaic.largest import Largest, LargestLimits, Value
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

SCHEMA = "voltaic/limits/v1"
TITLES = {
    "maxTotalTokens": "Longest request, as many at once as now",
    "maxBatchSize": "Most requests at once, each as long as now",
}
LEAST_WIDTH = 60
POOLED = "Requests at once of which none waits, each as long as now"

HELP = """Say the largest safe limits of a model on these GPUs: tokens of a request, requests at once, tokens in all.

One limit is raised at a time, the others stay as they are given or derived; every value is judged by the same rules.
With --profile and --model alone the limits are those of a stack with just these two settings.
"""
EXAMPLES = """\b
Examples:
  voltaic limits --profile v100-1gpu --model microsoft/phi-2
  voltaic limits --profile v100-2gpu --model mistralai/Mistral-7B-Instruct-v0.2 --json

Exit codes: 0 limits were found, 1 nothing is accepted at any limit, 2 bad input or usage, 3 unknown.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "limits",
        cls=SpecCommand,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Say the largest limits that are safe.",
        rich_help_panel="Judge",
    )
    command(limits)


def limits(
    ctx: typer.Context,
    *,
    profile: spec_option.Profile = None,
    gpu: spec_option.Gpu = None,
    gpu_count: spec_option.Gpus = None,
    engine: spec_option.Engine = None,
    engine_version: spec_option.EngineVersion = None,
    env: spec_option.Env = None,
    model: spec_option.Model = None,
    model_dir: spec_option.ModelDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one document on stdout.")] = False,
) -> None:
    """Say the largest limits with which a spec is accepted."""
    typed = Typed(profile, gpu, gpu_count, engine, engine_version, env, model, model_dir, ctx.meta[ENGINE_ARGUMENTS])
    try:
        options = typed.once()
        spec = options.spec()
    except InvalidOptions as invalid:
        fail("limits", invalid.faults, as_json=as_json, usage=invalid.usage)

    from voltaic.largest import largest_limits
    from voltaic.verdict import judge

    found, verdict = largest_limits(spec), judge(spec)
    code = _exit_code(found, verdict)
    if as_json:
        print_json(_document(spec, found, verdict, code))
    else:
        from cli.output import console

        _show(console(), spec, found, verdict, of_stack=options.is_stack)
    raise typer.Exit(code)


def _each(found: LargestLimits) -> tuple[Largest, ...]:
    return tuple(which for which in (found.total, found.requests) if which is not None)


def _exit_code(found: LargestLimits, verdict: Verdict) -> int:
    if any(which.tight is not None for which in _each(found)):
        return ACCEPT
    return verdict.exit_code


def _document(spec: ServingSpec, found: LargestLimits, verdict: Verdict, code: int) -> dict[str, Any]:
    from voltaic.document import plan_document
    from voltaic.verdict import EXIT_CODES

    roomy, tight = found.pool_tokens
    return {
        "schema": SCHEMA,
        "verdict": next(word for word, number in EXIT_CODES.items() if number == code),
        "limits": {which.key: _limit(which) for which in _each(found)},
        "maxBatchTotalTokens": {"roomy": roomy, "tight": tight},
        "pool": _pool(spec, verdict),
        "because": found.because or None,
        "spec": plan_document(verdict)["spec"] | {"id": spec.id},
    }


def _limit(which: Largest) -> dict[str, Any]:
    return {
        "asked": which.asked,
        "roomy": _value(which.roomy),
        "tight": _value(which.tight),
        "most": which.most,
    }


def _value(value: Value | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"value": value.value, "settings": dict(value.settings), "kv_cache_tokens": value.kv_cache_tokens}


def _show(console: Console, spec: ServingSpec, found: LargestLimits, verdict: Verdict, *, of_stack: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from cli import render

    render.paragraph(console, Text(f"Largest limits of {render.subject(spec)}", style="bold"))
    if verdict.runs is not None:
        render.paragraph(console, Text(render.runs(verdict.runs, spec)))
    if not any(which.tight for which in _each(found)):
        render.paragraph(console, Text(f"None are known to be safe: {found.because}"))
        render.paragraph(console, Text("The reasons, and what would help: voltaic plan with the same options."))
        return
    pool = _pool(spec, verdict)
    table = Table(box=None, show_header=True, header_style="", pad_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    # What is asked for now is known to who asks: the first that a narrow terminal goes without.
    first = 0 if console.width >= LEAST_WIDTH else 1
    for heading in ("now", "with room", "at most")[first:]:
        table.add_column(heading, justify="right", no_wrap=True)
    for which in _each(found):
        table.add_row(which.key, *(_number(which.asked), _shown(which.roomy), _shown(which.tight))[first:])
    table.add_row("maxBatchTotalTokens", *("", *map(_number, found.pool_tokens))[first:])
    console.print()
    render.unpadded(console, table)
    console.print()
    for which in _each(found):
        value = which.roomy or which.tight
        if value is None:
            continue
        room = "with room" if which.roomy is not None else "tight"
        title = POOLED if pool is not None and which.key == "maxBatchSize" else TITLES[which.key]
        ends = _ends(spec, which, value) if title is not POOLED else ""
        render.paragraph(console, Text(f"{title}, {room}{ends}:"))
        for line in _to_type(spec, value.settings, of_stack=of_stack):
            console.print(Text(f"    {line}"), soft_wrap=True)
    if pool is not None:
        told = f"The engine's pool holds {pool['tokens']:,} tokens: {pool['requests']:,} requests of {pool['total']:,}"
        render.paragraph(console, Text(f"{told} at once; where there are more, they wait or take turns."))
    note = "One limit is raised at a time. With room: it fits even where the estimate errs. At most: it fits, tight."
    render.paragraph(console, Text(note))


def _ends(spec: ServingSpec, which: Largest, value: Value) -> str:
    """Return why nothing larger is named where it is not the memory."""
    if value.value < which.most:
        return ""
    arch = spec.model.architecture
    if which.key == "maxTotalTokens" and arch is not None and arch.max_positions:
        return " (the model's whole context)"
    return " (nothing larger was tried)"


def _pool(spec: ServingSpec, verdict: Verdict) -> dict[str, int] | None:
    """Return what the pool of an engine that has one holds as it is: tokens, and whole requests of the longest kind."""
    from voltaic.memory.bill import Bill

    bill, load = verdict.bill, _load(spec)
    if not isinstance(bill, Bill) or load is None or not any(dict(gpu.terms).get("kv_pool") for gpu in bill.per_gpu):
        return None
    return {"tokens": bill.kv_cache_tokens, "total": load.total, "requests": bill.kv_cache_tokens // load.total}


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _shown(value: Value | None) -> str:
    return "none" if value is None else f"{value.value:,}"


def _to_type(spec: ServingSpec, settings: Mapping[str, Any], *, of_stack: bool) -> Iterator[str]:
    """Yield what sets these limits: commands for a stack, a plan of the changed command line for one's own."""
    from voltaic import changes, commands

    if of_stack:
        # The limits that stay are stated too: a stack would derive them anew beside a larger one.
        yield from commands.of_settings({**_as_now(spec), **settings})
        return
    changed = changes.apply(spec, settings)
    if changed is not None:
        yield commands.plan(changed)


def _as_now(spec: ServingSpec) -> dict[str, int]:
    """Return the limits of a spec as settings."""
    load = _load(spec)
    if load is None:
        return {}
    limits = {
        "maxInputTokens": load.prompt,
        "maxTotalTokens": load.total,
        "maxBatchPrefillTokens": load.prefill,
        "maxBatchSize": load.requests,
    }
    return {key: limit for key, limit in limits.items() if limit is not None}


def _load(spec: ServingSpec) -> Load | None:
    """Return what the limits of a spec ask for."""
    from voltaic import engines
    from voltaic.answers import runs_of
    from voltaic.engines.ways import ways_of

    engine, runs = ways_of(engines.engine(spec.release.engine)), runs_of(spec)
    return None if engine is None or runs is None else engine.load_of(spec, runs)

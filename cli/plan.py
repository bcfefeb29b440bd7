"""`voltaic plan`: the verdict on one serving spec, on a stream of them, or on a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli import spec_parameters as spec_option  # noqa: TC001  typer reads the types when the command is made
from cli.output import fail
from cli.plan_options import InvalidOptions, Typed
from cli.quick import show
from cli.spec_parameters import ENGINE_ARGUMENTS, SpecCommand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import NoReturn

    from cli.plan_options import Given
    from voltaic.verdict import Verdict

HELP = """Say whether a model server starts, and fits, on these GPUs: verdict, VRAM bill per GPU, findings, ways out.

With --profile and --model alone it judges what a stack with just these two settings would run. With any other option
it judges what is given and nothing else: what follows -- goes to the engine's launcher and is read as that launcher
reads it.

With --grid it judges every combination: --profile, --model, --engine (or --engine NAME@RELEASE), --context and
--batch-size may be repeated, or take values joined by commas. What follows -- holds in every cell; where the engine is
told nothing, what is left out is derived for each cell.
"""
EXAMPLES = """\b
Examples:
  voltaic plan --profile v100-2gpu --model mistralai/Mistral-7B-Instruct-v0.2
  voltaic plan --profile v100-2gpu --model mistralai/Mistral-7B-Instruct-v0.2
    --env USE_FLASH_ATTENTION=false -- --num-shard 1 --max-input-tokens 3072
    --max-total-tokens 4096 --max-batch-prefill-tokens 3072 --max-batch-size 4
  voltaic plan --gpu a100-80gb --gpus 1 --engine vllm --model Qwen/Qwen2.5-7B-Instruct
    -- --max-model-len 8192 --gpu-memory-utilization 0.9
  voltaic plan --profile v100-1gpu --engine llama.cpp --model-dir folder-of-a-gguf -- -c 4096
  voltaic plan --batch specs.jsonl > verdicts.jsonl
  voltaic plan --grid --profile v100-1gpu,v100-2gpu --model microsoft/phi-2
    --context 2048,4096 --batch-size 1,2,4 --csv grid.csv
  voltaic plan --profile v100-1gpu --model microsoft/phi-2 --plot bill.png

Exit codes: 0 accepted, 1 refused, 2 bad input or usage, 3 unknown; of a batch, bad input or else the worst verdict;
of a grid, 0 where any cell is accepted, else 1 where any is refused, else 3.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "plan",
        cls=SpecCommand,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Judge one spec, a batch, or a grid.",
        rich_help_panel="Judge",
    )
    command(plan)


def plan(  # the contract's options, one parameter each
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
    batch: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="JSON lines in, JSON lines out, same order; - reads stdin.")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Judge every combination of the values given.")] = False,
    context: Annotated[
        list[str] | None,
        typer.Option(metavar="TOKENS", help="With --grid or --plot: longest request, prompt and answer."),
    ] = None,
    batch_size: Annotated[
        list[str] | None, typer.Option(metavar="N", help="With --grid or --plot: requests at once.")
    ] = None,
    csv: Annotated[str | None, typer.Option(metavar="FILE|-", help="With --grid: write it as CSV.")] = None,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw bill and headroom into FILE.png or FILE.svg besides.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one document on stdout.")] = False,
) -> None:
    """Judge one serving spec, a batch of them, or a grid."""
    typed = Typed(profile, gpu, gpu_count, engine, engine_version, env, model, model_dir, ctx.meta[ENGINE_ARGUMENTS])
    extra = {"--grid": grid, "--context": context, "--batch-size": batch_size, "--csv": csv, "--plot": plot}
    given = [name for name, value in extra.items() if value]
    if batch is not None:
        _batch(batch, [*typed.given(), *given])
    faults = list(_faults_together(given, csv=csv, as_json=as_json))
    if faults:
        fail("plan", faults, as_json=as_json, usage=True)
    if grid:
        from cli.grid import run
        from cli.grid_options import GridOptions

        raise typer.Exit(run(GridOptions(typed, context, batch_size), csv=csv, as_json=as_json))
    try:
        options = typed.once(instead=", or several with --grid")
        spec = options.spec()
    except InvalidOptions as invalid:
        fail("plan", invalid.faults, as_json=as_json, usage=invalid.usage)

    sizes = _plotted(plot, context, batch_size, as_json=as_json)

    from voltaic.verdict import judge

    verdict = judge(spec)
    code = show(verdict, options, as_json=as_json)
    if plot is not None:
        _draw(verdict, plot, sizes, as_json=as_json)
    raise typer.Exit(code)


def _plotted(
    plot: str | None, context: Given, batch_size: Given, *, as_json: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return lengths and numbers of requests for the map, after checking that the picture can be written."""
    if plot is None:
        return (), ()
    from cli import files
    from cli.grid_options import numbers
    from cli.plot import check_path

    faults: list[str] = []
    found = numbers("--context", context, "tokens", faults), numbers("--batch-size", batch_size, "requests", faults)
    try:
        check_path(plot)
    except files.Unwritable as fault:
        faults.append(f"--plot {fault}")
    if faults:
        fail("plan", faults, as_json=as_json)
    return found


def _draw(verdict: Verdict, path: str, sizes: tuple[tuple[int, ...], tuple[int, ...]], *, as_json: bool) -> None:
    """Draw the picture; without a bill there is none, which is said and changes nothing of the verdict."""
    import sys

    from cli import files
    from cli.plot import NothingToDraw, draw

    try:
        draw(verdict, path, contexts=sizes[0], batch_sizes=sizes[1])
    except NothingToDraw as nothing:
        print(f"voltaic plan: --plot {path}: {nothing}", file=sys.stderr)
    except files.Unwritable as fault:
        # The verdict is on stdout already.
        fail("plan", [f"--plot {fault}"])
    else:
        if not as_json:
            print(f"Drawn: {path}")


def _faults_together(given: Sequence[str], *, csv: str | None, as_json: bool) -> Iterator[str]:
    """Yield what is wrong with the options for a grid or a picture beside each other."""
    if "--grid" in given and "--plot" in given:
        yield "--plot: draws one spec; leave out --grid"
    if not {"--grid", "--plot"} & set(given):
        for name in ("--context", "--batch-size"):
            if name in given:
                yield f"{name}: belongs to --grid or --plot; the limits of one spec go behind --"
    if "--csv" in given and "--grid" not in given:
        yield "--csv: belongs to --grid; give both"
    if csv == "-" and as_json:
        yield "--csv -, --json: both write to stdout; give one, or --csv FILE"


def _batch(source: str, given: Sequence[str]) -> NoReturn:
    if given:
        fail("plan", [f"--batch: takes everything from its lines; leave out {', '.join(given)}"], usage=True)
    from cli.batch import judge_lines

    raise typer.Exit(judge_lines(source))

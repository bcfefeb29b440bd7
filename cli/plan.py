"""`voltaic plan`: the verdict on one serving spec, or on a stream of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.command import Command
from cli.complete import engines, gpus, models, profiles
from cli.output import fail, print_json
from cli.plan_options import InvalidOptions, Options

if TYPE_CHECKING:
    from cli.render import FixLines
    from voltaic.spec import ServingSpec

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # of whichever click this typer is built on
ENGINE_ARGUMENTS = "engine_arguments"

HELP = """Say whether a model server starts, and fits, on these GPUs: verdict, VRAM bill per GPU, findings, ways out.

With --profile and --model alone it judges what a stack with just these two settings would run. With any other option
it judges what is given and nothing else: what follows -- goes to the engine's launcher and is read as that launcher
reads it.
"""
EXAMPLES = """\b
Examples:
  voltaic plan --profile v100-2gpu --model mistralai/Mistral-7B-Instruct-v0.2
  voltaic plan --profile v100-2gpu --model mistralai/Mistral-7B-Instruct-v0.2
    --env USE_FLASH_ATTENTION=false -- --num-shard 1 --max-input-tokens 3072
    --max-total-tokens 4096 --max-batch-prefill-tokens 3072 --max-batch-size 4
  voltaic plan --batch specs.jsonl > verdicts.jsonl

Exit codes: 0 accepted, 1 refused, 2 bad input or usage, 3 unknown; of a batch, bad input or else the worst verdict.
"""


class _PlanCommand(Command):
    """Keeps what follows `--` for the engine: it is not ours to parse."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own, engine = args, None
        if "--" in args:
            mark = args.index("--")
            own, engine = args[:mark], tuple(args[mark + 1 :])
        ctx.meta[ENGINE_ARGUMENTS] = engine
        try:
            return super().parse_args(ctx, own)
        except _UsageError as fault:
            if "--" not in args and str(fault).startswith(("No such option", "Got unexpected")):
                ctx.fail(f"{fault}\nArguments of the engine go behind --, as in: voltaic plan … -- --num-shard 1")
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- ENGINE ARGUMENTS]"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "plan", cls=_PlanCommand, help=HELP, epilog=EXAMPLES, short_help="Judge one spec, or a batch."
    )
    command(plan)


def plan(  # the contract's options, one parameter each
    ctx: typer.Context,
    *,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="GPU model and count: v100-2gpu, v100-32gb-1gpu.", autocompletion=profiles),
    ] = None,
    gpu: Annotated[str | None, typer.Option(metavar="MODEL", help="GPU model: v100-16gb.", autocompletion=gpus)] = None,
    gpu_count: Annotated[str | None, typer.Option("--gpus", metavar="N", help="GPUs of the pod, with --gpu.")] = None,
    engine: Annotated[
        str | None, typer.Option(metavar="NAME", help="Engine; tgi unless given.", autocompletion=engines)
    ] = None,
    engine_version: Annotated[
        str | None,
        typer.Option(metavar="V", help="Release of the engine, such as 3.0.1; the default of our stacks unless given."),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="Variable of the container; may be repeated.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="ID", help="Model of the catalogue, by repository id.", autocompletion=models)
    ] = None,
    model_dir: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder with config.json, and what else is there; no weights needed."),
    ] = None,
    batch: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="JSON lines in, JSON lines out, same order; - reads stdin.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one plan document on stdout.")] = False,
) -> None:
    """Judge one serving spec, or a batch of them."""
    options = Options(
        profile=profile,
        gpu=gpu,
        gpus=gpu_count,
        engine=engine,
        engine_version=engine_version,
        env=env or None,
        model=model,
        model_dir=model_dir,
        arguments=ctx.meta[ENGINE_ARGUMENTS],
    )
    if batch is not None:
        given = options.given()
        if given:
            fail("plan", [f"--batch: takes everything from its lines; leave out {', '.join(given)}"], usage=True)
        from cli.batch import judge_lines

        raise typer.Exit(judge_lines(batch))
    try:
        spec = options.spec()
    except InvalidOptions as invalid:
        fail("plan", invalid.faults, as_json=as_json, usage=invalid.usage)
    raise typer.Exit(_judge_and_show(spec, options, as_json=as_json))


def _judge_and_show(spec: ServingSpec, options: Options, *, as_json: bool) -> int:
    from voltaic.verdict import judge

    verdict = judge(spec)
    if as_json:
        from voltaic.document import plan_document

        print_json(plan_document(verdict))
    else:
        from cli import render
        from cli.output import console

        lines: FixLines = render.as_plan
        if options.is_stack:
            lines = render.as_profile_and_model(str(options.profile), str(options.model))
        render.show(console(), verdict, fix_lines=lines, derived=options.is_stack)
    return verdict.exit_code

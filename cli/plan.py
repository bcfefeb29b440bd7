"""`voltaic plan`: the verdict on one serving spec, or on a stream of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.command import Command
from cli.complete import engines, gpus, models, profiles
from cli.output import fail, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltaic.spec import ServingSpec

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # of whichever click this typer is built on
ENGINE_ARGUMENTS = "engine_arguments"

HELP = """Say whether a model server starts, and fits, on these GPUs: verdict, VRAM bill per GPU, findings, ways out.

Everything after -- is given to the engine's launcher and judged as that launcher reads it.
"""
EXAMPLES = """\b
Examples:
  voltaic plan --profile v100-2gpu --model mistralai/Mistral-7B-Instruct-v0.2
    --env USE_FLASH_ATTENTION=false -- --num-shard 1 --max-input-tokens 3072
    --max-total-tokens 4096 --max-batch-prefill-tokens 3072 --max-batch-size 4
  voltaic plan --batch specs.jsonl > verdicts.jsonl

Exit codes: 0 accepted, 1 refused, 2 bad input or usage, 3 unknown; of a batch, bad input or else the worst verdict.
"""


class _PlanCommand(Command):
    """Keeps what follows `--` for the engine: it is not ours to parse."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own, engine = args, []
        if "--" in args:
            mark = args.index("--")
            own, engine = args[:mark], args[mark + 1 :]
        ctx.meta[ENGINE_ARGUMENTS] = tuple(engine)
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
    arguments: tuple[str, ...] = ctx.meta[ENGINE_ARGUMENTS]
    single = {
        "--profile": profile,
        "--gpu": gpu,
        "--gpus": gpu_count,
        "--engine": engine,
        "--engine-version": engine_version,
        "--env": env or None,
        "--model": model,
        "--model-dir": model_dir,
        "-- ENGINE ARGUMENTS": arguments or None,
    }
    if batch is not None:
        given = [name for name, value in single.items() if value is not None]
        if given:
            fail("plan", [f"--batch: takes everything from its lines; leave out {', '.join(given)}"], usage=True)
        from cli.batch import judge_lines

        raise typer.Exit(judge_lines(batch))

    faults = _usage_faults(profile=profile, gpu=gpu, gpu_count=gpu_count, model=model, model_dir=model_dir)
    variables = _variables(env or (), faults)
    if faults:
        fail("plan", faults, as_json=as_json, usage=True)
    line: dict[str, Any] = {
        **_hardware(profile, gpu, gpu_count, faults),
        **_release(engine, engine_version),
        **_model(model, model_dir, faults),
        "args": list(arguments),
        "env": variables,
    }
    spec = _spec(line, faults)
    if spec is None:
        fail("plan", faults, as_json=as_json)
    raise typer.Exit(_judge_and_show(spec, as_json=as_json))


def _usage_faults(
    *, profile: str | None, gpu: str | None, gpu_count: str | None, model: str | None, model_dir: str | None
) -> list[str]:
    faults = []
    if profile is None and gpu is None:
        faults.append("--profile: missing; give --profile NAME, or --gpu MODEL and --gpus N")
    if profile is not None and (gpu is not None or gpu_count is not None):
        faults.append("--profile: names GPU model and count; leave out --gpu and --gpus")
    if profile is None and (gpu is None) != (gpu_count is None) and not (gpu is None and gpu_count is None):
        faults.append("--gpu, --gpus: belong together; give both")
    if gpu_count is not None and not (gpu_count.isdecimal() and gpu_count.isascii() and int(gpu_count[:9]) > 0):
        faults.append(f"--gpus: {gpu_count!r} is not a number of GPUs; give a whole number from 1")
    if model is None and model_dir is None:
        faults.append("--model: missing; give --model ID, or --model-dir DIR with its config.json")
    if model is not None and model_dir is not None:
        faults.append("--model, --model-dir: give one of them")
    return faults


def _variables(pairs: Sequence[str], faults: list[str]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            faults.append(f"--env: {pair!r} is no variable with a value; write it as NAME=VALUE")
        elif name in variables:
            faults.append(f"--env: {name} is given twice")
        else:
            variables[name] = value
    return variables


def _hardware(profile: str | None, gpu: str | None, gpu_count: str | None, faults: list[str]) -> dict[str, Any]:
    from voltaic import hardware

    try:
        if profile is not None:
            known = hardware.profile(profile)
            return {"gpu": known.gpu.name, "gpus": known.count}
        return {"gpu": hardware.gpu_model(str(gpu)).name, "gpus": int(str(gpu_count))}
    except (hardware.UnknownProfile, hardware.UnknownGpuModel) as unknown:
        faults.append(f"--{'profile' if profile is not None else 'gpu'}: {unknown}")
        return {}


def _spec(line: dict[str, Any], faults: list[str]) -> ServingSpec | None:
    """Return the spec of a line; None with the faults added where there are any."""
    from voltaic import document

    try:
        spec = document.spec_from_line(line)
    except document.InvalidLine as invalid:
        faults.extend(invalid.faults)
        return None
    return None if faults else spec


def _release(engine: str | None, version: str | None) -> dict[str, str | None]:
    from voltaic import defaults

    name = engine or defaults.engine_name()
    return {"engine": name, "engine_version": version or defaults.engine_version(name)}


def _model(model: str | None, model_dir: str | None, faults: list[str]) -> dict[str, Any]:
    if model_dir is None:
        return {"model": model}
    from voltaic import models

    try:
        found = models.model_dir(model_dir)
    except models.InvalidConfig as invalid:
        faults.extend(f"--model-dir: {fault}" for fault in invalid.faults)
    except models.InvalidModelDir as invalid:
        faults.append(f"--model-dir: {invalid}")
    else:
        return {"config": dict(found.config or {}), "weights_bytes": found.weights_bytes, "model_id": model_dir}
    return {"model": model_dir}


def _judge_and_show(spec: ServingSpec, *, as_json: bool) -> int:
    from voltaic.verdict import judge

    verdict = judge(spec)
    if as_json:
        from voltaic.document import plan_document

        print_json(plan_document(verdict))
    else:
        from cli import render
        from cli.output import console

        render.show(console(), verdict)
    return verdict.exit_code

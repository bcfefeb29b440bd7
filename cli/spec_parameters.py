"""The options that say what is to be judged, as `plan` and `limits` share them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.command import Command, UsageError
from cli.complete import engines, gpus, models, profiles, releases

ENGINE_ARGUMENTS = "engine_arguments"
"""Key in the context under which what follows `--` is kept."""

Profile = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="GPU model and count: v100-2gpu, v100-32gb-1gpu, v100-16gb x2.",
        autocompletion=profiles,
    ),
]
Gpu = Annotated[
    list[str] | None,
    typer.Option(metavar="MODEL", help="GPU model, or a MIG slice of one: v100-16gb.", autocompletion=gpus),
]
Gpus = Annotated[list[str] | None, typer.Option("--gpus", metavar="N", help="GPUs of the pod, with --gpu.")]
Engine = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Engine: tgi (unless given), vllm, lmdeploy, llama.cpp; known by GPU alone: sglang, tensorrt-llm, "
        "exllamav3, ollama.",
        autocompletion=engines,
    ),
]
EngineVersion = Annotated[
    list[str] | None,
    typer.Option(
        metavar="V",
        help="Release of the engine, such as 3.0.1; unless given, the one that voltaic takes for this engine.",
        autocompletion=releases,
    ),
]
Env = Annotated[list[str] | None, typer.Option(metavar="K=V", help="Variable of the container; may be repeated.")]
Model = Annotated[
    list[str] | None,
    typer.Option(metavar="ID", help="Model of the catalogue, by repository id.", autocompletion=models),
]
ModelDir = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DIR",
        help="Folder with config.json, and what else is there; no weights needed. For llama.cpp: with a GGUF file, "
        "whose header is read; of several -- -m FILE names one.",
    ),
]


class SpecCommand(Command):
    """Keeps what follows `--` for the engine: it is not ours to parse."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse our own options, and keep the engine's."""
        own, engine = args, None
        if "--" in args:
            mark = args.index("--")
            own, engine = args[:mark], tuple(args[mark + 1 :])
        ctx.meta[ENGINE_ARGUMENTS] = engine
        try:
            return super().parse_args(ctx, own)
        except UsageError as fault:
            ours = "did you mean" in str(fault)
            if "--" not in args and not ours and str(fault).startswith(("No such option", "Got unexpected")):
                ctx.fail(
                    f"{fault}\nArguments of the engine go behind --, as in: voltaic {self.name} … -- --num-shard 1"
                )
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the pieces of the usage line, the engine's arguments last."""
        return [*super().collect_usage_pieces(ctx), "[-- ENGINE ARGUMENTS]"]

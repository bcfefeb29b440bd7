"""Do the processes of the server use all GPUs that the pod holds?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.spec import ServingSpec

ID: Final = "gpus-unused"
_SOURCES: Final = (
    Source(
        "TGI launcher/src/main.rs, shard_manager; vllm/config/parallel.py, world_size; lmdeploy/cli/utils.py, tp; "
        "llama.cpp tools/server/README.md, --split-mode: which processes take a GPU",
    ),
)


def check(spec: ServingSpec) -> Iterator[Finding]:
    """Yield a finding where fewer GPUs compute than the pod holds.

    Legal are ranks of every kind whose product is the number of GPUs, layers that one process spreads over all GPUs,
    and whatever is not known: several processes of a shell, ranks on other nodes.
    """
    engine = engines.engine(spec.release.engine)
    used = None if engine is None else engine.gpus_used(spec)
    if used is None or spec.gpus is None or used >= spec.gpus:
        return
    keys: Mapping[str, str] = getattr(engine, "KEYS", {})
    name = keys.get("shards", "split_mode")  # what is not split by shards is split by layers
    flag = "--" + name.replace("_", "-")
    idle = spec.gpus - used
    stated = spec.option(name)
    said = f"{flag} is {stated}" if stated is not None else f"no {flag} is given"
    yield Finding(
        rule=ID,
        message=f"The pod holds {spec.gpus} GPUs and {used} of them compute{'s' if used == 1 else ''}: {said}.",
        why=f"{_others(idle)} nothing, and no other pod gets {'it' if idle == 1 else 'them'}.",
        fix=f"{_way_out(spec, flag)}, or set the GPU limit to {used}.",
        sources=_SOURCES,
        level="advisory",
        about=flag,
    )


def _others(idle: int) -> str:
    return "The other does" if idle == 1 else f"The other {idle} do"


def _way_out(spec: ServingSpec, flag: str) -> str:
    if spec.release.engine == "llama.cpp":
        return "Write --split-mode layer and no --device or --tensor-split, so that the layers go to all GPUs"
    return f"Write {flag} {spec.gpus}, or run as many servers as there are GPUs"


RULE: Final = Rule(
    id=ID,
    title="Do the processes of the server use all GPUs that the pod holds?",
    why="A GPU that no process uses is paid for and kept from others; often it was meant to hold half of the model.",
    check=check,
    level="advisory",
    fix="Make tensor x pipeline x data parallel ranks, or shards, as many as the GPUs of the pod.",
    sources=_SOURCES,
)

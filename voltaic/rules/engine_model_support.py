"""Can the engine serve this model on this GPU: architecture, weights format, dtype, sharding?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.engines.base import Support
from voltaic.rules.rule import Rule, findings

if TYPE_CHECKING:
    from voltaic.findings import Finding
    from voltaic.spec import ServingSpec

ID: Final = "engine-model-support"
_GGUF: Final = "llama.cpp"


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding for everything that the engine does not do with this model there, or may not do."""
    engine = engines.engine(spec.release.engine)
    if engine is None:
        return ()  # engine-gpu-support says so
    return findings(ID, (*_file(spec), *engine.model_support(spec)))


def _file(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer for a folder that holds nothing but a GGUF file, for an engine that is not made for these."""
    file = spec.model.gguf
    if file is None or not file.alone or spec.release.engine == _GGUF:
        return ()
    return (
        Support(
            "unknown",
            f"Whether {spec.release} serves {file.name} is not known: there is no other checkpoint beside it.",
            "GGUF files are made for llama.cpp; where other engines read them at all, they support a part of them.",
            "Use --engine llama.cpp, or the folder of the original model with its config.json.",
        ),
    )


RULE: Final = Rule(
    id=ID,
    title="Can the engine serve this model on this GPU, in this weights format, dtype and number of shards?",
    why=(
        "An engine refuses some models at start, and some options it ignores in silence: then something else runs than "
        "was asked for."
    ),
    check=check,
)

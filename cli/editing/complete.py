"""What completion offers for changes of a stack: keys with what they mean, and their values."""

from __future__ import annotations

from typing import Any


def pairs(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """Return what may stand next on a line of keys and values."""
    from voltaic import settings

    known = {key.name: key for key in settings.schema()}
    key, equals, typed = incomplete.partition("=")
    if equals:
        return [(f"{key}={value}", "") for value in values(key, typed)]
    said = list(ctx.params.get("words") or ())
    if said and said[-1] in known and not (len(said) > 1 and said[-2] in known):
        return [(value, "") for value in values(said[-1], incomplete)]
    return [
        (name, f"{about.description} ({about.type})")
        for name, about in known.items()
        if name.startswith(incomplete) and not about.secret
    ]


def keys(incomplete: str) -> list[tuple[str, str]]:
    """Return keys."""
    from voltaic import settings

    return [(key.name, key.description) for key in settings.schema() if key.name.startswith(incomplete)]


def values(key: str, incomplete: str) -> list[str]:
    """Return values of a key that can be told; none where anything goes."""
    from cli import complete, complete_cluster
    from voltaic import engines

    fixed = {
        "dtype": ("float16", "bfloat16", "float32"),
        "engine": engines.deployable(),
        "quantization": ("bitsandbytes", "bitsandbytes-nf4", "bitsandbytes-fp4", "awq", "gptq", "eetq"),
    }
    if key == "model":
        return complete.models(incomplete)
    if key == "profile":
        return complete.profiles(incomplete)
    if key == "context":
        return complete_cluster.contexts(incomplete)
    if key == "engineVersion":
        engine = engines.engine(engines.deployable()[0])
        fixed[key] = tuple(reversed(engine.releases())) if engine else ()
    if key in _truth():
        fixed[key] = ("true", "false")
    return [value for value in fixed.get(key, ()) if value.startswith(incomplete)]


def _truth() -> set[str]:
    from voltaic import settings

    return {key.name for key in settings.schema() if key.type == "boolean"}

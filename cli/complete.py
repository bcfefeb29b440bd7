"""Values offered by shell completion, read from the core when the shell asks."""

from __future__ import annotations


def profiles(incomplete: str) -> list[str]:
    """Return profile names."""
    from voltaic import hardware

    return [profile.name for profile in hardware.profiles() if profile.name.startswith(incomplete)]


def gpus(incomplete: str) -> list[str]:
    """Return GPU model names."""
    from voltaic import hardware

    return [gpu.name for gpu in hardware.gpu_models() if gpu.name.startswith(incomplete)]


def engines(incomplete: str) -> list[str]:
    """Return engine names."""
    from voltaic import engines as known

    return [name for name in known.names() if name.startswith(incomplete)]


def models(incomplete: str) -> list[str]:
    """Return repository ids of the catalogue."""
    from voltaic import models as known

    return [model for model in known.known_ids() if model.startswith(incomplete)]

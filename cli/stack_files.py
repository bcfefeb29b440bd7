"""Stack files among the manifests: `Pulumi.<stack>.yaml` with settings of ours is judged as what it would deploy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from voltaic.findings import Finding
    from voltaic.manifests import Workload

KIND = "Stack"
NAMESPACE = "voltaic:"
OPTIONS: Final = {
    "model-id": "model",
    "revision": "modelRevision",
    "quantize": "quantization",
    "num-shard": "shards",
    "tensor-parallel-size": "shards",
    "max-input-length": "maxInputTokens",
    "max-model-len": "maxTotalTokens",
    "max-num-seqs": "maxBatchSize",
}
"""Settings by the option of an engine that they become, where the names differ."""
BY_RULE: Final = {
    "engine-gpu-support": ("engineVersion", "engine", "profile"),
    "engine-model-support": ("model",),
    "single-gpu-shard": ("shards", "gpus", "profile"),
    "vram-budget": ("model",),
}
"""Settings that the rules of a verdict are about, the first that a stack has."""
_NAME = re.compile(r"(?:.*[/\\])?Pulumi\.(?P<stack>[^/\\]+)\.ya?ml", re.DOTALL)


class InvalidStack(ValueError):  # noqa: N818  named for what it says
    """A stack file whose settings cannot be used; `faults` has all that is wrong with it, `paths` the field of each."""

    def __init__(self, faults: tuple[str, ...], paths: tuple[str, ...]) -> None:
        self.faults = faults
        self.paths = paths
        super().__init__("; ".join(faults))


def workload(file: str, document: Any) -> Workload | None:
    """Return what a stack file would deploy; None for any other file.

    Raises:
        InvalidStack: its settings are not valid.
    """
    match = _NAME.fullmatch(file)
    config = document.get("config") if match and isinstance(document, dict) else None
    if match is None or not isinstance(config, dict) or not any(str(key).startswith(NAMESPACE) for key in config):
        return None

    from voltaic import settings
    from voltaic.manifests import Workload

    values = {
        str(key).removeprefix(NAMESPACE): value
        for key, value in config.items()
        if str(key).startswith(NAMESPACE) and not _encrypted(value)
    }
    try:
        spec = settings.serving_spec(settings.read(values, where=file))
    except settings.InvalidSettings as invalid:
        faults = tuple(str(fault) for fault in invalid.faults)
        raise InvalidStack(faults, tuple(_field(fault.key) for fault in invalid.faults)) from invalid
    return Workload(file, 1, KIND, match["stack"], None, spec.release.engine, spec)


def path(finding: Finding, document: Any) -> str:
    """Return the field of a stack file that a finding is about: the setting where one is known, else all of them."""
    config = document["config"]
    option = (finding.about or "").lstrip("-").replace("_", "-").lower()
    parts = option.split("-")
    own = "".join([parts[0], *(part.capitalize() for part in parts[1:])])
    for key in (own, OPTIONS.get(option, ""), *BY_RULE.get(finding.rule, ())):
        if f"{NAMESPACE}{key}" in config:
            return _field(key)
    return "config"


def _field(key: str) -> str:
    return f"config.{key if key.startswith(NAMESPACE) else NAMESPACE + key}"


def _encrypted(value: Any) -> bool:
    """Return whether a value is encrypted: secrets do not decide whether a server starts."""
    return isinstance(value, dict) and set(value) == {"secure"}

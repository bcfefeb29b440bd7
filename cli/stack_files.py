"""Stack files among the manifests: `Pulumi.<stack>.yaml` with settings of ours is judged as what it would deploy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voltaic.manifests import Workload

KIND = "Stack"
NAMESPACE = "voltaic:"
_NAME = re.compile(r"(?:.*[/\\])?Pulumi\.(?P<stack>[^/\\]+)\.ya?ml", re.DOTALL)


class InvalidStack(ValueError):  # noqa: N818  named for what it says
    """A stack file whose settings cannot be used; `faults` has all that is wrong with it."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
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
        raise InvalidStack(tuple(str(fault) for fault in invalid.faults)) from invalid
    return Workload(file, 1, KIND, match["stack"], None, spec.release.engine, spec)


def _encrypted(value: Any) -> bool:
    """Return whether a value is encrypted: secrets do not decide whether a server starts."""
    return isinstance(value, dict) and set(value) == {"secure"}

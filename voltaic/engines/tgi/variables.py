"""Values of variables with which every process of the server ends, whatever it serves."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.tgi.options import options
from voltaic.findings import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.tgi.options import Variable
    from voltaic.engines.versions import Version

_NUMBER: Final = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,4})?\s*", re.IGNORECASE)
_CACHING: Final = ("USE_PREFIX_CACHING", "PREFIX_CACHING")
_CACHING_ERROR: Final = "Prefix caching is only supported with flashinfer"


@functools.cache
def _checked() -> Mapping[str, Variable]:
    """Return the variables whose values are checked, by name."""
    rows = options().variables
    return {row.name: row for row in rows if row.allowed or row.between is not None or row.name in _CACHING}


def bad_values(env: Mapping[str, str | None], version: Version) -> Iterator[Support]:
    """Refuse values that the server's own checks do not let through; they are read even where nothing uses them."""
    if env.keys().isdisjoint(_checked()):
        return
    facts = options()
    for name, variable in _checked().items():
        value = env.get(name)
        if value is None or not variable.in_release(version) or _taken(variable, value, version):
            continue
        wanted = ", ".join(variable.values(version)) or _between(variable)
        yield Support(
            "no",
            f"{variable.name}={value}: allowed is {wanted}.",
            f"The server reads it when it starts, and ends with {quoted(variable.error)}",
            f"Leave {variable.name} away, or set one of these.",
            (facts.variables_source,),
        )
    yield from _paged_prefixes(env, version)


def _taken(variable: Variable, value: str, version: Version) -> bool:
    allowed = variable.values(version)
    if allowed:
        return value in allowed
    if variable.between is None:
        return True
    low, high = variable.between
    return bool(_NUMBER.fullmatch(value)) and low < float(value) < high


def _between(variable: Variable) -> str:
    low, high = variable.between or (0, 0)
    return f"a number between {low} and {high}"


def _paged_prefixes(env: Mapping[str, str | None], version: Version) -> Iterator[Support]:
    """Refuse prefix caching on an attention that has none."""
    facts = options()
    for variable in _checked().values():
        asked = (env.get(variable.name) or "").lower() in {"1", "true"}
        if variable.name not in _CACHING or not variable.in_release(version) or not asked:
            continue
        if env.get("ATTENTION") == "paged":
            yield Support(
                "no",
                f"{variable.name}={env[variable.name]} beside ATTENTION=paged.",
                f"The server ends with {quoted(_CACHING_ERROR)}",
                f"Leave {variable.name} away, or set ATTENTION=flashinfer.",
                (facts.variables_source,),
            )

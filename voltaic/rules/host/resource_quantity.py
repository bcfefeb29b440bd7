"""Are sizes written as Kubernetes reads them?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import shown, unfilled
from voltaic.manifests.views import size
from voltaic.rules.host import _sizes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "resource-quantity"
_SOURCES: Final = (
    Source("kubernetes apimachinery pkg/api/resource/quantity.go: suffixes Ki, Mi, Gi, k, M, G, m and others"),
)
_QUANTITY: Final = re.compile(
    r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)?", re.ASCII
)
_LONGEST: Final = 64
_PEOPLE: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([kKmMgGtT]?)", re.ASCII)
"""A size as people write it."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each size that Kubernetes refuses, or reads as a few bytes."""
    container = subject.container
    for kind, read in (("limits", container.limit), ("requests", container.request)):
        for name in ("memory", "ephemeral-storage", "cpu"):
            value = read(name)
            path = f"{container.path}.resources.{kind}.{name}"
            if value is None or isinstance(value, (dict, list)) or unfilled(value):
                continue
            written = str(value).strip()
            if isinstance(value, bool) or len(written) > _LONGEST or not _QUANTITY.fullmatch(written):
                yield _finding(
                    (
                        f"resources.{kind}.{name} is {shown(value)}, which is no quantity; wanted is one such as "
                        f"{_example(name)}."
                    ),
                    "The API server refuses the pod: quantities have the suffixes Ki, Mi, Gi, k, M, G and m.",
                    f"Write resources.{kind}.{name}: {_meant(name, written)}.",
                    path,
                )
                return
            if name != "cpu" and kind == "limits" and _tiny(value, written):
                yield _finding(
                    (
                        f"resources.{kind}.{name} is {written}: less than a megabyte; wanted is a size such as "
                        f"{_example(name)}."
                    ),
                    "Without a suffix the number means bytes, and m means thousandths of a byte.",
                    f"Write the suffix: resources.{kind}.{name}: {_meant(name, written)}.",
                    path,
                )
                return


def _tiny(value: object, written: str) -> bool:
    number = size(value)
    return number < _sizes.LEAST if number is not None else written.endswith(("m", "u", "n"))


def _meant(name: str, written: str) -> str:
    """Return the quantity that was perhaps meant."""
    match = _PEOPLE.match(written)
    if match is None:
        return _example(name)
    return match[1] if name == "cpu" else f"{match[1]}{(match[2] or 'G').upper()}i"


def _example(name: str) -> str:
    return "4" if name == "cpu" else "16Gi"


def _finding(message: str, why: str, fix: str, path: str) -> Finding:
    return Finding(rule=ID, message=message, why=why, fix=fix, sources=_SOURCES, path=path)


RULE: Final = Rule(
    id=ID,
    title="Are sizes written as Kubernetes reads them?",
    why="`16GB` is refused, `16` means sixteen bytes and `512m` half a byte.",
    check=check,
    about="container",
    fix="Write sizes with the suffix Gi or Mi, and cores as numbers or with m.",
    sources=_SOURCES,
)

"""Is there a node that meets all that the pod asks of its GPUs' labels?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.rules.gpus._placement import choices, refused, source
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject
    from voltaic.rules.gpus._placement import Choice

ID: Final = "gpu-labels"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where labels that name the GPU exclude each other in every way to be placed."""
    placed = choices(subject.pod)
    faults = [_fault(choice) for choice in placed]
    if not faults or None in faults:
        return
    found, path = next(fault for fault in faults if fault is not None)
    yield Finding(
        rule=ID,
        message=f"No node meets both {found}.",
        why="A node has GPUs of one model, and its labels follow from the model: the pod pends for ever.",
        fix="Keep the label that names the product, and remove the other.",
        sources=(source("labels"), source("families")),
        path=path,
    )


def _fault(choice: Choice) -> tuple[str, str] | None:
    """Return the two conditions that exclude each other, and where the second stands; None where there are none."""
    products, gpus = choice.products, choice.gpus
    if gpus is None:
        return None
    if not gpus:
        first, last = products[0], products[-1]
        return f"{first} and {last}", last.path
    against = [refused(gpu, choice) for gpu in sorted(gpus, key=lambda gpu: gpu.name)]
    if None in against:
        return None
    one = next(each for each in against if each is not None)
    gpu = min(gpus, key=lambda gpu: gpu.name)
    named = next((each for each in products if len(each.values) == 1), None)
    label = str(named) if named is not None else products[0].label
    return f"{label} ({gpu.title}) and {one}", one.path


RULE: Final = Rule(
    id=ID,
    title="Is there a node that has all the labels about GPUs that the pod selects?",
    why="Labels that exclude each other are on no node: the pod pends, and nothing says why but its events.",
    check=check,
    about="pod",
    fix="Select nodes by the label that names the product alone.",
)

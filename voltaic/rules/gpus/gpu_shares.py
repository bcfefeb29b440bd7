"""Do servers that share a GPU take more than all of it together?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, text
from voltaic.rules.gpus._resources import asked, shared
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Container, Subject

ID: Final = "gpu-shares"
_SHARES: Final = ("--gpu-memory-utilization", "--cuda-memory-fraction", "--mem-fraction-static")
"""Options that say which share of a GPU's memory a server takes: of vLLM, TGI and SGLang."""
_DIGITS: Final = 6
_SOURCES: Final = (
    Source("NVIDIA/k8s-device-plugin README, time-slicing: memory is not divided among those who share"),
    Source("vllm/config/cache.py: gpu_memory_utilization is of the whole GPU, whatever else runs there"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where servers of the pod that share one GPU state shares which are more than 1 together."""
    for kind, sharing in _sharing(subject.pod.containers).items():
        shares = [_share(container) for container in sharing]
        known = [share for share in shares if share is not None]
        if len(sharing) < 2 or len(known) != len(shares) or round(sum(known), _DIGITS) <= 1:  # noqa: PLR2004  several
            continue
        names = " and ".join(str(container.name) for container in sharing)
        numbers = " + ".join(f"{share:g}" for share in known)
        yield Finding(
            rule=ID,
            message=f"{names} share {kind} and take {numbers} = {sum(known):g} of it; wanted is 1 at most, together.",
            why="Memory is not divided among those who share a GPU: each takes its share of all of it, and the last to "
            "start finds too little.",
            fix=f"Lower the shares of {names} until they are less than 1 together, or ask for a GPU each.",
            sources=_SOURCES,
            path=f"{sharing[-1].path}.args",
        )


def _sharing(containers: tuple[Container, ...]) -> dict[str, list[Container]]:
    """Return the servers that share a GPU, by what they share: a resource claim, or the resource of shared GPUs."""
    found: dict[str, list[Container]] = {}
    for container in containers:
        if container.init or container.role == "page":
            continue
        claims = [text(at(one, "name")) for one in items(at(container.content, "resources", "claims"))]
        kinds = [f"the claim {name}" for name in claims if name]
        kinds += [one.name for one in asked(container, "limits") if shared(one.name)]
        for kind in kinds:
            found.setdefault(kind, []).append(container)
    return found


def _share(container: Container) -> float | None:
    """Return the share of a GPU's memory that a server states; None where it states none that can be read."""
    words = [text(word) or "" for word, _ in container.words]
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name.replace("_", "-") in _SHARES:
            stated = value if equals else next(iter(words[place + 1 :]), "")
            return float(stated) if len(stated) < len("0.123456") and stated.replace(".", "", 1).isdecimal() else None
    return None


RULE: Final = Rule(
    id=ID,
    title="Do servers that share a GPU take more than all of it together?",
    why="Nothing divides the memory of a shared GPU: shares that are more than 1 together end the last that starts.",
    check=check,
    level="advisory",
    about="pod",
    fix="Give servers that share a GPU shares of its memory that are less than 1 together.",
    sources=_SOURCES,
)

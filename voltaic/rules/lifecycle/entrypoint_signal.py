"""Does the server hear that the pod ends?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines import data, pods
from voltaic.engines.tgi import deployment
from voltaic.engines.versions import parse_version, within
from voltaic.findings import Finding
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "entrypoint-signal"
_ROW: Final = deployment.facts()["command"][0]
_SOURCE: Final = data.source(_ROW["source"], _ROW["confidence"])


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the image's entrypoint keeps the signal to itself."""
    spec, container = subject.spec, subject.container
    facts = None if spec is None else pods.served(spec.release.engine)
    if spec is None or facts is None or spec.release.engine != "tgi" or container.content.get("command"):
        return
    version, image = parse_version(spec.release.version), container.image
    if (
        version is None
        or image is None
        or image.repository not in facts.images
        or not within(version, _ROW["releases"])
    ):
        return
    command = _ROW["value"]
    yield Finding(
        rule=ID,
        message=f"The image of {spec.release} is started by its own entrypoint; wanted is {command[0]}.",
        why=f"{_ROW['because'][:1].upper()}{_ROW['because'][1:]}, with all answers that run.",
        fix=f"Set command: [{', '.join(command)}].",
        sources=(_SOURCE,),
        path=container.path,
    )


RULE: Final = Rule(
    id=ID,
    title="Does the server hear that the pod ends?",
    why="An entrypoint that does not hand the signal on makes every end of the pod a kill.",
    check=check,
    about="server",
    foreign="advisory",
    fix="Start the launcher itself, in place of the image's entrypoint.",
    sources=(_SOURCE,),
)

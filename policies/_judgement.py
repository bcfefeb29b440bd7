"""What is said about one resource: judged once, asked for by every policy of the pack."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pulumi

from policies._secrets import hide
from voltaic import document, hardware, kubernetes_names, manifests, rules
from voltaic.manifests.documents import POD_TEMPLATES
from voltaic.manifests.plain import at
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from policies._properties import Properties
    from voltaic.findings import Finding, Level
    from voltaic.hardware import Profile
    from voltaic.settings import Stack

COMPONENT = "voltaic:index:TGIServer"
"""Type of our own component; it registers with the serving spec as its properties, before any child exists."""
READABLE = "readable-spec"
"""Policy that speaks where the spec itself cannot be read, so that no rule can be asked."""
MOST_SOURCES = 2
"""Sources that a message names; the plan document of the same spec has all."""

_KUBERNETES = re.compile(r"kubernetes:[^:]+:(?P<kind>[A-Za-z]+)")
_DECISIVE = re.compile(
    r"(spec|template|jobTemplate|containers|initContainers|nodeSelector)$"
    r"|containers\[\d+\](\.(image|command|args|resources)\b.*|\.env|\.env\[\d+\](\.name|\.value)?)?$"
    r"|\b(nodeSelector|nodeAffinity)\b"
)
"""Paths of a manifest that decide whether a server starts; names, labels, volumes and Secret references do not."""
_IMAGE = re.compile(r"(spec|template|jobTemplate|containers|containers\[\d+\]|containers\[\d+\]\.image)$")
"""Paths without which it is not even known whether this is a model server."""
_PATCH = "Patch"
"""Ending of the kinds that change part of an object which somebody else made."""


@dataclass(frozen=True, slots=True)
class Report:
    """One message about a resource, and the policy that it belongs to."""

    rule: str
    level: Level
    text: str


class _Last(threading.local):
    """The resource judged last in this thread: the engine's server asks all policies about it in one row."""

    asked: tuple[str, str, Properties] | None = None
    answer: tuple[Report, ...] = ()


_last = _Last()


def is_judged(resource_type: str) -> bool:
    """Return whether resources of this type may run a model server."""
    return resource_type == COMPONENT or _kind(resource_type) is not None


def reports(resource_type: str, urn: str, properties: Properties) -> tuple[Report, ...]:
    """Return what is to be said about a resource. Never raises: a fault of ours becomes a report of its own."""
    asked = (resource_type, urn, properties)
    if _last.asked != asked:
        try:
            found = _component(properties) if resource_type == COMPONENT else _manifest(resource_type, urn, properties)
            answer = tuple(_under_its_policy(report) for report in found)
        except Exception as error:  # noqa: BLE001  whatever fails, silence would read as an accept
            answer = (_failed(error),)
        _last.answer = tuple(Report(said.rule, said.level, hide(said.text, properties.values)) for said in answer)
        _last.asked = asked
    return _last.answer


def _under_its_policy(report: Report) -> Report:
    rule = rules.rule(report.rule)
    if rule is None:
        return report if report.rule == READABLE else Report(READABLE, report.level, f"{report.rule}: {report.text}")
    return Report(rule.id, "advisory", report.text) if rule.level == "advisory" else report


def _failed(error: Exception) -> Report:
    return Report(
        READABLE,
        "mandatory",
        _lines(
            f"The resource could not be judged: {type(error).__name__}: {error}",
            "This is a fault in voltaic, not in the configuration. Without an answer nothing is accepted.",
            "Report it. To go on without this check, lower its level with --policy-pack-config.",
        ),
    )


def _lines(message: str, why: str, fix: str, sources: Iterable[object] = ()) -> str:
    told = [str(source) for source in sources]
    if len(told) > MOST_SOURCES:
        told[MOST_SOURCES:] = [f"and {len(told) - MOST_SOURCES} more (voltaic plan --json)"]
    lines = [("", message), ("Why: ", why), ("Way out: ", fix), ("Sources: ", "; ".join(told))]
    return "\n".join(f"{name}{text}" for name, text in lines if text)


def _report(finding: Finding, *, strict: bool, where: str = "") -> Report:
    """Return a finding as a report; an unknown that nobody insists on is advice."""
    level = finding.level if strict or finding.outcome == "violation" else "advisory"
    return Report(finding.rule, level, where + _lines(finding.message, finding.why, finding.fix, finding.sources))


def _component(properties: Properties) -> Iterator[Report]:
    """Judge our own component by the serving spec among its properties."""
    allowed = properties.values.get("allowUnknown") is True
    level: Level = "advisory" if allowed else "mandatory"
    unknown = [path for path in properties.unknown if re.match(r"spec\b", path)]
    if unknown:
        yield Report(
            READABLE,
            level,
            _lines(
                f"{', '.join(unknown)}: not known before the update.",
                "A preview would have to guess what the server will be, and a guess is not accepted.",
                "Give the component plain values from the configuration, not outputs of other resources.",
            ),
        )
        return
    line = properties.values.get("spec")
    if not isinstance(line, dict):
        yield Report(
            READABLE,
            "mandatory",
            _lines(
                "The property spec is missing.",
                "The component hands the serving spec to the policies in it; without it nothing can be judged.",
                "Remove the transform that takes it away.",
            ),
        )
        return
    try:
        spec = document.spec_from_line(line)
    except document.InvalidLine as invalid:
        yield Report(
            READABLE,
            "mandatory",
            _lines(
                "\n".join(f"spec.{fault}" for fault in invalid.faults),
                "A spec that cannot be read cannot be judged.",
                "Correct these values, or remove the transform that changes them.",
            ),
        )
        return
    verdict = judge(spec)
    if verdict.verdict == "refuse":
        # Ways out are proven against the settings that the stack states, which are read only where they are needed.
        verdict = replace(verdict, spec=replace(spec, origin=_stack(properties.values.get("settings"))))
    yield from (_report(finding, strict=not allowed) for finding in verdict.findings)


def _stack(stated: Any) -> Stack | None:
    """Return the settings that the component was made from; None where a transform has spoilt them."""
    from voltaic import settings  # noqa: PLC0415  only a refusal needs it

    try:
        return settings.Stack.of(settings.read(stated, where="settings")) if isinstance(stated, dict) else None
    except settings.InvalidSettings:
        return None


def _manifest(resource_type: str, urn: str, properties: Properties) -> Iterator[Report]:
    """Judge any Kubernetes object that runs containers, whoever wrote it."""
    kind = _kind(resource_type) or ""
    if kind.endswith(_PATCH):
        yield from _patch(properties.values, kind)
        return
    values = {**properties.values, "kind": kind}
    profile, fault = _profile()
    found = manifests.workloads([manifests.Document(resource_type, 1, values)], profile=profile)
    servers = [(workload.container, workload.spec) for workload in found if workload.spec is not None]
    if servers and fault is not None:
        yield fault
    yield from _not_known_yet(properties.unknown, decisive=_DECISIVE if servers else _IMAGE)
    # What our own component creates is held to our own standard, so that no transform can slip past.
    ours = f"{COMPONENT}$" in urn
    allowed = at(values, "metadata", "annotations", kubernetes_names.UNKNOWN_ANNOTATION) == "true"
    strict = ours and not allowed
    if ours and not servers:
        yield _no_server(found, "mandatory" if strict else "advisory")
    for container, spec in servers:
        for finding in judge(spec).findings:
            yield _report(finding, strict=strict, where=f"Container {container}: ")


def _no_server(found: Sequence[manifests.Workload], level: Level) -> Report:
    """Return what is said of an object of our own component that no longer shows the server in it."""
    reasons = "; ".join(workload.reason for workload in found if workload.reason)
    return Report(
        READABLE,
        level,
        _lines(
            "No container of it can be recognised as the inference server" + (f": {reasons}." if reasons else "."),
            "The component made it to serve a model; what cannot be recognised cannot be judged.",
            "Remove the transform that changes image or arguments. An image of your own is set with: "
            "pulumi config set image IMAGE",
        ),
    )


def _patch(values: dict[str, Any], kind: str) -> Iterator[Report]:
    """Say that a patch of a pod template cannot be judged: the rest of the object is not part of the program."""
    path = (*POD_TEMPLATES[kind.removesuffix(_PATCH)], "spec", "containers")
    if at(values, *path) is not None:
        yield Report(
            READABLE,
            "advisory",
            _lines(
                "It changes containers of an object whose rest is not in this program.",
                "A part of a manifest has no verdict: the rest decides as well.",
                "Declare the whole object, or judge the result with: kubectl get … -o yaml | voltaic check -",
            ),
        )


def _not_known_yet(unknown: Sequence[str], *, decisive: re.Pattern[str]) -> Iterator[Report]:
    paths = [path for path in unknown if decisive.search(path)]
    if paths:
        yield Report(
            READABLE,
            "advisory",
            _lines(
                f"{', '.join(paths)}: not known before the update.",
                "A preview cannot judge what it does not know; the update judges it before the resource is changed.",
                "Give these fields plain values to have the verdict in the preview.",
            ),
        )


def _profile() -> tuple[Profile | None, Report | None]:
    """Return the profile of the stack, for manifests that do not name their GPU model."""
    name = pulumi.Config("voltaic").get("profile") or None
    if name is None:
        return None, None
    try:
        return hardware.profile(name), None
    except hardware.UnknownProfile as unknown:
        return None, Report(
            READABLE,
            "advisory",
            _lines(
                f"voltaic:profile: {unknown}",
                "It tells the GPU model of manifests that do not name one.",
                "Set it with: pulumi config set voltaic:profile v100-2gpu",
            ),
        )


def _kind(resource_type: str) -> str | None:
    """Return the kind of a Kubernetes type that may run containers (`kubernetes:apps/v1:Deployment`), else None."""
    match = _KUBERNETES.fullmatch(resource_type)
    kind = "" if match is None else match["kind"]
    return kind if kind.removesuffix(_PATCH) in POD_TEMPLATES or kind.endswith("List") else None

"""What is said about a resource when it is registered, and about a program that has run. Never raises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policies import _component, _objects, _reports
from policies._resource import COMPONENT, RELEASE, Resource, is_judged
from policies._secrets import hide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pulumi.runtime.proto.analyzer_pb2 import AnalyzeRequest, AnalyzerResource

    from policies._reports import Report


def of_resource(sent: AnalyzeRequest) -> tuple[Report, ...]:
    """Return what is to be said about a resource before it is created or changed."""
    if not is_judged(sent.type):
        return ()
    seen: list[Resource] = []
    try:
        seen.append(Resource.of(sent))
        found = tuple(_of_resource(seen[0]))
    except Exception as error:  # noqa: BLE001  whatever fails, silence would read as an accept
        found = (_reports.of_fault(error),)
    return _hidden(found, seen)


def of_program(sent: Iterable[AnalyzerResource]) -> tuple[Report, ...]:
    """Return what all resources of a program tell together, each report under the URN that it is about."""
    seen: list[Resource] = []
    try:
        seen += [Resource.of(one) for one in sent if one.type.startswith("kubernetes:")]
        found = tuple(replace(report, urn=one.urn) for one, report in _objects.reports_together(seen))
    except Exception as error:  # noqa: BLE001  the same
        found = (_reports.of_fault(error),)
    return _hidden(found, seen)


def _of_resource(resource: Resource) -> Iterator[Report]:
    if resource.type == COMPONENT:
        return _component.reports(resource.properties)
    if resource.type == RELEASE:
        return _objects.reports_of_release(resource)
    if not resource.may_hold_pods:
        return iter(())
    if resource.kind and resource.kind.patch:
        return _objects.reports_of_patch(resource)
    return _objects.reports(resource)


def _hidden(found: tuple[Report, ...], seen: Iterable[Resource]) -> tuple[Report, ...]:
    """Return the reports without the secrets of these resources."""
    if not found:
        return found
    known = [resource.properties for resource in seen]
    values = [resource.document.content for resource in seen]
    secrets = [secret for properties in known for secret in properties.secrets]
    return tuple(replace(report, text=hide(report.text, values, secrets)) for report in found)

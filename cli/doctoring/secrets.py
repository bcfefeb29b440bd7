"""Takes secrets out of everything that the doctor is about to say: logs and states are written by others."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from voltaic import redaction
from voltaic.doctor import Diagnosis, Quote, Report, WayOut
from voltaic.hidden import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from voltaic.doctor import Evidence


def redactor(evidence: Evidence) -> Callable[[str], str]:
    """Return a function that hides the secrets of this evidence in a text, and what looks like one."""
    values = [*redaction.found_in(list(evidence.objects)), *redaction.of_environment(os.environ)]
    spec = evidence.stack.spec if evidence.stack is not None else None
    if spec is not None:
        values += secrets_of(spec.command.args, spec.command.env)
    return redaction.redactor(values)


def hidden(report: Report, redact: Callable[[str], str]) -> Report:
    """Return a report without secrets."""
    return replace(
        report,
        diagnoses=tuple(_diagnosis(each, redact) for each in report.diagnoses),
        before=tuple(_diagnosis(each, redact) for each in report.before),
        evidence=_quotes(report.evidence, redact),
        missing=tuple(map(redact, report.missing)),
    )


def _diagnosis(found: Diagnosis, redact: Callable[[str], str]) -> Diagnosis:
    findings = tuple(replace(each, message=redact(each.message), fix=redact(each.fix)) for each in found.findings)
    return replace(
        found,
        details=tuple(map(redact, found.details)),
        quotes=_quotes(found.quotes, redact),
        ways_out=tuple(_way(each, redact) for each in found.ways_out),
        findings=findings,
    )


def _way(found: WayOut, redact: Callable[[str], str]) -> WayOut:
    # The commands of patterns name keys such as hfToken, and carry no value.
    return replace(found, text=redact(found.text), commands=tuple(found.commands))


def _quotes(found: tuple[Quote, ...], redact: Callable[[str], str]) -> tuple[Quote, ...]:
    return tuple(Quote(each.source, redact(each.text)) for each in found)

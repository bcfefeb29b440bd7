"""What `voltaic check` found as SARIF 2.1.0, which code scanning reads."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from cli.printable import printable
from voltaic.rules import catalogue

if TYPE_CHECKING:
    from cli.check_positions import Position
    from cli.check_run import Judged, Run, Told
    from cli.manifest_files import Unreadable
    from voltaic.rules.rule import Rule

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION: Final = "2.1.0"
FINGERPRINT: Final = "voltaicFinding/v1"
"""Name of our fingerprint: rule, object and field, so that it stays the same where lines move."""
LEVELS: Final = {0: "error", 1: "warning", 2: "warning", 3: "note"}
_INDEX: Final = re.compile(r"\[\d+\]")


def document(run: Run, *, exit_code: int) -> dict[str, Any]:
    """Return the log of one run."""
    rules = {rule.id: rule for rule in catalogue.catalogue()}
    places = {rule_id: place for place, rule_id in enumerate(rules)}
    seen: Counter[str] = Counter()
    results = [_result(judged, told, places, seen) for judged in run.judged for told in judged.told]
    driver = {
        "name": "voltaic",
        "version": version("voltaic"),
        "semanticVersion": version("voltaic"),
        "rules": [_rule(rule) for rule in rules.values()],
    }
    invocation = {
        "executionSuccessful": not run.unreadable,
        "exitCode": exit_code,
        "toolExecutionNotifications": [_notification(one) for one in run.unreadable],
    }
    log = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [log]}


def _rule(rule: Rule[Any]) -> dict[str, Any]:
    sources = [str(source) for source in rule.sources]
    parts = [rule.why, f"Way out: {rule.fix}" if rule.fix else "", f"Sources: {'; '.join(sources)}" if sources else ""]
    help_text = "\n\n".join(part for part in parts if part)
    worst = rule.foreign or rule.level
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": "error" if worst == "mandatory" else "warning"},
        "properties": {"tags": [catalogue.family(rule)]},
    }


def _result(judged: Judged, told: Told, places: dict[str, int], seen: Counter[str]) -> dict[str, Any]:
    finding = told.finding
    words = [
        finding.message,
        f"Why: {finding.why}" if finding.why else "",
        f"Way out: {finding.fix}" if finding.fix else "",
    ]
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": LEVELS.get(told.rank) or LEVELS[0 if finding.level == "mandatory" else 2],
        "message": {"text": printable("\n".join(word for word in words if word), keep="\n")},
        "locations": [_location(judged, told)],
        "partialFingerprints": {FINGERPRINT: _fingerprint(judged, told, seen)},
        "properties": {"outcome": finding.outcome, "policy": told.said.policy},
    }
    if finding.rule in places:
        result["ruleIndex"] = places[finding.rule]
    if told.said.waived is not None:
        reason = printable(told.said.waived)
        result["suppressions"] = [{"kind": "inSource", "status": "accepted", "justification": reason}]
    return result


def _location(judged: Judged, told: Told) -> dict[str, Any]:
    logical = {"fullyQualifiedName": printable(told.finding.path or judged.title), "kind": "property"}
    return {"physicalLocation": _physical(told.said.file, told.position), "logicalLocations": [logical]}


def _physical(file: str, position: Position | None) -> dict[str, Any]:
    found: dict[str, Any] = {"artifactLocation": {"uri": uri(file)}}
    if position is not None:
        found["region"] = {"startLine": position.line, "startColumn": position.column}
    return found


def uri(file: str) -> str:
    """Return a file as SARIF names it: relative to the working directory where it lies below it."""
    if file == "-":
        return "stdin"
    absolute = os.path.normpath(Path.cwd() / file)
    relative = os.path.relpath(absolute)
    if relative.split(os.sep, 1)[0] == os.pardir:
        return Path(absolute).as_uri()
    return quote(os.fsencode(Path(relative).as_posix()))


def _fingerprint(judged: Judged, told: Told, seen: Counter[str]) -> str:
    """Return what stays the same of a finding where lines, list items and documents move."""
    workload = judged.workload
    field = _INDEX.sub("[]", told.finding.path or "")
    parts = (
        uri(told.said.file),
        workload.kind,
        workload.name or "",
        workload.container or "",
        told.finding.rule,
        field,
    )
    key = "\0".join(parts)
    seen[key] += 1
    return hashlib.sha256(f"{key}\0{seen[key]}".encode(errors="surrogateescape")).hexdigest()


def _notification(unreadable: Unreadable) -> dict[str, Any]:
    region = {} if unreadable.line is None else {"region": {"startLine": unreadable.line}}
    physical = {"artifactLocation": {"uri": uri(unreadable.file)}, **region}
    text = printable("; ".join(unreadable.faults))
    return {"level": "error", "message": {"text": text}, "locations": [{"physicalLocation": physical}]}

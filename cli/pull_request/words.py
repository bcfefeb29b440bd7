"""What comment and report say, in the same words: verdicts, restarts, volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import commands, host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.pull_request.model import Pods, Report, Volume

OUTCOMES: Final = {
    "accept": "accepted",
    "refuse": "refused",
    "unknown": "unknown",
    "failed": "not previewed",
    "gone": "deleted",
}
WORST_FIRST: Final = ("refuse", "failed", "unknown", "accept", "gone")
_MINUTE = 60
_LONG = 90
"""Seconds from which a time is said in minutes."""


def worst(reports: tuple[Report, ...]) -> str:
    """Return the outcome of all stacks together."""
    found = {report.outcome for report in reports}
    return next((outcome for outcome in WORST_FIRST if outcome in found), "failed")


def duration(seconds: int) -> str:
    """Return a time as people say it: `45 s`, `about 8 min`."""
    return f"{seconds} s" if seconds < _LONG else f"about {max(2, round(seconds / _MINUTE))} min"


def untouched(report: Report) -> str:
    """Return why nothing restarts where the change would not be deployed at all; empty where it would be."""
    if report.outcome == "refuse":
        return "nothing. A refused change creates nothing and leaves what runs alone."
    if not report.stopped:
        return ""
    allow = commands.of_settings({"allowUnknown": True}, report.stack)[0]
    return f"nothing. What cannot be judged is not deployed, unless the stack says so with `{allow}`."


def pods(found: Pods) -> str:
    """Return what becomes of pods, in one sentence without its subject."""
    count = "" if found.count is None else f" ({found.count} pod{'' if found.count == 1 else 's'})"
    if found.fate == "starts":
        return f"starts{count}."
    if found.fate == "stops":
        return "stops, and nothing takes its place."
    if found.fate == "scales":
        rest = "the others go on" if (found.count or 0) < (found.before or 0) else "those that run go on"
        return f"goes from {found.before} to {found.count} pods" + (f"; {rest}." if found.count else ": it is parked.")
    if found.count == 0:
        return "has no pods to restart: it is parked."
    how = "all old pods end before a new one starts" if found.all_at_once else "pod by pod"
    return f"restarts{count}: {how}."


def absence(report: Report) -> Iterator[str]:
    """Yield how long the server is away, and what that is made of; nothing where it does not start anew."""
    server = next((found for found in report.pods if found.is_server and found.fate in {"starts", "restarts"}), None)
    start = report.after.start if report.after else None
    if server is None or server.count == 0 or start is None:
        return
    parts = [start.load, start.process, start.warm_up]
    if report.downloads and int(start.download):
        parts.insert(0, start.download)
    seconds = sum(map(int, parts))
    made_of = " + ".join(part.because for part in parts)
    if server.fate == "starts":
        yield f"It answers {duration(seconds)} after its pod has a node with the image: {made_of}."
    else:
        who = "Nobody is served for" if server.all_at_once or server.count == 1 else "Each pod in turn is away for"
        grace = host.table()["termination"]
        ends = grace["drain_seconds"] + grace["pre_stop_seconds"]
        yield (
            f"{who} {duration(seconds)}: {made_of}. Before that, the old pod has up to {ends} s to end the requests "
            "that it serves."
        )
    if not report.downloads:
        yield "The model cache holds these weights: nothing is downloaded again."
    pull = host.table()["rollout"]["image_pull_seconds"]
    yield f"On a node without the image, its download comes first: up to {duration(pull).removeprefix('about ')}."
    yield "Times are estimates from assumed bandwidths, not measurements."


def volume(found: Volume) -> str:
    """Return what becomes of a volume, in one sentence without its subject."""
    what = f"the {found.holds}" if found.holds else "what is in it"
    if found.fate == "lost":
        then = ", and an empty one takes its place" if found.replaced else ""
        return f"IS DELETED WITH {what.upper()}{then}."
    if found.fate == "released":
        then = " An empty one takes its place." if found.replaced else ""
        return f"leaves the stack and stays in the cluster with {what}.{then}"
    if found.fate == "new":
        return "is new and empty."
    if found.fate == "changes":
        return f"changes its specification and keeps {what}."
    return f"stays, with {what}."


def first_error(text: str) -> str:
    """Return the first error in what a program printed, in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = next((line for line in lines if "error:" in line.lower()), lines[-1] if lines else "no reason was given")
    return found.partition("error:")[2].strip() or found

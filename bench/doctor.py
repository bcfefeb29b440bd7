"""How well the doctor tells failures: on the examples of its patterns, and on reports that none was written from.

`python -m bench.doctor` prints the table; `--all` also each report that is not told rightly.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SECONDS = 1.0
"""Bar: a log of 2,000 different lines, looked through for everything."""
Row = tuple[str, str, str, bool]
"""What is measured, the result, the bar, and whether it is met."""


def rows() -> Iterator[Row]:
    """Yield a row for each figure."""
    cases = import_module("tests.doctor.cases")
    yield from _examples(cases)
    yield from _reports(cases)
    yield _log()


def _examples(cases: Any) -> Iterator[Row]:
    from voltaic.doctor.pattern import patterns

    subjects = {pattern.id: pattern.subject for pattern in patterns()}
    count, right = Counter[str](), Counter[str]()
    confused: Counter[tuple[str, str]] = Counter()
    for name, _, told in cases.confusion():
        count[subjects[name]] += 1
        right[subjects[name]] += told == [name]
        confused.update((name, other) for other in told if other != name)
    for subject in sorted(count):
        known = sum(each == subject for each in subjects.values())
        what = f"examples of {known} patterns of {subject}"
        yield what, f"{right[subject]} of {count[subject]}", "all", right[subject] == count[subject]
    pairs = ", ".join(f"{name} as {other}" for name, other in confused) or "none"
    yield "patterns taken for others on their examples", pairs, "none", not confused


def _reports(cases: Any) -> Iterator[Row]:
    for name, reports in cases.heldout().items():
        first, now = cases.Score(**reports["first"]), cases.score(reports["report"])
        yield f"{name} public reports, unseen", _share(first), "", True
        yield f"{name} public reports, after learning from them", _share(now), "no worse", now.right >= first.right


def _share(found: Any) -> str:
    return (
        f"precision {found.right}/{found.told} = {found.precision:.0%}, "
        f"recall {found.right}/{found.known} = {found.recall:.0%}, {found.reports} reports"
    )


def _log() -> Row:
    from voltaic.doctor import Evidence, Log, diagnose

    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
    lines = tuple(
        f"INFO {words[n % 10]} {words[n // 10 % 10]} {words[n // 100 % 10]} {words[n // 1000]}: 3 of 4 done, cache 7 %"
        for n in range(2000)
    )
    diagnose(Evidence(logs=(Log(lines[:10]),)))
    begun = time.process_time()
    diagnose(Evidence(logs=(Log(lines),)))
    spent = time.process_time() - begun
    return "a log of 2,000 lines, none like another", f"{spent:.2f} s", f"<= {MOST_SECONDS} s", spent <= MOST_SECONDS


def main() -> int:
    """Print the table, and return 1 where a bar is missed."""
    table = list(rows())
    width = max(len(what) for what, *_ in table)
    for what, result, bar, met in table:
        print(f"{what:<{width}}  {result}{f'  (bar: {bar})' if bar else ''}{'' if met else '  MISSED'}")
    if "--all" in sys.argv[1:]:
        cases = import_module("tests.doctor.cases")
        for reports in cases.heldout().values():
            for report in reports["report"]:
                told = cases.told(report.get("in", "log"), report["lines"])
                if bool(told) != bool(cases.causes(report)) or (told and not cases.causes(report).intersection(told)):
                    print(f"{report['url']}: {report['cause']} told as {', '.join(told) or 'nothing'}")
    return 0 if all(met for *_, met in table) else 1


if __name__ == "__main__":
    raise SystemExit(main())

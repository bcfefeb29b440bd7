"""Prints what voltaic costs: medians and ratios, each measured in this run on this machine.

Ends with exit code 1 where a bar is missed. `--quick` takes fewer rounds.
"""

from __future__ import annotations

import os
import platform
import sys
from functools import partial
from pathlib import Path

from bench import accuracy, check, fuzz, pack, preview, verdicts
from bench.measure import pairs, seconds_of

MOST_PREVIEW = 1.35
"""Bar: preview with the pack divided by preview without it."""
MOST_BOOT = 1.2
"""Bar: boot of the pack divided by that of the smallest pack there can be."""
MOST_ANALYZED = 0.003
"""Bar, in seconds: one resource judged by the pack, over gRPC, in a warm process."""
MOST_IMPORT = 1.5
"""Bar: `import voltaic` divided by `import pydantic`."""
MOST_PLAN = 2.5
"""Bar: `voltaic plan` divided by `import pydantic`, both in a fresh interpreter."""
MOST_HELP = 1.6
"""Bar: `voltaic --help` divided by `import typer`, both in a fresh interpreter."""
LEAST_VERDICTS = 1000
"""Bar: verdicts per second in one process."""
MOST_MIDDLE, MOST_SLOW, MOST_WAYS_OUT = 0.001, 0.005, 0.050
"""Bars, in seconds: the median verdict, the slowest but one in a hundred, the longest search for ways out."""
MOST_MEMORY = 60_000_000
"""Bar: bytes that a thousand verdicts leave in the process, over Python's own."""

DERIVED = ("--profile", "v100-2gpu", "--model", "mistralai/Mistral-7B-Instruct-v0.2")
PLAN = (
    *DERIVED,
    *("--engine-version", "3.0.1", "--env", "USE_FLASH_ATTENTION=false", "--", "--num-shard", "1"),
    *("--max-input-tokens", "3072", "--max-total-tokens", "4096", "--max-batch-prefill-tokens", "3072"),
    *("--max-batch-size", "2"),
)
ANY_VERDICT = (0, 1, 3)


def python(code: str) -> float:
    """Return the seconds of a fresh interpreter that runs this code."""
    return seconds_of([sys.executable, "-c", code])


def plan(*words: str) -> float:
    """Return the seconds of one `voltaic plan`."""
    return seconds_of([sys.executable, "-c", "from cli.main import run; run()", "plan", *words], codes=ANY_VERDICT)


def main() -> int:
    """Measure, print, and return the exit code."""
    quick = "--quick" in sys.argv[1:]
    rounds = 5 if quick else 15
    missed: list[str] = []

    def row(what: str, result: str, bar: str = "", *, met: bool = True) -> None:
        print(f"{what:<77}{result:<30}{bar}{'' if met else '  MISSED'}", flush=True)
        if not met:
            missed.append(what)

    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")

    imports = pairs(partial(python, "import voltaic"), partial(python, "import pydantic"), count=rounds)
    ours, theirs = imports.medians
    row(
        "import voltaic / import pydantic",
        f"{imports.ratio:.2f}  ({ours * 1000:.0f} ms / {theirs * 1000:.0f} ms)",
        f"at most {MOST_IMPORT}",
        met=imports.ratio <= MOST_IMPORT,
    )

    helps = pairs(
        lambda: seconds_of([sys.executable, "-c", "from cli.main import run; run()", "--help"]),
        partial(python, "import typer"),
        count=rounds,
    )
    ours, theirs = helps.medians
    row(
        "voltaic --help / import typer",
        f"{helps.ratio:.2f}  ({ours * 1000:.0f} ms / {theirs * 1000:.0f} ms)",
        f"at most {MOST_HELP}",
        met=helps.ratio <= MOST_HELP,
    )

    for title, words in (
        ("voltaic plan, arguments given / import pydantic", PLAN),
        ("voltaic plan --json, arguments given / import pydantic", ("--json", *PLAN)),
        ("voltaic plan, arguments derived / import pydantic", DERIVED),
        ("voltaic plan --json, arguments derived / import pydantic", ("--json", *DERIVED)),
    ):
        run = pairs(partial(plan, *words), partial(python, "import pydantic"), count=rounds)
        ours, theirs = run.medians
        row(
            title,
            f"{run.ratio:.2f}  ({ours * 1000:.0f} ms / {theirs * 1000:.0f} ms)",
            f"at most {MOST_PLAN}",
            met=run.ratio <= MOST_PLAN,
        )

    rate, counts = verdicts.per_second()
    spread = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    row(
        f"verdicts per second, one process ({spread})",
        f"{rate:.0f}",
        f"at least {LEAST_VERDICTS}",
        met=rate >= LEAST_VERDICTS,
    )

    times = verdicts.times(odd=500 if quick else 3000)
    row(
        f"one verdict in a warm process, of {len(times.verdicts)}: median, 99 %",
        f"{times.middle * 1000:.2f} ms, {times.slow * 1000:.2f} ms",
        f"at most {MOST_MIDDLE * 1000:.0f} ms, {MOST_SLOW * 1000:.0f} ms",
        met=times.middle <= MOST_MIDDLE and times.slow <= MOST_SLOW,
    )
    row(
        f"ways out of a refusal, of {len(times.ways_out)}: median, longest",
        f"{sorted(times.ways_out)[len(times.ways_out) // 2] * 1000:.1f} ms, {max(times.ways_out) * 1000:.1f} ms",
        f"at most {MOST_WAYS_OUT * 1000:.0f} ms",
        met=max(times.ways_out) <= MOST_WAYS_OUT,
    )
    held, bare = verdicts.memory()
    row(
        "memory after 1,000 verdicts, over Python's own",
        f"{(held - bare) / 1e6:.0f} MB  ({held / 1e6:.0f} / {bare / 1e6:.0f})",
        f"at most {MOST_MEMORY / 1e6:.0f} MB",
        met=held - bare <= MOST_MEMORY,
    )

    for what, result, bar, met in accuracy.rows():
        row(what, result, bar, met=met)

    tried = fuzz.run(fuzz.QUICK if quick else fuzz.INPUTS)
    row(
        f"odd inputs without a fault, {tried.guided:,} guided by coverage ({tried.seconds:.0f} s)",
        f"{tried.inputs:,}" if not tried.broken else f"{len(tried.broken)} broke",
        f"at least {fuzz.QUICK if quick else fuzz.INPUTS:,}",
        met=not tried.broken and tried.inputs >= (fuzz.QUICK if quick else fuzz.INPUTS),
    )
    for broken in tried.broken:
        print(f"  {broken}")

    folder = check.of_folder()
    row(
        f"voltaic check, a folder of {check.FILES:,} manifests",
        f"{folder.seconds:.1f} s, {folder.memory / 1e6:.0f} MB",
        f"at most {check.MOST_SECONDS:.0f} s, {check.MOST_MEMORY / 1e6:.0f} MB",
        met=folder.seconds <= check.MOST_SECONDS and folder.memory <= check.MOST_MEMORY,
    )

    boots = pack.against_smallest(rounds)
    ours, theirs = boots.medians
    row(
        "policy pack boot / smallest possible pack",
        f"{boots.ratio:.2f}  ({ours * 1000:.0f} ms / {theirs * 1000:.0f} ms)",
        f"at most {MOST_BOOT}",
        met=boots.ratio <= MOST_BOOT,
    )
    asked = pack.analyzed(20 if quick else 100)
    what, longest = asked.slowest
    row(
        f"policy pack, one resource of {len(asked.medians)}: mean, slowest ({what})",
        f"{asked.mean * 1000:.2f} ms, {longest * 1000:.2f} ms",
        f"at most {MOST_ANALYZED * 1000:.0f} ms",
        met=longest <= MOST_ANALYZED,
    )

    try:
        previews = preview.with_and_without_pack(max(3, rounds // 2))
    except preview.Skipped as reason:
        row("pulumi preview with pack / without", f"skipped: {reason}")
    else:
        ours, theirs = previews.medians
        row(
            f"pulumi preview with pack / without ({preview.cluster_note()})",
            f"{previews.ratio:.2f}  ({ours:.2f} s / {theirs:.2f} s)",
            f"at most {MOST_PREVIEW}",
            met=previews.ratio <= MOST_PREVIEW,
        )
    if missed:
        print(f"\nMissed: {'; '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[1])
    # Every start that is measured finds its byte code, as it does wherever something is started twice.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        sys.exit(main())
    except RuntimeError as failed:  # a command that was to be measured did not work
        sys.exit(f"bench: {failed}")

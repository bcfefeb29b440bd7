"""The reference page about old configurations, written from the facts themselves: `python -m cli.imports_page`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from voltaic.imports import config_sh

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "config-sh.md"
EXAMPLES = ROOT / "docs" / "examples" / "old"
_WORDS = {"accept": "accepted", "refuse": "refused", "unknown": "unknown"}
_KINDS = {
    "setting": "`{key}`",
    "gpu-type": "`profile`",
    "gpu-count": "`profile`",
    "use-gpu": "`profile`",
    "engine": "derived",
    "secret": "`{key}`, a secret",
    "derived": "derived",
    "dropped": "nothing",
}
_HEAD = """\
# Variables of config.sh

This page is generated (`python -m cli.imports_page`); a test compares it with the facts in
`voltaic/imports/config_sh.toml`. How to take a configuration over:
[From config.sh to a stack](../how-to/from-config-sh.md).

The scripts are those of `scimbe/icc-tgi-deployment`, which started TGI {version} or `{vllm}` on V100 GPUs. What is said
of a variable is about the release that a stack deploys, unless it names another.

## Example configurations

With the values that the documentation of the scripts names: whether the server would have started as the script ran it,
and what becomes of it as a stack. "Unknown" where the release that ran cannot be told.

| configuration | as it was | as a stack | what the stack file says, or why there is none |
| --- | --- | --- | --- |
"""
_VARIABLES = """
## Variables

| variable | becomes | why | known from |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Return the page."""
    script, vllm = config_sh.table()["script"], config_sh.table()["vllm"]
    head = _HEAD.format(version=script["version"], vllm=vllm["image"])
    return head + "".join(f"{row}\n" for row in _examples()) + _VARIABLES + "".join(f"{row}\n" for row in _variables())


def _examples() -> Iterator[str]:
    from cli.editing.importing import imported
    from cli.pull_request.project import Project
    from voltaic.verdict import judge

    nowhere = Project(EXAMPLES, "voltaic", {})
    for file in sorted(EXAMPLES.glob("*.sh")):
        text = file.read_text(encoding="utf-8")
        found = config_sh.translated(text)
        made = imported(nowhere, file.stem, found, {})
        title = next(line[2:] for line in text.splitlines() if line.startswith("# "))
        old = "unknown" if found.old is None else _WORDS[judge(found.old).verdict]
        verdict = made.edit.verdict
        if verdict.verdict == "accept":
            says = ", ".join(f"`{change.key}: {change.after}`" for change in made.edit.changes)
        else:
            says = " ".join(finding.message for finding in verdict.answers[:1]).replace("|", "\\|")
        yield f"| [{title}](../examples/old/{file.name}) | {old} | {_WORDS[verdict.verdict]} | {says} |"


def _variables() -> Iterator[str]:
    for row in config_sh.table()["variable"]:
        names = ", ".join(f"`{name}`" for name in row["names"])
        becomes = _KINDS[row["kind"]].format(key=row.get("key", ""))
        known = f"{row['source']} ({row['confidence']})" if "source" in row else ""
        says = row.get("says", "judged with the rest")
        yield f"| {names} | {becomes} | {says} | {known} |".replace("  |", " |")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

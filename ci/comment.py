"""Put the comment of `voltaic preview` into its pull or merge request, in place of the one before.

Runs where the right to comment is, on a file that comes from a run without rights: what is in the file is text, is held
against its bounds, and is never run. Needs Python's own library alone, so that nothing is installed beside a token.

    python3 ci/comment.py github FILE --head OWNER:BRANCH --commit SHA
    python3 ci/comment.py gitlab FILE

The first needs GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL, the second VOLTAIC_COMMENT_TOKEN, CI_API_V4_URL,
CI_PROJECT_ID and CI_MERGE_REQUEST_IID.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST = 60_000
"""Characters of a comment; GitHub takes 65,536."""
MARKER = re.compile(r"<!-- voltaic-preview project=[\w.-]{1,100} -->")
"""First line of every comment, the same for all comments of a project."""
PAGE = 100
"""Comments asked for at once; both services allow no more."""
MOST_PAGES = 50
TRIES = 3
WAIT_SECONDS = 2
TIMEOUT_SECONDS = 30
BUSY = frozenset({429, 500, 502, 503, 504})
"""Answers after which asking again may help."""


class Failed(Exception):  # noqa: N818  named for what it says
    """The comment cannot be put there, and why."""


@dataclass(frozen=True, slots=True)
class Api:
    """One service's API."""

    root: str
    headers: Mapping[str, str]

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the parsed answer.

        Raises:
            Failed: the service refuses, or does not answer.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.headers, "Content-Type": "application/json", "User-Agent": "voltaic"}
        request = urllib.request.Request(f"{self.root}{path}", data, headers, method=method)  # noqa: S310
        for left in reversed(range(TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if refused.code not in BUSY or not left:
                    raise Failed(f"{method} {path}: the service answers {refused.code} {refused.reason}") from None
            except (OSError, ValueError) as fault:
                # A request that may have arrived is not sent twice: it would leave two comments.
                if method == "POST" or not left:
                    raise Failed(f"{method} {path}: {fault}") from None
            time.sleep(WAIT_SECONDS)
        raise AssertionError

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the entries of a list, page by page."""
        for page in range(1, MOST_PAGES + 1):
            entries = self.ask("GET", f"{path}?per_page={PAGE}&page={page}")
            yield from entries
            if len(entries) < PAGE:
                return


def comment(file: Path) -> tuple[str, str]:
    """Return the comment's text and its marker.

    Raises:
        Failed: the file is not such a comment.
    """
    if file.is_symlink() or not file.is_file():
        raise Failed(f"{file} is not a file")
    if file.stat().st_size > 4 * LONGEST:  # four bytes are the longest character
        raise Failed(f"{file} is longer than a comment may be, {LONGEST:,} characters")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Failed(f"{file} is not text") from None
    if len(text) > LONGEST:
        raise Failed(f"{file} has {len(text):,} characters; a comment has at most {LONGEST:,}")
    marker = text.partition("\n")[0]
    if not MARKER.fullmatch(marker):
        raise Failed(f"{file} does not begin with the marker of a comment of voltaic preview")
    return text, marker


def github(text: str, marker: str, environ: Mapping[str, str], *, head: str, commit: str) -> str:
    """Put the comment into the pull request whose head is this commit; return what was done."""
    api = Api(
        _needed(environ, "GITHUB_API_URL"),
        {"Authorization": f"Bearer {_needed(environ, 'GITHUB_TOKEN')}", "Accept": "application/vnd.github+json"},
    )
    repository = _needed(environ, "GITHUB_REPOSITORY")
    query = urllib.parse.urlencode({"state": "open", "head": head, "per_page": PAGE})
    pulls = api.ask("GET", f"/repos/{repository}/pulls?{query}")
    number = next((pull["number"] for pull in pulls if pull["head"]["sha"] == commit), None)
    if number is None:
        return f"no open pull request has {commit[:12]} as its head any more: nothing to comment"
    author = environ.get("COMMENT_AUTHOR", "github-actions[bot]")
    for known in api.pages(f"/repos/{repository}/issues/{number}/comments"):
        # Anybody may write the marker: a comment is replaced only if it is our own.
        if (known.get("user") or {}).get("login") == author and _begins(known, marker):
            api.ask("PATCH", f"/repos/{repository}/issues/comments/{known['id']}", {"body": text})
            return f"comment replaced in pull request {number}"
    api.ask("POST", f"/repos/{repository}/issues/{number}/comments", {"body": text})
    return f"comment written into pull request {number}"


def gitlab(text: str, marker: str, environ: Mapping[str, str]) -> str:
    """Put the comment into the merge request that the pipeline runs for; return what was done."""
    api = Api(_needed(environ, "CI_API_V4_URL"), {"PRIVATE-TOKEN": _needed(environ, "VOLTAIC_COMMENT_TOKEN")})
    number = _needed(environ, "CI_MERGE_REQUEST_IID")
    notes = f"/projects/{_needed(environ, 'CI_PROJECT_ID')}/merge_requests/{number}/notes"
    author = api.ask("GET", "/user")["id"]
    for known in api.pages(notes):
        if (known.get("author") or {}).get("id") == author and _begins(known, marker):
            api.ask("PUT", f"{notes}/{known['id']}", {"body": text})
            return f"comment replaced in merge request {number}"
    api.ask("POST", notes, {"body": text})
    return f"comment written into merge request {number}"


def _begins(known: Mapping[str, Any], marker: str) -> bool:
    return (known.get("body") or "").partition("\n")[0].rstrip("\r") == marker


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise Failed(f"{name} is not set")
    return value


def main(words: list[str], environ: Mapping[str, str]) -> int:
    """Run one command line; return the exit code: 0 done or nothing to do, 1 not possible."""
    parser = argparse.ArgumentParser(description="Put the comment of `voltaic preview` into its pull or merge request.")
    services = parser.add_subparsers(dest="service", required=True)
    for name in ("github", "gitlab"):
        service = services.add_parser(name)
        service.add_argument("file", type=Path)
        if name == "github":
            service.add_argument("--head", required=True, help="OWNER:BRANCH of the pull request")
            service.add_argument("--commit", required=True, help="commit that the comment was made of")
    options = parser.parse_args(words)
    try:
        text, marker = comment(options.file)
        if options.service == "github":
            done = github(text, marker, environ, head=options.head, commit=options.commit)
        else:
            done = gitlab(text, marker, environ)
    except Failed as failed:
        print(f"comment: {failed}", file=sys.stderr)
        return 1
    print(done)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

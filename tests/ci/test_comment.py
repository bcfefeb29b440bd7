"""The comment in its pull or merge request, against servers that answer as the two services do."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[2] / "ci" / "comment.py"
MARKER = "<!-- voltaic-preview project=voltaic -->"
TOKEN = "token-that-nobody-may-read"
COMMIT = "c0ffee" + "0" * 34


class Service:
    """Both services at once: the paths tell which one is asked."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.pulls = [{"number": 7, "head": {"sha": COMMIT}}]
        self.refusals: list[int] = []
        """Answers to give before the right one."""
        self.asked: list[tuple[str, str]] = []
        self.tokens: set[str | None] = set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                service.tokens.add(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN"))
                service.asked.append((self.command, self.path))
                code = service.refusals.pop(0) if service.refusals else 200
                answer = service.answer(self.command, self.path, body) if code == 200 else {"message": "no"}
                data = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 - names of the library

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def root(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, method: str, path: str, body: Any) -> Any:
        """Return what the service answers."""
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/user":
            return {"id": 5}
        if url.path.endswith("/pulls"):
            assert query["head"] == "fork:model change"
            return self.pulls
        if method == "GET":
            start = (int(query["page"]) - 1) * int(query["per_page"])
            return self.comments[start : start + int(query["per_page"])]
        if method == "POST":
            self.comments.append(self.comment(len(self.comments), body["body"]))
            return self.comments[-1]
        (known,) = [one for one in self.comments if str(one["id"]) == url.path.rpartition("/")[2]]
        known["body"] = body["body"]
        return known

    @staticmethod
    def comment(number: int, body: str, *, ours: bool = True) -> dict[str, Any]:
        """Return a comment as either service tells it."""
        login = "github-actions[bot]" if ours else "somebody"
        return {"id": number, "body": body, "user": {"login": login}, "author": {"id": 5 if ours else 6}}

    @property
    def bodies(self) -> list[str]:
        """Texts of all comments."""
        return [one["body"] for one in self.comments]


@pytest.fixture
def service() -> Iterator[Service]:
    """Start the services."""
    running = Service()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a comment."""
    path = tmp_path / "comment.md"
    path.write_text(f"{MARKER}\n## accepted\n", encoding="utf-8")
    return path


def post(service: Service, name: str, file: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as the workflow does."""
    environ = {
        "github": {"GITHUB_API_URL": service.root, "GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "lab/stack"},
        "gitlab": {
            "CI_API_V4_URL": service.root,
            "VOLTAIC_COMMENT_TOKEN": TOKEN,
            "CI_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_IID": "7",
        },
    }[name]
    head = ["--head", "fork:model change", "--commit", COMMIT] if name == "github" else []
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), name, str(file), *head],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert TOKEN not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


both = pytest.mark.parametrize("name", ["github", "gitlab"])


@both
def test_the_first_comment_is_written(service: Service, file: Path, name: str) -> None:
    """A request without a comment of ours gets one, with the token in the service's own header."""
    service.comments = [service.comment(0, "Looks good to me.", ours=False)]
    done = post(service, name, file)
    assert (done.returncode, done.stderr) == (0, "")
    assert service.bodies == ["Looks good to me.", f"{MARKER}\n## accepted\n"]
    assert service.tokens == {f"Bearer {TOKEN}" if name == "github" else TOKEN}


@both
def test_the_comment_is_replaced_not_repeated(service: Service, file: Path, name: str) -> None:
    """A second run changes the comment that is there, wherever it stands among hundreds."""
    service.comments = [service.comment(number, "chatter") for number in range(250)]
    service.comments.append(service.comment(250, f"{MARKER}\r\n## refused"))
    for _ in range(2):
        assert post(service, name, file).returncode == 0
    assert service.bodies[250:] == [f"{MARKER}\n## accepted\n"]


@both
def test_a_comment_of_somebody_else_is_left_alone(service: Service, file: Path, name: str) -> None:
    """Who copies the marker into a comment of their own keeps it; so does another project of ours."""
    foreign = [f"{MARKER}\nmine", "<!-- voltaic-preview project=other -->\n## accepted"]
    service.comments = [service.comment(0, foreign[0], ours=False), service.comment(1, foreign[1])]
    assert post(service, name, file).returncode == 0
    assert service.bodies[:2] == foreign
    assert len(service.bodies) == 3


@both
def test_a_busy_service_is_asked_again(service: Service, file: Path, name: str) -> None:
    """What passes by itself is waited for."""
    service.refusals = [503, 429]
    assert post(service, name, file).returncode == 0
    assert service.bodies == [f"{MARKER}\n## accepted\n"]


@both
def test_a_service_that_refuses_is_named(service: Service, file: Path, name: str) -> None:
    """A refusal ends the script with one line that says what was asked and what came back."""
    service.refusals = [403]
    done = post(service, name, file)
    assert done.returncode == 1
    assert done.stderr.startswith("comment: GET /")
    assert done.stderr.endswith(": the service answers 403 Forbidden\n")
    assert service.bodies == []


def test_a_pull_request_that_moved_on_gets_no_comment(service: Service, file: Path) -> None:
    """The comment on an old commit is not put under a new one: the run of the new one brings its own."""
    service.pulls = [{"number": 7, "head": {"sha": "f" * 40}}]
    done = post(service, "github", file)
    assert (done.returncode, service.bodies) == (0, [])
    assert done.stdout == "no open pull request has c0ffee000000 as its head any more: nothing to comment\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"## accepted\n", "does not begin with the marker of a comment of voltaic preview"),
        (b"<!-- voltaic-preview project=a --> @everyone\n", "does not begin with the marker"),
        (MARKER.encode() + b"\n" + b"x" * 60_000, "has 60,041 characters; a comment has at most 60,000"),
        (MARKER.encode() + b"\n" + b"x" * 1_000_000, "is longer than a comment may be, 60,000 characters"),
        (b"\xff\xfe", "is not text"),
    ],
)
def test_what_is_no_comment_is_not_posted(service: Service, file: Path, content: bytes, said: str) -> None:
    """The file comes from a run that executes foreign code: only a comment within its bounds is passed on."""
    file.write_bytes(content)
    done = post(service, "github", file)
    assert done.returncode == 1
    assert said in done.stderr
    assert service.asked == []


def test_a_link_is_not_followed(service: Service, file: Path) -> None:
    """An artifact with a link in it cannot make the script post another file."""
    link = file.with_name("link.md")
    link.symlink_to(file)
    done = post(service, "github", link)
    assert (done.returncode, service.asked) == (1, [])
    assert done.stderr == f"comment: {link} is not a file\n"

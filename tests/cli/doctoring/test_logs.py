"""`voltaic logs`: which logs are read, in which order, and how they are followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from cli.cluster import ClusterError
from cli.cluster.objects import pod as read_pod
from cli.doctoring import streams
from cli.doctoring.streams import Followed, Line, Wanted, chosen, merged
from cli.logs import printer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    from cli.cluster.objects import Pod

TOKEN = "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"
LAST = {"terminated": {"exitCode": 1, "reason": "Error"}}


def pod(name: str, *, ready: bool = True, restarts: int = 0, state: str = "running", init: bool = False) -> Pod:
    """Return a pod with a container `main`, and perhaps one `load` that ended before it."""
    status: dict[str, Any] = {"name": "main", "ready": ready, "restartCount": restarts, "state": {state: {}}}
    if restarts:
        status["lastState"] = LAST
    document: dict[str, Any] = {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }
    if init:
        ended = {"name": "load", "ready": True, "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}
        document["spec"]["initContainers"] = [{"name": "load"}]
        document["status"]["initContainerStatuses"] = [ended]
    return read_pod(document)


@dataclass
class Fake:
    """A cluster with these pods, whose containers have these logs."""

    found: list[Pod]
    texts: dict[tuple[str, bool], list[Any]]
    """Lines by pod, and whether of the time before the last restart; an exception where the log breaks off."""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def pods(self, _: Any = None) -> list[Pod]:
        """Return them all."""
        return self.found

    def logs(self, name: str, container: str, *, previous: bool = False, **more: Any) -> Iterator[str]:
        """Yield the lines of one log."""
        self.asked.append({"pod": name, "container": container, "previous": previous} | more)
        for text in self.texts.get((name, previous), ()):
            if isinstance(text, Exception):
                raise text
            yield text


def at(second: int, text: str) -> str:
    """Return a line as the API server gives it with moments."""
    return f"2026-11-21T10:00:{second:02d}.000000000Z {text}"


@pytest.mark.parametrize(
    ("expected", "found", "wanted"),
    [
        ([("main", False)], pod("a"), Wanted()),
        ([("main", False)], pod("a", restarts=2), Wanted()),
        ([("main", True), ("main", False)], pod("a", ready=False, restarts=2), Wanted()),
        ([("main", True)], pod("a", ready=False, restarts=2, state="waiting"), Wanted()),
        ([], pod("a", ready=False, state="waiting"), Wanted()),
        ([("main", True)], pod("a", restarts=1), Wanted(previous=True)),
        ([("main", True), ("main", False)], pod("a", restarts=1), Wanted(every=True)),
        ([("load", False), ("main", False)], pod("a", init=True), Wanted(every=True)),
    ],
)
def test_which_logs_are_read(expected: list[tuple[str, bool]], found: Pod, wanted: Wanted) -> None:
    """The log of now; that of before the restart where the container is not ready, or where it is asked for."""
    assert [(container.name, previous) for _, container, previous in chosen([found], wanted)] == expected


def test_lines_are_merged_by_their_moments() -> None:
    """Lines of several pods come in the order in which they were written, whatever log they are of."""
    texts = {("a", False): [at(1, "one"), at(3, "three")], ("b", False): [at(2, "two")]}
    fake = Fake([pod("a"), pod("b")], texts)
    assert [line.text for line in merged(fake, fake.found, Wanted(tail=9))] == ["one", "two", "three"]  # type: ignore[arg-type]
    assert {each["tail"] for each in fake.asked} == {9}


def test_a_container_without_a_log_has_no_lines() -> None:
    """A log that is not there is none; one that may not be read is an error."""
    fake = Fake([pod("a")], {("a", False): [ClusterError("refused", "no log")]})
    assert list(merged(fake, fake.found, Wanted())) == []  # type: ignore[arg-type]
    fake.texts["a", False] = [ClusterError("forbidden", "may not")]
    with pytest.raises(ClusterError):
        list(merged(fake, fake.found, Wanted()))  # type: ignore[arg-type]


def follow(fake: Fake, seconds: int = 3) -> list[str]:
    """Return the lines that come within some looks."""
    looks = iter([True] * seconds)
    found = Followed(fake, None, Wanted(tail=1))  # type: ignore[arg-type]
    return [line.text for line in found.lines(lambda: next(looks, False))]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks come at once."""
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(streams, "WAIT_SECONDS", 0.1)


@pytest.mark.usefixtures("quick")
def test_a_log_that_breaks_off_goes_on_where_it_was() -> None:
    """After the API server was away no line comes twice, and none is left out."""
    fake = Fake([pod("a")], {("a", False): [at(1, "one"), at(2, "two"), ClusterError("restarted", "away")]})
    begun = iter([[at(1, "one"), at(2, "two"), at(3, "three")]])
    original = fake.logs

    def logs(*names: Any, **more: Any) -> Iterator[str]:
        yield from original(*names, **more)

    def once(*names: Any, **more: Any) -> Iterator[str]:
        try:
            yield from logs(*names, **more)
        finally:
            fake.texts["a", False] = next(begun, [])

    fake.logs = once  # type: ignore[method-assign]
    assert follow(fake) == ["one", "two", "three"]
    assert [each["tail"] for each in fake.asked][:2] == [1, None]


@pytest.mark.usefixtures("quick")
def test_a_restarted_container_is_followed_from_its_beginning() -> None:
    """What is left out of the past is asked of the first log alone; the one after a restart is read whole."""
    fake = Fake([pod("a")], {("a", False): [at(1, "before")]})

    def pods(_: Any) -> list[Pod]:
        if fake.asked:
            fake.texts["a", False] = [at(2, "after"), at(3, "more")]
            return [pod("a", restarts=1)]
        return fake.found

    fake.pods = pods  # type: ignore[method-assign]
    assert follow(fake) == ["before", "after", "more"]
    assert [each["tail"] for each in fake.asked] == [1, None]


@pytest.mark.usefixtures("quick")
def test_a_login_without_rights_on_logs_is_told() -> None:
    """Following ends with what is missing, and does not wait for ever."""
    fake = Fake([pod("a")], {("a", False): [ClusterError("forbidden", "may not read logs")]})
    with pytest.raises(ClusterError, match="may not read logs"):
        follow(fake)


def test_lines_stand_behind_their_source_in_its_colour(capsys: pytest.CaptureFixture[str]) -> None:
    """Each source keeps a colour; without colours the same words; secrets and escape sequences are taken out."""
    lines = [
        Line("", "a", "main", f"token {TOKEN}"),
        Line("", "b", "main", "\x1b[2Jx"),
        Line("", "a", "main", "y", True),
    ]
    for colours in (True, False):
        show = printer(colours=colours)
        for line in lines:
            show(line)
    said = capsys.readouterr().out.splitlines()
    assert [text[:5] for text in said[:3]] == ["\x1b[36m", "\x1b[33m", "\x1b[36m"]
    assert TOKEN not in "".join(said)
    assert said[3].startswith("a/main token ")
    assert "\x1b" not in "".join(said[3:])
    assert said[5] == "- a/main y"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tail", "many"), "--tail: 'many' is no number of lines"),
        (("--tail", "-1"), "--tail: '-1' is no number of lines"),
        (("--since", "yesterday"), "--since: 'yesterday' is no span of time"),
        (("--since", "²m"), "is no span of time"),
        (("-f", "--previous"), "--previous and --follow"),
    ],
)
def test_bad_options(voltaic: Callable[..., Result], words: tuple[str, ...], said: str) -> None:
    """What makes no sense is said before any cluster is asked."""
    done = voltaic("logs", *words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output

"""`voltaic doctor` of files: what it reads, says and never says, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.doctoring import files
from voltaic.doctor.pattern import patterns

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

EVIDENCE = Path(__file__).parents[2] / "doctor" / "evidence"
TOKEN = "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"
SECRET = "correct-horse-battery-staple"


@pytest.mark.parametrize(
    ("code", "name"), [(0, "healthy"), (1, "memory-limit"), (3, "unknown"), (1, "described"), (1, "two-troubles")]
)
def test_exit_codes_and_documents(
    voltaic: Callable[..., Result], problems: Callable[[str, Any], list[str]], code: int, name: str
) -> None:
    """Healthy, a cause, nothing known: each has its exit code, with --json too, and the document its schema."""
    folder = str(EVIDENCE / name)
    plain, told = voltaic("doctor", "--from", folder), voltaic("doctor", "--from", folder, "--json")
    document = json.loads(told.stdout)
    assert (plain.exit_code, told.exit_code) == (code, code)
    assert document["verdict"] == {0: "healthy", 1: "cause", 3: "unknown"}[code]
    assert problems("doctor.schema.json", document) == []


def test_files_together_are_one_evidence(voltaic: Callable[..., Result]) -> None:
    """Objects and a log of two files, given by name, say what their folder says."""
    folder = EVIDENCE / "shard-killed"
    names = [word for path in sorted(folder.iterdir()) for word in ("--from", str(path))]
    apart, together = voltaic("doctor", *names, "--json"), voltaic("doctor", "--from", str(folder), "--json")
    assert json.loads(apart.stdout) == json.loads(together.stdout)


def test_standard_input_may_be_objects_or_text(voltaic: Callable[..., Result]) -> None:
    """What kubectl prints is piped in; so is a pasted log."""
    objects = (EVIDENCE / "quota" / "objects.yaml").read_text("utf-8")
    as_json = json.dumps(yaml.safe_load(objects))
    for text, cause in ((objects, "quota-exceeded"), (as_json, "quota-exceeded"), ("Bus error\n", "shm-too-small")):
        done = voltaic("doctor", "--from", "-", "--json", input=text)
        assert [found["id"] for found in json.loads(done.stdout)["diagnoses"]] == [cause]


def test_text_may_begin_like_an_object(voltaic: Callable[..., Result]) -> None:
    """A log of JSON lines is a log."""
    line = json.dumps({"level": "ERROR", "fields": {"message": "RuntimeError: No CUDA GPUs are available"}})
    done = voltaic("doctor", "--from", "-", "--json", input=f"{line}\n{line}\n")
    assert [found["id"] for found in json.loads(done.stdout)["diagnoses"]] == ["no-gpu-visible"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "no-such-file"), "no-such-file: No such file or directory"),
        (("--from", "broken.yaml"), "broken.yaml: neither YAML nor JSON that can be read"),
        (("--from", "empty"), "empty: no files in it"),
        (("--from", "blank.txt"), "blank.txt: nothing to read"),
        (("--from", "-", "--profile", "no-such-gpu"), "--profile"),
        (("--from", "-", "--all"), "--from asks no cluster"),
    ],
)
def test_bad_input(
    voltaic: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    """What cannot be read is said, with exit code 2."""
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_text("{", encoding="utf-8")
    Path("empty").mkdir()
    Path("blank.txt").write_text("\n", encoding="utf-8")
    done = voltaic("doctor", *words, input="")
    assert (done.exit_code, said in done.stderr) == (2, True), done.output


def test_secrets_are_never_printed(voltaic: Callable[..., Result], tmp_path: Path) -> None:
    """Neither those that manifests hold nor what looks like one in a log, for people or for programs."""
    objects = yaml.safe_load((EVIDENCE / "unknown" / "objects.yaml").read_text("utf-8"))
    for each in objects["items"]:
        holder = each["spec"].get("template", {}).get("spec", each["spec"])
        for container in holder.get("containers", ()):
            container["env"].append({"name": "WEBUI_SECRET_KEY", "value": SECRET})
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump(objects), encoding="utf-8")
    log = f"using {SECRET}\nAuthorization: Bearer {TOKEN}\nfailed with {TOKEN} and {SECRET}\n"
    (tmp_path / "server-7d9f-abcde_tgi.previous.log").write_text(log, encoding="utf-8")
    for words in ((), ("--json",)):
        done = voltaic("doctor", "--from", str(tmp_path), *words)
        assert (done.exit_code, "failed with" in done.stdout) == (3, True), done.output
        assert TOKEN not in done.output
        assert SECRET not in done.output


def test_a_log_cannot_write_to_the_terminal(voltaic: Callable[..., Result]) -> None:
    """Escape sequences and brackets of a log are text."""
    done = voltaic("doctor", "--from", "-", input="\x1b]0;owned\x07 [bold red]what[/] \x1b[2J\n")
    assert ("\x1b" in done.stdout, "\x07" in done.stdout, "[bold red]what[/]" in done.stdout) == (False, False, True)


def test_the_list_has_every_failure(voltaic: Callable[..., Result], problems: Callable[[str, Any], list[str]]) -> None:
    """All failures by subject, for people and for programs."""
    plain, told = voltaic("doctor", "--list"), json.loads(voltaic("doctor", "--list", "--json").stdout)
    assert (plain.exit_code, f"{len(patterns())} failures" in plain.stdout) == (0, True)
    assert [row["id"] for row in told["failures"]] == [found.id for found in patterns()]
    assert problems("doctor.schema.json", told) == []


def test_logs_are_matched_to_their_pods_by_name(tmp_path: Path) -> None:
    """POD_CONTAINER, with `previous` anywhere after it, also where the name of one pod begins that of another."""
    objects = [{"kind": "Pod", "metadata": {"name": name}} for name in ("llm", "llm-0")]
    (tmp_path / "pods.json").write_text(json.dumps({"kind": "List", "items": objects}), encoding="utf-8")
    for name in ("llm-0_tgi.log", "llm-0_tgi.previous.log", "llm_web.log", "other.log"):
        (tmp_path / name).write_text("line\n", encoding="utf-8")
    found, _ = files.evidence([str(tmp_path)])
    assert [(log.pod, log.container, log.previous) for log in found.logs] == [
        ("llm-0", "tgi", False),
        ("llm-0", "tgi", True),
        ("llm", "web", False),
        ("", None, False),
    ]


def test_of_a_huge_log_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracebacks stand at the end."""
    monkeypatch.setattr(files, "MOST_BYTES", 100)
    (tmp_path / "a.log").write_text("beginning\n" * 1000 + "the end\n", encoding="utf-8")
    (found,), _ = files.evidence([str(tmp_path)])[0].logs, None
    assert (len(found.lines) <= 12, found.lines[-1]) == (True, "the end")

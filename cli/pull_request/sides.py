"""A stack as one version of its file says it: what it would serve, judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cli.pull_request.model import Setting, Side
from cli.pull_request.project import is_encrypted, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.pull_request.project import Project, StackFile
    from voltaic.settings import Settings
    from voltaic.verdict import Verdict

OURS: Final = frozenset({"profile", "model"})
"""Keys without which no stack of ours is one."""
STAND_IN: Final = "not-readable-here"
STAND_INS: Final = {"webuiDatabaseUrl": "postgresql://not-readable-here/none"}
"""What stands in for a secret where it is not decrypted: it does not decide whether a server starts, but that it is
there does decide which objects the stack has."""
HIDDEN_BEFORE, HIDDEN_AFTER = "(set)", "(set anew)"


def is_ours(project: Project, file: StackFile | None) -> bool:
    """Return whether the stack is one of this program, and not of another one that only uses the policies."""
    declared = project.settings.get("config")
    names = {str(key).removeprefix(f"{project.name}:") for key in declared} if isinstance(declared, dict) else set()
    stated = {key.removeprefix(f"{project.name}:") for key in (file.config if file is not None else ())}
    return names >= OURS or bool(OURS & stated)


def values(project: Project, file: StackFile) -> dict[str, Any]:
    """Return the settings of a stack file, with stand-ins for what is encrypted."""
    prefix = f"{project.name}:"
    given = {key.removeprefix(prefix): value for key, value in file.config.items() if key.startswith(prefix)}
    plain = {key: stand_in(key) if is_encrypted(value) else value for key, value in given.items()}
    return {**project.defaults(), **{key: value for key, value in plain.items() if value != ""}}


def stand_in(key: str) -> str:
    """Return what stands in for the secret value of a key."""
    return STAND_INS.get(key.rpartition(":")[2], STAND_IN)


def side(project: Project, file: StackFile, where: str) -> Side:
    """Return what a stack file says, judged; with its faults where it is not valid."""
    if file.fault is not None:
        return Side(where, faults=(f"{where}: {file.fault}",))
    if not is_ours(project, file):
        return Side(where, outcome="accept")
    from voltaic import host, settings

    try:
        chosen = settings.read(values(project, file), where=where, lines=lines_of(file.text, project.name))
        spec = settings.serving_spec(chosen)
        host.plan(chosen, spec, where=where)
    except settings.InvalidSettings as invalid:
        return Side(where, faults=tuple(f"{fault.where}: {fault}" for fault in invalid.faults))
    from voltaic.verdict import judge

    verdict = judge(spec)
    return Side(where, _subject(verdict), verdict.verdict, verdict, host.start(chosen, spec), stated=_stated(chosen))


def deployed(inputs: Mapping[str, Any], where: str) -> Side | None:
    """Return the server that a state records, judged anew; None where the record cannot be read."""
    from voltaic import document, host, settings
    from voltaic.verdict import judge

    line, stated = inputs.get("spec"), inputs.get("settings")
    try:
        spec = document.spec_from_line(line if isinstance(line, dict) else {})
        chosen = settings.read(stated, where=where) if isinstance(stated, dict) else None
    except (document.InvalidLine, settings.InvalidSettings):
        return None
    verdict = judge(spec)
    start = None if chosen is None else host.start(chosen, spec)
    known = {} if chosen is None else {**_stated(chosen), "replicas": str(inputs.get("replicas", 1)).removesuffix(".0")}
    return Side(where, _subject(verdict), verdict.verdict, verdict, start, stated=known)


def _subject(verdict: Verdict) -> str:
    from cli.render import subject

    return subject(verdict.spec)


def _stated(settings: Settings) -> Mapping[str, str]:
    """Return what a stack states, as text by key, without secrets."""
    from pydantic import SecretStr

    found = {}
    for field, info in type(settings).model_fields.items():
        value = getattr(settings, field)
        if field in settings.model_fields_set and not isinstance(value, SecretStr):
            found[info.alias or field] = _text(value)
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return " ".join(map(str, value))
    if hasattr(value, "items"):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return str(value)


def settings_changed(
    before: Side | None, after: Side | None, files: tuple[StackFile | None, StackFile | None], project: Project
) -> tuple[Setting, ...]:
    """Return what changes, in the operator's words first, then by key; secrets only as that they change."""
    if after is None or (before is None and after.verdict is None):
        return ()
    found = [*_terms(before, after), *_keys(before, after), *_secrets(*files, project)]
    return tuple(one for one in found if one.before != one.after)


_IN_TERMS: Final = frozenset(
    {
        *("profile", "gpus", "model", "modelRevision", "engine", "engineVersion", "quantization", "dtype", "shards"),
        *("maxInputTokens", "maxTotalTokens", "maxBatchPrefillTokens", "maxBatchTotalTokens", "maxBatchSize"),
    }
)
"""Keys whose effect the terms show, stated or derived."""


def _terms(before: Side | None, after: Side) -> Iterator[Setting]:
    old = dict(_terms_of(before.verdict)) if before is not None and before.verdict is not None else {}
    new = dict(_terms_of(after.verdict)) if after.verdict is not None else {}
    for name in dict.fromkeys((*new, *old)):
        yield Setting(name, old.get(name), new.get(name))


def _terms_of(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Yield what operators call the parts of a spec, as it runs."""
    spec, runs = verdict.spec, verdict.runs
    yield "model", spec.model.id or "not named"
    if spec.model.revision is not None:
        yield "revision of the model", spec.model.revision
    yield "GPUs of a pod", f"{spec.gpus or '?'} x {spec.gpu.name if spec.gpu else 'a GPU that is not known'}"
    yield "engine", str(spec.release)
    if runs is not None:
        yield "weights", runs.weights
        if (spec.gpus or 1) > 1:
            yield "spread over GPUs", "by layers, one process" if runs.layer_split else f"{runs.shards} processes"
    limits = {**spec.command.options, **(runs.limits if runs is not None else {})}
    for key, name in _LIMITS.items():
        if isinstance(limits.get(key), int):
            yield name, f"{limits[key]:,}"


_LIMITS: Final = {
    "max_input_tokens": "longest prompt, tokens",
    "max_total_tokens": "longest request with its answer, tokens",
    "max_batch_size": "requests at once",
    "max_batch_prefill_tokens": "prompt tokens read at once",
    "max_batch_total_tokens": "tokens of all requests",
}


def _keys(before: Side | None, after: Side) -> Iterator[Setting]:
    if before is None:
        return
    old, new = before.stated, after.stated
    for key in dict.fromkeys((*new, *old)):
        if key not in _IN_TERMS:
            yield Setting(key, old.get(key), new.get(key))


def _secrets(before: StackFile | None, after: StackFile | None, project: Project) -> Iterator[Setting]:
    if before is None or after is None:
        return
    old, new = before.config, after.config
    for key in dict.fromkeys((*new, *old)):
        values_of = (old.get(key), new.get(key))
        if any(is_encrypted(value) for value in values_of) and values_of[0] != values_of[1]:
            name = key.removeprefix(f"{project.name}:")
            shown = [word if value is not None else None for word, value in zip(_SET, values_of, strict=True)]
            yield Setting(name, *shown)


_SET = (HIDDEN_BEFORE, HIDDEN_AFTER)

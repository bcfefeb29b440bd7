"""The shell configuration of the scripts that many V100 users began with, as settings of a stack."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic import engines, hardware, models, redaction
from voltaic.engines import data
from voltaic.imports import shell
from voltaic.imports.old import Line, Translation
from voltaic.spec import NO_VALUES, Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.findings import Source
    from voltaic.imports.old import Outcome

KINDS: Final = frozenset({"setting", "gpu-type", "gpu-count", "use-gpu", "engine", "secret", "derived", "dropped"})
GPUS: Final = frozenset({"gpu-type", "gpu-count", "use-gpu"})
"""Kinds of variables that make the profile together."""
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_TRUE: Final = frozenset({"true", "1", "yes"})


@cache
def table() -> dict[str, Any]:
    """Return config_sh.toml."""
    return data.table(Path(__file__).with_name("config_sh.toml"))


@cache
def variables() -> Mapping[str, Mapping[str, Any]]:
    """Return what is known of each variable, by its name."""
    return {name: row for row in table()["variable"] for name in row["names"]}


def translated(text: str) -> Translation:
    """Return what a configuration becomes. Nothing of it is run. Never raises."""
    found = Translation()
    read = shell.assignments(text)
    last = {entry.name: number for number, entry in enumerate(read) if isinstance(entry, shell.Assignment)}
    values: dict[str, str] = {}
    for number, entry in enumerate(read):
        if isinstance(entry, shell.Unread):
            name = entry.name or ""
            found.lines.append(Line(f"line {entry.line}", name, None, "unreadable", entry.because))
        elif last[entry.name] != number:
            later = read[last[entry.name]].line
            where = f"line {entry.line}"
            found.lines.append(Line(where, entry.name, None, "dropped", f"line {later} sets it again"))
        else:
            values[entry.name] = entry.value
            found.lines.append(_line(entry, found.settings))
    _profile(found, values)
    found.lines = [_of_profile(line, found.settings.get("profile")) for line in found.lines]
    found.old, found.old_because = _old(values, found.settings)
    return found


def _line(entry: shell.Assignment, settings: dict[str, Any]) -> Line:
    """Return what becomes of one variable, and take it over where it becomes a setting."""
    where, row = f"line {entry.line}", variables().get(entry.name)
    shown = _shown(entry.name, entry.value, row)
    if row is None:
        return Line(
            where, entry.name, shown, "unknown", "no variable of these scripts: look whether something needs it"
        )
    kind, key, says, source = row["kind"], row.get("key"), row.get("says", ""), _source(row)
    if not entry.value:
        return Line(where, entry.name, "", "empty", "nothing to take over", key)
    if kind != "secret" and redaction.form_of(entry.value) is not None:
        return Line(where, entry.name, None, "secret", "its value (hidden) looks like a secret: it is not taken over")
    if kind == "secret":
        says = f"{says}. Set it, typed at the prompt, with: pulumi config set --secret {key}"
        return Line(where, entry.name, None, "secret", says, key, source)
    if kind == "setting":
        outcome, says = _setting(str(key), entry, settings)
        return Line(where, entry.name, shown, outcome, says, key, source)
    if kind in GPUS:
        return Line(where, entry.name, shown, "taken", says, "profile", source)
    return Line(where, entry.name, shown, "dropped" if kind == "dropped" else "derived", says, None, source)


def _setting(key: str, entry: shell.Assignment, settings: dict[str, Any]) -> tuple[Outcome, str]:
    value = entry.value.strip()
    note = f" ({entry.note})" if entry.note else ""
    if key == "namespace" and _NAMESPACE.fullmatch(value) is None:
        return (
            "dropped",
            "no name of a namespace, but a place to fill in: the context's own is used, or --namespace NAME",
        )
    if key.startswith("max"):
        if _NUMBER.fullmatch(value) is None:
            return "dropped", f"no whole number; {key} is derived"
        if key in settings:
            return "dropped", f"{key} is {settings[key]} already"
        settings[key] = int(value)
    else:
        settings[key] = value
    return "taken", f"{key} {value}{note}"


def _shown(name: str, value: str, row: Mapping[str, Any] | None) -> str | None:
    """Return a value as it may be shown; None where it is, or may be, a secret."""
    known = row is not None and row["kind"] != "secret"
    secret = (row is not None and row["kind"] == "secret") or (not known and redaction.is_secret_name(name))
    return None if secret or redaction.form_of(value) is not None else value


def _source(row: Mapping[str, Any]) -> Source | None:
    return data.source(row["source"], row["confidence"]) if "source" in row else None


def _profile(found: Translation, values: Mapping[str, str]) -> None:
    """Put in the profile that the GPU's type and count mean, where they mean one."""
    facts = table()["gpu_types"]
    gpu = facts["names"].get(values.get("GPU_TYPE") or table()["script"]["gpu_type"])
    count = values.get("GPU_COUNT") or str(table()["script"]["gpu_count"])
    if values.get("USE_GPU", "true").lower() not in _TRUE or gpu is None or _NUMBER.fullmatch(count) is None:
        return
    try:
        found.settings["profile"] = hardware.profile(f"{gpu} x{count}").name
    except hardware.UnknownProfile:
        return


def _of_profile(line: Line, profile: str | None) -> Line:
    """Return a line about GPUs with the profile that it became part of."""
    if line.key != "profile" or line.outcome != "taken":
        return line
    if profile is None:
        return replace(line, outcome="dropped", says="which GPUs that are is not known: name them with --profile")
    return replace(line, says=f"profile {profile}; {line.says}")


def _old(values: Mapping[str, str], settings: Mapping[str, Any]) -> tuple[ServingSpec | None, str]:
    """Return the server as the scripts ran it, or why that cannot be told."""
    script = table()["script"]
    named = values.get("ENGINE_TYPE") or script["engine"]
    if named == "vllm":
        return None, f"it ran {table()['vllm']['image']}: which release that was cannot be told"
    if named != script["engine"]:
        return None, f"ENGINE_TYPE {named} is neither tgi nor vllm"
    engine = engines.engine(script["engine"])
    if engine is None or "profile" not in settings:
        return None, "its GPUs cannot be told"
    profile = hardware.profile(settings["profile"])
    model = values.get("MODEL_NAME") or script["model"]
    args = tuple(_arguments(values, model, profile.count))
    release = Release(script["engine"], script["version"])
    command = engine.parse(release.version, args, NO_VALUES)
    return ServingSpec(release, profile.gpu, profile.count, models.resolve(model), command), ""


def _arguments(values: Mapping[str, str], model: str, gpus: int) -> list[str]:
    """Return the arguments that the script gave to TGI."""
    script = table()["script"]
    precision = f"--quantize={values['QUANTIZATION']}" if values.get("QUANTIZATION") else "--dtype=float16"
    args = [f"--model-id={model}", f"--port={script['port']}", precision]
    names = ("max_input_length", "max_total_tokens", "max_batch_prefill_tokens", "cuda_memory_fraction")
    args += [f"--{name.replace('_', '-')}={values.get(name.upper()) or script[name]}" for name in names]
    args.append(f"--max-concurrent-requests={script['requests_per_gpu'] * gpus}")
    if gpus > 1 and values.get("DISABLE_TGI_SHARDING") != "true":
        workers = max(script["least_loading_workers"], gpus)
        args += ["--sharded=true", f"--num-shard={gpus}", f"--max-parallel-loading-workers={workers}"]
    return args

"""The documents that others read and write: a batch line in, a plan document out (schema voltaic/plan/v1)."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeGuard

from voltaic import engines, hardware, models
from voltaic.hidden import hide, secrets_of, shown_args, shown_env
from voltaic.memory.bill import Bill
from voltaic.spec import CommandLine, Model, Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from voltaic.engines.base import Runs
    from voltaic.findings import Finding
    from voltaic.hardware import GpuModel
    from voltaic.verdict import Verdict

PLAN_SCHEMA = "voltaic/plan/v1"

LINE_KEYS = (
    "id",
    "gpu",
    "gpus",
    "engine",
    "engine_version",
    "model",
    "model_id",
    "model_revision",
    "config",
    "weights_bytes",
    "gguf",
    "args",
    "env",
)
"""Keys of a batch line. A plan document's `spec` has `runs` besides, which is derived and not read back."""

LARGEST_COUNT = 2**63 - 1
"""Largest whole number that a line may carry: what every JSON reader can hold."""


class InvalidLine(ValueError):  # noqa: N818  (named for what it says)
    """A batch line that cannot be read; `faults` has all that is wrong with it."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


def spec_from_line(line: Mapping[str, Any]) -> ServingSpec:
    """Return the serving spec of a batch line; absent and null mean the same.

    Whole numbers may be written with a point (`2.0`), since they arrive so from Pulumi.

    Raises:
        InvalidLine: with every fault of the line: unknown keys, wrong types, numbers out of range, a malformed
            configuration. A GPU model, engine, release or architecture that the facts do not cover is not a fault: the
            spec is then judged `unknown`.
    """
    reader = _Reader(line)
    spec = reader.spec()
    if reader.faults or spec is None:
        raise InvalidLine(reader.faults)
    return spec


class _Reader:
    """Reads one line and collects its faults."""

    def __init__(self, line: Mapping[str, Any]) -> None:
        self.line = line
        self.faults: list[str] = []

    def spec(self) -> ServingSpec | None:
        self._keys()
        gpu, gpu_unknown = self._gpu()
        gpus = self._count("gpus", at_least=1, meaning="GPUs of the pod")
        release = self._release()
        model = self._model()
        command = self._command(release)
        name = self._text("id", "any text")
        if release is None or model is None or command is None:
            return None
        return ServingSpec(
            release=release,
            gpu=gpu,
            gpus=gpus,
            model=model,
            command=command,
            id=name,
            gpu_unknown_because=gpu_unknown,
        )

    def _keys(self) -> None:
        for key in self.line:
            if key in LINE_KEYS or key == "runs":
                continue
            close = get_close_matches(str(key), LINE_KEYS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(LINE_KEYS)}"
            self.faults.append(f"{key}: unknown key; {hint}")

    def _text(self, key: str, allowed: str) -> str | None:
        value = self.line.get(key)
        if value is None:
            return None
        if isinstance(value, str) and value.strip():
            return value
        self.faults.append(f"{key}: {_shown(value)} is not a text; allowed: {allowed}")
        return None

    def _count(self, key: str, *, at_least: int, meaning: str) -> int | None:
        value = self.line.get(key)
        if value is None:
            return None
        if _is_whole(value) and at_least <= value <= LARGEST_COUNT:
            return int(value)
        most = f" to {LARGEST_COUNT}" if _is_whole(value) and value > LARGEST_COUNT else ""
        self.faults.append(
            f"{key}: {_shown(value)} is not a number of {meaning}; allowed: whole numbers from {at_least}{most}"
        )
        return None

    def _gpu(self) -> tuple[GpuModel | None, str | None]:
        known = ", ".join(gpu.name for gpu in hardware.gpu_models())
        name = self._text("gpu", known)
        if name is None:
            return None, f"no GPU model is given; known: {known}"
        try:
            return hardware.gpu_model(name), None
        except hardware.UnknownGpuModel as unknown:
            return None, str(unknown)

    def _release(self) -> Release | None:
        known = ", ".join(engines.names())
        name = self._text("engine", known)
        version = self._text("engine_version", "a release such as 3.0.1")
        if name is None:
            if self.line.get("engine") is None:
                self.faults.append(f"engine: missing; allowed: {known}")
            return None
        return Release(engines.canonical(name), version)

    def _model(self) -> Model | None:
        model = self._text("model", "a repository id such as mistralai/Mistral-7B-Instruct-v0.2")
        model_id = self._text("model_id", "a repository id")
        revision = self._text("model_revision", "a commit, branch or tag")
        weights = self._count("weights_bytes", at_least=1, meaning="bytes")
        config = self.line.get("config")
        if config is not None and not isinstance(config, dict):
            self.faults.append(f"config: {_shown(config)} is not an object; allowed: the content of config.json")
            return None
        if model is not None and config is not None:
            self.faults.append(
                "model: given beside config; allowed: one of them, with the name of a config in model_id"
            )
            return None
        if model is None and model_id is None and config is None:
            if self.line.get("model") is None and self.line.get("model_id") is None:
                self.faults.append(
                    "model: missing; allowed: model (a catalogue id) or config (the content of config.json)"
                )
            return None
        infinite = () if config is None else tuple(_not_finite(config))
        if infinite:
            self.faults.extend(f"config: {where} is not a number; allowed: finite numbers" for where in infinite)
            return None
        try:
            config = None if config is None else _whole_numbers(config)
            found = models.resolve(model or model_id, config=config, weights_bytes=weights, revision=revision)
        except models.InvalidConfig as invalid:
            self.faults.extend(f"config: {fault}" for fault in invalid.faults)
            return None
        return self._with_file(found)

    def _with_file(self, model: Model) -> Model:
        """Return the model with the GGUF file that the line describes."""
        content = self.line.get("gguf")
        if content is None:
            return model
        if not isinstance(content, dict):
            self.faults.append(f"gguf: {_shown(content)} is not an object; allowed: what a plan document has there")
            return model
        from voltaic.models.gguf_files import weights_of  # noqa: PLC0415  few lines have a file

        faults: list[str] = []
        file, arch = weights_of(_whole_numbers(content), faults), model.architecture
        if file is not None and arch is not None and len(file.layers) != arch.layers:
            faults.append(f"layers: {len(file.layers)} sizes, and the model has {arch.layers} layers")
        self.faults.extend(f"gguf: {fault}" for fault in faults)
        return replace(model, gguf=file)

    def _command(self, release: Release | None) -> CommandLine | None:
        args = self._args()
        env = self._env()
        if args is None or env is None or release is None:
            return None
        engine = engines.engine(release.engine)
        return CommandLine(args, env) if engine is None else engine.parse(release.version, args, env)

    def _args(self) -> tuple[str, ...] | None:
        value = self.line.get("args")
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)):
            self.faults.append(f"args: {_shown(value)} is not a list; allowed: a list of texts, one per argument")
            return None
        wrong = [index for index, word in enumerate(value) if not isinstance(word, str)]
        self.faults.extend(
            f"args[{index}]: {_shown(value[index])} is not a text; allowed: {_as_text(value[index])}" for index in wrong
        )
        return None if wrong else tuple(value)

    def _env(self) -> dict[str, str | None] | None:
        value = self.line.get("env")
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.faults.append(f"env: {_shown(value)} is not an object; allowed: values by name of variable")
            return None
        wrong = [
            name
            for name, word in value.items()
            if not (isinstance(name, str) and (word is None or isinstance(word, str)))
        ]
        self.faults.extend(
            f"env.{name}: {_shown(value[name])} is not a text; allowed: {_as_text(value[name])},"
            " or null where the value is not known here"
            for name in wrong
        )
        return None if wrong else dict(value)


def _is_whole(value: object) -> TypeGuard[int | float]:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def _whole_numbers(value: Any, depth: int = 4) -> Any:
    """Return a configuration with `4096.0` as 4096, since Pulumi hands all numbers on with a point."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict) and depth:
        return {key: _whole_numbers(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list) and depth:
        return [_whole_numbers(item, depth - 1) for item in value]
    return value


def _not_finite(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield each key under which an infinite number or none at all stands: no JSON document can hold it."""
    left: list[tuple[str, Any]] = [(str(key), value) for key, value in config.items()]
    while left:
        where, value = left.pop()
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{where}: {value}"
        elif isinstance(value, dict):
            left.extend((f"{where}.{key}", item) for key, item in value.items())
        elif isinstance(value, list):
            left.extend((f"{where}[{index}]", item) for index, item in enumerate(value) if isinstance(item, _NESTED))


_NESTED = (float, dict, list)


def _shown(value: object) -> str:
    """Return a value as the line has it, in the words of JSON, short."""
    try:
        text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # no JSON, or an integer of too many digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004  enough to recognise the value


def _as_text(value: object) -> str:
    return f'"{value}"' if isinstance(value, (int, float)) and not isinstance(value, bool) else "a text in quotes"


def line_from_spec(spec: ServingSpec) -> dict[str, Any]:
    """Return the batch line that `spec_from_line` reads back as this spec; what is absent is left out."""
    model = spec.model
    named = {"model": model.id} if model.config is None else {"model_id": model.id, "config": dict(model.config)}
    line: dict[str, Any] = {
        "id": spec.id,
        "gpu": None if spec.gpu is None else spec.gpu.name,
        "gpus": spec.gpus,
        "engine": spec.release.engine,
        "engine_version": spec.release.version,
        **named,
        "model_revision": model.revision,
        "weights_bytes": model.weights_bytes,
        "gguf": None if model.gguf is None else model.gguf.document(),
        "args": list(spec.command.args),
        "env": dict(spec.command.env),
    }
    return {key: value for key, value in line.items() if value is not None}


def plan_document(verdict: Verdict, *, advice: bool = False) -> dict[str, Any]:
    """Return the plan document of a verdict (schema voltaic/plan/v1); sizes are integers in bytes.

    Made to be shown: values of secret arguments and variables are hidden.

    Args:
        verdict: what was judged.
        advice: whether advisory findings follow those of the verdict; they take as long again, and a batch is spared.
    """
    command = verdict.spec.command
    line = line_from_spec(verdict.spec)
    secrets = secrets_of(command.args, command.env)
    shown = [hide(word, secrets) for word in shown_args(command.args)]
    line |= {"args": shown, "env": shown_env(command.env)}
    found = (*verdict.findings, *verdict.advice) if advice else verdict.findings
    document = {
        "schema": PLAN_SCHEMA,
        "id": verdict.spec.id,
        "verdict": verdict.verdict,
        "findings": [_finding_document(finding, secrets) for finding in found],
        "memory": verdict.bill.document() if isinstance(verdict.bill, Bill) else None,
        "spec": {**line, "runs": _runs_document(verdict.runs)},
        "fixes": [fix.document() for fix in verdict.fixes],
    }
    if verdict.rests_on:
        document["rests_on"] = [ground.document() for ground in verdict.rests_on]
    if verdict.verdict == "refuse" and verdict.ways.elsewhere:
        document["elsewhere"] = [fix.document() for fix in verdict.ways.elsewhere]
    return document


def _finding_document(finding: Finding, secrets: Sequence[str]) -> dict[str, Any]:
    document = finding.document()
    if secrets:
        document |= {key: hide(document[key], secrets) for key in ("message", "why", "fix")}
    return document


def _runs_document(runs: Runs | None) -> dict[str, Any] | None:
    if runs is None:
        return None
    return {
        "implementation": runs.implementation,
        "shards": runs.shards,
        "layer_split": runs.layer_split,
        "dtype": runs.dtype,
        "weights": runs.weights,
        "attention": runs.attention,
        "limits": dict(runs.limits),
    }

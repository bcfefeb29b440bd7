"""The capability matrix of TGI as it is printed: every answer for one release on one architecture of GPUs.

Nothing here is asked in a verdict. The cells come from the same facts and from the same dispatcher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voltaic.engines.base import MatrixCell
from voltaic.engines.tgi import capability
from voltaic.engines.tgi.capability import Question
from voltaic.engines.tgi.case import IMPLEMENTATIONS, NOT_RECOGNISED, dispatch
from voltaic.engines.tgi.families import families
from voltaic.engines.tgi.ignored import read_by
from voltaic.engines.tgi.options import options
from voltaic.engines.tgi.releases import release
from voltaic.engines.tgi.routes import routes
from voltaic.engines.versions import within
from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.base import CellAnswer, Implementation
    from voltaic.engines.tgi.capability import Cell, Feature
    from voltaic.engines.tgi.families import Family, Outcome
    from voltaic.engines.versions import Version

SWITCH: Final = "USE_FLASH_ATTENTION=false"
_NO_FACT: Final = Source("no fact covers it", "unverified")
_ANSWERS: Final[dict[str, CellAnswer]] = {"ok": "ok", "no": "no", "ignored": "differs", "unknown": "unknown"}
_FEATURES: Final[tuple[tuple[Feature, str], ...]] = (
    ("window", "sliding window"),
    ("adapters", "LoRA adapters"),
    ("vision", "images"),
)


@dataclass(frozen=True, slots=True)
class _Mode:
    """A way to start the server on that architecture."""

    flash: bool
    needs: str
    """What must be set for it."""
    setting: str = ""
    """What sets it apart from the way that comes without."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One release on one architecture."""

    version: Version
    arch: str

    def ask(self, question: Question) -> Cell | None:
        return capability.answer(question, self.version, self.arch)


def cells(text: str, arch: str) -> Iterator[MatrixCell]:
    """Yield every answer for a release on an architecture; nothing for a release that the facts do not cover."""
    known = release(text)
    if known is None:
        return
    place = _Place(known.version, arch)
    starts = place.ask(Question("starts"))
    modes = _modes(place) if starts is not None and starts.answer == "ok" else []
    yield _starts(place, starts, modes)
    yield from _models(place, modes)
    yield from _weights(place, modes)
    yield from _dtypes(place, modes)
    yield from _features(place, modes)
    yield from _unread_options(place, modes)
    for route in routes():
        answers = route.answers(place.version)
        because = f"only in builds with the feature {route.build}" if route.build else "404"
        yield MatrixCell(
            "route", f"{route.method} {route.path}", "ok" if answers else "no", route.source,
            message="" if answers else because,
        )  # fmt: skip


def _modes(place: _Place) -> list[_Mode]:
    """Return the ways to start: as it comes, and with flash attention switched off where that is another way."""
    flash, without = place.ask(Question("flash")), place.ask(Question("without-flash"))
    works = without is not None and without.answer == "ok"
    if flash is not None and flash.answer == "ok":
        return [_Mode(flash=True, needs=""), *([_Mode(flash=False, needs=SWITCH, setting=SWITCH)] if works else [])]
    if flash is not None and flash.answer == "off":
        return [_Mode(flash=False, needs="")]
    return [_Mode(flash=False, needs=SWITCH)] if works else []


def _starts(place: _Place, starts: Cell | None, modes: list[_Mode]) -> MatrixCell:
    if starts is None:
        return MatrixCell("starts", "", "unknown", _NO_FACT)
    if starts.answer != "ok":
        return MatrixCell("starts", "", _ANSWERS[starts.answer], starts.source, message=starts.error or starts.note)
    flash = place.ask(Question("flash"))
    if not modes:
        return MatrixCell("starts", "", "unknown", starts.source if flash is None else flash.source)
    message = ""
    if modes[0].needs and flash is not None:
        message = f"not known; {flash.note}" if flash.answer == "unknown" else flash.error
    how = "flash attention" if modes[0].flash else "without flash attention"
    return MatrixCell("starts", "", "ok", starts.source, how=how, needs=modes[0].needs, message=message)


def _models(place: _Place, modes: list[_Mode]) -> Iterator[MatrixCell]:
    for model_type, family in families().by_type.items():
        for mode in modes:
            for sharded in (False, True):
                yield _model(place, family, model_type, mode, sharded=sharded)


def _model(place: _Place, family: Family, model_type: str, mode: _Mode, *, sharded: bool) -> MatrixCell:
    flash = mode.flash and not _needs_flash2(place, family)
    outcome = dispatch(family, model_type, place.version, flash=flash, sharded=sharded)
    unknown_type = family.known is None or place.version < family.known
    answer, message, needs = _outcome(outcome, recognised=not unknown_type)
    if answer == "no" and family.known is None and not family.vision and message in _unread(model_type):
        answer, message = "unknown", f"only with the code of the repository: {message}"
        needs = "--trust-remote-code"
    source = families().source
    if outcome.way == "fallback" and answer == "ok":
        joining = place.ask(Question("joining", model_type))
        if joining is None or joining.answer == "unknown":
            answer, message = "unknown", "joining a second request" if joining is None else joining.note
        elif joining.answer == "no":
            answer, message, needs = "differs", f"a second request that joins ends it: {joining.error}", ""
            needs, source = "--max-batch-size 1", joining.source
    if outcome.way == "native" and family.kernels is not None and (sharded or family.kernels == "always"):
        kernels = place.ask(Question("kernels"))
        needs = "" if kernels is not None and kernels.answer == "ok" else "--disable-custom-kernels"
    if outcome.way == "flash" and family.bf16 is not None and within(place.version, family.bf16):
        wide = place.ask(Question("flash-bfloat16"))
        needs = "" if wide is not None and wide.answer == "ok" else "--dtype float16"
    if family.vision and answer == "ok" and place.ask(Question("vision", model_type)) is None:
        answer, message = "unknown", "images on this GPU"
    how = _how(outcome) if answer in {"ok", "differs", "unknown"} else ""
    shards = "several shards" if sharded else "1 shard"
    return MatrixCell(
        "model", model_type, answer, source,
        setting=", ".join(filter(None, (shards, mode.setting))),
        how=how, needs=", ".join(filter(None, (mode.needs if answer != "no" else "", needs))), message=message,
    )  # fmt: skip


def _unread(model_type: str) -> tuple[str, str]:
    """Return the errors with which a release ends that does not know a model type, unless it may run its code."""
    return NOT_RECOGNISED, f"{families().generic.unsupported} {model_type}"


def _needs_flash2(place: _Place, family: Family) -> bool:
    return place.arch == "sm_75" and family.flash2 is not None and within(place.version, family.flash2)


def _outcome(outcome: Outcome, *, recognised: bool) -> tuple[CellAnswer, str, str]:
    if outcome.way == "error":
        return "no", outcome.error, ""
    if outcome.way == "trap":
        return "differs", "every shard loads the whole model and answers for itself", ""
    if outcome.way in {"unknown", "adapted"}:
        return "unknown", "", ""
    if outcome.way == "fallback" and not recognised:
        return "no", NOT_RECOGNISED, ""
    return "ok", "", ""


def _how(outcome: Outcome) -> str:
    if outcome.way == "adapted":
        return "transformers on flash attention"
    return IMPLEMENTATIONS.get(outcome.way, "")


def _weights(place: _Place, modes: list[_Mode]) -> Iterator[MatrixCell]:
    asked = options().by_name["quantize"].values(place.version)
    paths = dict.fromkeys(path for mode in modes for path in _paths(mode))
    for value in asked:
        for path in paths:
            for checkpoint in ("plain",) if value in capability.on_the_fly() else ("plain", "same"):
                cell = place.ask(Question("quantize", None, path, value, checkpoint))
                yield MatrixCell(
                    "weights", value, "unknown" if cell is None else _ANSWERS[cell.answer],
                    _NO_FACT if cell is None else cell.source,
                    setting=f"{path}, {'plain weights' if checkpoint == 'plain' else 'weights quantized by it'}",
                    how=value if cell is not None and cell.answer == "ok" else "",
                    message="" if cell is None or cell.answer == "ok" else cell.error or cell.note,
                )  # fmt: skip


def _paths(mode: _Mode) -> tuple[Implementation, ...]:
    return ("flash",) if mode.flash else ("transformers-fallback", "native-tensor-parallel")


def _dtypes(place: _Place, modes: list[_Mode]) -> Iterator[MatrixCell]:
    for mode in modes:
        setting = mode.setting
        yield MatrixCell("dtype", "float16", "ok", families().source, setting=setting, needs=mode.needs)
        cell = place.ask(Question("flash-bfloat16" if mode.flash else "fused-bfloat16"))
        answer: CellAnswer = "unknown" if cell is None else "ok"
        if cell is not None and cell.answer != "ok":
            answer = "no" if mode.flash else "differs"
        yield MatrixCell(
            "dtype", "bfloat16", answer, _NO_FACT if cell is None else cell.source, setting=setting, needs=mode.needs,
            message="" if cell is None or cell.answer == "ok" else cell.error or cell.note,
        )  # fmt: skip


def _features(place: _Place, modes: list[_Mode]) -> Iterator[MatrixCell]:
    for mode in modes:
        path = _paths(mode)[0]
        for feature, title in _FEATURES:
            if not mode.flash and feature == "vision":
                continue  # every family that takes images says so itself
            cell = place.ask(Question(feature, None, path))
            yield MatrixCell(
                "feature", title, "unknown" if cell is None else _ANSWERS[cell.answer],
                _NO_FACT if cell is None else cell.source, setting=mode.setting or path, needs=mode.needs,
                message="" if cell is None or cell.answer == "ok" else cell.error or cell.note,
            )  # fmt: skip


def _unread_options(place: _Place, modes: list[_Mode]) -> Iterator[MatrixCell]:
    """Yield options and variables that the release has and that an implementation does not read."""
    facts = options()
    rows = [(option.flag, option.effect, facts.source) for option in facts.of_release(place.version)]
    rows += [
        (variable.name, variable.effect, facts.variables_source)
        for variable in facts.variables
        if variable.in_release(place.version) and not variable.shared
    ]
    paths = dict.fromkeys(path for mode in modes for path in _paths(mode))
    for name, effect, source in rows:
        for path in paths:
            if not read_by(effect, path):
                message = "it is accepted and does nothing"
                yield MatrixCell("feature", name, "differs", source, setting=path, message=message)

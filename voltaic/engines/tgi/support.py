"""Whether a release runs on a GPU, with what is missing and the way out."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from voltaic.engines.base import Support
from voltaic.engines.tgi import capability
from voltaic.engines.tgi.capability import Question
from voltaic.engines.tgi.case import case_of, dispatch
from voltaic.engines.tgi.releases import name_of, release, versions
from voltaic.engines.versions import parse_version
from voltaic.findings import quoted

if TYPE_CHECKING:
    from voltaic.engines.tgi.capability import Cell
    from voltaic.engines.tgi.case import Case
    from voltaic.spec import ServingSpec


def gpu_support(spec: ServingSpec) -> Support:
    """Answer whether the release runs on the GPU at all."""
    if release(spec.release.version) is None:
        first, last = versions()[0], versions()[-1]
        return Support(
            "unknown",
            f"Nothing is known about {name_of(spec.release.version)}; the facts cover {first} to {last}.",
            "Which GPUs a release runs on depends on the kernels that its image was built with.",
            f"Name a release from {first} to {last}, as image tag or engine version.",
        )
    case = case_of(spec)
    if case is None:
        because = (spec.gpu_unknown_because or "the GPU model is not known").rstrip(".")
        return Support(
            "unknown",
            f"Whether {name_of(spec.release.version)} runs on this GPU is not known: {because}.",
            "Kernels are compiled for certain GPU architectures.",
            "Name the GPU model, for example with a profile.",
        )
    return _image_vendor(case) or _starts(case) or _flash(case) or _ok(case)


def _ok(case: Case) -> Support:
    """Return what it rests on that the release starts, with flash attention or without."""
    return _rests_on(
        f"{case.title} on {case.gpu_title}",
        case.ask("starts"),
        case.ask("without-flash") if case.switched_off else case.flash_cell,
    )


@lru_cache(maxsize=1024)
def _rests_on(what: str, *cells: Cell | None) -> Support:
    known = tuple(cell for cell in cells if cell is not None)
    note = "; ".join(dict.fromkeys(cell.note for cell in known if cell.note))
    message = f"{what}{': ' if note else ''}{note}."
    return Support("ok", message, sources=tuple(dict.fromkeys(cell.source for cell in known)))


def _image_vendor(case: Case) -> Support | None:
    """Refuse an image that is built for the other vendor."""
    if case.release.flavour != "-rocm" or case.gpu.vendor == "amd":
        return None
    return Support(
        "no",
        f"The image {case.release.text}-rocm is built for AMD GPUs; the pod gets {case.gpu.title}.",
        "The ROCm image has no CUDA libraries.",
        f"Use the image tag {case.release.text}.",
    )


def _starts(case: Case) -> Support | None:
    cell = case.ask("starts")
    if cell is not None and cell.answer == "ok":
        return _switched_off(case)
    if cell is None or cell.answer == "unknown":
        return Support(
            "unknown",
            f"Whether {case.title} runs on {case.gpu_title} is not known.",
            sentence(cell.note) if cell is not None and cell.note else "No fact covers this release on this GPU.",
            f"A run on this GPU would settle it. {way_out(case)}".strip(),
            () if cell is None else (cell.source,),
        )
    return Support(
        "no",
        f"{case.title} does not run on {case.gpu_title}: every shard ends with {quoted(cell.error)}",
        sentence(cell.note),
        way_out(case),
        (cell.source,),
    )


def _switched_off(case: Case) -> Support | None:
    """Refuse the switch where it ends the server."""
    if not case.switched_off:
        return None
    cell = case.ask("without-flash")
    if cell is not None and cell.answer == "ok":
        return None
    if cell is None:
        return Support(
            "unknown",
            f"Whether {case.title} runs on {case.gpu_title} with USE_FLASH_ATTENTION=false is not known.",
            "No fact covers it.",
            "Leave USE_FLASH_ATTENTION away.",
        )
    return Support(
        "no",
        f"{case.title} does not start with USE_FLASH_ATTENTION=false: every shard ends with {quoted(cell.error)}",
        sentence(cell.note),
        way_out(case) if case.ask("flash") is None else "Leave USE_FLASH_ATTENTION away, or use another release.",
        (cell.source,),
    )


def _flash(case: Case) -> Support | None:
    """Answer for a server that selects flash attention where it cannot run, or where nobody has shown that it can."""
    cell = case.flash_cell
    if case.switched_off or (cell is not None and cell.answer in {"ok", "off"}):
        return None
    without = case.ask("without-flash")
    remedy = "Set the variable USE_FLASH_ATTENTION=false: Transformers then serves the model without flash attention."
    fix = remedy if without is not None and without.answer == "ok" else way_out(case)
    if cell is None or cell.answer == "unknown" or not case.readable:
        unread = cell is not None and cell.answer == "wrong"
        return Support(
            "unknown",
            f"Whether {case.title} serves on {case.gpu_title} is not known"
            + (": USE_FLASH_ATTENTION=false is needed, and not all variables could be read." if unread else "."),
            sentence(cell.note) if cell is not None else "No fact covers flash attention on this GPU.",
            fix,
            () if cell is None else (cell.source,),
        )
    return Support(
        "no",
        f"{case.title} dies in its warm-up on {case.gpu_title} unless USE_FLASH_ATTENTION=false is set: "
        f"{quoted(cell.error)}",
        sentence(cell.note),
        fix,
        (cell.source,),
    )


def sentence(clause: str) -> str:
    """Return a clause as a sentence."""
    text = clause[:1].upper() + clause[1:]
    return text if not text or text.endswith((".", "?")) else text + "."


def way_out(case: Case, *, quantized: bool = False) -> str:
    """Return what runs this model on this GPU instead, as one sentence; empty where nothing is known to.

    With `quantized` the sentence adds that --quantize must go.
    """
    advice = capability.recommended(case.arch)
    if advice is None:
        return ""
    version = parse_version(advice.release)
    if version is None or not _served(case, advice.release):
        return (
            f"No release of TGI is known to serve {case.model_title} on {case.gpu_title}: choose another model, "
            "another engine or a GPU with compute capability 8.0 or newer."
        )
    parts = [f"Use TGI {advice.release}"] if version != case.version else ["Run it"]
    parts += [f"with {name}={value}" for name, value in advice.environment]
    text = " ".join(parts)
    if advice.environment:
        gpus = case.spec.gpus or 1
        text += " and --num-shard 1"
        text += f", which spreads the layers over the {gpus} GPUs" if gpus > 1 else ""
    return text + (f", without --quantize {case.quantize}." if quantized else ".")


def _served(case: Case, text: str) -> bool:
    """Return whether the recommended release serves the family on one shard there."""
    version = parse_version(text)
    if version is None or case.family is None:
        return case.family is None
    flash: Cell | None = capability.answer(Question("flash"), version, case.arch)
    outcome = dispatch(
        case.family,
        case.model_type,
        version,
        flash=flash is not None and flash.answer == "ok",
        sharded=False,
    )
    known = case.family.known is not None and version >= case.family.known
    return outcome.way in {"flash", "native"} or (outcome.way == "fallback" and known)

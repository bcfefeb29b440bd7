"""Whether a release runs on a GPU, with what is missing and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.vllm import capability
from voltaic.engines.vllm.case import case_of
from voltaic.engines.vllm.releases import by_release, facts, holds, name_of, release, source, versions
from voltaic.findings import quoted

if TYPE_CHECKING:
    from voltaic.engines.vllm.case import Case
    from voltaic.spec import ServingSpec

_NEWER: Final = "use another engine, or a GPU with compute capability 7.5 or newer."


def gpu_support(spec: ServingSpec) -> Support:
    """Answer whether the release runs on the GPU at all."""
    if release(spec.release.version) is None:
        return _no_release(spec)
    case = case_of(spec)
    if case is None:
        because = (spec.gpu_unknown_because or "the GPU model is not known").rstrip(".")
        return Support(
            "unknown",
            f"Whether {name_of(spec.release.version)} runs on this GPU is not known: {because}.",
            "Kernels are compiled for certain GPU architectures.",
            "Name the GPU model, for example with a profile.",
        )
    found = _starts(case)
    return found if found.answer != "ok" else _forced_v1(case) or found


def _no_release(spec: ServingSpec) -> Support:
    first, last = versions()[0], versions()[-1]
    advice = None if spec.gpu is None else capability.recommended(spec.gpu.arch)
    newest = capability.starts((999, 0, 0), spec.gpu.arch) if spec.gpu is not None else None
    latest = "A tag such as latest names another release every month."
    if spec.release.version is None and spec.gpu is not None and newest is not None and newest.answer == "no":
        latest = f"A tag such as latest moves, and newer releases do not run on {spec.gpu.title}: {newest.note}."
    return Support(
        "unknown",
        f"Nothing is known about {name_of(spec.release.version)}; the facts cover {first} to {last}.",
        latest,
        f"Name a release, as the image tag {facts()['image']}:v{advice or last}.",
        () if newest is None else (newest.source,),
    )


def _starts(case: Case) -> Support:
    cell = capability.starts(case.version, case.gpu.arch)
    if cell is not None and cell.answer == "ok":
        return Support("ok", f"{case.title} on {case.gpu_title}: {cell.note}.", sources=(cell.source,))
    if cell is None or cell.answer == "unknown":
        return Support(
            "unknown",
            f"Whether {case.title} runs on {case.gpu_title} is not known.",
            sentence(cell.note) if cell is not None else "No fact covers this release on this GPU.",
            f"A run on this GPU would settle it. {way_out(case)}".strip(),
            () if cell is None else (cell.source,),
        )
    return Support(
        "no",
        f"{case.title} does not run on {case.gpu_title}: it ends with {quoted(cell.error)}",
        sentence(cell.note),
        way_out(case) or sentence(_NEWER),
        (cell.source,),
    )


def _forced_v1(case: Case) -> Support | None:
    """Refuse the switch that asks for V1 where the release's V1 does not run on the GPU."""
    if case.spec.command.env.get("VLLM_USE_V1") != "1" or not holds("engine", "v1_default", case.version):
        return None
    table = facts()["engine"]
    if (case.capability or 0) >= by_release(table["v1_capability"], case.version):
        return None
    return Support(
        "no",
        f"VLLM_USE_V1=1 asks for the V1 engine, which {case.title} does not have on {case.gpu_title}: it ends with "
        f"{quoted(table['v1_capability_error'])}",
        "The V1 engine of this release needs compute capability 8.0; without the variable the V0 engine serves.",
        "Remove VLLM_USE_V1, or set it to 0.",
        (source("engine"),),
    )


def sentence(clause: str) -> str:
    """Return a clause as a sentence."""
    text = clause[:1].upper() + clause[1:]
    return text if not text or text.endswith((".", "?")) else text + "."


def way_out(case: Case) -> str:
    """Return the release that is known to run on this GPU instead, as a sentence; empty where this one is."""
    advice = capability.recommended(case.gpu.arch)
    if advice is None or advice == case.release.text:
        return ""
    return f"Use vLLM {advice} with --dtype half: its V0 engine is reported to serve on this GPU."

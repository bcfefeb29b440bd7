"""A serving spec as llama.cpp sees it: build, GPU, file, layers on GPUs, context, slots, caches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.llama_cpp import mix
from voltaic.engines.llama_cpp.facts import build_of, facts
from voltaic.engines.llama_cpp.names import base_model, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.llama_cpp.facts import Build
    from voltaic.hardware import GpuModel
    from voltaic.models import Architecture
    from voltaic.models.gguf_files import GgufWeights
    from voltaic.spec import ServingSpec

ALL: Final = 10**6
"""Layers on GPUs where all are."""
_DIGITS: Final = 9  # longer numbers are no layers of anything, and slow to read


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules about a spec share."""

    spec: ServingSpec
    build: Build
    gpu: GpuModel

    @property
    def arch(self) -> Architecture | None:
        """What is known of the model."""
        return self.spec.model.architecture

    @property
    def title(self) -> str:
        """The build for people."""
        return f"llama.cpp {self.build.text}"

    @property
    def gpu_title(self) -> str:
        """The GPU with its compute capability."""
        number = self.gpu.compute_capability
        return (
            f"{self.gpu.title} ({self.gpu.arch if number is None else f'compute capability {number[0]}.{number[1]}'})"
        )

    @property
    def volta(self) -> bool:
        """Whether the GPU is older than compute capability 7.5."""
        number = self.gpu.compute_capability
        return number is not None and number < (7, 5)

    def number(self, name: str, default: int) -> int:
        """Return a whole number that is stated, or the default."""
        value = self.spec.option(name)
        return value if type(value) is int else default

    def since(self, key: str) -> bool:
        """Return whether the build is one from which on a default of facts.toml holds."""
        return self.build.number >= int(facts()["defaults"][key])

    @property
    def slides(self) -> bool:
        """Whether layers with a window keep no more than that: of some families only, others keep everything."""
        row = None if self.arch is None else facts()["models"]["types"].get(self.arch.model_type)
        return self.since("window_from") and row is not None and bool(row.get("windows"))

    @property
    def fit(self) -> bool:
        """Whether --fit fills in what is not stated."""
        return self.since("fit_from") and self.spec.option("fit", "on") != "off"

    @property
    def file(self) -> GgufWeights | None:
        """The file whose header was read, where it is the one that is served."""
        read = self.spec.model.gguf
        stated = stated_file(self.spec.command.options)
        return read if read is not None and stated in {None, read.name} else None

    @property
    def file_type(self) -> str | None:
        """Type of the file, of its name or tag, else the commonest of its header; None: not known."""
        for name in ("hf_file", "model_file", "model_url", "hf_repo", "docker_repo"):
            text = self.spec.option(name)
            if isinstance(text, str):
                tag = text.rpartition(":")[2] if name in {"hf_repo", "docker_repo"} and ":" in text else text
                return None if name in {"hf_repo", "docker_repo"} and ":" not in text else self._type(tag)
        return self._type("")

    def _type(self, name: str) -> str | None:
        return mix.file_type(name) or (None if self.file is None else self.file.type)

    def weights(self, kind: str) -> mix.Weights:
        """Return the bytes of the file's tensors: of its header where that was read, else of a file of that type."""
        if self.file is not None:
            return mix.of_file(self.file)
        if self.arch is None:
            raise ValueError("the weights of an unknown architecture were asked for")
        return mix.weights(self.arch, kind)

    @property
    def context(self) -> int | None:
        """Tokens that all slots share, as stated or as the build takes them; None: not known."""
        stated, table = self.number("ctx_size", 0), facts()["defaults"]
        longest = None if self.arch is None else self.arch.stated_positions or self.arch.max_positions
        if stated > 0:
            return stated
        if self.fit:
            return min(longest, table["fit_context"]) if longest is not None else None
        if self.spec.option("ctx_size") is None and self.build.number < table["context_until"]:
            return int(table["context"])
        return longest if self.spec.option("ctx_size") == 0 or self.since("fit_from") else None

    @property
    def slots(self) -> int:
        """Requests at once."""
        stated, table = self.number("parallel", -1), facts()["defaults"]
        if stated > 0:
            return stated
        return int(table["slots_auto"] if self.since("auto_slots_from") else table["slots"])

    @property
    def unified(self) -> bool:
        """Whether the slots share one cache, so that one request may have all of it."""
        stated = self.spec.option("kv_unified")
        if isinstance(stated, bool):
            return stated
        return self.since("auto_slots_from") and self.number("parallel", -1) <= 0

    @property
    def layers(self) -> int | None:
        """Layers on GPUs, the head as one of them; ALL: all; None: not known."""
        stated = str(self.spec.option("n_gpu_layers", "auto"))
        if stated in {"all", "-2"}:
            return ALL
        if stated.isdecimal() and len(stated) <= _DIGITS:
            return int(stated)
        return ALL if stated in {"auto", "-1"} and self.since("fit_from") else None

    @property
    def flash(self) -> bool | None:
        """Whether flash attention computes; None: the program decides."""
        stated = str(self.spec.option("flash_attn", "auto" if self.since("flash_auto_from") else "off"))
        return {"on": True, "off": False}.get(stated)

    def cache_type(self, which: str) -> str:
        """Return the type in which K or V is kept, as ggml names it."""
        return str(self.spec.option(f"cache_type_{which}", "f16")).upper()


def stated_file(options: Mapping[str, Any]) -> str | None:
    """Return the name of the file that a command line names, without its folders; None: it names none.

    A repository without a file is named with an empty text: which of its files is served is not said.
    """
    for name in ("hf_file", "model_file", "model_url"):
        if isinstance(options.get(name), str):
            return str(options[name]).rpartition("/")[2]
    return "" if any(options.get(name) is not None for name in ("hf_repo", "docker_repo")) else None


def case_of(spec: ServingSpec) -> Case | None:
    """Return the spec as llama.cpp sees it; None where build or GPU are not known."""
    known = build_of(spec.release.version)
    return None if known is None or spec.gpu is None else Case(spec, known, spec.gpu)


def same_model(case: Case) -> bool:
    """Return whether repository or file may hold the model that is judged, by its name."""
    judged, loaded = case.spec.model.id, case.spec.option("hf_file") or case.spec.option("hf_repo")
    if not isinstance(loaded, str) or judged is None or "/" not in judged or judged.startswith(("/", ".", "~")):
        return True  # a file of somebody's own may hold anything
    return judged == base_model(loaded) or plain(judged) in plain(loaded)

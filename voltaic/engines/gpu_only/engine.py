"""An engine of which is known on which GPUs it starts: it is refused where it does not, and else unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.engines.base import MatrixCell, Support
from voltaic.engines.gpu_only.facts import facts, fit
from voltaic.findings import Source, quoted
from voltaic.memory.bill import NoBill
from voltaic.spec import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from voltaic.engines.base import Runs
    from voltaic.memory.bill import Bill
    from voltaic.spec import ServingSpec

_NOTHING = Source("no fact covers it", "unverified")


class GpuOnly:
    """One of the engines in facts.toml."""

    def __init__(self, name: str) -> None:
        self.name = name

    def releases(self) -> tuple[str, ...]:
        """Return releases to show; others between them are covered as well."""
        return tuple(facts(self.name)["named"])

    def title(self, version: str | None) -> str:
        """Return the release for people: `SGLang 0.5.19`."""
        return f"{facts(self.name)['title']} {version or '(release unknown)'}"

    def parse(self, version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:  # noqa: ARG002
        """Keep arguments and environment as they are; of the options only the model is read."""
        entry, options = facts(self.name), dict[str, Any]()
        words = list(args)
        for index, word in enumerate(words):
            name, equals, value = word.partition("=")
            if name in entry["model"] and (equals or words[index + 1 : index + 2]):
                options["model"] = value if equals else words[index + 1]
        if "positional" in entry:
            rest = words[1:] if words[:1] and words[0] in entry["positional"] else words
            if rest and not rest[0].startswith("-"):
                options["model"] = rest[0]
        return CommandLine(tuple(args), dict(env), options)

    def build(self, version: str, options: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002
        """Return the arguments that name the model, the one option that is known; raises ValueError for others."""
        entry = facts(self.name)
        if not options:
            return ()
        if set(options) == {"model"} and (entry["model"] or "positional" in entry):
            return (*entry["model"][:1], str(options["model"]))
        raise ValueError(f"the options of {entry['title']} are not known: {', '.join(sorted(options))}")

    def gpu_support(self, spec: ServingSpec) -> Support:
        """Answer whether this release starts on this GPU at all."""
        title, entry = self.title(spec.release.version), facts(self.name)
        if spec.gpu is None:
            because = (spec.gpu_unknown_because or "the GPU model is not known").rstrip(".")
            message = f"Whether {title} starts on this GPU is not known: {because}."
            why = "Kernels are compiled for certain GPU architectures."
            return Support("unknown", message, why, "Name the GPU model, for example with a profile.")
        row = fit(self.name, spec.release.version, spec.gpu.arch)
        settles = "What settles it: a run on this GPU."
        if row is None:
            message = f"Whether {title} starts on {spec.gpu.title} is not known."
            why = f"No fact covers this release there; facts were read on {entry['read']}."
            return Support("unknown", message, why, settles)
        note = row.note[:1].upper() + row.note[1:] + "."
        if row.answer == "ok":
            return Support("ok", f"{title} on {spec.gpu.title}: {row.note}.", sources=(row.source,))
        if row.answer == "unknown":
            message = f"Whether {title} starts on {spec.gpu.title} is not known."
            return Support("unknown", message, note, settles, (row.source,))
        end = f": it ends with {quoted(row.error)}" if row.error else "."
        message = f"{title} does not run on {spec.gpu.title}{end}"
        return Support("no", message, note, str(entry["instead"]), (row.source,))

    def model_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer that nothing is known beside the GPU."""
        title = self.title(spec.release.version)
        return (
            Support(
                "unknown",
                f"What {title} does with {spec.model.id or 'this model'}, and with its options, is not known here.",
                "Of this engine only is known on which GPUs it starts.",
                "What settles it: a run. Of tgi, vllm, lmdeploy and llama.cpp the options are known.",
            ),
        )

    def shard_support(self, spec: ServingSpec) -> tuple[Support, ...]:  # noqa: ARG002  model_support says it
        """Answer nothing: its sharding is not known."""
        return ()

    def gpus_used(self, spec: ServingSpec) -> None:
        """Return how many of the pod's GPUs compute: not known."""

    def argument_support(self, spec: ServingSpec) -> tuple[Support, ...]:  # noqa: ARG002  model_support says it
        """Answer nothing: its options are not known."""
        return ()

    def environment(self, spec: ServingSpec) -> Mapping[str, str]:  # noqa: ARG002
        """Return the variables that must be set: none is known."""
        return {}

    def required_options(self, spec: ServingSpec) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the options that must be set: none is known."""
        return {}

    def batch_bound(self, version: str | None) -> str:  # noqa: ARG002
        """Return the option that bounds the requests of a batch; empty: it is not known."""
        return ""

    def runs(self, spec: ServingSpec) -> Runs | None:  # noqa: ARG002
        """Return how it runs: not known."""
        return None

    def bill(self, spec: ServingSpec) -> Bill | NoBill:
        """Return why there is no bill."""
        title = self.title(spec.release.version)
        return NoBill(
            f"how {title} uses the memory of a GPU is not modelled", "an engine with a bill, or a measurement"
        )

    def archs(self) -> tuple[str, ...]:
        """Return the architectures of GPUs that the facts cover."""
        return tuple(facts(self.name)["archs"])

    def matrix(self, version: str, arch: str) -> Iterable[MatrixCell]:
        """Yield the one answer that there is: whether it starts."""
        row = fit(self.name, version, arch)
        if row is None:
            yield MatrixCell("starts", "", "unknown", _NOTHING)
        else:
            message = "" if row.answer == "ok" else row.error or row.note
            yield MatrixCell("starts", "", row.answer, row.source, message=message)

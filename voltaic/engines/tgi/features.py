"""What a served model needs beside its implementation: windows, kernels, joining, adapters, heads, positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.base import Support
from voltaic.engines.tgi import capability, shards
from voltaic.engines.tgi.capability import Question
from voltaic.engines.tgi.families import families
from voltaic.engines.tgi.limits import effective
from voltaic.engines.tgi.support import sentence, way_out
from voltaic.engines.versions import within
from voltaic.findings import Source, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.base import Implementation
    from voltaic.engines.tgi.case import Case
    from voltaic.engines.tgi.families import Outcome
    from voltaic.models import Architecture

_SPECULATOR: Final = "Speculator decoding is not enabled for AutoModel"
_MEDUSA: Final = "Medusa decoding is not enabled for AutoModel"
_SPECULATOR_SOURCE: Final = Source("causal_lm.py of each release, CausalLM and CausalLM.fallback")
_SHARD_SIZES_SOURCE: Final = Source("server/text_generation_server/models/custom_modeling and utils/weights.py")
_BACKENDS: Final = {"nvidia": "cuda", "amd": "rocm"}
_TOLD_ONLY_IF_SET: Final = (2, 4, 1)  # from here on the shard is only told of an input limit that was set
_SPECULATES: Final = (1, 3, 0)
_HEADS_REFUSED: Final = (1, 4, 3)  # before, Medusa heads are loaded and not used
_MEDUSA_UNTIL: Final = (2, 0, 2)


def window(case: Case) -> Iterator[Support]:
    """Refuse a sliding window shorter than the longest input where the attention knows none."""
    arch = case.spec.model.architecture
    config = case.spec.model.config or {}
    stated = config.get("sliding_window") if "sliding_window" in config else arch.sliding_window if arch else None
    if not isinstance(stated, int) or stated < 0:
        return
    cell = case.ask("window", "flash" if case.flash else "transformers-fallback")
    count = case.shards.possible[0] if case.shards.possible else 1
    if cell is None or cell.answer == "ok":
        return
    given = case.spec.command.options
    limits = effective(given, case.version, arch, case.gpu, shards=count, flash=case.flash)
    longest = limits.values.get("max_input_tokens")
    if longest is None or longest <= stated or (case.version >= _TOLD_ONLY_IF_SET and "max_input_tokens" not in given):
        return
    yield Support(
        "no",
        f"{case.title} refuses inputs of up to {longest} tokens: {case.model_title} attends to a sliding window of "
        f'{stated} tokens ("The backend {_BACKENDS[case.gpu.vendor]} {cell.error} that is used by the model type '
        f'{case.model_type}").',
        sentence(cell.note),
        f"Write --max-input-tokens {stated} or less.",
        (cell.source,),
    )


def kernels(case: Case, outcomes: dict[int, Outcome]) -> Iterator[Support]:
    """Refuse the compiled custom kernels where the GPU cannot run them."""
    family = case.family
    native = any(outcome.way == "native" for outcome in outcomes.values())
    if family is None or family.kernels is None or not native or case.spec.option("disable_custom_kernels"):
        return
    if family.kernels == "sharded" and all(count == 1 for count in outcomes):
        return
    cell = case.ask("kernels")
    if cell is not None and cell.answer == "ok":
        return
    if cell is None or not case.readable:
        yield Support(
            "unknown",
            f"Whether the custom kernels of {case.model_title} run on {case.gpu_title} is not known.",
            sentence(cell.note) if cell is not None else "No fact covers it.",
            "Add --disable-custom-kernels.",
        )
        return
    yield Support(
        "no",
        f"{case.title} runs custom kernels for {case.model_title} that {case.gpu_title} cannot run: "
        f"{quoted(cell.error)}",
        sentence(cell.note),
        "Add --disable-custom-kernels.",
        (cell.source,),
    )


def joining(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse what breaks as soon as a second request joins."""
    if "transformers-fallback" not in ways:
        return
    cell = case.ask("joining")
    if cell is not None and cell.answer == "unknown":
        yield Support(
            "unknown",
            f"Whether {case.title} serves {case.model_title} without flash attention is not known.",
            sentence(cell.note),
            "Use a GPU with compute capability 8.0 or newer, or another model.",
            (cell.source,),
        )
        return
    if case.spec.option("max_batch_size") == 1 or (cell is not None and cell.answer == "ok"):
        return
    fix = f"Write --max-batch-size 1, which serves one request at a time. Or: {way_out(case)}"
    if case.spec.option("max_concurrent_requests") == 1:
        yield Support(
            "unknown",
            f"Whether {case.title} keeps to one request at a time with --max-concurrent-requests 1 is not known.",
            "A request whose client goes away frees its place at once, but leaves the batch only after the next token; "
            "a request that comes in between joins it.",
            fix,
        )
        return
    if cell is None or not case.readable:
        yield Support(
            "unknown",
            f"Whether {case.title} serves two requests at a time with {case.model_title} on {case.gpu_title} is not "
            "known.",
            "Where it was tried from 3.0.2 on, a second request that joins breaks Transformers' AutoModel.",
            fix,
        )
        return
    yield Support(
        "no",
        f"{case.title} breaks on {case.gpu_title} as soon as a second request joins the first: {quoted(cell.error)}",
        sentence(cell.note),
        fix,
        (cell.source,),
    )


def configuration(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse properties of a configuration that the class of the release's transformers does not know."""
    arch = case.spec.model.architecture
    if arch is None or "transformers-fallback" not in ways:
        return
    for name, said in (*_properties(arch, case.spec.model.config or {}), *_spread(case, arch)):
        cell = capability.answer(Question("class", arch.model_type, value=name), case.version, case.arch)
        if cell is not None and cell.answer == "ok":
            continue
        if cell is None:
            yield Support(
                "unknown",
                f"Whether {case.title} serves {case.model_title} with {said} is not known.",
                "No fact covers it for the class of its transformers.",
                "Use a model without it, or measure it.",
            )
            return
        ends = f": the shard ends with {quoted(cell.error)}" if cell.error else "."
        yield Support(
            "no",
            f"{case.title} cannot serve {case.model_title} with {said}{ends}",
            sentence(cell.note),
            "Use one GPU, or another model." if name == "layer-split" else way_out(case),
            (cell.source,),
        )
        return


def _spread(case: Case, arch: Architecture) -> Iterator[tuple[str, str]]:
    """Yield that layers lie on several GPUs, for families of which it is known what that does."""
    gpus = case.spec.gpus or 1
    question = Question("class", arch.model_type, value="layer-split")
    if gpus > 1 and capability.answer(question, case.version, case.arch) is not None:
        yield "layer-split", f"its layers spread over {gpus} GPUs"


def _properties(arch: Architecture, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a configuration has beyond the plain shape of its family, and how to say it."""
    if arch.rope_scaling is not None:
        yield f"rope-{arch.rope_scaling}", f"rope_scaling {arch.rope_scaling}"
        stated = config.get("rope_scaling")
        if isinstance(stated, dict) and set(stated) != {"type", "factor"}:
            yield "rope-fields", f"the fields {', '.join(sorted(map(str, stated)))} of rope_scaling"
    if arch.head_dim * arch.heads != arch.hidden:
        yield "head-dim", f"head_dim {arch.head_dim} beside {arch.heads} heads of a hidden size of {arch.hidden}"
    if arch.attention_bias:
        yield "attention-bias", "biases in attention"
    if arch.mlp_bias:
        yield "mlp-bias", "biases in the MLP"


def adapters(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse LoRA adapters where nothing can attach them."""
    if not case.spec.option("lora_adapters"):
        return
    for way in sorted(ways):
        cell = case.ask("adapters", way)
        if cell is not None and cell.answer == "ok":
            continue
        if cell is None:
            yield Support(
                "unknown",
                f"Whether {case.title} serves LoRA adapters on {case.gpu_title} is not known.",
                "No fact covers it.",
                "Leave --lora-adapters away.",
            )
            continue
        yield Support(
            "no",
            f"{case.title} cannot serve LoRA adapters on {case.gpu_title}: the shard ends with {quoted(cell.error)}",
            sentence(cell.note),
            "Leave --lora-adapters away; a repository with one PEFT adapter can be given as --model-id, it is merged.",
            (cell.source,),
        )


def speculator(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse trained speculators (Medusa, MLP) outside of flash attention, and more tokens than they have heads for."""
    config = case.spec.model.config or {}
    heads = config.get("medusa_num_heads", config.get("n_predict"))
    trained = "medusa_num_heads" in config or config.get("model_type") == "mlp_speculator"
    if not trained or case.version < _SPECULATES:
        return
    asked = case.spec.option("speculate")
    if isinstance(heads, int) and isinstance(asked, int) and asked > heads:
        yield Support(
            "no",
            f"--speculate {asked} is more than the {heads} tokens that this speculator was trained for.",
            f'The shard ends with "Speculate is set to `{asked}` but this [...] only has `{heads}` heads, please make '
            'them match"',
            f"Write --speculate {heads} or less, or leave it away.",
            (families().source,),
        )
    if "transformers-fallback" not in ways or case.version < _HEADS_REFUSED:
        return
    error = _MEDUSA if case.version <= _MEDUSA_UNTIL else _SPECULATOR
    yield Support(
        "no",
        f"{case.title} cannot use this model's trained speculator on {case.gpu_title}: "
        f"the shard ends with {quoted(error)}",
        "Transformers' AutoModel has no speculative decoding.",
        "Serve the base model that the speculator was trained for.",
        (_SPECULATOR_SOURCE,),
    )


def shard_sizes(case: Case, outcomes: dict[int, Outcome]) -> Iterator[Support]:
    """Refuse numbers of shards that do not divide the heads."""
    arch = case.spec.model.architecture
    count = case.shards.count
    if arch is None or count is None or count < 2 or outcomes[count].way not in {"flash", "native"}:  # noqa: PLR2004
        return
    if _divides(arch, count):
        return
    allowed = [n for n in range(1, min(case.spec.gpus or count, arch.heads) + 1) if _divides(arch, n)]
    heads = f"{arch.heads} attention heads and {arch.kv_heads} key-value heads"
    certain = arch.heads % count != 0 or arch.kv_heads < count
    yield Support(
        "no" if certain else "unknown",
        f"{heads} cannot be divided among {count} shards.",
        "Every shard holds the same number of heads; none is held twice.",
        f"Write --num-shard {allowed[-1]}." if allowed else "Write --num-shard 1.",
        (_SHARD_SIZES_SOURCE, shards.SOURCE),
    )


def _divides(arch: Architecture, shards_: int) -> bool:
    """Return whether every shard gets whole heads; a single key-value head is held by all."""
    return arch.heads % shards_ == 0 and (arch.kv_heads % shards_ == 0 or arch.kv_heads == 1)


def positions(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse limits beyond a table of learned positions."""
    arch = case.spec.model.architecture
    if arch is None or arch.positions != "learned" or arch.max_positions is None or not ways:
        return
    count = case.shards.possible[0] if case.shards.possible else 1
    flash = ways == {"flash"}
    limits = effective(case.spec.command.options, case.version, arch, case.gpu, shards=count, flash=flash)
    total = limits.values.get("max_total_tokens")
    if total is None or total <= arch.max_positions:
        return
    set_by = "" if "max_total_tokens" in case.spec.command.options else " (not set: computed)"
    yield Support(
        "no",
        f"Requests of up to {total} tokens{set_by} exceed the {arch.max_positions} positions of {case.model_title}.",
        "Its positions are a table of that length; a longer request reads beyond it and ends the shard with a "
        "device-side assertion.",
        f"Write --max-total-tokens {arch.max_positions} or less, and --max-input-tokens below it.",
        (Source("config.json of the model; the embedding of positions in its implementation", "derived"),),
    )


def rotary(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Doubt models with ALiBi in a flash model that computes rotary positions for all of its family."""
    arch, family = case.spec.model.architecture, case.family
    if arch is None or family is None or family.rotary is None or arch.positions != "alibi" or "flash" not in ways:
        return
    if within(case.version, family.rotary):
        yield Support(
            "unknown",
            f"What {case.title} answers with {case.model_title} is not known: it computes rotary positions for it.",
            "The model was trained with ALiBi, of which this implementation knows nothing: it starts, and computes "
            "something else.",
            "Use a model of the family with rotary positions, or another engine.",
            (families().source,),
        )


def memory_fraction(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse shares of the GPU's memory beyond the whole, where they are read."""
    fraction = case.spec.option("cuda_memory_fraction")
    if not ways & {"flash", "native-tensor-parallel"} or not isinstance(fraction, float) or 0 <= fraction <= 1:
        return
    yield Support(
        "no",
        f"--cuda-memory-fraction {fraction} is not a share of the GPU's memory: the shard ends with "
        f'"Invalid fraction value: {fraction}. Allowed range: 0~1".',
        "PyTorch takes a share from 0 to 1.",
        "Leave --cuda-memory-fraction away, or write a number from 0 to 1.",
        (Source("server/utils/dist.py of each release; torch.cuda.set_per_process_memory_fraction"),),
    )

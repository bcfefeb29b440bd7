"""A model server of a Kubernetes manifest as settings of a stack."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from voltaic import engines, hardware, hidden, models
from voltaic.engines.ways import ways_of
from voltaic.imports.old import Line, Translation
from voltaic.manifests.containers import option_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.manifests import Workload
    from voltaic.spec import ServingSpec

KEYS: Final = (
    *("modelRevision", "quantization", "dtype", "maxInputTokens", "maxTotalTokens", "maxBatchPrefillTokens"),
    *("maxBatchTotalTokens", "maxBatchSize"),
)
"""Settings that are taken over where the command line states them; the model besides. Shards are derived."""
OPTIONS: Final = {
    "model_id": "model",
    "model": "model",
    "revision": "modelRevision",
    "quantize": "quantization",
    "quantization": "quantization",
    "dtype": "dtype",
    "max_input_tokens": "maxInputTokens",
    "max_input_length": "maxInputTokens",
    "max_total_tokens": "maxTotalTokens",
    "max_model_len": "maxTotalTokens",
    "max_batch_prefill_tokens": "maxBatchPrefillTokens",
    "max_num_batched_tokens": "maxBatchPrefillTokens",
    "max_batch_total_tokens": "maxBatchTotalTokens",
    "max_batch_size": "maxBatchSize",
    "max_num_seqs": "maxBatchSize",
}
"""Settings by the canonical option that says them."""
DERIVED: Final = {
    "num_shard": "shards follow from the GPU and the model",
    "sharded": "shards follow from the GPU and the model",
    "tensor_parallel_size": "shards follow from the GPU and the model",
    "port": "a stack has its own port",
    "hostname": "a stack listens on all addresses of its pod",
    "host": "a stack listens on all addresses of its pod",
    "usage_stats": "a stack sends none",
    "api_key": "a key is generated and asked for, or: pulumi config set --secret apiKey",
    "huggingface_hub_cache": "weights lie on the model cache",
    "download_dir": "weights lie on the model cache",
    "gpu_memory_utilization": "limits are derived for the whole GPU",
    "cuda_memory_fraction": "limits are derived for the whole GPU",
}
"""What becomes of options that a stack says by itself."""
_AUTO: Final = frozenset({"auto", "half"})


def translated(workload: Workload) -> Translation:
    """Return what a server becomes. Never raises."""
    found = Translation(old=workload.spec)
    spec = workload.spec
    if spec is None:
        found.old_because = workload.reason or "it is no model server that is known"
        return found
    _machine(found, workload, spec)
    stated = dict(_stated(spec))
    for option, value in spec.command.options.items():
        found.lines.append(_line(workload, option, value, stated, found.settings))
    for name in spec.command.env:
        if hidden.is_secret(name):
            key = "apiKey" if "KEY" in name.upper() else "hfToken"
            says = f"a secret. Set it, typed at the prompt, with: pulumi config set --secret {key}"
            found.lines.append(Line(_where(workload, name), name, None, "secret", says, key))
    return found


def _machine(found: Translation, workload: Workload, spec: ServingSpec) -> None:
    """Put in model, GPUs and place."""
    if spec.model.id is not None:
        known = models.known_model(spec.model.id)
        found.settings["model"] = spec.model.id if known is None else known.id
    if spec.gpu is not None and spec.gpus:
        with suppress(hardware.UnknownProfile):
            found.settings["profile"] = hardware.profile(f"{spec.gpu.name} x{spec.gpus}").name
    namespace = workload.pod.namespace if workload.pod is not None else None
    if isinstance(namespace, str) and namespace:
        found.settings["namespace"] = namespace
        found.lines.append(
            Line("metadata.namespace", "namespace", namespace, "taken", f"namespace {namespace}", "namespace")
        )
    release = (
        f"the release is derived for the GPU (was {spec.release}); another one with: voltaic set engineVersion VERSION"
    )
    if spec.release.engine not in engines.deployable():
        release = f"a stack deploys TGI, not {spec.release.engine}: model and limits are taken over and judged anew"
    found.lines.append(Line(workload.place("image").path, "image", str(spec.release), "derived", release))


def _stated(spec: ServingSpec) -> Iterator[tuple[str, Any]]:
    """Yield settings that the command line states and that mean the same to a stack."""
    engine = engines.engine(spec.release.engine)
    ways = ways_of(engine)
    if ways is None:
        return
    for key in KEYS:
        value = spec.model.revision if key == "modelRevision" else ways.stated(spec, key)
        if value is not None and not (key == "dtype" and value in _AUTO):
            yield key, value


def _line(workload: Workload, option: str, value: Any, stated: Mapping[str, Any], settings: dict[str, Any]) -> Line:
    """Return what becomes of one option, and take it over where it becomes a setting."""
    key = OPTIONS.get(option)
    where, name = _where(workload, option), f"--{option.replace('_', '-')}"
    shown = None if hidden.is_secret(option) else str(value)
    if key == "model":
        return Line(where, name, shown, "taken", f"model {settings.get('model', value)}", key)
    if key is not None and key in stated:
        settings[key] = stated[key]
        return Line(where, name, shown, "taken", f"{key} {stated[key]}", key)
    if option in DERIVED:
        return Line(where, name, shown, "derived", DERIVED[option], key)
    says = "not taken over; where the server needs it: voltaic set 'extraArgs=[…]', which is judged"
    return Line(where, name, shown, "dropped", says, key)


def _where(workload: Workload, about: str) -> str:
    for name in (about, *option_names(f"--{about.replace('_', '-')}")):
        place = workload.place(name)
        if place.path:
            return place.path
    return ""

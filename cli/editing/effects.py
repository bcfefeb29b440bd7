"""What a change of settings does to what runs: which pods restart, for how long nobody answers, what else moves. Pure.

Without a preview, so that a change is told in half a second; `voltaic preview` says it object by object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.pull_request.words import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.editing.edit import Edit
    from voltaic.host import Start

DERIVED: Final = frozenset(
    {
        *("profile", "model", "modelRevision", "engine", "engineVersion", "quantization", "dtype", "gpus", "shards"),
        *("maxInputTokens", "maxTotalTokens", "maxBatchPrefillTokens", "maxBatchTotalTokens", "maxBatchSize"),
        "extraArgs",
    }
)
"""Keys that reach the pod through the serving spec alone: the server restarts where that differs."""
SERVER: Final = frozenset(
    {"image", "nodeSelector", "tolerations", "hfToken", "apiKey", "modelCacheEphemeral", "downloadMegabytesPerSecond"}
)
"""Keys that change the server's pod by themselves."""
PAGE: Final = frozenset({"webuiVersion", "webuiImage", "webuiAdminEmail", "webuiAdminPassword", "webuiDatabaseUrl"})
"""Keys that change the chat page's pod."""
BOTH: Final = frozenset({"labels"})
MOVES: Final = frozenset({"namespace", "context"})
"""Keys that say where everything is."""
VOLUMES: Final = frozenset({"modelCacheSize", "modelCacheStorageClass", "webuiDataSize", "webuiStorageClass"})
"""Keys of volume claims, which a cluster changes little of afterwards."""
QUIET: Final = frozenset(
    {
        *("allowUnknown", "createNamespace", "modelCacheDeleteOnDestroy", "webuiDataDeleteOnDestroy"),
        "webuiNetworkStorage",
    }
)
"""Keys that no pod notices."""
ALONE: Final = frozenset({"replicas", "webuiEnabled"})
"""Keys with a sentence of their own."""
_WEIGHTS: Final = frozenset({"model", "modelRevision", "modelCacheEphemeral", "modelCacheStorageClass"}) | MOVES
"""Keys after which the weights are downloaded first."""


_ONE_NODE: Final = "keep them on one node, or give each its own with: voltaic set modelCacheEphemeral true"


def lines(edit: Edit) -> Iterator[str]:
    """Yield what the next `voltaic up` does with the pods, a sentence each; nothing where the stack is new."""
    keys = {change.key for change in edit.changes}
    if edit.before is None or not keys:
        return
    restarts = bool(keys & (SERVER | BOTH | MOVES)) or (bool(keys & DERIVED) and _other_spec(edit))
    replicas = int(edit.after.stated.get("replicas", "1"))
    if restarts and replicas:
        yield _restart(edit.after.start, replicas, download=bool(keys & _WEIGHTS))
    elif keys & DERIVED and not restarts:
        yield "The server gets the same command line as before: it does not restart."
    if "replicas" in keys:
        yield from _scaled(edit, replicas)
    yield from _of_the_page(edit, keys)
    if keys & MOVES:
        yield "Everything moves to another place with new volumes: weights are downloaded anew, chats stay behind."
    if keys & VOLUMES:
        yield "A volume claim changes: a cluster may refuse that, or replace it. Look first: voltaic preview"
    if not restarts and keys <= QUIET:
        yield "No pod restarts."


def _of_the_page(edit: Edit, keys: set[str]) -> Iterator[str]:
    if keys & (PAGE | BOTH):
        yield "The chat page restarts; chats stay."
    if "webuiEnabled" in keys:
        on = edit.after.stated.get("webuiEnabled", "true") == "true"
        yield "The chat page starts." if on else "The chat page ends; its volume stays unless webuiDataDeleteOnDestroy."


def _other_spec(edit: Edit) -> bool:
    before = edit.before.verdict if edit.before is not None else None
    return before is None or before.spec != edit.verdict.spec


def _restart(start: Start | None, replicas: int, *, download: bool) -> str:
    if start is None:
        return "The server restarts."
    parts = [start.download] if download and start.download.value else []
    parts += [start.load, start.process, start.warm_up]
    seconds = sum(part.value for part in parts)
    told = ", ".join(part.because for part in parts)
    if replicas > 1:
        return f"The server's {replicas} pods restart one after the other, {duration(seconds)} each ({told})."
    return f"The server restarts: nobody answers for {duration(seconds)} ({told})."


def _scaled(edit: Edit, replicas: int) -> Iterator[str]:
    before = edit.before.stated.get("replicas", "1") if edit.before is not None else "1"
    if not replicas:
        yield "The server is parked: no pod, the cache stays."
        return
    gpus = edit.verdict.spec.gpus or 1
    yield f"Replicas go from {before} to {replicas}: {replicas * gpus} GPUs in all."
    if replicas > 1 and edit.after.stated.get("modelCacheEphemeral") != "true":
        yield f"{replicas} pods share a model cache that one node at a time can mount: {_ONE_NODE}"

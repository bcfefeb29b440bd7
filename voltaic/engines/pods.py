"""What a pod must know of an engine's server: its port, its routes, where it keeps weights, how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import api_keys, data
from voltaic.engines.versions import parse_version, within

if TYPE_CHECKING:
    from voltaic.findings import Source
    from voltaic.spec import ServingSpec

_KEYS = frozenset(
    {"title", "images", "port", "also", "tls", "moves", "moves_env", "routes", "since", "all", "absent", "guarded"}
    | {"home", "cache", "drain", "source", "confidence"}
)


@dataclass(frozen=True, slots=True)
class Served:
    """The HTTP server of one engine."""

    title: str
    images: tuple[str, ...]
    """Last part of the names of its images."""
    row: dict[str, Any]
    """The rest of the facts, as in pods.toml."""
    source: Source

    @property
    def drain(self) -> int | None:
        """Seconds for which it waits for running requests when it is told to end; None: not known."""
        return self.row.get("drain")

    def ports(self, spec: ServingSpec, repository: str | None) -> frozenset[int]:
        """Return the ports that it listens on; empty where they are not known.

        Args:
            spec: what it serves.
            repository: last part of the image's name.
        """
        if _unread(spec) or any(spec.option(name) is not None for name in self.row["moves"]):
            return frozenset()
        facts = self.row["port"]
        first = spec.option(facts["option"])
        if first is None:
            # Whose image it is decides what its variables say.
            first = facts.get("image") if repository in self.images else None
        if not isinstance(first, int):
            return frozenset()
        also = self.row.get("also")
        second = spec.option(also["option"], also["default"]) if also else None
        return frozenset(port for port in (first, second) if isinstance(port, int))

    def main_port(self, spec: ServingSpec, repository: str | None) -> int | None:
        """Return the port of its API; None where that is not known."""
        if not self.ports(spec, repository):
            return None
        stated = spec.option(self.row["port"]["option"])
        port = self.row["port"].get("image") if stated is None else stated
        return port if isinstance(port, int) else None

    def https(self, spec: ServingSpec) -> bool | None:
        """Return whether it speaks https; None where that is not known."""
        if _unread(spec) or any(spec.option(name) is not None for name in self.row["moves"]):
            return None
        return any(spec.option(name) for name in self.row["tls"])

    def answers(self, spec: ServingSpec, path: str) -> tuple[bool | None, str]:
        """Return whether a GET without a key succeeds, and why not; None where that is not known."""
        moved = any(spec.option(name) is not None for name in self.row["moves"])
        if _unread(spec) or moved or any(name in spec.command.env for name in self.row["moves_env"]):
            return None, ""
        version, since = parse_version(spec.release.version), parse_version(self.row.get("since", {}).get(path))
        if since is not None and version is not None and version < since:
            return False, f"{spec.release} has no {path}: it came with {'.'.join(map(str, since))}"
        guarded = any(path == start or path.startswith(f"{start}/") for start in self.row["guarded"])
        if guarded and path not in self.row["absent"] and api_keys.asks(spec, spec.command.env, whole=False):
            return False, f"{path} asks for the key, which a probe does not send"
        if path in self.row["routes"]:
            return (None if since is not None and version is None else True), ""
        # A release that is not known may be a later one, with more routes.
        if self.row["all"] or (path in self.row["absent"] and spec.release.version is not None):
            return False, f"{self.title} has no route {path}"
        return None, ""


@cache
def served(engine: str) -> Served | None:
    """Return the facts of an engine's server; None where there are none."""
    row = data.table(Path(__file__).with_name("pods.toml")).get(engine)
    if not isinstance(row, dict):
        return None
    data.only(row, _KEYS, f"server of {engine}")
    source = data.source(row["source"], row["confidence"])
    return Served(row["title"], tuple(row["images"]), row, source)


def _unread(spec: ServingSpec) -> bool:
    """Return whether something of the command line could not be read, so that absence says nothing."""
    return any(fault.unreadable and fault.where != "resources.limits" for fault in spec.command.faults)


def weights_directory(spec: ServingSpec, repository: str | None, *, root: bool | None) -> str | None:
    """Return the directory that weights are downloaded to; None where that is not known, or nothing is downloaded.

    Args:
        spec: what it serves.
        repository: last part of the image's name.
        root: whether the server runs as root; None: not known.
    """
    facts, model, env = served(spec.release.engine), spec.model.id, spec.command.env
    if facts is None or model is None or _unread(spec) or not _downloaded(spec, model):
        return None
    if spec.release.engine == "llama.cpp":
        return env.get("LLAMA_CACHE") or None
    stated = _stated(spec)
    if stated is not None:
        return stated
    values = dict(env)
    if repository in facts.images:
        version = parse_version(spec.release.version)
        rows = [row for row in facts.row["cache"] if version is None or within(version, row["releases"])]
        if len(rows) > 1 and any(row["variable"] in env for row in rows):
            return None
        for row in rows:
            values.setdefault(row["variable"], row["value"])
        if "home" in facts.row and root:
            values.setdefault("HOME", facts.row["home"])
    return _hub_cache(values)


def _downloaded(spec: ServingSpec, model: str) -> bool:
    """Return whether the engine fetches the model from the hub of Hugging Face, as far as is known."""
    env = spec.command.env
    if model.startswith(("/", "./", "../", "~")) or "://" in model or model.count("/") != 1:
        return False
    offline = (env.get("HF_HUB_OFFLINE"), env.get("TRANSFORMERS_OFFLINE"))
    elsewhere = (
        env.get("VLLM_USE_MODELSCOPE"),
        env.get("LMDEPLOY_USE_MODELSCOPE"),
        env.get("LMDEPLOY_USE_OPENMIND_HUB"),
    )
    if any((value or "").lower() in {"1", "true", "yes", "on"} for value in (*offline, *elsewhere)):
        return False
    return not spec.option("offline") and spec.option("load_format") in {None, "auto", "safetensors", "pt"}


def _stated(spec: ServingSpec) -> str | None:
    """Return the directory that an option names."""
    for name in ("download_dir", "weights_cache_override", "huggingface_hub_cache"):
        value = spec.option(name)
        if isinstance(value, str) and value.startswith("/"):
            return value
    return None


def _hub_cache(env: dict[str, str | None]) -> str | None:
    """Return the cache of huggingface_hub (its constants.py); None where a variable's value is not known."""
    for names, below in (
        (("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"), ""),
        (("HF_HOME",), "/hub"),
        (("XDG_CACHE_HOME",), "/huggingface/hub"),
        (("HOME",), "/.cache/huggingface/hub"),
    ):
        for name in names:
            if name in env:
                value = env[name]
                return f"{value.rstrip('/')}{below}" if value and value.startswith("/") else None
    return None

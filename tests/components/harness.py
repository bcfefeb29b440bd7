"""The whole program against a recording monitor: no engine, no provider, no cluster."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import runpy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pulumi
import yaml
from google.protobuf import json_format
from pulumi.runtime import mocks, run_in_stack
from pulumi.runtime import settings as runtime_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import pytest

ROOT = Path(__file__).parents[2]
GENERATED = {"tgi-api-key": "11" * 32, "webui-secret-key": "22" * 32, "webui-admin-password": "33" * 32}
"""Stands for what an earlier run generated, so that digests of it do not change from test to test."""
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
"""What Pulumi marks secret values with on the wire."""
SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
AUTHORITY = "-----BEGIN CERTIFICATE-----\nc2l0ZQ==\n-----END CERTIFICATE-----\n"
MODEL = "mistralai/Mistral-7B-Instruct-v0.2"


@dataclass(frozen=True)
class Registered:
    """One registration as the engine would have got it."""

    type: str
    name: str
    inputs: dict[str, Any]
    """As sent, with the marks of secrets removed."""
    secret_paths: frozenset[str]
    """Dotted paths of the inputs that were marked secret."""
    options: dict[str, Any]
    """The request's own fields, by their JSON names: customTimeouts, retainOnDelete, ignoreChanges, parent, …"""


@dataclass
class Run:
    """What one run of the program did."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    exit_code: int = 0
    error_hooks: dict[str, pulumi.ErrorHook] = field(default_factory=dict)

    def all(self, kind: str) -> list[Registered]:
        """Registrations whose type ends in `kind`."""
        return [one for one in self.resources if one.type.rpartition(":")[2] == kind]

    def one(self, kind: str, name: str) -> Registered:
        """The registration of this kind and logical name."""
        found = [one for one in self.all(kind) if one.name == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name} among {[(r.type, r.name) for r in self.resources]}"
        return found[0]

    def manifests(self) -> dict[str, dict[str, Any]]:
        """Kubernetes objects by the name of their golden file; secret values are left out."""
        found = {}
        for one in self.resources:
            if one.type.startswith("kubernetes:"):
                manifest = {key: value for key, value in one.inputs.items() if key != "stringData"}
                if "stringData" in one.inputs:
                    manifest["stringData"] = dict.fromkeys(sorted(one.inputs["stringData"]), "(secret)")
                found[f"{manifest['kind'].lower()}-{manifest['metadata']['name']}"] = manifest
        return dict(sorted(found.items()))

    def container(self, name: str) -> dict[str, Any]:
        """The container of the Deployment with this logical name."""
        containers = self.one("Deployment", name).inputs["spec"]["template"]["spec"]["containers"]
        assert len(containers) == 1
        found: dict[str, Any] = containers[0]
        return found


class Recorder(mocks.Mocks):
    """Answers as the engine and the provider would, where the program reads the answer."""

    def __init__(self, recorded: Mapping[str, Any]) -> None:
        self.recorded = recorded
        """Outputs of stashes that an earlier run left, by logical name."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        """Fail: the program asks nothing of providers."""
        raise AssertionError(f"the program called {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Give the resource back as it was asked for."""
        if args.typ == "pulumi:index:Stash":
            kept = self.recorded.get(args.name, args.inputs["input"])
            return args.name, {**args.inputs, "output": kept}
        return f"{args.name}-id", dict(args.inputs)


class Monitor(mocks.MockMonitor):
    """Keeps every request."""

    def __init__(self, recorded: Mapping[str, Any], stack: str) -> None:
        super().__init__(Recorder(recorded))
        self.run = Run()
        self.stack = stack

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The name that the engine would give; the mock's own asks a thread that knows no stack."""
        chain = parent.split("::")[2] + "$" if parent and "pulumi:pulumi:Stack" not in parent else ""
        return f"urn:pulumi:{self.stack}::voltaic::{chain}{type_}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        """Keep what was registered, and answer."""
        fields = json_format.MessageToDict(request)
        inputs, secrets = plain(fields.pop("object", {}))
        if request.type != "pulumi:pulumi:Stack":
            one = Registered(request.type, request.name, inputs, frozenset(secrets), fields)
            self.run.resources.append(one)
        return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        """Keep the stack's own outputs."""
        if "pulumi:pulumi:Stack" in request.urn:
            self.run.outputs, secrets = plain(json_format.MessageToDict(request.outputs))
            self.run.secret_outputs = frozenset(secrets)
        return super().RegisterResourceOutputs(request)


class Hooks:
    """Takes hooks in, in place of the server through which an engine would call them."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def register_error_hook(self, hook: pulumi.ErrorHook) -> None:
        """Keep a hook."""
        self.run.error_hooks[hook.name] = hook


class Messages(logging.Handler):
    """Keeps what the program told its user."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run

    def emit(self, record: logging.LogRecord) -> None:
        """Keep errors and warnings."""
        kept = {logging.ERROR: self.run.errors, logging.WARNING: self.run.warnings}.get(record.levelno)
        if kept is not None:
            kept.append(record.getMessage())


def plain(value: Any, path: str = "") -> tuple[Any, set[str]]:
    """Remove the marks of secrets, and return where they stood."""
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            inner, _ = plain(value["value"], path)
            return inner, {path}
        parts = {key: plain(item, f"{path}.{key}" if path else key) for key, item in value.items()}
        found = {key: item for key, (item, _) in parts.items()}
        return found, set().union(*(secrets for _, secrets in parts.values())) if parts else set()
    if isinstance(value, list):
        items = [plain(item, f"{path}[{number}]") for number, item in enumerate(value)]
        return [item for item, _ in items], set().union(*(secrets for _, secrets in items)) if items else set()
    if isinstance(value, float) and value.is_integer():
        return int(value), set()
    return value, set()


def perform(
    program: Callable[[], Awaitable[None] | None],
    *,
    stack: str,
    preview: bool = False,
    recorded: Mapping[str, Any] | None = None,
) -> Run:
    """Run a program as the language host does, and return what it did."""
    monitor = Monitor({**GENERATED, **(recorded or {})}, stack)
    logger = logging.Logger("program")  # noqa: LOG001 - of this run alone, not the process's
    logger.addHandler(Messages(monitor.run))

    loops: list[asyncio.AbstractEventLoop] = []

    def open_loop() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    async def host() -> None:
        # The mock monitor makes an event loop in every thread that calls it, and never closes one.
        executor = ThreadPoolExecutor(max_workers=4, initializer=open_loop)
        asyncio.get_running_loop().set_default_executor(executor)
        mocks.set_mocks(monitor.mocks, "voltaic", stack, preview, logger, monitor)
        runtime_settings.SETTINGS.callbacks = Hooks(monitor.run)
        runtime_settings.set_root_resource(None)  # type: ignore[arg-type]  # the program makes its own
        await run_in_stack(program)

    try:
        asyncio.run(host())
    except SystemExit as ended:
        monitor.run.exit_code = int(ended.code or 0)
    except pulumi.RunError as error:
        monitor.run.errors.append(str(error))
        monitor.run.exit_code = 1
    finally:
        for loop in loops:
            loop.close()
    return monitor.run


def main_program() -> None:
    """Run `__main__.py` as it is."""
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def configured(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, Any], secret: tuple[str, ...] = ()) -> None:
    """Set the configuration as the CLI hands it over: text, and JSON text for lists and objects."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({f"voltaic:{key}": text for key, text in texts.items()}))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps([f"voltaic:{key}" for key in secret]))


def stack_values(stack: str) -> dict[str, Any]:
    """What a committed stack file says, with the defaults that Pulumi.yaml gives the rest."""
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    file = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    said = {key.removeprefix("voltaic:"): value for key, value in file["config"].items()}
    return {**{key: entry["default"] for key, entry in declared.items()}, **said}


class Program(Protocol):
    """Runs the stack's program."""

    def __call__(
        self,
        values: Mapping[str, Any],
        *,
        stack: str = ...,
        preview: bool = ...,
        secret: tuple[str, ...] = ...,
        recorded: Mapping[str, Any] | None = ...,
    ) -> Run:
        """Return what it did."""


def write_kubeconfig(path: Path, *, context: str = "site", server: str = "https://10.20.30.40:6443") -> Path:
    """A kubeconfig with one context."""
    data = base64.b64encode(AUTHORITY.encode()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": data}}],
        "users": [{"name": context, "user": {"token": "t"}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context, "namespace": "team-a"}}],
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path

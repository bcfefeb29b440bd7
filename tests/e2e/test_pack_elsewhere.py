"""The pack as others use it: installed from the wheel, before a program that has nothing of ours, and of states."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from voltaic.rules import catalogue

from .conftest import CHECKOUT, Ran

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FIXTURES = CHECKOUT / "tests" / "rules" / "fixtures"
CLUSTER_WIDE = frozenset(
    {"Namespace", "Node", "PersistentVolume", "PriorityClass", "StorageClass", "RuntimeClass", "ClusterRole"}
    | {"ClusterRoleBinding", "DeviceClass", "IngressClass", "CustomResourceDefinition", "ClusterServingRuntime"}
)
PROGRAM = """
import json
import pathlib

import pulumi
import pulumi_kubernetes as kubernetes

rendered = pathlib.Path(__file__).with_name("rendered")
provider = kubernetes.Provider("rendered", render_yaml_to_directory=str(rendered))
for entry in json.loads(pathlib.Path(__file__).with_name("objects.json").read_text()):
    options = pulumi.ResourceOptions(provider=provider)
    pulumi.CustomResource(entry["type"], entry["name"], entry["content"], options)
"""


@dataclass(frozen=True)
class Told:
    """What was said about an object, by the pack or by `voltaic check`."""

    about: str
    """Namespace of the object: each fixture has one of its own."""
    rule: str
    message: str


@dataclass(frozen=True)
class Elsewhere:
    """A Pulumi program with an environment of its own, and the pack in another one."""

    folder: Path
    env: dict[str, str]
    pack: str
    """What `voltaic policy-pack` of the installed wheel prints."""

    def run(self, *command: str) -> Ran:
        """Run a command in the program's folder."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        return Ran(done.returncode, done.stdout)

    def pulumi(self, *args: str, levels: dict[str, str] | None = None) -> tuple[Ran, list[dict[str, Any]]]:
        """Run pulumi with the pack and return what it printed and its policy events."""
        log = self.folder / "events.jsonl"
        log.unlink(missing_ok=True)
        (self.folder / "levels.json").write_text(json.dumps(levels or {}), encoding="utf-8")
        words = ["--non-interactive", "--color=never", *args, "--policy-pack", self.pack]
        done = self.run("pulumi", *words, "--policy-pack-config", "levels.json", "--event-log", str(log))
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        events = [json.loads(line) for line in lines]
        return done, [event["policyEvent"] for event in events if "policyEvent" in event]

    def write(self, objects: Iterable[dict[str, Any]]) -> None:
        """Let the program make these objects."""
        entries = [
            {"type": type_of(content), "name": f"object-{number}", "content": content}
            for number, content in enumerate(objects)
        ]
        (self.folder / "objects.json").write_text(json.dumps(entries), encoding="utf-8")


def type_of(content: dict[str, Any]) -> str:
    """Return the type under which Pulumi registers a Kubernetes object."""
    version = content["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{content['kind']}"


def environment(folder: Path, *wheels: Path) -> Path:
    """Make an environment with these wheels, which finds what else they need where this test does."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # Packages alone: a checkout that is installed there in place is not seen through such a line.
    (packages / "needs.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    if wheels:
        pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(folder), "install", "--no-deps", "--no-index"]
        subprocess.run([*pip, "--ignore-installed", *map(str, wheels)], check=True)
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment in which the wheel of this checkout is installed."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    return environment(folder / "environment", *folder.glob("*.whl"))


@pytest.fixture(scope="module")
def elsewhere(tools: dict[str, str], installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """A program of somebody else, judged by the installed pack: no cluster, and nothing of this checkout on a path."""
    folder = tmp_path_factory.mktemp("elsewhere")
    own = environment(folder / "own")
    (folder / "state").mkdir()
    (folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": "own"}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "elsewhere", "runtime": runtime}), encoding="utf-8")
    paths = [path for path in tools["PATH"].split(os.pathsep) if not path.startswith(str(CHECKOUT / ".venv"))]
    env = tools | {
        "PATH": os.pathsep.join(paths),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_DEBUG_COMMANDS": "true",
    }
    # The state is written once, at the end: after every resource it would take longer than all the rest.
    env |= {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
    # A provider that renders takes no cluster, and whoever brings a pack names it.
    del env["KUBECONFIG"], env["PULUMI_OPTION_POLICY_PACK"]
    printed = subprocess.run(
        [str(installed / "bin" / "voltaic"), "policy-pack"], env=env, capture_output=True, text=True, check=True
    )
    made = Elsewhere(folder, env, printed.stdout.strip())
    assert Path(made.pack).is_relative_to(installed)
    assert made.run(str(own / "bin" / "python"), "-c", "import voltaic").code == 1
    assert made.run("pulumi", "stack", "init", "them", "--non-interactive").code == 0
    yield made
    shutil.rmtree(folder / "state")


def refused_fixtures() -> list[dict[str, Any]]:
    """Return the objects of every refused fixture, each fixture in namespaces of its own."""
    objects: list[dict[str, Any]] = []
    for number, path in enumerate(sorted(FIXTURES.glob("*/refused/*.yaml"))):
        text = path.read_text(encoding="utf-8")
        namespaces = sorted(set(re.findall(r"namespace: *\"?([a-z][a-z0-9-]*)\"?", text)), key=len, reverse=True)
        for namespace in namespaces:
            text = re.sub(rf"(?<![\w-]){namespace}(?![\w-])", f"{namespace}-{number}", text)
        default = f"{namespaces[0]}-{number}" if namespaces else f"fixture-{number}"
        for document in yaml.safe_load_all(text):
            listed = str(document.get("kind", "")).endswith("List") if document else False
            for content in document.get("items", []) if listed else [document] if document else []:
                if content["kind"] not in CLUSTER_WIDE:
                    content.setdefault("metadata", {}).setdefault("namespace", default)
                objects.append(as_provided(content))
    return objects


def as_provided(content: Any) -> Any:
    """Return an object with quantities as the provider sends them on: half of one is 500m."""
    if isinstance(content, dict):
        return {key: as_provided(value) for key, value in content.items()}
    if isinstance(content, list):
        return [as_provided(value) for value in content]
    return f"{round(content * 1000)}m" if isinstance(content, float) and not content.is_integer() else content


def told_by_the_pack(events: Iterable[dict[str, Any]], objects: list[dict[str, Any]]) -> set[Told]:
    """Return what the pack said."""
    return {
        Told(
            about=objects[int(event["resourceUrn"].rpartition("-")[2])]["metadata"].get("namespace", ""),
            rule=event["policyName"].removesuffix("-advice"),
            message=re.split(r"\n(?:Where|Why): ", event["message"].partition("\n")[2])[0],
        )
        for event in events
    }


def told_by_check(objects: list[dict[str, Any]], folder: Path, env: dict[str, str]) -> set[Told]:
    """Return what `voltaic check` says about the same objects."""
    folder.mkdir(exist_ok=True)
    (folder / "all.yaml").write_text(yaml.safe_dump_all(objects, sort_keys=False), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import run; run()", "check", str(folder), "--json"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
    )
    assert done.returncode == 1, done.stderr
    return {
        Told(objects[workload["document"] - 1]["metadata"].get("namespace", ""), finding["rule"], finding["message"])
        for workload in json.loads(done.stdout)["workloads"]
        for finding in workload["findings"]
    }


@pytest.fixture(scope="module")
def everything(
    elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[dict[str, Any]], set[Told]]:
    """All refused fixtures as one program, and what `voltaic check` says about the same objects."""
    objects = refused_fixtures()
    elsewhere.write(objects)
    told = told_by_check(objects, tmp_path_factory.mktemp("manifests"), elsewhere.env)
    assert {rule.id for rule in catalogue.catalogue()} <= {one.rule for one in told}
    return objects, told


def test_a_preview_says_what_check_says(
    elsewhere: Elsewhere, everything: tuple[list[dict[str, Any]], set[Told]]
) -> None:
    """Every rule that refuses a fixture refuses it in the real preview too, in the same words, and no other does."""
    objects, expected = everything

    done, events = elsewhere.pulumi("preview")

    assert done.code == 1, done.output
    assert f"voltaic@v{version('voltaic')}" in done
    assert told_by_the_pack(events, objects) == expected


def test_an_update_says_what_check_says(
    elsewhere: Elsewhere, everything: tuple[list[dict[str, Any]], set[Told]]
) -> None:
    """With every policy lowered to advice the update goes through, and each rule says the same."""
    objects, expected = everything

    done, events = elsewhere.pulumi("up", "--yes", "--skip-preview", levels={"all": "advisory"})

    assert done.code == 0, done.output
    assert {event["enforcementLevel"] for event in events} == {"advisory"}
    assert told_by_the_pack(events, objects) == expected


def test_a_state_says_what_check_says(elsewhere: Elsewhere, everything: tuple[list[dict[str, Any]], set[Told]]) -> None:
    """The exported state of what was made is judged without program, provider, backend and passphrase."""
    objects, expected = everything
    state = elsewhere.folder / "state.json"
    exported = elsewhere.run("pulumi", "stack", "export", "--file", str(state))
    assert exported.code == 0, exported.output

    done = elsewhere.run("pulumi", "policy", "analyze", "--policy-pack", elsewhere.pack, "--file", str(state), "--json")

    assert done.code == 1, done.output
    events = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    assert told_by_the_pack([event["policyEvent"] for event in events if "policyEvent" in event], objects) == expected


SEALED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:a:b"}
"""A secret as it stands in a state, encrypted with a key that nobody here has."""


def test_a_state_with_sealed_secrets_is_judged(
    elsewhere: Elsewhere, everything: tuple[list[dict[str, Any]], set[Told]]
) -> None:
    """What a state keeps secret is not read, not even as empty; what stands beside it is refused as ever."""
    objects, expected = everything
    place = next(
        number
        for number, content in enumerate(objects)
        if any(
            one.about == content["metadata"].get("namespace")
            and one.rule == "single-gpu-shard"
            and "is not known" not in one.message
            for one in expected
        )
    )
    state = json.loads((elsewhere.folder / "state.json").read_text(encoding="utf-8"))
    resources = state["deployment"]["resources"]
    (server,) = [one for one in resources if one["urn"].endswith(f"::object-{place}")]
    for properties in (server["inputs"], server["outputs"]):
        pod = properties["spec"]["template"]["spec"]
        pod["volumes"] = SEALED
        pod["containers"][0]["env"] = [{"name": "API_KEY", "value": SEALED}, *pod["containers"][0].get("env", [])]
    state["deployment"]["resources"] = [one for one in resources if "kubernetes:" not in one["type"]] + [server]
    sealed = elsewhere.folder / "sealed.json"
    sealed.write_text(json.dumps(state), encoding="utf-8")

    done = elsewhere.run("pulumi", "policy", "analyze", "--policy-pack", elsewhere.pack, "--file", str(sealed))

    assert done.code == 1, done.output
    assert "single-gpu-shard" in done
    assert "could not answer" not in done.output
    assert "volume is mounted" not in done.output

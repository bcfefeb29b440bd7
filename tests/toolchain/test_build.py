"""Building: once, completely or not at all, whoever else builds and whatever goes wrong."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolchain.setup import build, modules
from toolchain.setup.errors import SetupError
from toolchain.setup.modules import CLUSTER, PROVIDER, PULUMI, RECIPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.toolchain.conftest import Checkout


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


def test_everything_is_built_under_its_name(checkout: Checkout) -> None:
    """Each recipe's folder has its binaries under the names that people look for, and what belongs beside them."""
    places = build.ensure(RECIPES, checkout.layout, checkout.environ)
    assert names(places["cluster"] / "bin") == set(CLUSTER.binaries)
    assert names(places["kubernetes-provider"] / "bin") == {"pulumi-resource-kubernetes"}
    assert names(places["pulumi"] / "bin") == {
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
    }
    assert names(places["pulumi"] / "test") == {"host.test"}
    etcd = subprocess.run([places["cluster"] / "bin" / "etcd"], capture_output=True, text=True, check=True)
    assert etcd.stdout == "go.etcd.io/etcd/server/v3\n"
    assert all(os.access(path, os.X_OK) for place in places.values() for path in (place / "bin").iterdir())
    assert json.loads((places["cluster"] / "build.json").read_text())["go"] == [1, 26]
    assert names(checkout.layout.builds) == {place.name for place in places.values()}


def test_provider_gets_the_schema_of_its_module(checkout: Checkout) -> None:
    """The placeholders beside main.go are replaced by the module's files in the build."""
    seen = checkout.log.with_name("overlay.json")
    fake = (checkout.programs / "go").read_text(encoding="utf-8")
    checkout.program("go", fake.replace("build | test)", f'build | test) cp "$5" "{seen}" 2>/dev/null;'))
    build.ensure([PROVIDER], checkout.layout, checkout.environ)
    replaced = json.loads(seen.read_text(encoding="utf-8"))["Replace"]
    folder = PROVIDER.folder(checkout.layout)
    assert set(replaced) == {str(folder / "schema.json"), str(folder / "terraform-mapping.json")}
    assert replaced[str(folder / "schema.json")].endswith("/cmd/pulumi-resource-kubernetes/schema.json")


def test_second_checkout_builds_nothing(checkout: Checkout) -> None:
    """What one checkout has built serves every other with the same sources; Go is not even asked its version."""
    first = build.ensure(RECIPES, checkout.layout, checkout.environ)
    checkout.log.unlink()
    second = shutil.copytree(checkout.layout.root, checkout.layout.root.with_name("second"))
    layout = type(checkout.layout)(second, checkout.layout.cache)
    assert build.ensure(RECIPES, layout, checkout.environ | {"PATH": "/nowhere"}) == first
    assert checkout.go_calls == []


def test_changed_source_builds_its_module_alone(checkout: Checkout) -> None:
    """A change in one module leaves the others' builds alone."""
    build.ensure(RECIPES, checkout.layout, checkout.environ)
    checkout.log.unlink()
    source = PROVIDER.folder(checkout.layout) / "main.go"
    source.write_text(source.read_text(encoding="utf-8") + "\n// changed\n", encoding="utf-8")
    (checkout.layout.go_caches / "mod" / "module").mkdir(parents=True)
    build.ensure(RECIPES, checkout.layout, checkout.environ)
    assert [call for call in checkout.go_calls if call.startswith("build")] != []
    assert not any("etcd" in call for call in checkout.go_calls)


@pytest.mark.parametrize(("keep", "left"), [("", False), ("1", True)])
def test_caches_of_go(checkout: Checkout, keep: str, left: bool) -> None:  # noqa: FBT001
    """Go's caches are dropped when everything is built, unless they are asked for."""
    build.ensure(RECIPES, checkout.layout, checkout.environ | {"VOLTAIC_KEEP_GO_CACHE": keep})
    assert checkout.layout.go_caches.exists() == left


def test_go_leaves_the_user_alone(checkout: Checkout) -> None:
    """Go gets caches and configuration of our own; the user's choice of a proxy stays, other settings do not."""
    seen = checkout.log.with_name("environment")
    fake = (checkout.programs / "go").read_text(encoding="utf-8")
    checkout.program("go", fake.replace("#!/bin/sh", f'#!/bin/sh\nenv > "{seen}"'))
    environ = checkout.environ | {"GOPROXY": "https://proxy.example.org", "GOFLAGS": "-race", "GOWORK": "/x/go.work"}
    build.ensure([CLUSTER], checkout.layout, environ)
    settings = dict(line.split("=", 1) for line in seen.read_text(encoding="utf-8").splitlines() if "=" in line)
    own = str(checkout.layout.go_caches)
    for name in ("GOPATH", "GOMODCACHE", "GOCACHE", "GOTMPDIR", "XDG_CONFIG_HOME"):
        assert settings[name].startswith(own), name
    assert settings["GOPROXY"] == "https://proxy.example.org"
    assert settings["GOENV"] == f"{checkout.environ['HOME']}/.config/go/env" or settings["GOENV"].endswith("/go/env")
    assert settings["GOFLAGS"] == "-modcacherw -mod=readonly -buildvcs=false"
    assert (settings["GOTOOLCHAIN"], settings["GOWORK"], settings["CGO_ENABLED"]) == ("local", "off", "0")


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("main.go:3:1: syntax error: unexpected x", "run it again to go on where it stopped"),
        ("go: example.org/m: Get: dial tcp: lookup proxy: no such host", "the modules come through GOPROXY"),
        ("write /tmp/x: no space left on device", "free about 14 GB"),
    ],
)
def test_failure_is_explained_and_leaves_nothing(checkout: Checkout, fault: str, advice: str) -> None:
    """A failed build says what Go said and what to do; no folder of it stays, so that it is not taken for finished."""
    with pytest.raises(SetupError) as failure:
        build.ensure([CLUSTER], checkout.layout, checkout.environ | {"FAKE_GO_FAULT": fault})
    assert str(failure.value).startswith("building cluster failed after 0 s:")
    assert fault in str(failure.value)
    assert advice in str(failure.value)
    assert names(checkout.layout.builds) == set()
    assert checkout.layout.go_caches.exists(), "what is compiled so far is kept"


def test_too_little_space_is_said_before_anything_is_fetched(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that cannot end for want of space does not begin."""
    shutil.rmtree(checkout.layout.go_caches)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(50 * 10**9, 47 * 10**9, 3 * 10**9))
    with pytest.raises(SetupError, match=r"has 3\.0 GB free, but building the tool chain takes 14 GB"):
        build.ensure([CLUSTER], checkout.layout, checkout.environ)
    assert checkout.go_calls == []


def test_leftovers_of_a_killed_set_up_are_removed(checkout: Checkout) -> None:
    """A set-up that was killed could not clean up: the next build does."""
    leftover = checkout.layout.builds / ".building-killed"
    (leftover / "bin").mkdir(parents=True)
    build.ensure([CLUSTER], checkout.layout, checkout.environ)
    assert not leftover.exists()


def test_old_builds_go_when_nobody_uses_them(checkout: Checkout) -> None:
    """A build that no set-up has asked for in two weeks makes room for a new one of its module; others stay."""
    month = time.time() - 30 * 24 * 3600
    for name in ("cluster-old", "cluster-used", "pulumi-old"):
        (checkout.layout.builds / name).mkdir(parents=True)
    for name in ("cluster-old", "pulumi-old"):
        os.utime(checkout.layout.builds / name, (month, month))
    place = build.ensure([CLUSTER], checkout.layout, checkout.environ)["cluster"]
    assert names(checkout.layout.builds) == {place.name, "cluster-used", "pulumi-old"}


def start(checkout: Checkout, **variables: str) -> subprocess.Popen[str]:
    """Start the real command in the checkout."""
    return subprocess.Popen(
        [Path(sys.executable).absolute(), "-B", "-m", "toolchain.setup", "tools"],
        cwd=checkout.layout.root,
        env=checkout.environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def half_way(checkout: Checkout) -> int:
    """Wait until a build is in its middle; return the number of the process group of Go."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for half in checkout.layout.builds.glob(".building-*/bin/half-written"):
            if text := half.read_text(encoding="utf-8").strip():
                return int(text)
        time.sleep(0.02)
    pytest.fail("the build does not start")


@pytest.fixture
def building(checkout: Checkout) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A set-up that is in the middle of a build that takes a minute, and the process group of its Go."""
    process = start(checkout, FAKE_GO_SLEEP="60")
    group = half_way(checkout)
    yield process, group
    process.kill()
    process.communicate()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_build_leaves_nothing(
    checkout: Checkout, building: tuple[subprocess.Popen[str], int], signum: signal.Signals
) -> None:
    """A stopped build says so, ends Go with it, and leaves no half-written binary."""
    process, group = building
    process.send_signal(signum)
    _, said = process.communicate(timeout=15)
    assert process.returncode == 128 + signum
    assert "set-up was stopped; what is done so far is kept, and the next `make setup` goes on from there" in said
    assert "Traceback" not in said
    assert names(checkout.layout.builds) == set()
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_two_set_ups_build_once(checkout: Checkout) -> None:
    """The second of two set-ups waits, says for whom, and then finds everything built."""
    first = start(checkout, FAKE_GO_SLEEP="0.5")
    half_way(checkout)
    second = start(checkout)
    _, said = second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert f"another set-up (process {first.pid}) builds the tool chain; waiting for it" in said
    assert len([call for call in checkout.go_calls if call.startswith("build")]) == len(RECIPES)


def test_killed_set_up_does_not_block_the_next(checkout: Checkout, building: tuple[subprocess.Popen[str], int]) -> None:
    """The lock of a set-up that was killed is given back by the kernel: the file that stays does no harm."""
    os.killpg(building[1], signal.SIGKILL)
    building[0].kill()
    building[0].communicate()
    done = start(checkout)
    _, said = done.communicate(timeout=60)
    assert done.returncode == 0, said
    assert "waiting" not in said
    assert modules.installed(PULUMI, checkout.layout, build.go_platform()).is_dir()

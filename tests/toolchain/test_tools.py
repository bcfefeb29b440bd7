"""Which Pulumi and provider a checkout works with, and the links to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolchain.setup import modules, official, tools
from toolchain.setup.modules import CLUSTER

if TYPE_CHECKING:
    from tests.toolchain.conftest import Checkout

PLUGIN = "plugins/resource-kubernetes-v4.25.0"
#: Stands for an installed Pulumi; it writes down what it is asked, and with what home.
FAKE_PULUMI = r"""#!/bin/sh
echo "$PULUMI_HOME: $*" >> "{log}"
case "$1" in
version) echo {version} ;;
esac
"""


def install_pulumi(checkout: Checkout, version: str, *, host: bool = True) -> Path:
    """Install a Pulumi on the machine; returns where it writes down what it is asked."""
    log = checkout.log.with_name("pulumi.log")
    checkout.program("pulumi", FAKE_PULUMI.format(version=version, log=log))
    if host:
        checkout.program("pulumi-language-python", "#!/bin/sh\n")
    return log


def cached_plugin(checkout: Checkout) -> Path:
    """Put the provider into the user's own plugin cache."""
    plugin = Path(checkout.environ["HOME"], ".pulumi", PLUGIN, "pulumi-resource-kubernetes")
    plugin.parent.mkdir(parents=True)
    plugin.write_text("the user's", encoding="utf-8")
    plugin.chmod(0o755)
    return plugin


@pytest.fixture(autouse=True)
def _home(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's home is the test's."""
    monkeypatch.setenv("HOME", checkout.environ["HOME"])


def test_without_pulumi_everything_is_built(checkout: Checkout) -> None:
    """On a machine without Pulumi the links lead to what was built, the plugin folder is a real one."""
    found = tools.ensure(checkout.layout, checkout.environ)
    links = {path.name: path.readlink() for path in checkout.layout.bin.iterdir()}
    assert set(links) == {"pulumi", *CLUSTER.binaries}
    assert all(target.is_relative_to(checkout.layout.builds) and target.exists() for target in links.values())
    # Pulumi looks for its host beside the file that the link leads to.
    assert links["pulumi"].with_name("pulumi-language-python").exists()
    plugin = checkout.layout.pulumi_home / PLUGIN
    assert plugin.is_dir()
    assert not plugin.is_symlink()
    assert (plugin / "pulumi-resource-kubernetes").exists()
    assert found.bundled_host
    assert (checkout.layout.own / "go-tests" / "host.test").exists()


@pytest.mark.parametrize("version", ["v3.227.0", "3.259.0", "v4.0.0"])
def test_installed_pulumi_is_used(checkout: Checkout, version: str) -> None:
    """A Pulumi that is new enough, and the provider in its user's cache, are used: only the cluster is built."""
    install_pulumi(checkout, version)
    plugin = cached_plugin(checkout)
    tools.ensure(checkout.layout, checkout.environ)
    assert (checkout.layout.bin / "pulumi").readlink() == checkout.programs / "pulumi"
    assert (checkout.layout.pulumi_home / PLUGIN / "pulumi-resource-kubernetes").readlink() == plugin
    assert [path.name.split("-")[0] for path in checkout.layout.builds.iterdir()] == ["cluster"]


@pytest.mark.parametrize(
    ("version", "host", "reason"),
    [
        ("v3.226.9", True, "is 3.226.9, but 3.227.0 is needed"),
        ("v2.99.0", True, "is 2.99.0, but 3.227.0 is needed"),
        ("v3.259.0", False, "has no pulumi-language-python"),
        ("nonsense", True, "does not tell its version"),
    ],
)
def test_unfit_pulumi_is_named(
    checkout: Checkout,
    capsys: pytest.CaptureFixture[str],
    version: str,
    host: bool,  # noqa: FBT001
    reason: str,
) -> None:
    """A Pulumi that cannot be used is named with the reason, and our own is built."""
    install_pulumi(checkout, version, host=host)
    found = tools.ensure(checkout.layout, checkout.environ)
    assert f"{checkout.programs / 'pulumi'} {reason}" in capsys.readouterr().err
    assert found.links["pulumi"].is_relative_to(checkout.layout.builds)
    assert found.bundled_host, "the old host on PATH must not be taken"


def test_own_build_can_be_asked_for(checkout: Checkout) -> None:
    """VOLTAIC_PULUMI=build leaves an installed Pulumi aside."""
    install_pulumi(checkout, "v3.259.0")
    assert official.find(checkout.layout, checkout.environ | {"VOLTAIC_PULUMI": "build"}) is None


def test_asking_the_version_is_remembered(checkout: Checkout) -> None:
    """The installed Pulumi is asked its version once, and again after it has changed; never with the user's home."""
    log = install_pulumi(checkout, "v3.259.0")
    for _ in range(3):
        found = official.find(checkout.layout, checkout.environ)
        assert found is not None
        assert found.version == (3, 259, 0)
    assert log.read_text(encoding="utf-8") == f"{checkout.layout.pulumi_home}: version\n"
    install_pulumi(checkout, "v3.260.0-alpha.x1")
    found = official.find(checkout.layout, checkout.environ)
    assert found is not None
    assert found.version == (3, 260, 0)


def test_pulumi_of_another_checkout_is_not_the_users(checkout: Checkout, tmp_path: Path) -> None:
    """In a shell of another checkout, its links are not taken for an installed Pulumi."""
    other = tmp_path / "other" / ".voltaic" / "bin"
    other.mkdir(parents=True)
    install_pulumi(checkout, "v3.259.0")
    (checkout.programs / "pulumi").rename(other / "pulumi")
    assert official.find(checkout.layout, checkout.environ | {"PATH": str(other)}) is None


def test_provider_that_is_not_cached_is_built(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """Where Pulumi is installed but not the provider, the pinned module is built, and what saves that is said."""
    log = install_pulumi(checkout, "v3.259.0")
    found = tools.ensure(checkout.layout, checkout.environ)
    assert found.provider.is_relative_to(checkout.layout.builds)
    assert "pulumi plugin install resource kubernetes v4.25.0" in capsys.readouterr().err
    tools.ensure(checkout.layout, checkout.environ)
    assert "plugin install" not in capsys.readouterr().err
    assert "plugin" not in log.read_text(encoding="utf-8"), "nothing is downloaded without a hash"
    assert not Path(checkout.environ["HOME"], ".pulumi").exists()


def test_links_that_lead_nowhere_are_removed(checkout: Checkout) -> None:
    """A link to a tool that is used no longer, or to a build that is gone, does not stay."""
    tools.ensure(checkout.layout, checkout.environ)
    assert (checkout.layout.own / "go-tests").is_symlink()
    (checkout.layout.bin / "helm").symlink_to("/nowhere")
    (checkout.layout.bin / "etcd").unlink()
    (checkout.layout.bin / "etcd").symlink_to("/nowhere")
    tools.ensure(checkout.layout, checkout.environ)
    install_pulumi(checkout, "v3.259.0")
    tools.ensure(checkout.layout, checkout.environ)
    assert not (checkout.layout.own / "go-tests").is_symlink(), "an installed Pulumi's host is not ours to test"
    assert not (checkout.layout.bin / "helm").is_symlink()
    assert (checkout.layout.bin / "etcd").exists()


def test_provider_is_the_one_of_the_python_package() -> None:
    """The plugin folder's version is the provider's."""
    assert f"plugins/{tools._PLUGIN}" == PLUGIN
    assert modules.PROVIDER_VERSION in PLUGIN

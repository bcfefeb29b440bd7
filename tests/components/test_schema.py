"""Components can become a package for other languages: Pulumi can read their annotations."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.provider.experimental.analyzer import Analyzer

from components import PortForwardHelper, TGIServer, WebUI
from components.tgi_server import SECRET_ARGS


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    """The components as Pulumi's own analyser sees them."""
    result = Analyzer("voltaic").analyze([TGIServer, WebUI, PortForwardHelper])
    return dict(result["component_definitions"])


def test_every_component_has_inputs_and_outputs(definitions: dict[str, Any]) -> None:
    """The analyser fails on annotations that are text, so none of these files may postpone them."""
    assert set(definitions) == {"TGIServer", "WebUI", "PortForwardHelper"}
    assert list(definitions["TGIServer"].outputs) == ["url", "service", "model", "apiKey", "launcherCommand"]


def test_what_the_verdict_needs_is_plain(definitions: dict[str, Any]) -> None:
    """Only secrets and the namespace may be promises: a promise cannot be judged."""
    promises = {name for name, entry in definitions["TGIServer"].inputs.items() if not entry.plain}
    assert promises == {"namespace", "hfToken", "apiKey"}
    assert len(SECRET_ARGS) == 2

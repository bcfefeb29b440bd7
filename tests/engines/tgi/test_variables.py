"""Variables that are read by name: values that end the server, and names that a release does not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from voltaic.engines.tgi import argument_support, command_line
from voltaic.engines.tgi.ignored import ignored_options
from voltaic.engines.tgi.options import options
from voltaic.engines.tgi.variables import bad_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from voltaic.spec import ServingSpec

    SpecOf = Callable[..., ServingSpec]

PHI = "microsoft/phi-2"
A100 = "a100-80gb"


@pytest.mark.parametrize(
    ("version", "env", "found"),
    [
        ((2, 2, 0), {"ATTENTION": "flash"}, []),
        ((2, 3, 0), {"ATTENTION": "flash"}, ["ATTENTION=flash: allowed is paged, flashdecoding, flashinfer."]),
        (
            (3, 3, 7),
            {"ATTENTION": ""},
            ["ATTENTION=: allowed is paged, flashdecoding, flashdecoding-ipex, flashinfer."],
        ),
        ((3, 3, 7), {"ATTENTION": "paged"}, []),
        ((3, 3, 7), {"ATTENTION": None}, []),
        ((3, 0, 1), {"TGI_WIGGLE_ROOM": "1.0"}, ["TGI_WIGGLE_ROOM=1.0: allowed is a number between 0 and 1."]),
        ((3, 0, 1), {"TGI_WIGGLE_ROOM": "most"}, ["TGI_WIGGLE_ROOM=most: allowed is a number between 0 and 1."]),
        ((3, 0, 1), {"TGI_WIGGLE_ROOM": " .9 "}, []),
        ((3, 0, 1), {"PREFIX_CACHING": "True", "ATTENTION": "paged"}, ["PREFIX_CACHING=True beside ATTENTION=paged."]),
        ((3, 0, 1), {"PREFIX_CACHING": "0", "ATTENTION": "paged"}, []),
        ((3, 0, 1), {"PREFIX_CACHING": "1"}, []),
        ((3, 0, 1), {"USE_PREFIX_CACHING": "1", "ATTENTION": "paged"}, []),
        (
            (2, 3, 1),
            {"USE_PREFIX_CACHING": "1", "ATTENTION": "paged"},
            ["USE_PREFIX_CACHING=1 beside ATTENTION=paged."],
        ),
    ],
)
def test_values_that_end_the_server(
    version: tuple[int, int, int], env: dict[str, str | None], found: list[str]
) -> None:
    """The server checks some variables when it starts, from the release on that reads them, flash attention or not."""
    assert [support.message for support in bad_values(env, version)] == found
    assert all(support.answer == "no" and support.sources and support.fix for support in bad_values(env, version))


def test_they_are_refused_with_the_other_arguments(spec_of: SpecOf) -> None:
    """Even a server without flash attention imports the module that checks them."""
    spec = spec_of("3.0.1", "v100-16gb", PHI, ["--num-shard", "1"], {"USE_FLASH_ATTENTION": "false", "ATTENTION": "x"})
    assert any(support.message.startswith("ATTENTION=x") for support in argument_support.argument_support(spec))


def test_variables_of_other_releases_do_nothing(spec_of: SpecOf) -> None:
    """A variable that a release does not read is named, with the releases that do; tokens and caches never are."""
    env = {"FLASH_DECODING": "1", "USE_PREFIX_CACHING": "1", "HF_TOKEN": "secret", "LOG_LEVEL": "debug"}
    found = {ignored.where: ignored.because for ignored in ignored_options(spec_of("3.0.1", A100, PHI, [], env))}
    assert found == {
        "FLASH_DECODING": "TGI 3.0.1 does not read FLASH_DECODING: 2.1.1 to 2.2.0 does",
        "USE_PREFIX_CACHING": "TGI 3.0.1 does not read USE_PREFIX_CACHING: 2.3.0 to 2.3.1 does",
    }
    old = spec_of("1.4.5", A100, PHI, [], {"HF_TOKEN": "secret", "PREFIX_CACHING": "1"})
    assert [ignored.where for ignored in ignored_options(old)] == ["PREFIX_CACHING"]


def test_a_token_from_a_secret_hides_nothing() -> None:
    """Variables that no verdict rests on may come from anywhere."""
    env = {variable.name: None for variable in options().variables if variable.shared}
    assert command_line.parse("3.0.1", ["--model-id", PHI], env).faults == ()
    assert command_line.parse("3.0.1", ["--model-id", PHI], {"ATTENTION": None}).faults[0].unreadable


def test_empty_names_are_values(spec_of: SpecOf) -> None:
    """An empty variable is a value to the launcher: no model, and a revision without a name."""
    spec = spec_of("3.0.1", A100, PHI, [], {"REVISION": ""})
    assert [s.answer for s in argument_support.argument_support(spec) if "--revision" in s.message] == ["unknown"]
    empty = spec_of("3.0.1", A100, PHI, [])
    from dataclasses import replace

    command = command_line.parse("3.0.1", [], {"MODEL_ID": ""})
    found = argument_support.argument_support(replace(empty, command=command))
    assert any(support.answer == "no" and support.message == "--model-id is empty." for support in found)

"""What a pod must know of a release's image."""

from __future__ import annotations

import pytest

from voltaic.engines import data
from voltaic.engines.tgi.deployment import deployment, facts
from voltaic.engines.tgi.releases import versions


@pytest.mark.parametrize(
    ("version", "command", "user", "chat", "models", "key", "short"),
    [
        ("1.2.0", (), 1000, False, False, False, 100),
        ("1.3.4", (), 1000, False, False, False, 100),
        ("1.4.0", (), 1000, True, False, False, 100),
        ("2.0.4", ("text-generation-launcher",), 1000, True, False, False, 100),
        ("2.2.0", ("text-generation-launcher",), 1000, True, False, False, 100),
        ("2.3.0", ("text-generation-launcher",), 1000, True, True, True, 100),
        ("2.4.1", (), 1000, True, True, True, 100),
        ("3.0.1", (), 1000, True, True, True, None),
        ("3.1.0", (), 1000, True, True, True, None),
        ("3.1.1", (), None, True, True, True, None),
        ("3.3.7", (), None, True, True, True, None),
        ("9.9.9", (), None, True, True, True, None),  # not covered: as the newest that is
    ],
)
def test_each_release_is_run_as_its_image_needs_it(
    *, version: str, command: tuple[str, ...], user: int | None, chat: bool, models: bool, key: bool, short: int | None
) -> None:
    """Entrypoint, user and routes change where the tags of the engine show that they do."""
    found = deployment(version)
    assert (found.command, found.user) == (command, user)
    assert (found.chat_completions, found.lists_models, found.api_key) == (chat, models, key)
    assert found.short_answer == short


def test_the_reason_for_root_is_given_where_root_is_needed() -> None:
    """A release that runs as root says why; another says nothing."""
    assert deployment("3.3.7").root_because == "the image keeps libpython below /root, where only root may read"
    assert deployment("3.0.1").root_because is None


def test_images_are_named_by_release() -> None:
    """The tag is the version as the registry has it, flavour included."""
    assert deployment("3.0.1").image == "ghcr.io/huggingface/text-generation-inference:3.0.1"
    assert deployment("3.0.1-rocm").image == "ghcr.io/huggingface/text-generation-inference:3.0.1-rocm"


def test_every_fact_has_a_source_and_every_release_an_answer() -> None:
    """Rows cite their source; no release falls through the tables that must always answer."""
    for table in facts().values():
        for row in table if isinstance(table, list) else [table] if isinstance(table, dict) else []:
            assert str(data.source(row["source"], row["confidence"]))
    assert all(deployment(version).cache_directory == "/data" for version in versions())

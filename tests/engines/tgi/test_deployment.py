"""What a pod must know of a release's image."""

from __future__ import annotations

import pytest

from voltaic.engines.tgi.deployment import deployment
from voltaic.engines.tgi.releases import versions


@pytest.mark.parametrize(
    ("version", "command", "user", "chat", "models", "key", "short"),
    [
        ("1.2.0", (), 1000, False, False, False, 100),
        ("1.4.0", (), 1000, True, False, False, 100),
        ("2.0.4", ("text-generation-launcher",), 1000, True, False, False, 100),
        ("2.3.0", ("text-generation-launcher",), 1000, True, True, True, 100),
        ("2.4.0", (), 1000, True, True, True, 100),
        ("3.0.1", (), 1000, True, True, True, None),
        ("3.1.0", (), 1000, True, True, True, None),
        ("3.1.1", (), None, True, True, True, None),
        ("3.3.7", (), None, True, True, True, None),
    ],
)
def test_image_facts(  # noqa: PLR0917  one row of the table
    version: str,
    command: tuple[str, ...],
    user: int | None,
    chat: bool,  # noqa: FBT001
    models: bool,  # noqa: FBT001
    key: bool,  # noqa: FBT001
    short: int | None,
) -> None:
    """Entrypoint, user, routes, key and length of answers change at the releases where the image or the router did."""
    found = deployment(version)
    assert found.image == f"ghcr.io/huggingface/text-generation-inference:{version}"
    assert (found.command, found.user) == (command, user)
    assert (found.chat_completions, found.lists_models, found.api_key, found.short_answer) == (chat, models, key, short)
    assert found.cache_directory == "/data"
    assert (found.root_because is None) is (user is not None)


def test_amd_images_have_a_tag_of_their_own() -> None:
    """The ROCm image is named by its suffix, once."""
    for version in ("3.0.1", "3.0.1-rocm"):
        assert deployment(version, "amd").image == "ghcr.io/huggingface/text-generation-inference:3.0.1-rocm"


def test_a_release_beyond_the_facts_is_taken_for_the_newest() -> None:
    """What holds for the newest release is the best that can be said of a newer one."""
    assert deployment("9.9.9").user is None
    assert deployment(None).image.endswith(":latest")


def test_every_release_has_image_facts() -> None:
    """No release is left without an answer."""
    for version in versions():
        assert deployment(version).image.endswith(version)

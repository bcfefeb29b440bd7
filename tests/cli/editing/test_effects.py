"""What a change does to what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cli.editing import effects
from cli.editing.edit import find, prepare
from voltaic import settings

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = (
    effects.DERIVED,
    effects.SERVER,
    effects.PAGE,
    effects.BOTH,
    effects.MOVES,
    effects.VOLUMES,
    effects.QUIET,
    effects.ALONE,
)


def test_every_setting_stands_in_one_group() -> None:
    """A new setting has to say what its change does."""
    listed = sorted(key for group in GROUPS for key in group)
    assert listed == sorted(key.name for key in settings.schema())


@pytest.mark.parametrize(
    ("asked", "starts"),
    [
        ({"model": "microsoft/phi-2"}, ["The server restarts: nobody answers for about 4 min (112 s download"]),
        ({"maxBatchSize": 2}, ["The server restarts: nobody answers for about 3 min (73 s load"]),
        ({"gpus": 2}, ["The server gets the same command line as before: it does not restart."]),
        ({"replicas": 0}, ["The server is parked"]),
        (
            {"gpus": 1, "replicas": 2},
            ["The server's 2 pods restart one after the other", "Replicas go from 1 to 2: 2 GPUs", "2 pods share"],
        ),
        ({"replicas": 2, "modelCacheEphemeral": True}, ["The server's 2 pods", "Replicas go from 1 to 2: 4 GPUs"]),
        ({"webuiVersion": "0.6.5"}, ["The chat page restarts"]),
        ({"webuiEnabled": False}, ["The chat page ends"]),
        ({"labels": {"a": "b"}}, ["The server restarts", "The chat page restarts"]),
        ({"namespace": "other"}, ["The server restarts", "Everything moves"]),
        ({"webuiDataSize": "20Gi"}, ["A volume claim changes"]),
        ({"allowUnknown": True}, ["No pod restarts."]),
        ({}, []),
    ],
)
def test_a_change_says_what_restarts(project: Path, asked: dict[str, Any], starts: list[str]) -> None:
    """One sentence a part, with the seconds of the server's start."""
    told = list(effects.lines(prepare(find(project), "two", asked)))
    assert [line[: len(start)] for line, start in zip(told, starts, strict=True)] == starts


def test_a_new_stack_restarts_nothing(project: Path) -> None:
    """What is not there yet cannot restart."""
    edit = prepare(find(project), "new", {"profile": "v100-1gpu", "model": "microsoft/phi-2"})
    assert list(effects.lines(edit)) == []

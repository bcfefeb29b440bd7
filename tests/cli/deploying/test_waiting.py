"""Why a pod waits, in plain words."""

from __future__ import annotations

import pytest

from cli.deploying import waiting


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            (
                "0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 node(s) didn't match Pod's node "
                "affinity/selector. preemption: 0/3 nodes are available: 1 No preemption victims found."
            ),
            "1 node(s) have too few free GPUs (nvidia.com/gpu); 2 node(s) are of another kind than the stack asks for",
        ),
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint {site/maintenance: true}.",
            "2 node(s) keep the pod off by a taint (site/maintenance)",
        ),
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint(s).",
            "2 node(s) keep the pod off by a taint",
        ),
        ("0/1 nodes are available: 1 Insufficient memory.", "1 node(s) have too little memory left"),
        ("0/1 nodes are available: 1 node(s) were unschedulable.", "1 node(s) are closed for new pods"),
        (
            (
                'pods "tgi-1" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=2, used: '
                "requests.nvidia.com/gpu=4, limited: requests.nvidia.com/gpu=4"
            ),
            (
                "the quota gpus is used up: requests.nvidia.com/gpu=2 asked, requests.nvidia.com/gpu=4 in use, "
                "requests.nvidia.com/gpu=4 allowed"
            ),
        ),
        ('ErrImagePull failed to pull and unpack image "a/b:1": not found', "its image cannot be pulled"),
        ("something new\n  under the sun", "something new under the sun"),
    ],
)
def test_plain_words(message: str, words: str) -> None:
    """What scheduler, quota and kubelet say is told once and in short; what is in no table stays as it is."""
    assert waiting.plain(message) == words


def test_long_messages_are_cut() -> None:
    """A message in no table is shown up to a length."""
    assert len(waiting.plain("x" * 1000)) == waiting.LONGEST

"""The layer split against accelerate itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from voltaic import models
from voltaic.memory.split import Pieces, split
from voltaic.memory.weights import weights_of

GIB = 2**30
ORACLE: dict[str, Any] = json.loads((Path(__file__).parent / "oracle" / "layer_split.json").read_text(encoding="utf-8"))
CASES = [(model, setup) for model, setups in ORACLE["models"].items() for setup in setups]


@pytest.mark.parametrize(("model", "setup"), CASES, ids=[f"{model} {setup}" for model, setup in CASES])
def test_splits_as_accelerate_does(model: str, setup: str) -> None:
    """Every catalogue model is split over GPUs as accelerate 0.34.2 splits it."""
    expected = ORACLE["models"][model][setup]
    gpus, free = setup.removesuffix(" GiB").split(" x ")
    arch = models.resolve(model).architecture
    assert arch is not None
    weights = weights_of(arch, fmt="float16", gpus=int(gpus), free=int(float(free) * GIB), transformers=(4, 46, 3))
    assert weights is not None
    assert expected["in host memory"] == 0
    assert [gpu.layers for gpu in weights.per_gpu] == expected["layers"]
    assert [index for index, gpu in enumerate(weights.per_gpu) if gpu.head] == [expected["head"]]


def test_what_fits_nowhere_stays_with_the_last_gpu() -> None:
    """Layers that accelerate would move to host memory are billed on the last GPU, so that they count."""
    pieces = Pieces(embedding=(10,), layer=10, layers=10, norm=0, head=10, mean_leaf=1)
    assert [share.layers for share in split(pieces, 2, 30)] == [1, 9]


def test_one_gpu_holds_everything() -> None:
    """Without a split one GPU has all layers, the embedding and the head."""
    (share,) = split(Pieces(embedding=(10, 5), layer=10, layers=3, norm=1, head=10, mean_leaf=1), 1, 1)
    assert (share.embeddings, share.layers, share.norm, share.head) == ((0, 1), 3, True, True)

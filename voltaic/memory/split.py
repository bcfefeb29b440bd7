"""How `device_map="auto"` spreads a model over GPUs: whole layers, in order, by accelerate's own arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from voltaic.memory import facts


@dataclass(frozen=True, slots=True)
class Pieces:
    """Modules that are never divided, with their sizes in bytes, in the order in which they are placed."""

    embedding: tuple[int, ...]
    """Embedding, and learned positions where the model has them."""
    layer: int
    layers: int
    norm: int
    head: int
    """0 where the head is tied: it then stays with the embedding."""
    mean_leaf: int
    """Mean size of the innermost modules."""

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.embedding) + self.layer * self.layers + self.norm + self.head


@dataclass(frozen=True, slots=True)
class Share:
    """What one GPU is given."""

    embeddings: tuple[int, ...]
    """Indexes of the embedding modules on it."""
    layers: int
    norm: bool
    head: bool
    """True: the output head is computed here."""


def split(pieces: Pieces, gpus: int, free: int) -> tuple[Share, ...]:
    """Return what each GPU is given.

    What no GPU takes would go to host memory; here it stays with the last GPU, so that the bill shows it as too much.

    Args:
        pieces: the modules.
        gpus: number of GPUs, at least 1.
        free: bytes that each GPU has free before loading.
    """
    largest = max(pieces.layer, pieces.mean_leaf)
    limit = pieces.total // gpus + int(facts.table()["layer_split"]["block_share"] * largest)
    placing = _Placing(pieces, gpus, min(limit, free))
    placing.put_embeddings()
    placing.put_layers()
    placing.put_end()
    return placing.shares()


class _Placing:
    """Places pieces one after the other; never goes back to an earlier GPU."""

    def __init__(self, pieces: Pieces, gpus: int, limit: int) -> None:
        self.pieces = pieces
        self.last = gpus - 1
        self.limit = limit
        self.gpu = 0
        self.used = 0
        self.embeddings: list[list[int]] = [[] for _ in range(gpus)]
        self.layers = [0] * gpus
        self.norm = 0
        self.head = 0

    def _put(self, size: int, still_to_come: int) -> int:
        """Place a piece; `still_to_come` is the largest piece after it, for which the first GPU keeps room."""
        while self.gpu < self.last:
            room = self.limit - (still_to_come if self.gpu == 0 else 0)
            if self.used + size <= room:
                break
            self.gpu += 1
            self.used = 0
        self.used += size
        return self.gpu

    def put_embeddings(self) -> None:
        for index, size in enumerate(self.pieces.embedding):
            gpu = self._put(size, max(self.pieces.layer, self.pieces.head))
            self.embeddings[gpu].append(index)
            if index == 0:
                self.head = gpu  # where a tied head stays

    def put_layers(self) -> None:
        tail = max(self.pieces.norm, self.pieces.head)
        for layer in range(self.pieces.layers):
            more = self.pieces.layer if layer < self.pieces.layers - 1 else 0
            self.layers[self._put(self.pieces.layer, max(more, tail))] += 1

    def put_end(self) -> None:
        self.norm = self._put(self.pieces.norm, self.pieces.head)
        if self.pieces.head:
            self.head = self._put(self.pieces.head, 0)

    def shares(self) -> tuple[Share, ...]:
        return tuple(
            Share(tuple(self.embeddings[gpu]), self.layers[gpu], norm=self.norm == gpu, head=self.head == gpu)
            for gpu in range(self.last + 1)
        )

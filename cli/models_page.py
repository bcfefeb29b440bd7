"""The reference page about known models, written from the catalogue itself: `python -m cli.models_page`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cli.model_facts import billions, facts, kib
from voltaic.models import catalogue_files, known_models
from voltaic.units import gib

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from voltaic.models import CatalogueModel

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "models.md"

_HEAD = """\
# Known models

This page is generated (`python -m cli.models_page`); a test compares it with the catalogue. `voltaic models` prints the
same, `voltaic models show ID` every fact with its source, and `voltaic models add ID` adds one.

{count} models of {families} families. Weights are the bytes of all tensors of the checkpoint. Of {reported} models the
size is published; it is what the shapes say, to the byte, but for tensors beside the parameters, which its source
names. Of the others it follows from the shapes. KV is what one token takes in the cache of Transformers at two bytes an
element, over all layers; an engine may keep it otherwise, and its bill says so.

| model | family | parameters | weights | KV per token | context | licence |
| --- | --- | --- | --- | --- | --- | --- |
"""


def page(models: Sequence[CatalogueModel]) -> str:
    """Return the page about these models."""
    families = Counter(model.architecture.model_type for model in models)
    reported = sum(_is_published(model) for model in models)
    head = _HEAD.format(count=len(models), families=len(families), reported=reported)
    return head + "".join(f"{row}\n" for row in _rows(models))


def _is_published(model: CatalogueModel) -> bool:
    source = model.sources.get("weights_bytes")
    return source is not None and source.confidence in {"reported", "read"}


def _rows(models: Sequence[CatalogueModel]) -> Iterator[str]:
    for model in models:
        said = facts(model)
        weights = "not known" if said["weights_bytes"] is None else gib(said["weights_bytes"])
        kind = said["family"] + ("" if said["quantization"] is None else f", {said['quantization']}")
        context = "no bound" if said["context"] is None else f"{said['context']:,}"
        cells = (billions(said["parameters"]), weights, kib(said["kv_bytes_per_token"]), context)
        licence = model.license + (", gated" if model.gated else "")
        yield f"| `{model.id}` | {kind} | {' | '.join(cells)} | {licence} |"


def main() -> None:
    """Write the page."""
    shipped = [model for model in known_models() if model.file.parent == catalogue_files.SHIPPED]
    PAGE.write_text(page(shipped), encoding="utf-8")


if __name__ == "__main__":
    main()

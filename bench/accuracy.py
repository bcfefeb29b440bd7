"""How near the core is to what others count and measure: the comparisons of the tests, as rows of a table."""

from __future__ import annotations

from importlib import import_module
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = tuple[str, str, str, bool]
"""What is compared, the result, the bar, and whether it is met."""


def rows() -> Iterator[Row]:
    """Yield a row for each figure; one that cannot be made says so, and is not met."""
    for make in (_counts, _fallback, _vllm):
        try:
            yield from make()
        except Exception as changed:  # noqa: BLE001  whatever changed in the tests, the other rows stand
            yield make.__doc__ or make.__name__, f"not made: {type(changed).__name__}: {changed}", "a comparison", False


def _counts() -> Iterator[Row]:
    """Parameters and KV cache against transformers."""
    tests = import_module("tests.models.test_parameters")
    models: dict[str, set[str]] = {"parameters": set(), "kv_elements_per_token": set()}
    wrong: dict[str, list[str]] = {key: [] for key in models}
    families: set[str] = set()
    for kin in tests.SHAPES:
        configs = tests.CASES.catalogue() if kin == "catalogue" else tests.CASES.KINS[kin]
        for name, key, found, expected in _compared(tests, configs, tests.SHAPES[kin]):
            models[key].add(name)
            families.add(configs[name]["model_type"])
            if found != expected:
                wrong[key].append(name)
    for key, title in (("parameters", "parameters"), ("kv_elements_per_token", "KV elements per token")):
        exact = len(models[key]) - len(set(wrong[key]))
        what = f"{title} as transformers' own classes have them ({len(families)} families)"
        yield what, f"{exact} of {len(models[key])} exact", "all exact", not wrong[key] and len(models[key]) > 0


def _compared(tests: Any, configs: Any, shapes: Any) -> Iterator[tuple[str, str, int, int]]:
    """Yield name, figure, ours and theirs, with the differences that the tests know by name."""
    for name, row in shapes.items():
        for release in tests.RELEASES:
            if release not in row or name not in configs:
                continue
            arch = tests.read_config(configs[name])
            found = dict(tests.measured(arch, release))
            for key, more in tests.DIFFERENT.get((name, release), {}).items():
                found[key] += more
            if release.startswith("4.") and arch.model_type in tests.GIVEN_A_CACHE:
                found["kv_elements_per_token"] = 0
            for key in ("parameters", "kv_elements_per_token"):
                if key in row[release]:
                    yield name, key, found[key], row[release][key]


def _fallback() -> Iterator[Row]:
    """The Transformers fallback against peaks measured on GPUs: shapes drawn at random after every form was set."""
    tests = import_module("tests.measurements.test_fresh")
    margin = tests.facts.table()["margin"]
    sets = (
        ("one GPU", list(tests.on_one(tests.ONE)), float(margin["one_gpu"])),
        ("two GPUs", list(tests.on_two(tests.TWO)), float(margin["layer_split"])),
    )
    for name, pairs, share in sets:
        held = [
            abs(plan / peak - 1) for kind, own, plan, peak in pairs if kind not in tests.MENDED and own > tests.SMALL
        ]
        met = median(held) <= tests.MEDIAN and max(held) <= tests.WORST
        title = f"fallback on {name}, peak total, {len(held)} held back: median, worst"
        yield title, f"{median(held):.2%}, {max(held):.2%}", "3 %, 8 %", met
        over = sum(peak > plan + share * tests.budget() for *_, plan, peak in pairs)
        yield f"fallback on {name}: peaks above estimate and margin, of {len(pairs)}", str(over), "none", not over


def _vllm() -> Iterator[Row]:
    """Published logs of vLLM."""
    tests = import_module("tests.memory.test_vllm_logs")
    bars = (("weights", "weights", 0.01), ("activations", "activations", 0.10), ("pool", "KV tokens", 0.02))
    for figure, title, bar in bars:
        errors = [abs(error) for error in tests._errors(figure)]  # noqa: SLF001  the tests' own comparison
        found = median(errors)
        yield f"vLLM, {title}, {len(errors)} published logs: median", f"{found:.2%}", f"{bar:.0%}", found <= bar


if __name__ == "__main__":
    show: Callable[[Row], None] = print
    for row in rows():
        show(row)

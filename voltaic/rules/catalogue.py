"""All rules: those that decide a verdict, and those that read what a manifest says around it.

A rule of the second kind is a module of one of the folders beside this file, with a `RULE` in it; nothing lists it
besides. They are loaded when the first manifest is checked, not when a spec is judged.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from voltaic import rules

if TYPE_CHECKING:
    from voltaic.rules.rule import About, Rule
    from voltaic.spec import ServingSpec

FAMILIES: Final = ("gpus", "options", "host", "lifecycle", "supply", "webui", "waivers")
"""Folders of rules, in the order in which their findings are told."""

SPEC_RULES: Final = (
    "gpus.gpus_unused",
    "options.batch_unbounded",
    "options.context_length",
    "options.deprecated_options",
    "options.dtype_slow",
    "options.ignored_options",
    "options.limits_incoherent",
)
"""Modules of the rules about specs, named so that a plan loads no others; a test compares them with all."""


@cache
def spec_rules() -> tuple[Rule[ServingSpec], ...]:
    """Return the rules about specs that decide no verdict, without loading those about manifests."""
    return tuple(import_module(f"voltaic.rules.{name}").RULE for name in SPEC_RULES)


@cache
def _loaded() -> tuple[tuple[str, Rule[Any]], ...]:
    """Return each rule that does not decide a verdict with its family."""
    import pkgutil  # noqa: PLC0415  it takes as long as all rules about specs, which a plan loads without it

    found = []
    for family in FAMILIES:
        package = import_module(f"voltaic.rules.{family}")
        names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_")
        found += [(family, import_module(f"{package.__name__}.{name}").RULE) for name in names]
    return tuple(found)


@cache
def _families() -> dict[str, str]:
    return {rule.id: family for family, rule in _loaded()}


@cache
def manifest_rules() -> tuple[Rule[Any], ...]:
    """Return the rules that do not decide a verdict, family by family, each in the order of its ids."""
    return tuple(rule for _, rule in _loaded())


@cache
def about(*what: About) -> tuple[Rule[Any], ...]:
    """Return the rules of `manifest_rules` that are asked of these."""
    return tuple(rule for rule in manifest_rules() if rule.about in what)


@cache
def catalogue() -> tuple[Rule[Any], ...]:
    """Return all rules: those of the verdict first."""
    return (*rules.RULES, *manifest_rules())


def family(rule: Rule[Any]) -> str:
    """Return the family of a rule; `verdict` for one that decides it."""
    return _families().get(rule.id, "verdict")

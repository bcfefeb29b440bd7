"""The page that lists the policies and the index that the pack boots from: `python -m policies._catalogue`."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any, Final

from policies._policies import ADVICE, INDEX, READABLE
from voltaic.manifests.kinds import kinds
from voltaic.rules import catalogue
from voltaic.rules.rule import Rule

PAGE: Final = Path(__file__).with_name("README.md")

_READABLE: Final[Rule[Any]] = Rule(
    id=READABLE,
    title="Can everything be read that decides whether the server starts?",
    why="A spec that cannot be read cannot be judged, and what was not judged is not accepted.",
    check=lambda _: (),
)
"""Stands before the rules of the core: it speaks where they cannot be asked."""

_FAMILIES: Final = {
    "verdict": "Will it start",
    "gpus": "GPUs",
    "options": "Tokens and options",
    "host": "Memory and files of the node",
    "lifecycle": "Start, update and end",
    "supply": "Images, models and secrets",
    "webui": "Chat page",
    "waivers": "Waivers",
}
"""Headings of the families of rules, in the order of the page."""

_RULES: Final = "../docs/reference/rules.md"
_TOGETHER: Final = " (all objects together)"

_HEAD: Final = """\
# Policy pack

Refuses model servers that would not start on the GPUs they are given, before anything is created, and says what to
change. It asks the same rules as `voltaic plan` and `voltaic check`, of our own stacks and of any Pulumi program in any
language.

```
pulumi preview --policy-pack policies
```

How to use it with a program of your own, from a checkout or an installed package:
[docs/how-to/policy-pack.md](../docs/how-to/policy-pack.md). Why each rule is asked, and where its facts come from:
[docs/reference/rules.md](../docs/reference/rules.md). This page is generated (`python -m policies._catalogue`); a test
compares it with the rules.

## What is judged

- The component `voltaic:index:TGIServer`, by the serving spec among its properties. It registers before its children,
  so that a refusal stops the update before any of them exists. What our components create is judged as well, at the
  level `ours`, so that no transform slips past.
- Every object that holds a pod, whoever wrote it and in whatever language, and lists of them. Engine arguments,
  environment and GPU limits are read back from it. What is neither a model server nor a chat page passes. The kinds:
{kinds}.
- Of a patch (`DeploymentPatch` and its like) nothing can be judged but itself, and of a Helm `Release` nothing but its
  values: where they may hold a model server, that is said.

The GPU model of a foreign object comes from its node selector or node affinity, else from its annotation
`voltaic/profile`, else from the stack's configuration:

```
pulumi config set voltaic:profile v100-2gpu
```

The release comes from the image's tag, else from the annotation `voltaic/release` of the pod template, which names the
image that it holds for: `mirror.example/llm/server:prod 3.0.1`.

## When it is judged

Each resource alone, by its inputs, before it is created or changed: a violation of a mandatory rule ends preview and
update, and in the update that resource is neither created nor changed. What only several objects tell together (rules
marked "all objects together", settings that stand in a ConfigMap of the same program) is judged once the program has
run: in a preview before anything is applied, in `pulumi up --skip-preview` after it. An object that the program does
not have never makes a finding.

## What is said

What cannot be judged (`unknown`) is never an accept: for our own component, and for what it creates, it is a violation
too, unless `allowUnknown` is set; for the objects of others it is advice. Values that a preview does not know are
named, and judged in the update before the resource is changed. A rule that fails says so itself, and the others still
speak. Secrets are shown as `(hidden)`.

The owner of an object may live with a finding: the annotation `voltaic/waive-RULE` on the object or its pod template,
with the reason as its value, turns it into advice that shows the reason. What our own components create cannot be
waived.

## Levels

In Pulumi a policy has one level for everything that it says. So a rule with mandatory and advisory findings is two
policies: the id of the rule, and the id with the ending `{advice}`. The level of each is set by its name, or of all by
`all`, to `mandatory`, `advisory` or `disabled`; the same file works with `voltaic check`:

```
echo '{{"vram-budget": "advisory", "single-gpu-shard{advice}": "disabled"}}' > levels.json
pulumi preview --policy-pack policies --policy-pack-config levels.json
```

A name that no policy has is said in the preview.

## Policies

`ours` is the level for what our own components make, `others` that for the objects of everybody else. {count} rules.
"""


def index() -> str:
    """Return the index of the rules."""
    entries = [
        {"id": rule.id, "title": rule.title, "levels": list(rule.levels()), "whole_input": rule.whole_input}
        for rule in (_READABLE, *catalogue.catalogue())
    ]
    return "[\n" + ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in entries) + "\n]\n"


def page() -> str:
    """Return the page."""
    rules = catalogue.catalogue()
    families = {family: [rule for rule in rules if catalogue.family(rule) == family] for family in _FAMILIES}
    families["verdict"].insert(0, _READABLE)
    lines = [_HEAD.format(advice=ADVICE, kinds=_kinds(), count=len(rules) + 1)]
    for family, heading in _FAMILIES.items():
        if families[family]:
            lines += [f"### {heading}\n", "| rule | ours | others | asks |", "| --- | --- | --- | --- |"]
            lines += [_row(rule) for rule in families[family]]
            lines.append("")
    return "\n".join(lines)


def _kinds() -> str:
    """Return the kinds of objects that hold pods, as lines of a list's entry."""
    names = ", ".join(dict.fromkeys(kind.name for kind in kinds()))
    return textwrap.fill(names, 120, initial_indent="  ", subsequent_indent="  ")


def _row(rule: Rule[Any]) -> str:
    asks = rule.title + (_TOGETHER if rule.whole_input else "")
    name = f"`{rule.id}`" if rule.id == READABLE else f"[`{rule.id}`]({_RULES}#{rule.id})"
    return f"| {name} | {rule.level} | {rule.foreign or rule.level} | {asks} |"


if __name__ == "__main__":
    INDEX.write_text(index(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")

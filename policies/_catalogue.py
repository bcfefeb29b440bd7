"""The page that lists the policies, written from the policies themselves: `python -m policies._catalogue`."""

from __future__ import annotations

from pathlib import Path

from policies._rule import ADVICE, CATALOGUE

PAGE = Path(__file__).with_name("README.md")

_HEAD = """\
# Policy pack

Refuses model servers that would not start on the GPUs they are given, before anything is created, and says what to
change. It asks the same rules as `voltaic plan` and `voltaic check`.

```
pulumi preview --policy-pack policies
```

This page is generated (`python -m policies._catalogue`); a test compares it with the policies.

## What is judged

- The component `voltaic:index:TGIServer`, by the serving spec among its properties. It registers before its children,
  so that a refusal stops the update before any of them exists.
- Every Kubernetes object that holds a pod (Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController,
  Job, CronJob, PodTemplate), whoever wrote it: engine arguments, environment and GPU limits are read back from it. What
  is not a model server passes. Of a patch (`DeploymentPatch` and its like) nothing can be judged but itself, which is
  said.

The GPU model of a foreign object comes from its node selector or node affinity, else from its annotation
`voltaic/profile`, else from the stack's configuration:

```
pulumi config set voltaic:profile v100-2gpu
```

The release comes from the image's tag, else from the annotation `voltaic/release` of the pod template, which names the
image that it holds for: `mirror.example/llm/server:prod 3.0.1`.

## What is said

A violation of a mandatory rule ends preview and update. What cannot be judged (`unknown`) is never an accept: for our
own component, and for what it creates, it is a violation too, unless `allowUnknown` is set; for the objects of others
it is advice. Values that a preview does not know are named, and judged in the update before the resource is changed.

In Pulumi a policy has one level for everything that it says. So each mandatory rule has a second policy with the ending
`{advice}` for what it advises.

Levels are set as for any pack, for one policy or for `all`:

```
echo '{{"vram-budget": "advisory", "single-gpu-shard{advice}": "disabled"}}' > levels.json
pulumi preview --policy-pack policies --policy-pack-config levels.json
```

## Policies

| policy | level | asks |
| --- | --- | --- |
{table}
"""


def page() -> str:
    """Return the page."""
    rows = [f"| `{rule.id}` | {rule.level} | {rule.title} |" for rule in CATALOGUE]
    sections = [f"### {rule.id}\n\n{rule.why}\n" for rule in CATALOGUE]
    return "\n".join([_HEAD.format(advice=ADVICE, table="\n".join(rows)), *sections])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""Reports for tests of what is made of them: real verdicts, and texts of any kind."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from cli.pull_request import model
from voltaic import host, settings
from voltaic.verdict import judge

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA_13B = "meta-llama/Llama-2-13b-chat-hf"
LLAMA_70B = "meta-llama/Llama-2-70b-chat-hf"


@cache
def judged(profile: str = "v100-2gpu", model_id: str = MISTRAL) -> model.Side:
    """Return a stack of these two settings, judged."""
    chosen = settings.read({"profile": profile, "model": model_id}, where="Pulumi.a.yaml")
    spec = settings.serving_spec(chosen)
    verdict = judge(spec)
    return model.Side("Pulumi.a.yaml", model_id, verdict.verdict, verdict, host.start(chosen, spec))


def report(**values: Any) -> model.Report:
    """Return a report on an accepted change of the model, with these values in place of its own."""
    given: dict[str, Any] = {
        "stack": "v100-2gpu",
        "outcome": "accept",
        "against": "base",
        "before": judged(),
        "after": judged(model_id=LLAMA_13B),
        "settings": (model.Setting("model", MISTRAL, LLAMA_13B),),
        "pods": (model.Pods("Deployment", "tgi-v100-2gpu", "restarts", 1, 1, is_server=True),),
        "volumes": (model.Volume("PersistentVolumeClaim", "tgi-v100-2gpu-cache", "stays", holds="model cache"),),
        "steps": (model.Step("update", "urn:pulumi:a::b::kubernetes:apps/v1:Deployment::tgi", "kubernetes:apps/v1:D"),),
    }
    return model.Report(**(given | values))


def change(*reports: model.Report, **values: Any) -> model.Change:
    """Return a change of these stacks."""
    return model.Change(**({"project": "voltaic", "base": "main", "reports": reports} | values))


TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["--> <details>", "</details>", "```", "| a |", "@all", "`" * 20, "a\nb\n# c", "<summary>", "\ud800", "x" * 500]
    ),
)
LONG = st.one_of(TEXT, st.builds(lambda text, times: text * times, TEXT, st.sampled_from([1, 300, 5_000])))
SIDES = st.sampled_from(
    [
        None,
        judged(),
        judged(model_id=LLAMA_13B),
        judged(model_id=LLAMA_70B),
        judged("a100-80gb-8gpu", LLAMA_70B),
        judged(model_id="nobody/unknown"),
        model.Side("Pulumi.bad.yaml", faults=("Pulumi.bad.yaml:3: </details> | @all",)),
    ]
)
SAID = st.builds(
    model.Said,
    rule=TEXT,
    level=st.sampled_from(["mandatory", "advisory", "<b>"]),
    outcome=st.sampled_from(["violation", "unknown"]),
    message=LONG,
    why=LONG,
    fix=LONG,
    sources=st.lists(TEXT, max_size=9).map(tuple),
    about=TEXT,
)
STEPS = st.builds(
    model.Step,
    op=st.sampled_from(["create", "update", "replace", "delete", "same", "read", "import", "other"]),
    urn=TEXT,
    type=TEXT,
    paths=st.lists(TEXT, max_size=12).map(tuple),
)
PODS = st.builds(
    model.Pods,
    kind=TEXT.map(lambda _: "Deployment"),
    name=TEXT,
    fate=st.sampled_from(["starts", "restarts", "stops", "scales"]),
    count=st.one_of(st.none(), st.integers(0, 9)),
    before=st.integers(0, 9),
    all_at_once=st.booleans(),
    is_server=st.booleans(),
)
VOLUMES = st.builds(
    model.Volume,
    kind=st.just("PersistentVolumeClaim"),
    name=TEXT,
    fate=st.sampled_from(["stays", "new", "changes", "released", "lost"]),
    replaced=st.booleans(),
)


def many(strategy: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    """Return few of them, or few of them thousands of times."""
    few = st.lists(strategy, max_size=most).map(tuple)
    return st.builds(lambda found, times: found * times, few, st.sampled_from([1, 1, 1, 2_000]))


REPORTS = st.builds(
    model.Report,
    stack=TEXT,
    outcome=st.sampled_from(["accept", "refuse", "unknown", "failed", "gone"]),
    against=st.sampled_from(["state", "base", "nothing"]),
    before=SIDES,
    after=SIDES,
    settings=many(st.builds(model.Setting, TEXT, st.one_of(st.none(), LONG), st.one_of(st.none(), LONG))),
    findings=many(SAID),
    ways=many(st.builds(model.WayOut, LONG, st.lists(LONG, max_size=3).map(tuple))),
    pods=many(PODS),
    volumes=many(VOLUMES),
    downloads=st.booleans(),
    steps=many(STEPS),
    notes=many(LONG),
    messages=many(st.builds(model.Message, st.sampled_from(["warning", "error"]), LONG)),
    faults=many(LONG),
)
CHANGES = st.builds(
    model.Change,
    project=TEXT,
    base=st.one_of(st.none(), TEXT),
    reports=st.builds(
        lambda found, times: tuple(found) * times, st.lists(REPORTS, max_size=3), st.sampled_from([1, 1, 60])
    ),
    faults=st.one_of(st.just(()), many(LONG)),
)

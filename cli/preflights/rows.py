"""What there is, held against what a stack needs: one row a question, each with its way out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cli.watching.lines import span
from voltaic import units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.cluster.rights import Answer
    from cli.preflights.needs import Needs

Outcome = Literal["ok", "missing", "unknown", "note"]
"""`missing`: the deployment would fail or wait for ever; `unknown`: that may be so, and cannot be told from here;
`note`: worth knowing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question and its answer."""

    check: str
    """Stable name, kebab-case."""
    outcome: Outcome
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class NeededRight:
    """A row of rights.toml."""

    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    needed: str
    without: str


def rights(answers: Sequence[Answer], needed: Sequence[NeededRight], *, replicas: int) -> Iterator[Row]:
    """Yield whether the rights are there that a deployment needs, and what goes without the others."""
    allowed = {(answer.right.verb, answer.right.resource): answer.allowed for answer in answers}
    gaps: dict[str, dict[str, list[str]]] = {"deploy": {}, "operate": {}}
    lost: list[str] = []
    for right in needed:
        kind = right.needed
        if kind == "replicas":
            kind = "deploy" if replicas > 1 else "operate"
        for resource in right.resources:
            verbs = [verb for verb in right.verbs if not allowed.get((verb, resource), False)]
            if verbs:
                gaps[kind].setdefault("/".join(verbs), []).append(resource)
                lost += [right.without] if kind == "operate" else []
    where = "Ask the namespace's owner for them (kubernetes role `edit` has all of them)."
    if gaps["deploy"]:
        yield Row("rights-to-deploy", "missing", f"missing: {_listed(gaps['deploy'])}", where)
    else:
        yield Row("rights-to-deploy", "ok", "all that a deployment needs")
    if gaps["operate"]:
        reasons = "; ".join(dict.fromkeys(lost))
        yield Row("rights-to-operate", "note", f"missing: {_listed(gaps['operate'])} ({reasons})", where)
    else:
        yield Row("rights-to-operate", "ok", "logs, commands in pods, port-forward, events, quotas")


def _listed(gaps: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{verbs} of {', '.join(resources)}" for verbs, resources in gaps.items())


def model(needs: Needs, *, gated: bool | None, hub: str | None, cached: bool = False) -> Row:
    """Return whether the model may be fetched.

    Args:
        needs: of the stack.
        gated: whether the hub lets in only whom it knows; None: not known.
        hub: what the hub says to the token of whoever asks here; None: it was not asked, or let in.
        cached: whether the model's cache is there already, and may hold it.
    """
    name, token = str(needs.spec.model.id), "hfToken" in needs.secrets or "hf_token" in needs.settings.model_fields_set
    hide = "pulumi config set --secret hfToken"
    if hub is not None:
        return Row("model-access", "unknown", hub, f"What counts is the stack's own token: {hide}")
    if gated and not token:
        return Row(
            "model-access",
            "unknown" if cached else "missing",
            f"{name} is gated, and the stack has no token: the download ends with 401",
            f"Accept its terms on the hub, then: {hide}",
        )
    if gated:
        return Row(
            "model-access", "ok", f"{name} is gated, and the stack has a token (whether it was let in is not seen here)"
        )
    if gated is None:
        return Row(
            "model-access",
            "note",
            f"{name}: whether it is gated is not known here",
            "Ask the hub: voltaic models add ID --dry-run",
        )
    return Row("model-access", "ok", f"{name} is open to everybody")


def images(needs: Needs) -> Iterator[Row]:
    """Yield where images come from, where that is not the usual place."""
    own = [
        pod
        for pod, stated in zip(needs.pods, (needs.settings.image, needs.settings.webui_image), strict=False)
        if stated
    ]
    for pod in own:
        yield Row(
            "image-pull",
            "unknown",
            f"{pod.part}: {pod.image} is pulled without a pull secret: its registry must let nodes in",
            "Ask who runs the registry, or whether the nodes have its login.",
        )
    if not own:
        registries = sorted({pod.image.partition("/")[0] for pod in needs.pods})
        yield Row("image-pull", "ok", f"public images of {', '.join(registries)}, no pull secret needed")


def times(needs: Needs) -> Row:
    """Return how long a first start may take, and who waits how long for it."""
    plan = needs.plan
    return Row(
        "time-outs",
        "ok",
        f"a first start fetches {units.gib(plan.download.value)} and may take {span(plan.startup_budget.value)}; "
        f"pulumi waits {span(plan.pulumi_timeout.value)}",
    )


def security(refusals: Sequence[str], *, asked: str | None, needs: Needs) -> Row:
    """Return whether Pod Security lets the pods in.

    Args:
        refusals: what the API server said against stand-ins of the pods.
        asked: how it was asked: `pods`, `deployments` (whose pods are only warned of); None: not at all.
        needs: of the stack.
    """
    root = [pod.part for pod in needs.pods if pod.user is None]
    if refusals:
        fix = (
            "Choose a release that runs without root: pulumi config set engineVersion 3.0.1"
            if root
            else "Ask the namespace's owner which level it enforces, and why these pods fail it."
        )
        return Row("pod-security", "missing", "; ".join(dict.fromkeys(refusals)), fix)
    if asked is None:
        told = (
            f"{', '.join(root)} runs as root, which level `restricted` refuses"
            if root
            else "pods keep to level `restricted`"
        )
        return Row("pod-security", "unknown" if root else "ok", f"{told}; the API server could not be asked")
    how = "a dry run of the pods was let in" if asked == "pods" else "a dry run of the Deployments brought no warning"
    return Row("pod-security", "ok", how)

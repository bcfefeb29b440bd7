"""Is the pod free of rights on the cluster that it does not use?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, text
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "service-account-token"
_SOURCES: Final = (
    Source("kubernetes.io, Configure Service Accounts for Pods: automountServiceAccountToken of pod or account"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a token of the cluster's API lies in a pod that never asks the API."""
    pod = subject.pod
    stated = pod.spec.get("automountServiceAccountToken")
    if stated is False or any(view.role == "other" and not view.init for view in pod.containers):
        return
    name = text(pod.spec.get("serviceAccountName")) or text(pod.spec.get("serviceAccount")) or "default"
    account = subject.others.beside("ServiceAccount", name, namespace=pod.namespace, document=pod.holder.document)
    if stated is None and at(None if account is None else account.content, "automountServiceAccountToken") is False:
        return
    if _has_rights(subject, name):
        return
    yield Finding(
        rule=ID,
        message=f"The token of service account {name} is mounted into the pod; "
        "wanted is automountServiceAccountToken: false.",
        why="Neither engine nor page asks the cluster's API; whoever breaks in has the account's rights with it.",
        fix=f"Set {pod.path}.automountServiceAccountToken: false",
        sources=_SOURCES,
        path=f"{pod.path}.automountServiceAccountToken" if stated is not None else pod.path,
    )


def _has_rights(subject: Subject, name: str) -> bool:
    """Return whether somebody gave the account rights in this input: then the pod is meant to use them."""
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for binding in subject.others.of_kind(kind, namespace=subject.pod.namespace):
            subjects = items(at(binding.content, "subjects"))
            if any(at(one, "kind") == "ServiceAccount" and at(one, "name") == name for one in subjects):
                return True
    return False


RULE: Final = Rule(
    id=ID,
    title="Is the pod free of rights on the cluster that it does not use?",
    why="By default every pod holds a token of the cluster's API, for which an engine has no use.",
    check=check,
    about="pod",
    foreign="advisory",
    whole_input=True,
    fix="Set automountServiceAccountToken: false in the pod.",
    sources=_SOURCES,
)

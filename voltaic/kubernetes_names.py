"""Names that the stack writes into Kubernetes objects and that are read back from them."""

from __future__ import annotations

import hashlib
import re

OWN_LABELS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/managed-by",
)
"""Labels that the stack sets on its objects (kubernetes.io, recommended labels); selectors rest on them."""

PROFILE_ANNOTATION = "voltaic/profile"
"""Annotation on a pod template, or on the object that holds it, that names the profile where node labels do not."""

UNKNOWN_ANNOTATION = "voltaic/allow-unknown"
"""Annotation on a Deployment of the stack, `true` where its owner deploys what cannot be judged."""

RELEASE_ANNOTATION = "voltaic/release"
"""Annotation beside the profile that says which release an image holds whose name and tag do not: `IMAGE RELEASE`.

It holds for exactly this image: whoever changes the image changes what is known of it.
"""

WAIVER_ANNOTATION = "voltaic/waive-"
"""Beginning of the annotation that waives a rule for the pod of this object; its value is the reason."""

MANAGER = "voltaic"
"""Value of the last of `OWN_LABELS` on every object of a stack."""
LONGEST_STACK = 40
"""Characters of the stack in a name: leaves room for the component and for what Kubernetes appends for pods (63)."""
DIGEST_CHARACTERS = 6


def slug(stack: str) -> str:
    """Return a stack's name as a DNS label; unique for stacks that differ only in what such a label cannot hold."""
    made = re.sub(r"[^a-z0-9]+", "-", stack.lower()).strip("-")
    if made == stack and len(made) <= LONGEST_STACK:
        return made
    digest = hashlib.sha256(stack.encode()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{made[:LONGEST_STACK].rstrip('-')}-{digest}".lstrip("-")


def of_stack(stack: str) -> dict[str, str]:
    """Return the labels that select every object of a stack in its namespace, and no others."""
    _, instance, _, manager = OWN_LABELS
    return {instance: slug(stack), manager: MANAGER}

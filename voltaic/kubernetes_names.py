"""Names that the stack writes into Kubernetes objects and that are read back from them."""

from __future__ import annotations

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

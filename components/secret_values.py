"""Secret values: generated once and kept in the encrypted state, handed to pods by Secrets, never shown."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.names import Owner

GENERATED_BYTES = 32
DIGEST_CHARACTERS = 8
"""Enough to tell that a value changed."""


def generated(owner: Owner, part: str, kept: str | None = None) -> pulumi.Output[str]:
    """Return a random value that stays the same over all later runs.

    Args:
        owner: component that it belongs to.
        part: what it is for.
        kept: value that an earlier stack left behind, to go on with; None: there is none.

    A stash keeps its first input as its output; what a later run offers is ignored. Hexadecimal, since TGI compares
    keys without regard to case.
    """
    offered = pulumi.Output.secret(kept or secrets.token_hex(GENERATED_BYTES))
    stash = pulumi.Stash(owner.logical_name(part), input=offered, opts=owner.options(ignore_changes=["input"]))
    return pulumi.Output.secret(stash.output)


def secret(owner: Owner, part: str, values: Mapping[str, pulumi.Input[str]], *, keep: bool = False) -> core.v1.Secret:
    """Return a Secret that holds these values by key; `keep` lets it outlive the stack."""
    return core.v1.Secret(
        owner.logical_name(part),
        metadata=owner.metadata(part),
        string_data=dict(values),  # the class itself marks them secret
        opts=owner.options(retain_on_delete=keep),
    )


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a container that a Secret gives."""

    secret: pulumi.Input[str]
    key: str
    value: pulumi.Input[str]
    """For the digest that starts new pods when it changes."""


def digest(variables: Mapping[str, Variable], salt: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return a short digest of secret values, for a pod annotation: a changed value then starts new pods.

    The salt is a generated secret: without it, whoever may see the pod could try words until the digest is theirs.
    """

    def shorten(texts: list[str]) -> str:
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:DIGEST_CHARACTERS]

    values = [salt, *(variables[name].value for name in sorted(variables))]
    return pulumi.Output.unsecret(pulumi.Output.all(*values).apply(shorten))

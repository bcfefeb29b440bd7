"""One line a resource."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cli.deploying import resources

URN = "urn:pulumi:s::p::voltaic:index:TGIServer$kubernetes:apps/v1:Deployment::tgi"


def metadata(op: str, *, old: Any = None, new: Any = None, type_: str = "kubernetes:apps/v1:Deployment") -> Any:
    """Return what an event of the engine says of a step."""
    return SimpleNamespace(op=op, urn=URN, type=type_, old=old, new=new)


def state(name: str | None = "tgi-gpu", *, retained: bool = False) -> Any:
    """Return a state of a resource."""
    inputs = {} if name is None else {"metadata": {"name": name}}
    return SimpleNamespace(inputs=inputs, retain_on_delete=retained)


@pytest.mark.parametrize(
    ("found", "seconds", "line"),
    [
        (metadata("create", new=state()), 0.2, "+ Deployment tgi-gpu created"),
        (metadata("update", old=state(), new=state()), 12.4, "~ Deployment tgi-gpu updated (12 s)"),
        (metadata("delete", old=state()), 3, "- Deployment tgi-gpu deleted (3 s)"),
        (
            metadata("delete", old=state(retained=True)),
            0,
            "  Deployment tgi-gpu leaves the stack, stays in the cluster",
        ),
        (metadata("create-replacement", new=state(None)), 0, "+ Deployment tgi created anew"),
        (metadata("delete-replaced", old=state()), 0, "- Deployment tgi-gpu deleted, replaced"),
    ],
)
def test_lines(found: Any, seconds: float, line: str) -> None:
    """Sign, kind, the name in the cluster, what was done, and how long it took where that is worth telling."""
    assert resources.done(resources.resource(found), seconds) == line


def test_a_failure() -> None:
    """It says what was not done."""
    assert resources.failed(resources.resource(metadata("create", new=state())), 61) == (
        "! Deployment tgi-gpu not created after 61 s"
    )


@pytest.mark.parametrize(
    ("type_", "shown"),
    [
        ("kubernetes:core/v1:Secret", True),
        ("random:index/randomId:RandomId", True),
        ("voltaic:index:TGIServer", False),
        ("pulumi:index:Stash", False),
    ],
)
def test_what_is_shown(type_: str, shown: bool) -> None:  # noqa: FBT001  a table
    """Objects are, and what others add; Pulumi's own book-keeping and components are not."""
    assert resources.resource(metadata("create", new=state(), type_=type_)).is_shown is shown

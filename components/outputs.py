"""What the stack tells those who deployed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components import refusal
from voltaic import units
from voltaic.memory.bill import Bill

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.cluster import Cluster
    from components.port_forward import PortForwardHelper
    from components.tgi_server import TGIServer
    from components.web_ui import WebUI


def of_stack(
    target: Cluster, server: TGIServer, page: WebUI | None, forward: PortForwardHelper
) -> Mapping[str, pulumi.Input[Any]]:
    """Return the stack's outputs by name."""
    bill = server.judged.bill
    outputs: dict[str, pulumi.Input[Any]] = {
        "namespace": target.namespace,
        "modelServed": server.model,
        "launcherCommand": server.launcher_command,
        "apiUrl": forward.api_url,
        "apiInClusterUrl": server.url,
        "apiKey": server.api_key,
        "forwardCommands": forward.commands,
    }
    if isinstance(bill, Bill):
        outputs["bill"] = {"per_gpu": refusal.bill_for_people(bill), "bytes": bill.document()}
        outputs["headroom"] = units.gib(bill.worst.headroom)
    if page is not None:
        outputs |= {
            "chatUrl": forward.chat_url,
            "chatInClusterUrl": page.url,
            "chatAdminEmail": page.admin_email,
            "chatAdminPassword": page.admin_password,
        }
    return outputs

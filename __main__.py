"""The stack: from settings to a server, a chat page and the way to reach both."""

import pulumi

from components import PortForwardHelper, TGIServer, WebUI, arguments, cluster, config, errors, outputs


async def main() -> None:
    """Deploy what the stack file says, or refuse it with the reason."""
    settings = config.read()
    target = await cluster.connect(
        context=settings.context,
        namespace=settings.namespace,
        create_namespace=settings.create_namespace,
        keep_namespace=arguments.keeps_volumes(settings),
    )
    options = pulumi.ResourceOptions(providers=[target.provider])
    server = TGIServer("tgi", arguments.of_server(settings, target), options)
    page = None
    if settings.webui_enabled:
        page = WebUI("webui", arguments.of_page(settings, server, target), options)
    forward = PortForwardHelper("forward", arguments.of_forward(target, server, page))
    for name, value in outputs.of_stack(target, server, page, forward).items():
        pulumi.export(name, value)


pulumi.run(errors.shown_once(main))

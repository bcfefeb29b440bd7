"""From the stack's settings to the arguments of its components; secrets become secret outputs here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import pulumi

from components import kubectl
from components.names import object_name
from components.tgi_server import SECRET_ARGS, TGIServerArgs
from components.web_ui import LOGIN
from voltaic import units
from voltaic.settings import Toleration, on_network_storage

if TYPE_CHECKING:
    from pydantic import SecretStr

    from components.cluster import Cluster
    from components.port_forward import PortForwardHelperArgs
    from components.tgi_server import TGIServer
    from components.web_ui import WebUI, WebUIArgs
    from voltaic.settings import Settings


def of_server(settings: Settings, target: Cluster) -> TGIServerArgs:
    """Return the arguments of the inference server; what the stack does not say stays unsaid."""
    names = TGIServerArgs.__annotations__.keys() - {"namespace", *SECRET_ARGS}
    stated = {name: _plain(name, getattr(settings, name)) for name in names & settings.model_fields_set}
    hidden = {name: _secret(getattr(settings, name)) for name in SECRET_ARGS}
    found = {"webui_enabled": settings.webui_enabled, "namespace": target.namespace, "context": target.context}
    given: dict[str, Any] = {**stated, **hidden, **found}
    return cast("TGIServerArgs", _said(given))


def of_page(settings: Settings, server: TGIServer, target: Cluster) -> WebUIArgs:
    """Return the arguments of the chat page that talks to this server."""
    facts = server.server.facts
    total, prompt = (server.server.spec.option(name) for name in ("max_total_tokens", "max_input_tokens"))
    given: dict[str, Any] = {
        "namespace": target.namespace,
        "context": target.context,
        "api_url": f"{server.address}/v1",
        "engine": str(server.server.spec.release),
        "model": str(server.server.spec.model.id),
        "chat_completions": facts.chat_completions,
        "lists_models": facts.lists_models,
        "api_key": server.api_key if facts.api_key else None,
        # What a request of full length leaves for the answer: more would be refused.
        "answer_tokens": total - prompt if facts.short_answer and total and prompt else None,
        "version": settings.webui_version,
        "image": settings.webui_image,
        "admin_email": settings.webui_admin_email,
        "admin_password": _secret(settings.webui_admin_password),
        "database_url": _secret(settings.webui_database_url),
        "data_size": settings.webui_data_size,
        "storage_class": settings.webui_storage_class,
        "on_network_storage": on_network_storage(settings),
        "keep_data": not settings.webui_data_delete_on_destroy,
        "kept_login": _kept_login(settings, target),
        "labels": dict(settings.labels),
    }
    return cast("WebUIArgs", _said(given))


def of_forward(target: Cluster, server: TGIServer, page: WebUI | None) -> PortForwardHelperArgs:
    """Return what is forwarded to the machine of whoever asks."""
    args: PortForwardHelperArgs = {"namespace": target.namespace, "api_service": server.kubernetes_name}
    if page is not None:
        args["chat_service"] = page.kubernetes_name
    if target.context is not None:
        args["context"] = target.context
    return args


def _kept_login(settings: Settings, target: Cluster) -> dict[str, str] | None:
    """Return what an earlier deployment left of the login that goes with the chat data; None where there is none."""
    if settings.webui_data_delete_on_destroy or not target.answers:
        return None
    name = f"{object_name('webui')}-{LOGIN}"
    return kubectl.kept_secret(name, context=target.context, namespace=target.namespace_name) or None


def keeps_volumes(settings: Settings) -> bool:
    """Return whether a volume outlives the stack, and with it the namespace."""
    cache = not settings.model_cache_ephemeral and not settings.model_cache_delete_on_destroy
    return cache or (settings.webui_enabled and not settings.webui_data_delete_on_destroy)


def _plain(name: str, value: Any) -> Any:
    """Return a setting in the types that arguments have: what a caller in another program would write."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return [_said(asdict(item)) if isinstance(item, Toleration) else item for item in value]
    return units.quantity(value) if name == "model_cache_size" else value


def _secret(value: SecretStr | None) -> pulumi.Output[str] | None:
    return None if value is None else pulumi.Output.secret(value.get_secret_value())


def _said(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}

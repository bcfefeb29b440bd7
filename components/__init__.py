"""Kubernetes resources of the stack, and nothing else: what is deployed is decided by the core."""

from components.port_forward import PortForwardHelper
from components.tgi_server import TGIServer
from components.web_ui import WebUI

__all__ = ["PortForwardHelper", "TGIServer", "WebUI"]

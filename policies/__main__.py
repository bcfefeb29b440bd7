"""Serves the pack to the engine; returns only when it is ended."""

from policies._server import serve

serve()

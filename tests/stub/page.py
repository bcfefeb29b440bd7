"""A stand-in for Open WebUI: what a smoke test asks of it, and nothing more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.stub.http_server import Answer, HttpServer

if TYPE_CHECKING:
    from tests.stub.http_server import Request


class Page(HttpServer):
    """The page."""

    def __init__(self, port: int = 0, *, sign_up: bool = False, login: bool = True) -> None:
        super().__init__(port)
        self.sign_up = sign_up
        self.login = login

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path == "/health":
            return Answer(body=b'{"status":true}')
        if request.path == "/api/config":
            features = {"auth": self.login, "enable_signup": self.sign_up}
            return Answer(body=json.dumps({"status": True, "name": "Open WebUI", "features": features}).encode())
        if request.path in {"/", "/auth"}:
            return Answer(body=b"<!doctype html><title>Open WebUI</title>", content_type="text/html")
        return Answer(404)

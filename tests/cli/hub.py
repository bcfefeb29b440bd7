"""A local stand-in for a model hub: as much of its API as `voltaic models add` asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

SHA = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"
TOKEN = "hf_" + "s3cr3t" * 5


class Hub:
    """Repositories by id, what was asked for, and the ids that are gated, private or renamed."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.cards: dict[str, dict[str, Any]] = {}
        self.gated: set[str] = set()
        self.moved: dict[str, str] = {}
        self.broken: set[str] = set()
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.sent = 0
        """Bytes of bodies that were sent."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def add(self, model_id: str, files: dict[str, bytes], **card: Any) -> None:
        """Publish a repository."""
        self.files[model_id] = files
        self.cards[model_id] = {"license": "apache-2.0", **card}

    def _handler(self) -> type[BaseHTTPRequestHandler]:  # noqa: C901  one class that knows this hub
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, *, body: bool) -> None:
                path = unquote(self.path.partition("?")[0])
                hub.asked.append(path)
                for old, new in hub.moved.items():
                    if old in path:
                        return self.end(307, {"Location": path.replace(old, new)})
                if path.startswith("/api/models/"):
                    return self.card(path.removeprefix("/api/models/"))
                model_id, _, rest = path.lstrip("/").partition("/resolve/")
                return self.file(model_id, rest.partition("/")[2], body=body)

            def card(self, path: str) -> None:
                model_id, _, revision = path.partition("/revision/")
                if model_id in hub.broken:
                    return self.end(500)
                if model_id not in hub.files:
                    return self.end(404, {"X-Error-Code": "RepoNotFound"})
                if revision not in {"", "main", SHA}:
                    return self.end(404, {"X-Error-Code": "RevisionNotFound"})
                card = hub.cards[model_id]
                siblings = [{"rfilename": name, "size": len(data)} for name, data in hub.files[model_id].items()]
                answer = {
                    "id": model_id,
                    "modelId": model_id,
                    "sha": SHA,
                    "gated": "manual" if model_id in hub.gated else False,
                    "private": False,
                    "tags": [f"license:{card['license']}"],
                    "cardData": card,
                    "siblings": siblings,
                }
                return self.end(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())

            def file(self, model_id: str, name: str, *, body: bool) -> None:
                if model_id in hub.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    # Some servers repeat what they were sent.
                    sent = str(self.headers.get("Authorization")).encode()
                    headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": sent.decode()}
                    return self.end(403 if "Authorization" in self.headers else 401, headers, sent)
                data = hub.files.get(model_id, {}).get(name)
                if data is None:
                    return self.end(404, {"X-Error-Code": "EntryNotFound"})
                headers = {
                    "X-Repo-Commit": SHA,
                    "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
                    "Accept-Ranges": "bytes",
                }
                asked = self.headers.get("Range")
                if asked:
                    hub.ranges.append(asked)
                    first, _, last = asked.removeprefix("bytes=").partition("-")
                    part = data[int(first) : int(last or len(data)) + 1]
                    headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
                    return self.end(206, headers, part, body=body)
                return self.end(200, headers, data, body=body)

            def end(
                self, status: int, headers: dict[str, str] | None = None, data: bytes = b"", *, body: bool = True
            ) -> None:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if body:
                    self.wfile.write(data)
                    hub.sent += len(data)

        return Handler

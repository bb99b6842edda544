"""A small program that receives webhooks, and checks their signatures by itself as the documentation tells it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug.serving import make_server

from tests.web.site import Quiet


@dataclass(frozen=True)
class Got:
    """One request: its path, its headers in small letters, and its body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.body)

    def is_signed_by(self, secret: str) -> bool:
        """Whether one of its signatures was made with ``secret``."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        mark = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(mark, one) for one in self.headers["webhook-signature"].split(" "))


@dataclass
class Receiver:
    """What came, in order; ``status``, ``answer`` and ``headers`` are what each request is answered with.

    ``refuses``: a word for which a request is answered with 422.
    """

    url: str = ""
    got: list[Got] = field(default_factory=list)
    status: int = 204
    answer: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    refuses: str = ""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run one on a free port of this host."""
    receiver = Receiver()

    def take(environ: Any, start: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        receiver.got.append(Got(environ["PATH_INFO"], _headers(environ), body))
        refused = receiver.refuses and receiver.refuses.encode() in body
        start(f"{422 if refused else receiver.status} of tests", list(receiver.headers.items()))
        return [receiver.answer]

    server = make_server("127.0.0.1", 0, take, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    found = {
        name.removeprefix("HTTP_"): value for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_"))
    }
    return {name.lower().replace("_", "-"): str(value) for name, value in found.items()}

"""A small mail server for tests: it speaks SMTP (RFC 5321) as far as a sender needs, keeps what it took, can refuse."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Mailbag:
    """What was taken: envelope recipient and bytes. ``answers``: what RCPT gets for an address instead of 250."""

    url: str = ""
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, bag: Mailbag) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.bag = bag


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Speak with one client until it goes."""
        self._recipients: list[str] = []
        self._say("220 test ESMTP")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            {"RCPT": self._add, "DATA": self._take, "RSET": self._forget}.get(verb, self._agree)(line)
            if verb == "QUIT":
                return

    def _add(self, line: str) -> None:
        address = line.partition("<")[2].partition(">")[0]
        answer = self.server.bag.answers.get(address, "250 ok")
        self._recipients += [address] if answer.startswith("250") else []
        self._say(answer)

    def _take(self, line: str) -> None:
        self._say("354 go on")
        lines = []
        while (part := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(part.removeprefix(b".") if part.startswith(b"..") else part)
        self.server.bag.taken += [(address, b"".join(lines)) for address in self._recipients]
        self._forget(line)

    def _forget(self, line: str) -> None:
        self._recipients = []
        self._agree(line)

    def _agree(self, _line: str) -> None:
        self._say("250 ok")

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[Mailbag]:
    """Run one on a free port of this host."""
    bag = Mailbag()
    with _Server(bag) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        bag.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        yield bag
        server.shutdown()
        thread.join()

"""The way out: one time for everything, however slowly the other side answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from config import Settings
from panel.kernel import outgoing
from panel.kernel.outgoing import CannotFetch, fetch, is_allowed

DRIPS = 1_500
"""So many bytes one by one, 20 ms between them: whoever waits for them all waits for half a minute, and has them."""

SETTINGS = Settings(env="lab", outgoing_allowed="127.0.0.0/8")


def test_a_server_that_drips_is_left_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "WHOLE_SECONDS", 0.3)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
    for name, answer in (
        ("status", [b"H"] + [b"T"] * DRIPS),
        ("headers", [head, b"X: ", *[b"x"] * DRIPS, b"\r\n\r\nOK"]),
        ("chunks", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * DRIPS, b"0\r\n\r\n"]),
        ("body", [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * DRIPS]),
        ("nothing", []),
    ):
        with answering(answer, keep=True) as port, pytest.raises(CannotFetch) as stopped:
            fetch(SETTINGS, f"http://127.0.0.1:{port}/")
        assert stopped.value.why == "slow", name
    with answering([b"\x16"] * DRIPS, keep=True) as port, pytest.raises(CannotFetch):
        fetch(SETTINGS, f"https://127.0.0.1:{port}/")


def test_what_is_answered_in_time_comes_whole() -> None:
    with answering([b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"wh", b"ol"]) as port:
        assert fetch(SETTINGS, f"http://127.0.0.1:{port}/", form="a=b").body == b"whol"
    with answering([b"HTTP/1.1 404 No\r\n\r\nrest until the end"]) as port:
        found = fetch(SETTINGS, f"http://127.0.0.1:{port}/")
    assert (found.status, found.body) == (404, b"rest until the end")
    with answering([]) as port, pytest.raises(CannotFetch) as stopped:
        fetch(SETTINGS, f"http://127.0.0.1:{port}/")
    assert stopped.value.why == "unreachable"


def test_no_way_leads_to_what_stands_for_this_host_or_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = Settings(env="production", outgoing_allowed="")
    for address in ("::127.0.0.1", "::ffff:0:127.0.0.1", "fec0::1", "5f00::1", "64:ff9b:1::a00:1", "2001:db8::1"):
        assert not is_allowed(strict, address), address
    assert is_allowed(strict, "2001:500:2::c")
    assert not is_allowed(strict, "2001:500:2::c", refused={"2001:0500:0002:0::C", "a.name"})
    monkeypatch.setattr(outgoing, "_is_public", lambda _address: True)
    assert not is_allowed(strict, "127.0.0.1"), "an address of this host, however public it is"
    assert is_allowed(Settings(env="production", outgoing_allowed="127.0.0.1/32"), "127.0.0.1"), "listed by hand"


@contextmanager
def answering(parts: list[bytes], *, keep: bool = False) -> Iterator[int]:
    """The port of a server that answers once with ``parts``; ``keep``: slowly, and without an end."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, parts, done.wait if keep else None), daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        done.set()
        thread.join(30)


def _serve(server: socket.socket, parts: list[bytes], wait: Callable[[float], bool] | None) -> None:
    with suppress(OSError):
        asked, _address = server.accept()
        with asked:
            asked.recv(65536)
            for part in parts:
                asked.sendall(part)
                if wait is not None and wait(0.02):
                    return
            if wait is not None:
                wait(30)
                return
            asked.shutdown(socket.SHUT_WR)
            # Closed before all was read, a socket takes back what it answered (RFC 1122, 4.2.2.13).
            while asked.recv(65536):
                pass

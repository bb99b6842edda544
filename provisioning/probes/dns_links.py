"""Many questions to a few name servers at once: over UDP as many on their way as a server keeps up with, else TCP.

Plain sockets of this process, one for each server and exchange; an answer counts only if it comes from the address
that was asked, with the number and the question that were sent.
"""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from provisioning.probes.dns_wire import Question, answers, is_truncated

PORT = 53
WINDOW = 100
"""Questions on their way to one server; the kernel's buffers hold as many answers."""
TRIES, FIRST_WAIT = 4, 0.2
"""UDP is asked again after 0.2, 0.4 and 0.8 s: what was lost is not what is not there."""
TCP_WINDOW = 50
_SEND_AT_ONCE = 16
_RECEIVE_BYTES = 65_535
_LENGTH = struct.Struct(">H")


@dataclass(slots=True)
class _OnItsWay:
    index: int
    number: int
    tries: int
    due: float


@dataclass(slots=True)
class Lane:
    """What one server is to be asked, in ``questions``, and what it answered, in the same order; None: nothing."""

    address: str
    questions: Sequence[Question]
    replies: list[bytes | None] = field(default_factory=list)
    waiting: deque[int] = field(default_factory=deque)
    on_way: dict[int, _OnItsWay] = field(default_factory=dict)
    heard: bool = False
    link: socket.socket | None = None

    def __post_init__(self) -> None:
        self.replies = [None] * len(self.questions)
        self.waiting = deque(range(len(self.questions)))


def exchange(lanes: Sequence[Lane], *, until: float) -> None:
    """Ask all servers over UDP, beside each other; what is cut short is asked anew over TCP. Fills ``replies``.

    ``until`` is a moment of `time.monotonic`. A server that answers nothing of a whole window is asked no more.
    """
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for lane in lanes:
            _open(lane, stack, selector)
        while any(lane.waiting or lane.on_way for lane in lanes) and time.monotonic() < until:
            for lane in lanes:
                _send(lane)
            for key, _ in selector.select(max(0.0, min(until, _next_due(lanes)) - time.monotonic())):
                _receive(key.data)
            for lane in lanes:
                _expire(lane)
    for lane in lanes:
        again = [index for index, reply in enumerate(lane.replies) if reply and is_truncated(reply)]
        for index, reply in zip(again, ask_over_tcp(lane.address, [lane.questions[index] for index in again],
                                                    until=until), strict=True):  # fmt: skip
            lane.replies[index] = reply


def ask_over_tcp(address: str, questions: Sequence[Question], *, until: float) -> list[bytes | None]:
    """Ask one server over one connection, several questions at a time (RFC 7766 6.2.1.1)."""
    replies: list[bytes | None] = [None] * len(questions)
    if not questions:
        return replies
    with contextlib.suppress(OSError, EOFError), socket.create_connection((address, PORT), _left(until)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(questions), TCP_WINDOW):
            _ask_window(link, questions, range(start, min(start + TCP_WINDOW, len(questions))), replies, until)
    return replies


def _ask_window(
    link: socket.socket, questions: Sequence[Question], window: range, replies: list[bytes | None], until: float
) -> None:
    numbers = {_number(): index for index in window}
    packets = [questions[index].packet(number) for number, index in numbers.items()]
    # Numbers are drawn at random: the same one twice leaves a question out, which the next round asks again.
    link.settimeout(_left(until))
    link.sendall(b"".join(_LENGTH.pack(len(packet)) + packet for packet in packets))
    for _ in packets:
        link.settimeout(_left(until))
        (size,) = _LENGTH.unpack(_read(link, _LENGTH.size))
        reply = _read(link, size)
        number = int.from_bytes(reply[:2], "big")
        index = numbers.get(number, -1)
        if index >= 0 and answers(reply, questions[index], number):
            replies[index] = reply


def _read(link: socket.socket, size: int) -> bytes:
    parts, missing = [], size
    while missing:
        part = link.recv(missing)
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _open(lane: Lane, stack: contextlib.ExitStack, selector: selectors.BaseSelector) -> None:
    family = socket.AF_INET6 if ipaddress.ip_address(lane.address).version == 6 else socket.AF_INET
    link = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    link.setblocking(False)
    try:
        # Connected, it takes packets from this one address only, and hears when nobody listens there.
        link.connect((lane.address, PORT))
    except OSError:
        lane.waiting.clear()
        return
    lane.link = link
    selector.register(link, selectors.EVENT_READ, lane)


def _send(lane: Lane) -> None:
    now = time.monotonic()
    for _ in range(_SEND_AT_ONCE):
        if not lane.waiting or len(lane.on_way) >= WINDOW:
            return
        index = lane.waiting.popleft()
        _put(lane, _OnItsWay(index, _number(), 1, now + FIRST_WAIT))


def _put(lane: Lane, sent: _OnItsWay) -> None:
    while sent.number in lane.on_way:
        sent.number = _number()
    lane.on_way[sent.number] = sent
    # A full buffer or a refusal is met as a lost packet: asked again a moment later.
    if lane.link is not None:
        with contextlib.suppress(OSError):
            lane.link.send(lane.questions[sent.index].packet(sent.number))


def _receive(lane: Lane) -> None:
    while lane.link is not None:
        try:
            packet = lane.link.recv(_RECEIVE_BYTES)
        except OSError:
            return
        number = int.from_bytes(packet[:2], "big")
        sent = lane.on_way.get(number)
        if sent is not None and answers(packet, lane.questions[sent.index], number):
            lane.replies[sent.index] = packet
            lane.heard = True
            del lane.on_way[number]


def _expire(lane: Lane) -> None:
    now = time.monotonic()
    for sent in [one for one in lane.on_way.values() if one.due <= now]:
        del lane.on_way[sent.number]
        if sent.tries < TRIES:
            _put(lane, _OnItsWay(sent.index, _number(), sent.tries + 1, now + FIRST_WAIT * 2**sent.tries))
        elif not lane.heard:
            lane.waiting.clear()
            lane.on_way.clear()
            return


def _next_due(lanes: Sequence[Lane]) -> float:
    if any(lane.waiting and len(lane.on_way) < WINDOW for lane in lanes):
        return 0.0
    return min((sent.due for lane in lanes for sent in lane.on_way.values()), default=0.0)


def _number() -> int:
    return secrets.randbelow(65_536)

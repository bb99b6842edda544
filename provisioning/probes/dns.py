"""Are zones served as they are wanted: by the primary and every secondary, the same serial or a later one, exact sets.

A change is seen once all servers answer it. What is not so yet is asked again in short steps until it is, or time is
up; thousands of zones go through one exchange.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

from provisioning.probes.dns_links import Lane, ask_over_tcp, exchange
from provisioning.probes.dns_wire import (
    NOERROR,
    NS,
    NXDOMAIN,
    SOA,
    Answer,
    BadAnswer,
    Question,
    name_of,
    read_answer,
    type_of,
    values_of,
    wire_of,
)
from provisioning.record_sets import RecordSet, Soa

Code = Literal["", "unreachable", "not_answered", "secondary_behind", "protocol"]
FIRST_STEP, LAST_STEP = 0.004, 0.1
FEW, PAUSES, LONGEST_PAUSE = 50, 4.0, 1.0
LEAST_SECONDS = 2.0
SAMPLE = 3
"""Zones of a look whose start is asked for over TCP too, from each server."""


@dataclass(frozen=True, slots=True)
class Server:
    """A name server and its address, an IPv4 or IPv6 literal."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Ask:
    """What servers should answer of a zone: these sets exactly, nothing of (name, type) in ``gone``, this start.

    Only what changed need stand here. A name that a wildcard of the zone covers is no ``gone`` one: it belongs into
    ``sets``, with the wildcard's values. ``signed``: signatures have to come with each set. ``present`` False: no
    server should have the zone.
    """

    zone: str
    sets: tuple[RecordSet, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    soa: Soa | None = None
    signed: bool = False
    present: bool = True


@dataclass(frozen=True, slots=True)
class ZoneSeen:
    """What was found of a zone. ``serial`` is the primary's, ``by_server`` of all; None: it gave none.

    ``code`` is "" if all is well, else of the first server that is not as wanted, and ``words`` say what was met.
    """

    ok: bool
    code: Code
    words: str
    serial: int | None
    by_server: dict[str, int | None]


@dataclass(slots=True)
class _Point:
    """One thing to be found: what to ask and what the answer must hold (None: the start, judged by its serial)."""

    question: Question
    what: str
    values: set[bytes] | None = None
    ttl: int | None = None


@dataclass(slots=True)
class _Looked:
    """A zone on its way: for each server the points that are open still, and what was last said of them."""

    ask: Ask
    points: list[_Point]
    start: Question
    open: list[list[_Point]]
    serials: list[int | None]
    verdicts: list[tuple[Code, str]] = field(default_factory=list)
    over_tcp: bool = False


def look(servers: Sequence[Server], asks: Sequence[Ask], *, until: float) -> dict[str, ZoneSeen]:
    """Look at many zones; ``servers`` begin with their primary, ``until`` is a moment of `time.monotonic`.

    Every zone is asked for at least once. Each server is asked over UDP, and over TCP where an answer is cut short
    and for a sample. Raises ValueError where an ask is no DNS.
    """
    zones = [_begin(ask, len(servers)) for ask in asks]
    for zone in {id(one): one for one in _sample(zones)}.values():
        zone.over_tcp = True
    pending, step = list(zones), FIRST_STEP
    while pending:
        begun = time.monotonic()
        # However late it is, one round has the time to ask and be answered.
        _round(servers, pending, max(until, begun + LEAST_SECONDS))
        pending = [zone for zone in pending if not _is_seen(zone)]
        if time.monotonic() >= until:
            break
        if pending:
            # Many that wait for the same thing are asked again less often: asking takes a fifth of the time at most.
            pause = max(step, PAUSES * (time.monotonic() - begun)) if len(pending) > FEW else step
            time.sleep(min(pause, LONGEST_PAUSE, max(0.0, until - time.monotonic())))
            step = min(step * 1.5, LAST_STEP)
    return {zone.ask.zone: _result(servers, zone) for zone in zones}


def serial_before(one: int, other: int) -> bool:
    """Whether serial ``one`` comes before ``other`` (RFC 1982 3.2); False where that is not defined."""
    return one != other and (other - one) % 2**32 < 2**31


def _sample(zones: Sequence[_Looked]) -> list[_Looked]:
    if not zones:
        return []
    return [zones[len(zones) * number // SAMPLE] for number in range(SAMPLE)]


def _begin(ask: Ask, servers: int) -> _Looked:
    start = Question(name_of(ask.zone), SOA, signed=ask.signed)
    points = [_Point(start, "SOA", *_start_of(ask.soa))] if ask.present else []
    points += [
        _Point(_question(ask, one.name, one.type), f"{one.name} {one.type}", values_of(one), one.ttl)
        for one in ask.sets
    ]
    points += [_Point(_question(ask, name, type_), f"{name} {type_}", set()) for name, type_ in ask.gone]
    return _Looked(ask, points, start, [list(points) for _ in range(servers)], [None] * servers)


def _start_of(soa: Soa | None) -> tuple[set[bytes] | None, int | None]:
    if soa is None:
        return None, None
    text = f"{soa.mname} {soa.rname} 0 {soa.refresh} {soa.retry} {soa.expire} {soa.minimum}"
    whole = wire_of("SOA", text)
    return {whole[:-20] + whole[-16:]}, soa.ttl


def _question(ask: Ask, name: str, type_: str) -> Question:
    return Question(name_of(ask.zone, name), type_of(type_), signed=ask.signed)


def _round(servers: Sequence[Server], zones: Sequence[_Looked], until: float) -> None:
    """Ask each server for what is open, beginning with the start, which tells the serial of this moment."""
    asked = [
        [(zone, point) for zone in zones for point in _open_points(zone, number)] for number in range(len(servers))
    ]
    lanes = [
        Lane(server.address, [point.question for _, point in points])
        for server, points in zip(servers, asked, strict=True)
    ]
    exchange(lanes, until=until)
    for zone in zones:
        zone.verdicts = [("", "")] * len(servers)
    for number, (lane, points) in enumerate(zip(lanes, asked, strict=True)):
        for zone in zones:
            zone.open[number] = []
        for (zone, point), reply in zip(points, lane.replies, strict=True):
            _judge(zone, number, point, reply)
    _compare(zones)
    _look_over_tcp(servers, zones, until)


def _open_points(zone: _Looked, number: int) -> Iterable[_Point]:
    start = [] if zone.points and zone.points[0] in zone.open[number] else [_Point(zone.start, "SOA")]
    return chain(start, zone.open[number])


def _judge(zone: _Looked, number: int, point: _Point, reply: bytes | None) -> None:
    if point.question == zone.start:
        zone.serials[number] = None
    code, words = _verdict(zone, number, point, reply)
    if code:
        zone.open[number].append(point)
        zone.verdicts[number] = zone.verdicts[number] if zone.verdicts[number][0] else (code, words)


def _verdict(zone: _Looked, number: int, point: _Point, reply: bytes | None) -> tuple[Code, str]:
    if reply is None:
        return "unreachable", "no answer in time"
    try:
        answer = read_answer(reply, point.question)
    except BadAnswer as error:
        return "protocol", str(error)
    if point.question == zone.start:
        zone.serials[number] = answer.serial if answer.authoritative else None
        if not zone.ask.present:
            return ("not_answered", "the zone is still there") if zone.serials[number] is not None else ("", "")
        if zone.serials[number] is None:
            return "not_answered", f"the zone is not there (code {answer.code})"
    return _compare_sets(zone, point, answer)


def _compare_sets(zone: _Looked, point: _Point, answer: Answer) -> tuple[Code, str]:
    if point.values is None:
        return "", ""
    if answer.code not in {NOERROR, NXDOMAIN}:
        return "not_answered", f"{point.what}: code {answer.code}"
    is_start = point.question == zone.start
    if not answer.authoritative:
        return _compare_below_cut(point, answer)
    if answer.values != point.values or (point.values and point.ttl is not None and answer.ttls != {point.ttl}):
        return "not_answered", f"{point.what}: other values than wanted"
    if point.values and zone.ask.signed and not answer.signed and not is_start:
        return "not_answered", f"{point.what}: not signed"
    return "", ""


def _compare_below_cut(point: _Point, answer: Answer) -> tuple[Code, str]:
    """What stands at or below a zone cut is told by a referral: the cut's NS exactly, addresses as far as they come."""
    if not answer.cut:
        return "not_answered", f"{point.what}: no answer of its own"
    if point.question.type == NS and answer.cut == point.question.name:
        as_wanted = answer.cut_values == point.values and (point.ttl is None or answer.cut_ttls == {point.ttl})
    else:
        as_wanted = not answer.glue or answer.glue == point.values
    return ("", "") if as_wanted else ("not_answered", f"{point.what}: other values than wanted")


def _compare(zones: Iterable[_Looked]) -> None:
    """A secondary whose serial is before the primary's is behind, whatever it answers (RFC 1982)."""
    for zone in zones:
        first, *others = zone.serials
        for number, serial in enumerate(others, start=1):
            if zone.ask.present and first is not None and serial is not None and serial_before(serial, first):
                zone.verdicts[number] = ("secondary_behind", f"serial {serial}, the primary has {first}")


def _look_over_tcp(servers: Sequence[Server], zones: Sequence[_Looked], until: float) -> None:
    chosen = [zone for zone in zones if zone.over_tcp and not any(code for code, _ in zone.verdicts)]
    for number, server in enumerate(servers if chosen else ()):
        replies = ask_over_tcp(server.address, [zone.start for zone in chosen], until=until)
        for zone, reply in zip(chosen, replies, strict=True):
            code, words = _verdict(zone, number, _Point(zone.start, "SOA"), reply)
            if code:
                zone.verdicts[number] = (code, f"{words} over TCP")


def _is_seen(zone: _Looked) -> bool:
    return not any(code for code, _ in zone.verdicts)


def _result(servers: Sequence[Server], zone: _Looked) -> ZoneSeen:
    number = next((number for number, (code, _) in enumerate(zone.verdicts) if code), None)
    code: Code = ""
    words = ""
    if number is not None:
        code, words = zone.verdicts[number]
        # What a secondary has not, though its primary has it, it will have: it is behind.
        code = "secondary_behind" if number and code == "not_answered" else code
        words = f"{servers[number].name}: {words}"
    by_server = {server.name: serial for server, serial in zip(servers, zone.serials, strict=True)}
    return ZoneSeen(number is None, code, words, zone.serials[0] if zone.serials else None, by_server)

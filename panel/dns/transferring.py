"""A whole zone from the server that has it now (AXFR, RFC 5936), over the one door for connections people can aim."""

from __future__ import annotations

import base64
import binascii
import socket
import struct
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig

from config import Settings
from panel.kernel.errors import Conflict, Invalid
from panel.kernel.outgoing import CannotFetch, connect

PORT = 53
SECONDS_MAX = 30.0
BYTES_MAX = 32 * 1024 * 1024
RECORDS_MAX = 100_000
ALGORITHMS = ("hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1", "hmac-md5")

_WHY = {"refused": "axfr_forbidden", "slow": "axfr_slow"}


@dataclass(frozen=True, kw_only=True)
class Key:
    """What signs a transfer (TSIG, RFC 8945); used once, kept nowhere. ``secret`` in base64."""

    name: str
    algorithm: str
    secret: str = field(repr=False)


def transfer(
    settings: Settings,
    name: str,
    server: str,
    *,
    key: Key | None = None,
    port: int = PORT,
    refused: Collection[str] = (),
) -> bytes:
    """The zone as a zone file, one record a line in the order in which they came, its SOA first.

    ``refused``: addresses that are never connected to. Within SECONDS_MAX, BYTES_MAX and RECORDS_MAX. Raises Invalid
    ``axfr_key_bad``, and Conflict ``axfr_…``: *forbidden* (not public), *unreachable*, *slow*, *refused*, *key_refused*
    and *key_wrong* (by them, by us), *absent* (they have no such zone), *broken* (wrong answer, or cut off), *large*.
    """
    query = _query(name, key)
    until = time.monotonic() + SECONDS_MAX
    try:
        with connect(settings, server.rstrip("."), port, until=until, refused=refused) as sock:
            return _file(_messages(sock, query, until))
    except CannotFetch as error:
        raise Conflict(_WHY.get(error.why, "axfr_unreachable"), field="server") from None
    except TimeoutError:
        raise Conflict("axfr_slow", field="server", seconds=int(SECONDS_MAX)) from None
    except dns.tsig.PeerError:
        raise Conflict("axfr_key_refused", field="key") from None
    except (dns.tsig.BadSignature, dns.tsig.BadTime, dns.message.UnknownTSIGKey):
        raise Conflict("axfr_key_wrong", field="key") from None
    except (dns.exception.DNSException, OSError, EOFError, ValueError, struct.error):
        raise Conflict("axfr_broken", field="server") from None


def _query(name: str, key: Key | None) -> dns.message.Message:
    query = dns.message.make_query(name, "AXFR", flags=0)
    if key is None:
        return query
    if key.algorithm not in ALGORITHMS:
        raise Invalid("choice", field="key", choices=", ".join(ALGORITHMS))
    try:
        secret = base64.b64decode("".join(key.secret.split()), validate=True)
        owner = dns.name.from_text(key.name)
    except (binascii.Error, ValueError, dns.exception.DNSException):
        raise Invalid("axfr_key_bad", field="key") from None
    if not secret or not key.name:
        raise Invalid("axfr_key_bad", field="key")
    algorithm = dns.tsig.HMAC_MD5 if key.algorithm == "hmac-md5" else dns.name.from_text(key.algorithm)
    query.use_tsig(dns.tsig.Key(owner, secret, algorithm))
    return query


def _messages(sock: socket.socket, query: dns.message.Message, until: float) -> Iterator[dns.message.Message]:
    """What is answered, message by message, each checked to be the next of this answer."""
    wire = query.to_wire()
    _limit(sock, until)
    sock.sendall(struct.pack("!H", len(wire)) + wire)
    context, octets, is_first = None, 0, True
    while True:
        body = _read(sock, struct.unpack("!H", _read(sock, 2, until))[0], until)
        octets += len(body)
        if octets > BYTES_MAX:
            raise Conflict("axfr_large", field="server", records=RECORDS_MAX, megabytes=BYTES_MAX // 2**20)
        answer = dns.message.from_wire(
            body, keyring=query.keyring, request_mac=query.mac, xfr=True, tsig_ctx=context, multi=True,
            one_rr_per_rrset=True,
        )  # fmt: skip
        if answer.id != query.id or not query.is_response(answer, xfr_continuation=not is_first):
            raise dns.exception.FormError
        _require_success(answer)
        if query.keyring and is_first and not answer.had_tsig:
            raise dns.tsig.BadSignature
        yield answer
        context, is_first = answer.tsig_ctx, False


def _require_success(answer: dns.message.Message) -> None:
    code = answer.rcode()
    if code in (dns.rcode.REFUSED, dns.rcode.NOTAUTH):
        raise Conflict("axfr_refused" if code == dns.rcode.REFUSED else "axfr_absent", field="server")
    if code != dns.rcode.NOERROR:
        raise Conflict("axfr_absent" if code == dns.rcode.NXDOMAIN else "axfr_broken", field="server")


def _file(messages: Iterator[dns.message.Message]) -> bytes:
    """The records between the SOA with which a transfer begins and the same with which it ends, each a line."""
    lines: list[str] = []
    for message in messages:
        for one in message.answer:
            line = f"{one.name.to_text()} {one.ttl} IN {dns.rdatatype.to_text(one.rdtype)} {one[0].to_text()}"
            is_soa = one.rdtype == dns.rdatatype.SOA
            if not lines and not is_soa:
                raise Conflict("axfr_absent", field="server")
            if lines and is_soa:
                _require_end(message, one is message.answer[-1] and line == lines[0])
                return "\n".join([*lines, ""]).encode()
            lines.append(line)
            if len(lines) > RECORDS_MAX:
                raise Conflict("axfr_large", field="server", records=RECORDS_MAX, megabytes=BYTES_MAX // 2**20)
        if not lines:
            raise Conflict("axfr_absent", field="server")
    raise dns.exception.FormError


def _require_end(message: dns.message.Message, is_same: bool) -> None:  # noqa: FBT001 - the one thing asked besides
    """The last message says again what the first one began with, and is signed where anything is."""
    if not is_same:
        raise dns.exception.FormError
    if message.request_mac and not message.had_tsig:
        raise dns.tsig.BadSignature


def _read(sock: socket.socket, count: int, until: float) -> bytes:
    body = bytearray()
    while len(body) < count:
        _limit(sock, until)
        if not (more := sock.recv(count - len(body))):
            raise EOFError
        body += more
    return bytes(body)


def _limit(sock: socket.socket, until: float) -> None:
    """What is left of the whole time, for the next step. Raises TimeoutError once it is over."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)

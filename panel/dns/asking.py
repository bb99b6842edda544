"""What the world's name servers say of a name: the text that proves it, and to whom it is delegated.

Resolvers are the operator's choice. The servers of the name's parent are a stranger's, so they are asked through the
one door for such connections.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from config import Settings
from panel.dns.proofs import LABEL
from panel.kernel.outgoing import CannotFetch, connect

SECONDS, WHOLE_SECONDS = 2.0, 8.0
PARENTS_MOST = 3
PORT = 53


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Our name servers, by their names (no final dot) and addresses."""

    names: frozenset[str]
    addresses: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of a name.

    ``text``: *right*, *other*, *missing* or *unknown* (nobody answered). ``delegated``: *ours*, *elsewhere* (also: to
    nobody) or *unknown*.
    """

    text: str
    delegated: str


class World:
    """Whom to ask. ``port``: where the servers of parents listen."""

    def __init__(self, settings: Settings, servers: Servers, *, port: int = PORT) -> None:
        self._settings, self._servers, self._port = settings, servers, port

    def look(self, name: str, token: str) -> Seen:
        """What is seen of ``name`` within WHOLE_SECONDS or so, whatever others answer."""
        until = time.monotonic() + WHOLE_SECONDS
        return Seen(text=self._text(name, token, until), delegated=self._delegated(name, until))

    def _text(self, name: str, token: str, until: float) -> str:
        """All resolvers that answer must show the token: one of them may be lied to."""
        found = [self._texts(answer) for answer in self._resolved(f"{LABEL}.{name}", "TXT", until)]
        if not found:
            return "unknown"
        shown = [token.encode() in texts for texts in found]
        if any(shown):
            return "right" if all(shown) else "missing"
        return "other" if any(found) else "missing"

    def _delegated(self, name: str, until: float) -> str:
        parents = self._parent_addresses(name, until)
        answers = filter(None, (self._ask_parent(address, name, until) for address in parents))
        told = [self._targets(answer, name) for answer in answers]
        if not told:
            return "unknown"
        return "ours" if all(any(self._is_ours(one, until) for one in targets) for targets in told) else "elsewhere"

    def _parent_addresses(self, name: str, until: float) -> list[str]:
        labels = name.split(".")
        for start in range(1, len(labels)):
            parent = ".".join(labels[start:])
            for answer in self._resolved(parent, "NS", until):
                targets = self._targets(answer, parent)
                found = [one for target in targets[:PARENTS_MOST] for one in self._addresses(target, until)]
                if found:
                    return found[:PARENTS_MOST]
        return []

    def _ask_parent(self, address: str, name: str, until: float) -> dns.message.Message | None:
        query = dns.message.make_query(name, "NS", flags=0, use_edns=0, payload=1232)
        for datagrams in (True, False):
            ask = dns.query.udp if datagrams else dns.query.tcp
            try:
                with connect(self._settings, address, self._port, until=until, datagrams=datagrams) as sock:
                    answer = ask(query, address, timeout=_left(until), port=self._port, sock=sock)
            except (CannotFetch, dns.exception.DNSException, OSError, EOFError):
                return None
            if not answer.flags & dns.flags.TC:
                break
        return answer if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) else None

    def _is_ours(self, target: str, until: float) -> bool:
        if target in self._servers.names:
            return True
        return any(address in self._servers.addresses for address in self._addresses(target, until))

    def _addresses(self, target: str, until: float) -> list[str]:
        for answer in self._resolved(target, "A", until):
            return [one.address for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for one in rrset]
        return []

    def _resolved(self, name: str, type_: str, until: float) -> Iterator[dns.message.Message]:
        """What resolvers answer, of which a few may be down; no such name is an answer too."""
        query = partial(dns.message.make_query, name, type_, use_edns=0, payload=1232)
        for address, port in resolvers(self._settings):
            try:
                answer, _ = dns.query.udp_with_fallback(query(), address, timeout=_left(until), port=port)
            except (dns.exception.DNSException, OSError, EOFError):
                continue
            if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                yield answer

    @staticmethod
    def _texts(answer: dns.message.Message) -> set[bytes]:
        records = (one for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT for one in rrset)
        return {b"".join(one.strings) for one in records}

    @staticmethod
    def _targets(answer: dns.message.Message, name: str) -> list[str]:
        """Where NS records of ``name`` lead, be they an answer or a referral."""
        owner = dns.name.from_text(name)
        records = (
            one
            for rrset in (*answer.answer, *answer.authority)
            if rrset.rdtype == dns.rdatatype.NS and rrset.name == owner
            for one in rrset
        )
        return sorted({one.target.to_text(omit_final_dot=True).lower() for one in records})


def resolvers(settings: Settings) -> Collection[tuple[str, int]]:
    """The resolvers to ask, by address and port."""
    if settings.resolvers:
        parts = (part.strip().partition("@") for part in settings.resolvers.split(","))
        return [(address, int(port or PORT)) for address, _, port in parts]
    try:
        return [(str(one), PORT) for one in dns.resolver.Resolver().nameservers]
    except dns.resolver.NoResolverConfiguration:
        return []


def _left(until: float) -> float:
    return max(0.01, min(SECONDS, until - time.monotonic()))

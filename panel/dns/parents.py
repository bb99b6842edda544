"""What parents have of signed zones: the DS by which the world knows that, and how, they are signed.

Of a zone below one of ours our own primary is asked, of others the resolvers of ``CIS_RESOLVERS``; where none is set
nobody is, and zones say so.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
from flask import current_app
from sqlalchemy import ColumnElement, and_, or_, select, update

from config import Settings
from panel.dns.asking import resolvers
from panel.dns.delegating import parents_of
from panel.dns.models import Zone
from panel.dns.servers import primaries
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work

AGAIN_SECONDS, LEAVING_SECONDS = 6 * 3_600, 1_800
"""How often a parent is asked, and how often while the zone waits for it."""
AT_ONCE, ROUND_SECONDS, ANSWER_SECONDS = 200, 10.0, 2.0
ROLLING_SECONDS = 2 * 86_400
"""How long a parent that follows by itself may take (RFC 7344 6: it looks once a day or so)."""
PORT = 53
SIGNATURES_LEFT_SECONDS = 21 * 86_400 // 4
"""A quarter of the time for which the primary signs: it signs anew when less than the half is left."""

log = logging.getLogger("cis.dns")


def ask_parents(actor: Actor) -> int:
    """Ask for the DS of zones that were not asked about for the longest time; return how many were answered."""
    require(actor, "dns:write", staff=True)
    settings: Settings = current_app.config["CIS"]
    end, answered = time.monotonic() + ROUND_SECONDS, 0
    due = _due()
    servers = _servers_of_ours([name for _, name, *_ in due])
    for id_, name, ours, wanted in due:
        if time.monotonic() > end:
            break
        if name in servers or settings.resolvers:
            theirs = our_ds(servers[name], name) if name in servers else parent_ds(settings, name)
            _note(id_, None if theirs is None else judged_ds(ours, theirs, wanted))
            answered += theirs is not None
    return answered


def our_ds(address: str, name: str) -> frozenset[str] | None:
    """The DS records of ``name`` as our primary that has the zone above answers them; None where it does not."""
    return _asked(name, [(address, PORT)])


def parent_ds(settings: Settings, name: str) -> frozenset[str] | None:
    """The DS records of ``name`` as the first resolver that answers knows them; None where none does."""
    return _asked(name, resolvers(settings))


def judged_ds(ours: Iterable[str], theirs: Iterable[str], wanted: Iterable[str] = ()) -> str:
    """*absent*, *match* (one of theirs is ours: the chain holds), or *mismatch*: whoever checks sees nothing.

    ``wanted``: those of ours that should be there; *rolling* where only others of ours are.
    """
    known, found, newest = ({_plain(one) for one in some} for some in (ours, theirs, wanted))
    if not found & known:
        return "mismatch" if found else "absent"
    return "match" if not newest or newest & found else "rolling"


def signatures_expiring() -> ColumnElement[bool]:
    """SQL: the signatures end so soon that somebody must look why they are not made anew."""
    return and_(Zone.dnssec, Zone.want == "put", Zone.signatures_until < database_now(SIGNATURES_LEFT_SECONDS))


def ds_mismatched() -> ColumnElement[bool]:
    """SQL: the parent has another DS than the primary told, so that whoever checks signatures sees nothing."""
    return and_(Zone.dnssec, Zone.want == "put", Zone.parent_ds == "mismatch")


def ds_awaited() -> ColumnElement[bool]:
    """SQL: the parent goes on having an earlier key's DS only: it does not follow by itself (RFC 7344)."""
    long_since = Zone.parent_since < database_now(-ROLLING_SECONDS)
    return and_(Zone.dnssec, Zone.want == "put", Zone.parent_ds == "rolling", long_since)


def _asked(name: str, servers: Iterable[tuple[str, int]]) -> frozenset[str] | None:
    query = dns.message.make_query(name, "DS", use_edns=0, payload=1232)
    query.flags |= dns.flags.CD  # a DS that breaks the zone must be seen too, not hidden by whoever checks it
    for address, port in servers:
        try:
            answer, _ = dns.query.udp_with_fallback(query, address, timeout=ANSWER_SECONDS, port=port)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            log.info("resolver %s did not answer: %s", address, type(error).__name__)
            continue
        if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            rrsets = (one for one in answer.answer if one.rdtype == dns.rdatatype.DS)
            return frozenset(record.to_text() for rrset in rrsets for record in rrset)
    return None


def _servers_of_ours(names: Sequence[str]) -> dict[str, str]:
    """Where the zone above is asked for, of those names whose parent is a zone of ours."""
    parents = parents_of(names)
    nodes = {node.id: node.address for node in primaries()} if parents else {}
    return {name: nodes[parent.node_id] for name, parent in parents.items() if parent.node_id in nodes}


def _due() -> Sequence[tuple[uuid.UUID, str, list[str], list[str]]]:
    waited = or_(
        Zone.parent_asked_at.is_(None),
        Zone.parent_asked_at < database_now(-AGAIN_SECONDS),
        and_(Zone.leaving, Zone.parent_asked_at < database_now(-LEAVING_SECONDS)),
    )
    signed = and_(Zone.want == "put", Zone.dnssec, Zone.seen_generation > 0, Zone.facts_at.is_not(None))
    query = select(Zone.id, Zone.name, Zone.ds, Zone.wanted_ds).where(signed, waited, Zone.name.not_like("%.arpa"))
    rows = db.session.execute(query.order_by(Zone.parent_asked_at.is_not(None), Zone.parent_asked_at).limit(AT_ONCE))
    return [(row.id, row.name, row.ds, row.wanted_ds.splitlines()) for row in rows]


def _note(zone_id: uuid.UUID, found: str | None) -> None:
    """What nobody answered is asked again in its turn; what was known stays."""
    values: dict[str, object] = {"parent_asked_at": database_now(), "updated_at": Zone.updated_at}
    with unit_of_work():
        if found is not None:
            before = db.session.scalar(select(Zone.parent_ds).where(Zone.id == zone_id))
            values |= {"parent_ds": found} | ({} if before == found else {"parent_since": database_now()})
        db.session.execute(
            update(Zone).where(Zone.id == zone_id).values(values), execution_options={"synchronize_session": False}
        )


def _plain(text: str) -> str:
    """A DS in one spelling: tag, algorithm, digest type, digest."""
    tag, algorithm, sort, *digest = text.lower().split()
    return f"{int(tag)} {algorithm} {sort} {''.join(digest)}"

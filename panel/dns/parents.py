"""What parents have of signed zones: the DS by which the world knows that, and how, they are signed.

Asked are the resolvers of ``CIS_RESOLVERS``; where none is set nobody is asked, and zones say so.
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
from panel.dns.models import Zone
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work

AGAIN_SECONDS, LEAVING_SECONDS = 6 * 3_600, 1_800
"""How often a parent is asked, and how often while the zone waits for it."""
AT_ONCE, ROUND_SECONDS, ANSWER_SECONDS = 200, 10.0, 2.0
SIGNATURES_LEFT_SECONDS = 21 * 86_400 // 4
"""A quarter of the time for which the primary signs: it signs anew when less than the half is left."""

log = logging.getLogger("cis.dns")


def ask_parents(actor: Actor) -> int:
    """Ask for the DS of zones that were not asked about for the longest time; return how many were answered."""
    require(actor, "dns:write", staff=True)
    settings: Settings = current_app.config["CIS"]
    if not settings.resolvers:
        return 0
    end, answered = time.monotonic() + ROUND_SECONDS, 0
    for id_, name, ours in _due():
        if time.monotonic() > end:
            break
        theirs = parent_ds(settings, name)
        _note(id_, None if theirs is None else judged_ds(ours, theirs))
        answered += theirs is not None
    return answered


def parent_ds(settings: Settings, name: str) -> frozenset[str] | None:
    """The DS records of ``name`` as the first resolver that answers knows them; None where none does."""
    query = dns.message.make_query(name, "DS", use_edns=0, payload=1232)
    query.flags |= dns.flags.CD  # a DS that breaks the zone must be seen too, not hidden by whoever checks it
    for address, port in resolvers(settings):
        try:
            answer, _ = dns.query.udp_with_fallback(query, address, timeout=ANSWER_SECONDS, port=port)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            log.info("resolver %s did not answer: %s", address, type(error).__name__)
            continue
        if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            rrsets = (one for one in answer.answer if one.rdtype == dns.rdatatype.DS)
            return frozenset(record.to_text() for rrset in rrsets for record in rrset)
    return None


def judged_ds(ours: Iterable[str], theirs: Iterable[str]) -> str:
    """*absent*, *match* (one of theirs is ours: the chain holds), or *mismatch*: whoever checks sees nothing."""
    known, found = ({_plain(one) for one in some} for some in (ours, theirs))
    return "absent" if not found else "match" if known & found else "mismatch"


def signatures_expiring() -> ColumnElement[bool]:
    """SQL: the signatures end so soon that somebody must look why they are not made anew."""
    return and_(Zone.dnssec, Zone.want == "put", Zone.signatures_until < database_now(SIGNATURES_LEFT_SECONDS))


def ds_mismatched() -> ColumnElement[bool]:
    """SQL: the parent has another DS than the primary told, so that whoever checks signatures sees nothing."""
    return and_(Zone.dnssec, Zone.want == "put", Zone.parent_ds == "mismatch")


def _due() -> Sequence[tuple[uuid.UUID, str, list[str]]]:
    waited = or_(
        Zone.parent_asked_at.is_(None),
        Zone.parent_asked_at < database_now(-AGAIN_SECONDS),
        and_(Zone.leaving, Zone.parent_asked_at < database_now(-LEAVING_SECONDS)),
    )
    signed = and_(Zone.want == "put", Zone.dnssec, Zone.seen_generation > 0, Zone.facts_at.is_not(None))
    query = select(Zone.id, Zone.name, Zone.ds).where(signed, waited, Zone.name.not_like("%.arpa"))
    rows = db.session.execute(query.order_by(Zone.parent_asked_at.is_not(None), Zone.parent_asked_at).limit(AT_ONCE))
    return [(row.id, row.name, row.ds) for row in rows]


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

"""What pages of zones share: names both ways, what keeps a set, remarks, a row of the table of sets."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import Text, cast, func, or_, select

from panel.dns import managed
from panel.dns.idn import to_unicode
from panel.dns.lint import Remark
from panel.dns.managed import Offered
from panel.dns.models import Zone, ZoneSet
from panel.dns.reverse import name_in, network_of
from panel.kernel.db import db
from panel.kernel.i18n import _, _l
from panel.kernel.listing import Page
from panel.ledger.offers import SOURCES
from panel.web.layout import page_url
from panel.web.lists import Asked, Listing
from panel.web.session import actor
from panel.wording.zone_lint import remark_words

_PAGES = {"mail": "mail_domain", "zone": "zone"}
_SOURCES = {"mail": _l("mail domain"), "ptr": _l("addresses in other zones"), "zone": _l("zone below")}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A remark of the lint in words, and where it is about."""

    level: str
    name: str
    type: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """What keeps a set: in words, and its page."""

    words: str
    url: str | None


def told(remarks: Sequence[Remark]) -> list[Told]:
    """The remarks in words."""
    return [
        Told(level=one.level, name=one.name, type=one.type, text=remark_words(one.code, one.params)) for one in remarks
    ]


def keeper(source: str) -> Keeper | None:
    """What keeps a set; None where people do."""
    if not source:
        return None
    kind, _colon, name = source.partition(":")
    words = str(_SOURCES.get(kind, kind))
    try:
        return Keeper(words=words, url=page_url(_PAGES.get(kind), uuid.UUID(name)))
    except ValueError:
        return Keeper(words=words, url=None)


def whole(name: str, zone: str) -> str:
    """A name of a zone as it stands in answers, for people to read."""
    return to_unicode(zone if name == "@" else f"{name}.{zone}")


def sets_listing(zone: Zone, wanted: Asked) -> Listing[ZoneSet]:
    """One page of the zone's sets, its own first; also those that people took away from what keeps them."""
    query = select(ZoneSet).where(ZoneSet.zone_id == zone.id)
    if wanted.filter("type"):
        query = query.where(ZoneSet.type == wanted.filter("type"))
    if wanted.search:
        like = wanted.search.lower()
        found = (ZoneSet.name, func.lower(cast(ZoneSet.values, Text)))
        query = query.where(or_(*(column.contains(like, autoescape=True) for column in found)))
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    page = int(wanted.cursor) if wanted.cursor and wanted.cursor.isdecimal() else wanted.page
    page = min(page, max(1, -(-total // wanted.page_size)))
    ordered = query.order_by(ZoneSet.name != "@", ZoneSet.name, ZoneSet.type)
    rows = list(db.session.scalars(ordered.offset((page - 1) * wanted.page_size).limit(wanted.page_size)))
    more = page * wanted.page_size < total
    some = Page(items=rows, total=total, total_exact=True, page=page, page_size=wanted.page_size,
                next=str(page + 1) if more else None)  # fmt: skip
    return Listing(asked=wanted, sort="", rows=some)


def types_of(zone: Zone) -> list[str]:
    """The types that there are in a zone."""
    query = select(ZoneSet.type).where(ZoneSet.zone_id == zone.id).distinct()
    return sorted(db.session.scalars(query))


def offers_of(zone: Zone) -> tuple[Mapping[tuple[str, str], Offered], list[str]]:
    """What is offered for a zone, by name and type, and what cannot be offered yet."""
    found, notes = managed.zone_offers(actor(), current_app.extensions.get(SOURCES, ()), zone_id=zone.id)
    return {(one.offered.name, one.offered.type): one for one in found}, notes


def names_of(zone: Zone) -> dict[str, Any]:
    """A zone's name as people read it, and as servers do where that differs."""
    shown = to_unicode(zone.name)
    return {"shown": shown, "ascii": zone.name if shown != zone.name else None}


def reverse_hint(zone: str) -> str | None:
    """How the name of an address is written in a reverse zone, by the first of its addresses; None in other zones."""
    network = network_of(zone)
    if network is None:
        return None
    address = network[1] if network.num_addresses > 1 else network[0]
    name = name_in(zone, str(address))
    return _("What of the address is not in the zone's name yet, its last part first: for %(address)s it is %(name)s.",
             address=address, name=name) if name else None  # fmt: skip


def parent_words(zone: Zone) -> str:
    """Say what the parent was seen to have."""
    return {
        "match": _("The parent zone has the right DS record: signatures are checked all the way."),
        "mismatch": _("The parent zone has another DS record: whoever checks signatures does not see this zone."),
        "rolling": _(
            "The parent zone has the DS record of the key before: signatures are checked, and the new key waits."
        ),
        "absent": _("The parent zone has no DS record yet: signatures are there, but nobody checks them."),
    }.get(zone.parent_ds, _("The parent zone was not looked at yet."))

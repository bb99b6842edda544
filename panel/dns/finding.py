"""Zones found by parts of their names, as people write them and as they are kept."""

from __future__ import annotations

import uuid
from contextlib import suppress

from sqlalchemy import ColumnElement, Select, and_, or_, select

from panel.dns.idn import to_ascii
from panel.dns.models import Zone
from panel.dns.proofs import UNPROVEN
from panel.kernel.access import Actor, require_kind, scoped
from panel.kernel.errors import Invalid
from panel.kernel.listing import COUNT
from panel.kernel.text import fold

LOOKS: dict[str, ColumnElement[bool]] = {
    "unproven": Zone.held == UNPROVEN,
    "unsigned": Zone.dnssec.is_(False),
    "parent": Zone.parent_ds == "mismatch",
}
"""What zones are looked for by, beside their state: waiting for proof, not signed, with a wrong DS at the parent."""


def zones_query(
    actor: Actor,
    *,
    search: str = "",
    member_id: uuid.UUID | None = None,
    state: str | None = None,
    look: str | None = None,
) -> Select[Zone]:
    """The zones in scope, removed ones only if ``state`` asks for them; ``search``: parts of the name.

    ``look``: one of LOOKS, anything else counts as not said.
    """
    require_kind(actor, "zones")
    query = scoped(actor, "dns:read", select(Zone), Zone.member_id)
    query = query.where(Zone.want == "put") if state is None else query.where(Zone.in_state(state))
    query = query if member_id is None else query.where(Zone.member_id == member_id)
    query = query.where(LOOKS[look]).execution_options(**{COUNT: None}) if look in LOOKS else query
    return query.where(and_(*(_holds(word) for word in search.split()[:8]))) if search.strip() else query


def _holds(word: str) -> ColumnElement[bool]:
    """SQL: the name has ``word`` in it, with or without Polish letters."""
    ways = {fold(word)}
    with suppress(Invalid):  # no name is spelt like that
        ways.add(to_ascii(word.lower()))
    return or_(*(Zone.name.contains(way, autoescape=True) for way in sorted(ways)))

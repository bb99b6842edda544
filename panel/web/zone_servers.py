"""What stands between a zone and its being served: what each name server answered, and work that takes too long."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import url_for

from panel.dns.models import Zone
from panel.kernel.db import db, utcnow
from panel.kernel.i18n import _
from panel.ledger.nodes import Node
from panel.web.session import actor

UNSETTLED = ("pending", "applying", "removing")
USUAL = timedelta(minutes=3)
"""A change is answered by all name servers within seconds; what takes longer than this is worth a look."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one name server answered at the last look. ``tone``: *ok*, *warn* (another serial), *bad* (nothing)."""

    server: str
    role: str
    tone: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Late:
    """A zone whose name servers were told too long ago: the primary's name, its page and its work."""

    server: str
    node_url: str | None
    jobs_url: str | None
    waits: bool


def answers_of(zone: Zone) -> Sequence[Answer]:
    """What each name server answered last, the primary first."""
    primary = _primary(zone)
    serial = zone.answers.get(primary.name) if primary else None
    names = sorted(zone.answers, key=lambda name: (primary is None or name != primary.name, name))
    return [
        _answer(name, zone.answers[name], serial, is_first=bool(primary and name == primary.name)) for name in names
    ]


def late(zone: Zone) -> Late | None:
    """Who is to be looked at where the work for a zone takes longer than it does; None where all goes well."""
    if zone.problem_code or zone.is_held or zone.state not in UNSETTLED or zone.updated_at > utcnow() - USUAL:
        return None
    node, staff = _primary(zone), actor().may_everywhere("nodes:read")
    if node is None:
        return None
    jobs = actor().may_everywhere("jobs:read")
    return Late(
        server=node.name,
        node_url=url_for("nodes.show", node_id=node.id) if staff else None,
        jobs_url=url_for("jobs.show_list", node=node.name) if jobs else None,
        waits=zone.waits_for_approval,
    )


def is_unsettled(zone: Zone) -> bool:
    """Whether name servers are about to be told of the zone."""
    return zone.state in UNSETTLED and not zone.is_held


def _answer(name: str, serial: int | None, primary: int | None, *, is_first: bool) -> Answer:
    if serial is None:
        tone, words = "bad", _("no answer")
    elif primary is None or serial == primary:
        tone, words = "ok", _("serial %(number)s", number=serial)
    else:
        tone, words = "warn", _("serial %(number)s; the primary has %(other)s", number=serial, other=primary)
    return Answer(server=name, role=_("primary") if is_first else _("secondary"), tone=tone, words=words)


def _primary(zone: Zone) -> Node | None:
    node_id: uuid.UUID | None = zone.node_id
    return None if node_id is None else db.session.get(Node, node_id)

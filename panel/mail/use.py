"""How much mail mailboxes hold: what nodes told is kept, and who answers for a mailbox is told before it is full."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, update
from sqlalchemy.orm import aliased

from panel.kernel.access import Actor, require
from panel.kernel.bulk import execute_many
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.events import record_many
from panel.ledger.nodes import Node
from panel.ledger.notices import tell_holders
from panel.mail.models import HELD_UNKNOWN, Mailbox

LEVELS = (95, 80)
"""At which parts of the capacity, in percent, people are told; the higher first."""
_BELOW = 5
"""So much lower the part must fall before reaching a level again is told again."""
_NAMED = 5
"""How many addresses a notice names."""
SHOWN_MOST = 1_000
_NOUGHT: ColumnElement[int] = literal_column("0")  # a number that is sent apart would keep SQLite from the index of few


@dataclass(frozen=True, kw_only=True)
class MailUse:
    """What the mailboxes of a member hold together.

    ``held_mb``: together, as far as it is ``known`` of how many; ``near`` and ``full`` of them reached one of LEVELS.
    """

    held_mb: int
    known: int
    near: int
    full: int


def level_of(used_mb: int | None, quota_mb: int) -> int:
    """The highest of LEVELS that was reached, 0 where none was, or nobody knows."""
    return 0 if used_mb is None else next((level for level in LEVELS if 100 * used_mb >= level * quota_mb), 0)


def known_since(mailbox: Mailbox) -> datetime | None:
    """The moment than which what is known of a mailbox's use is no older; None where nothing is known."""
    if mailbox.used_mb is None or mailbox.used_at is None:
        return None
    node = None if mailbox.node_id is None else db.session.get(Node, mailbox.node_id)
    whole_at = None if node is None else node.use_whole_at
    return mailbox.used_at if whole_at is None else max(mailbox.used_at, whole_at)


def keep_use(actor: Actor, node_id: uuid.UUID, told: Mapping[uuid.UUID, int | None]) -> int:
    """Keep what a node told of its mailboxes (KiB by id); others' stay as they are. Return how many were changed.

    Whoever may change the mailboxes of a member is told once of each that comes near to its capacity.
    """
    require(actor, "nodes:write", staff=True)
    query = select(Mailbox.id, Mailbox.member_id, Mailbox.address, Mailbox.quota_mb, Mailbox.use_told, Mailbox.want)
    query = query.where(Mailbox.node_id == node_id, Mailbox.id.in_(told))
    with unit_of_work():
        rows = db.session.execute(query).all()
        found = [(row, _mib(told[row.id])) for row in rows]
        values = [{"row": row.id, "held": held, "told": _told(row, held)} for row, held in found]
        change = update(Mailbox).where(Mailbox.id == bindparam("row"))
        change = change.values(held_mb=bindparam("held"), use_told=bindparam("told"), used_at=database_now())
        execute_many(change.values(updated_at=Mailbox.updated_at), values)
        risen = [(row, held) for row, held in found if row.want == "put" and _told(row, held) > row.use_told]
        _tell(actor, risen)
    return len(rows)


def use_of(member_id: uuid.UUID) -> MailUse:
    """What a member's mailboxes hold together. Whether one may know it is the caller's rule."""
    mine = (Mailbox.member_id == member_id, Mailbox.want == "put")
    query = select(func.coalesce(func.sum(Mailbox.held_mb), 0), func.count()).where(*mine, Mailbox.held_mb >= 0)
    held_mb, known = db.session.execute(query).one()
    levels = [level_of(box.used_mb, box.quota_mb) for box in nearly_full(member_id)]
    return MailUse(held_mb=int(held_mb), known=known, full=levels.count(LEVELS[0]), near=levels.count(LEVELS[1]))


def nearly_full(member_id: uuid.UUID) -> list[Mailbox]:
    """The mailboxes of a member that have little room left, the fullest first."""
    query = select(Mailbox).where(Mailbox.member_id == member_id, Mailbox.want == "put", Mailbox.use_told > _NOUGHT)
    rows = db.session.scalars(query.order_by(Mailbox.use_told.desc(), Mailbox.id).limit(SHOWN_MOST)).unique()
    return [box for box in rows if level_of(box.used_mb, box.quota_mb)]


def has_little_room() -> ColumnElement[bool]:
    """SQL: people were told that the mailbox fills, and it was not emptied since. Found without reading the others."""
    other = aliased(Mailbox)
    return Mailbox.id.in_(select(other.id).where(other.use_told > _NOUGHT))


def capacity(mailbox: Mailbox, quota_mb: int) -> dict[str, Any]:
    """The values that give a mailbox another capacity; whoever gives it needs no telling how full it is by that."""
    return {"quota_mb": quota_mb, "use_told": level_of(mailbox.used_mb, quota_mb)}


def _mib(kib: int | None) -> int:
    return HELD_UNKNOWN if kib is None else -(-kib // 1024)


def _told(row: Any, held_mb: int) -> int:
    """The level that will have been told: reached now, or told before and not left by far."""
    if held_mb == HELD_UNKNOWN:
        return int(row.use_told)
    still = min(int(row.use_told), level_of(held_mb + -(-_BELOW * row.quota_mb // 100), row.quota_mb))
    return max(level_of(held_mb, row.quota_mb), still)


def _tell(actor: Actor, risen: Sequence[tuple[Any, int]]) -> None:
    together: dict[tuple[uuid.UUID, int], list[str]] = defaultdict(list)
    for row, held in risen:
        together[row.member_id, level_of(held, row.quota_mb)].append(row.address)
    record_many(
        actor,
        [
            {"tag": "mail:mailbox:nearly_full", "kind": "mailbox", "resource_id": row.id, "name": row.address,
             "member_id": row.member_id, "data": {"used_mb": held, "quota_mb": row.quota_mb}}
            for row, held in risen
        ],
    )  # fmt: skip
    for (member_id, level), addresses in together.items():
        named = ", ".join(sorted(addresses)[:_NAMED])
        tell_holders("mailbox:nearly_full", "mail:write", member_id, level=level, count=len(addresses), addresses=named)

"""Many mailboxes chosen for one change: which they are, and what the change would do to each of them."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, Select, select

from panel.contracts.entitlements import require_granted
from panel.kernel.access import Actor, require_kind, require_on, scoped
from panel.kernel.db import db
from panel.kernel.errors import Invalid, NotFound, PanelError
from panel.mail.addresses import check_quota
from panel.mail.finding import mailboxes_query
from panel.mail.models import Mailbox

AT_MOST = 10_000
AT_ONCE = 500
"""How many ids stand in one statement."""

ACTIONS = ("suspend", "resume", "remove", "restore", "quota", "activation")
_REMOVES = {"remove": -1, "restore": 1}
_COLUMNS: tuple[Any, ...] = (
    Mailbox.id,
    Mailbox.address,
    Mailbox.member_id,
    Mailbox.node_id,
    Mailbox.want,
    Mailbox.quota_mb,
    Mailbox.held_mb,
    Mailbox.suspended_at,
    Mailbox.wanted_generation,
    Mailbox.password_hash.is_not(None).label("has_password"),
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Mailboxes by their ids, or all that a list shows; ``ids`` None: by ``search`` and the other filters."""

    ids: Sequence[uuid.UUID] | None = None
    search: str = ""
    member_id: uuid.UUID | None = None
    domain_id: uuid.UUID | None = None
    state: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One of ACTIONS, and for *quota* how many mebibytes."""

    action: str
    quota_mb: int | None = None

    @property
    def permission(self) -> str:
        """What it takes, on each mailbox."""
        return "mail:password" if self.action == "activation" else "mail:write"


@dataclass(frozen=True, kw_only=True)
class Line:
    """What becomes of one mailbox: *change*, *unchanged* (it is so already) or *refused*, with the error that says why.

    ``row``: the mailbox as it was read.
    """

    row: Any = field(repr=False)
    verdict: str
    error: PanelError | None = None


@dataclass(frozen=True, kw_only=True)
class ChangePlan:
    """What a wish would do; ``digest`` is what a confirmation binds to."""

    wish: Wish
    lines: list[Line]

    def of(self, verdict: str) -> list[Line]:
        """The lines with this verdict."""
        return [line for line in self.lines if line.verdict == verdict]

    @property
    def counts(self) -> Counter[str]:
        """How many lines have which verdict."""
        return Counter(line.verdict for line in self.lines)

    @property
    def digest(self) -> str:
        """One value for the wish and what it does to which version of what."""
        told = [(line.row.id.hex, line.row.wanted_generation, line.verdict) for line in self.lines]
        whole = [self.wish.action, self.wish.quota_mb, told]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def plan_changes(actor: Actor, wish: Wish, choice: Choice) -> ChangePlan:
    """Say what ``wish`` would do to the mailboxes chosen, one line for each, in the order of their addresses.

    Raises Invalid (``action``, ``quota_mb``, ``mailboxes``: none or more than AT_MOST), NotFound where one of the ids
    is absent or out of reach, NotAllowed.
    """
    _check(actor, wish)
    rows = sorted(chosen(actor, wish, choice), key=attrgetter("address"))
    if not 1 <= len(rows) <= AT_MOST:
        raise Invalid("number_range", field="mailboxes", least=1, most=AT_MOST)
    return judged(wish, rows)


def chosen(actor: Actor, wish: Wish, choice: Choice) -> list[Row[Any]]:
    """The mailboxes of ``choice`` that ``wish`` may be done to; AT_MOST and one more where there are more."""
    if choice.ids is None:
        query: Select[Any] = mailboxes_query(
            actor, search=choice.search, member_id=choice.member_id, domain_id=choice.domain_id, state=choice.state
        )
        query = scoped(actor, wish.permission, query, Mailbox.member_id).with_only_columns(*_COLUMNS)
        return list(db.session.execute(query.order_by(None).limit(AT_MOST + 1)))
    ids = sorted(set(choice.ids))[: AT_MOST + 1]
    rows = read(ids)
    if len(rows) < len(ids):
        raise NotFound("not_found")
    for member_id in {row.member_id for row in rows}:
        require_on(actor, wish.permission, member_id)
    return rows


def read(ids: Sequence[uuid.UUID], *, for_change: bool = False) -> list[Row[Any]]:
    """The mailboxes with these ids as the database has them now, in the order of their ids."""
    return [row for some in portions(ids) for row in db.session.execute(_locked(some, for_change=for_change))]


def portions(ids: Sequence[uuid.UUID]) -> Iterable[Sequence[uuid.UUID]]:
    """``ids`` in parts that fit into one statement."""
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def judged(wish: Wish, rows: Sequence[Row[Any]]) -> ChangePlan:
    """What ``wish`` does to each of ``rows``; who has no room for all of theirs is given none."""
    verdicts = [_verdict(wish, row) for row in rows]
    refused = _without_room(wish, [row for row, said in zip(rows, verdicts, strict=True) if said == "change"])
    lines = []
    for row, said in zip(rows, verdicts, strict=True):
        error = refused.get(row.member_id) if said == "change" else None
        if said not in ("change", "unchanged"):
            error = PanelError(said)
        lines.append(Line(row=row, verdict="refused" if error else said, error=error))
    return ChangePlan(wish=wish, lines=lines)


def room_wanted(wish: Wish, rows: Iterable[Row[Any]]) -> dict[uuid.UUID, dict[str, int]]:
    """How much more of what is granted ``wish`` takes, by member; less than nothing where it gives back."""
    room: dict[uuid.UUID, dict[str, int]] = {}
    sign = _REMOVES.get(wish.action, 0)
    for row in rows:
        if row.member_id is not None and (sign or wish.action == "quota"):
            member = room.setdefault(row.member_id, {"mailboxes": 0, "mailbox_mb": 0})
            member["mailboxes"] += sign
            member["mailbox_mb"] += sign * row.quota_mb if sign else (wish.quota_mb or 0) - row.quota_mb
    return dict(sorted(room.items()))


def _check(actor: Actor, wish: Wish) -> None:
    require_kind(actor, "mailboxes")
    if wish.action not in ACTIONS:
        raise Invalid("choice", field="action", choices=", ".join(ACTIONS))
    if wish.action == "quota" and wish.quota_mb is None:
        raise Invalid("required", field="quota_mb")
    if wish.quota_mb is not None:
        check_quota(wish.quota_mb)


def _locked(ids: Sequence[uuid.UUID], *, for_change: bool) -> Select[Any]:
    query: Select[Any] = select(*_COLUMNS).where(Mailbox.id.in_(ids)).order_by(Mailbox.id)
    return query.with_for_update(key_share=True) if for_change else query


def _verdict(wish: Wish, row: Row[Any]) -> str:
    """*change*, *unchanged*, or the code of what stands against it."""
    if row.node_id is None:
        return "no_node"
    if wish.action == "restore":
        return {"remove": "change", "put": "unchanged"}.get(row.want, "not_removed")
    if row.want != "put":
        return "unchanged" if wish.action == "remove" else "removed"
    return "unchanged" if _IS_SO[wish.action](wish, row) else "change"


_IS_SO: Mapping[str, Callable[[Wish, Row[Any]], bool]] = {
    "suspend": lambda _wish, row: row.suspended_at is not None,
    "resume": lambda _wish, row: row.suspended_at is None,
    "remove": lambda _wish, _row: False,
    "quota": lambda wish, row: row.quota_mb == wish.quota_mb,
    "activation": lambda _wish, row: row.has_password,
}
"""Whether a mailbox is already as wished; who has a password needs no link."""


def _without_room(wish: Wish, rows: Iterable[Row[Any]]) -> dict[uuid.UUID, PanelError]:
    """The members whose contracts do not grant what ``rows`` would take, and why."""
    refused: dict[uuid.UUID, PanelError] = {}
    for member_id, room in room_wanted(wish, rows).items():
        try:
            require_granted(member_id, room, fields={"mailboxes": "mailboxes", "mailbox_mb": "quota_mb"})
        except PanelError as error:
            refused[member_id] = error
    return refused

"""What a look at a node leads to: differences that are new, still there or gone, and what resources say of it."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update

from panel.engine.comparing import Comparing, Found
from panel.engine.kinds import Kind
from panel.kernel.access import SYSTEM
from panel.kernel.db import UTCDateTime, database_now, db, new_id, unit_of_work
from panel.ledger.differences import MAP_ROW, Difference, count_differing, is_current
from panel.ledger.events import record_many
from panel.ledger.nodes import Node

PROBLEM = "drift_"
"""How the problem codes begin that say a resource differs on its node."""

_IDS_AT_ONCE = 500


def record_look(node_id: uuid.UUID, kinds: Sequence[Kind], seen: Comparing) -> Counter[str]:
    """Record a comparison; return how many differences are new, still there and gone.

    A decision stands as long as the node shows what it was about. What was decided to be overwritten or adopted and is
    as wanted now is *resolved*; what is still otherwise although nothing is on its way is *open* again.
    """
    with unit_of_work():
        now = db.session.scalars(select(database_now())).one()
        known = {(one.kind, one.key): one for one in _current(node_id)}
        found = {(one.kind, one.key): one for one in seen.found}
        new = [one for key, one in found.items() if key not in known]
        gone = [one for key, one in known.items() if key not in found and not _is_unjudged(one, seen)]
        for key in known.keys() & found.keys():
            _see_again(known[key], found[key], now)
        _insert(node_id, new, now)
        _resolve(gone, now)
        db.session.flush()
        settled = [one for key, one in known.items() if one.state != "open" and key not in seen.moving]
        forget_problems(kinds, [(one.kind, one.resource_id) for one in settled])
        open_ = [one for key, one in found.items() if key not in known or known[key].state == "open"]
        _tell_resources(kinds, [one for one in open_ if one.compared], now)
        _record_events(node_id, new, gone)
        _note_look(node_id, now)
    return Counter(new=len(new), still=len(found) - len(new), gone=len(gone))


def _is_unjudged(one: Difference, seen: Comparing) -> bool:
    """Whether the look could not tell if the difference is still there."""
    return (one.kind, one.key) in seen.moving or (one.kind == MAP_ROW and not seen.all_foreign)


def forget_problems(kinds: Sequence[Kind], keys: Iterable[tuple[str, uuid.UUID | None]]) -> None:
    """Have resources no longer say that they differ, within the running unit of work. ``keys``: kind and id."""
    for kind, ids in _by_kind(kinds, keys):
        table = kind.table
        statement = update(table).where(
            table.c.id == bindparam("key"), table.c.problem_code.startswith(PROBLEM, autoescape=True)
        )
        values = {"problem_code": None, "problem_message": None, "problem_since": None, "retry_at": None}
        db.session.connection().execute(
            statement.values(updated_at=table.c.updated_at, **values), [{"key": id_} for id_ in sorted(ids)]
        )


def _current(node_id: uuid.UUID) -> Sequence[Difference]:
    query = select(Difference).where(Difference.node_id == node_id, is_current()).order_by(Difference.id)
    return db.session.scalars(query.with_for_update(of=Difference).execution_options(populate_existing=True)).all()


def _note_look(node_id: uuid.UUID, now: datetime) -> None:
    values = {"drift_checked_at": now, "updated_at": Node.updated_at}
    db.session.execute(
        update(Node).where(Node.id == node_id).values(values), execution_options={"synchronize_session": False}
    )
    count_differing(node_id)


def _see_again(known: Difference, found: Found, now: datetime) -> None:
    """Keep what a person decided while it still is about what the node shows; otherwise ask anew."""
    changed = (known.what, known.found_digest) != (found.what, found.digest)
    if changed or known.state in ("adopted", "overwriting"):
        known.state, known.until = "open", None
    for name, value in _values(found, now).items():
        setattr(known, name, value)


def _insert(node_id: uuid.UUID, new: Sequence[Found], now: datetime) -> None:
    same = {"node_id": node_id, "first_seen_at": now, "state": "open", "reason": "", "decided_by": ""}
    rows = [{"id": new_id(), "kind": one.kind, "key": one.key} | same | _values(one, now) for one in new]
    if rows:
        db.session.execute(insert(Difference), rows)


def _values(found: Found, now: datetime) -> dict[str, Any]:
    return {
        "resource_id": found.resource_id,
        "name": found.name,
        "what": found.what,
        "differs": list(found.differs),
        "wanted": None if found.wanted is None else dict(found.wanted),
        "found": None if found.found is None else dict(found.found),
        "found_digest": found.digest,
        "found_generation": found.generation,
        "secrets": None if found.secrets is None else dict(found.secrets),
        "last_seen_at": now,
    }


def _resolve(gone: Iterable[Difference], now: datetime) -> None:
    for one in gone:
        one.state, one.until, one.secrets, one.last_seen_at = "resolved", None, None, now


def _tell_resources(kinds: Sequence[Kind], open_: Sequence[Found], now: datetime) -> None:
    """Have resources with an open difference say so; those that a person has changed meanwhile are left alone."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in open_:
        rows[one.kind].append(
            {
                "key": one.resource_id,
                "generation": one.compared,
                "code": f"{PROBLEM}{one.what}",
                "message": ", ".join(one.differs).replace("password_hash", "password"),
                "now": now,
            }
        )
    for kind in kinds:
        if rows[kind.name]:
            _set_problem(kind, sorted(rows[kind.name], key=itemgetter("key")))


def _set_problem(kind: Kind, rows: list[dict[str, Any]]) -> None:
    table = kind.table
    ours = or_(table.c.problem_code.is_(None), table.c.problem_code.startswith(PROBLEM, autoescape=True))
    settled = (table.c.seen_generation == table.c.wanted_generation) & (
        table.c.wanted_generation == bindparam("generation")
    )
    statement = (
        update(table)
        .where(table.c.id == bindparam("key"), settled, ours)
        .values(
            problem_code=bindparam("code"),
            problem_message=bindparam("message"),
            problem_since=func.coalesce(table.c.problem_since, bindparam("now", type_=UTCDateTime())),
            retry_at=None,
            updated_at=table.c.updated_at,
        )
    )
    db.session.connection().execute(statement, rows)


def _record_events(node_id: uuid.UUID, new: Iterable[Found], gone: Iterable[Difference]) -> None:
    record_many(
        SYSTEM,
        [
            {
                "tag": "drift:difference:found",
                "kind": one.kind,
                "resource_id": one.resource_id,
                "name": one.name,
                "member_id": one.member_id,
                "node_id": node_id,
                "data": {"what": one.what},
            }
            for one in new
        ]
        + [
            {
                "tag": "drift:difference:resolve",
                "kind": one.kind,
                "resource_id": one.resource_id,
                "name": one.name,
                "node_id": node_id,
                "data": {"what": one.what},
            }
            for one in gone
        ],
    )


def _by_kind(kinds: Sequence[Kind], keys: Iterable[tuple[str, uuid.UUID | None]]) -> list[tuple[Kind, list[uuid.UUID]]]:
    ids: dict[str, list[uuid.UUID]] = defaultdict(list)
    for name, id_ in keys:
        if id_ is not None:
            ids[name].append(id_)
    return [(kind, ids[kind.name]) for kind in kinds if ids[kind.name]]

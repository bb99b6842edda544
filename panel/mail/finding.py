"""Mailboxes found by any three characters before the @, however many there are.

PostgreSQL does it by an index of trigrams (pg_trgm), where its server may have that extension. On SQLite triggers note
each new address in ``mailbox_words``, and a worker's chore takes the notes in portions into ``mailbox_trigrams``, of
FTS5: row by row, in the transactions that make mailboxes, that would cost ten times as much. What is noted but not yet
taken in is looked through as it is, so that a mailbox is found at once. See docs/decisions/0039.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import DDL, ColumnElement, Select, UnaryExpression, event, func, select, text, union
from sqlalchemy.sql import column, operators, table

from panel.kernel.access import Actor, require, require_kind, scoped
from panel.kernel.db import db, table_of, unit_of_work
from panel.kernel.listing import COUNT, MANY
from panel.kernel.text import fold
from panel.ledger.usage import Usage
from panel.mail.models import Mailbox, MailDomain

AT_ONCE = 20_000
"""Addresses taken in by one transaction: about a fifth of a second in which nobody else writes."""

LEAST = 3
"""The shortest word that trigrams find; shorter ones are looked for row by row."""

FOUND, MET, WIDE = 4_000, 20_000, 5_000
"""What so many addresses match at most is looked up by the index; what more than so many do is met everywhere; who
reaches more mailboxes than so many has a wide reach."""

TABLES = ("mailbox_words", "mailbox_trigrams")
"""The tables of SQLite that stand beside the models; FTS5 adds its own, named after the second."""

_NOTE = "INSERT INTO mailbox_words (mailbox_id) VALUES (NEW.id);"
_FORGET = "DELETE FROM mailbox_words WHERE mailbox_id = OLD.id;"
_RENAMED = "AFTER UPDATE OF address ON mailboxes WHEN NEW.address <> OLD.address"
SQLITE = (
    "CREATE TABLE mailbox_words (id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox_id CHAR(32) NOT NULL UNIQUE)",
    "CREATE VIRTUAL TABLE mailbox_trigrams USING fts5(local, content='', tokenize='trigram', detail='none')",
    f"CREATE TRIGGER mailbox_words_new AFTER INSERT ON mailboxes BEGIN {_NOTE} END",
    f"CREATE TRIGGER mailbox_words_renamed {_RENAMED} BEGIN {_FORGET} {_NOTE} END",
    f"CREATE TRIGGER mailbox_words_gone AFTER DELETE ON mailboxes BEGIN {_FORGET} END",
)
POSTGRESQL_INDEX = "ix_mailboxes_trigrams"
POSTGRESQL = (
    "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; "
    f"CREATE INDEX {POSTGRESQL_INDEX} ON mailboxes USING gin (address gin_trgm_ops); "
    "EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN "
    "RAISE NOTICE 'no pg_trgm here: searches look through all addresses'; END $$"
)

_PLUS: Any = operators.custom_op("+")
_words = table("mailbox_words", column("id"), column("mailbox_id", table_of(Mailbox).c.id.type))
_trigrams = table("mailbox_trigrams", column("rowid"), column("mailbox_trigrams"))
_TAKEN_IN: Select[Any] = select(func.coalesce(func.max(column("id")), 0)).select_from(table("mailbox_trigrams_docsize"))
_TAKE_IN = text(
    "INSERT INTO mailbox_trigrams (rowid, local) SELECT w.id, substr(m.address, 1, instr(m.address, '@')) "
    "FROM mailbox_words w JOIN mailboxes m ON m.id = w.mailbox_id WHERE w.id > :after ORDER BY w.id LIMIT :most"
)

for _statement in SQLITE:
    event.listen(Mailbox.__table__, "after_create", DDL(_statement).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]  # the library's
event.listen(Mailbox.__table__, "after_create", DDL(POSTGRESQL).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]  # the library's


def mailboxes_query(
    actor: Actor,
    *,
    search: str = "",
    member_id: uuid.UUID | None = None,
    state: str | None = None,
    domain_id: uuid.UUID | None = None,
) -> Select[Mailbox]:
    """The mailboxes in scope, removed ones only if ``state`` asks for them; ``search`` is part of the address."""
    require_kind(actor, "mailboxes")
    words = fold(search).split()
    found, many = _by_trigrams(words)
    # SQLite knows no numbers: what is less narrow than something else is told not to be looked up by its index.
    by_index = found is None and (state in (None, "active") or not _is_wide(actor, member_id))
    owner, want = (of if by_index else unindexed(of) for of in (Mailbox.member_id, Mailbox.want))
    query = scoped(actor, "mail:read", select(Mailbox), owner)
    for of, value in ((owner, member_id), (Mailbox.domain_id, domain_id)):
        query = query if value is None else query.where(of == value)
    query = query.where(*(Mailbox.address.contains(word, autoescape=True) for word in words))
    query = query if found is None else query.where(found)
    query = query.where(Mailbox.in_state(state)) if state else query.where(want == "put")
    if domain_id is not None or (words and not many) or state not in (None, "active"):
        return query
    if words:
        whole = member_id is None and state is None and actor.may_everywhere("mail:read")
        return query.execution_options(**{MANY: True}) if whole else query
    return query.execution_options(**{COUNT: lambda: _count(actor, member_id, active=state is not None)})


def _count(actor: Actor, member_id: uuid.UUID | None, *, active: bool) -> int:
    """All wanted mailboxes in scope, by what members use; ``active``: without those in another state."""
    total = _used(actor, "mail:read", member_id)
    if member_id is None and actor.may_everywhere("mail:read"):
        nobodys = select(func.count(Mailbox.id)).where(Mailbox.member_id.is_(None), Mailbox.want == "put")
        total += db.session.scalar(nobodys) or 0
    if not active:
        return total
    ids = scoped(actor, "mail:read", select(Mailbox.id), unindexed(Mailbox.member_id))
    ids = ids.where(unindexed(Mailbox.want) == "put")
    ids = ids if member_id is None else ids.where(unindexed(Mailbox.member_id) == member_id)
    others = union(
        ids.where(Mailbox.seen_generation < Mailbox.wanted_generation),
        ids.where(Mailbox.problem_code.is_not(None)),
        ids.where(Mailbox.suspended_at.is_not(None)),
    )
    return total - (db.session.scalar(select(func.count()).select_from(others.subquery())) or 0)


def _is_wide(actor: Actor, member_id: uuid.UUID | None) -> bool:
    """Whether so much is in reach that it is narrower to begin with what is looked for."""
    return _used(actor, "mail:read", member_id) > WIDE


def _used(actor: Actor, permission: str, member_id: uuid.UUID | None) -> int:
    query = select(func.coalesce(func.sum(Usage.amount), 0)).where(Usage.kind == "mailboxes")
    query = scoped(actor, permission, query, Usage.member_id)
    return int(db.session.scalar(query if member_id is None else query.where(Usage.member_id == member_id)) or 0)


def unindexed(column: Any) -> Any:
    """``column`` in a condition for which SQLite takes no index (sqlite.org/optoverview, 2)."""
    if db.engine.dialect.name != "sqlite":
        return column
    return UnaryExpression(column, operator=_PLUS, type_=column.type)


def _by_trigrams(words: Sequence[str]) -> tuple[ColumnElement[bool] | None, bool]:
    """SQL: the mailboxes that may have all of ``words``, and whether they are many.

    No SQL where the words say too little, or are in so many addresses that these are met soon in any order.
    """
    match = _match(words) if words and db.engine.dialect.name == "sqlite" else ""
    if not match:
        return None, False
    found = select(_trigrams.c.rowid).where(_trigrams.c.mailbox_trigrams.op("MATCH")(match))
    some = db.session.scalar(select(func.count()).select_from(found.limit(MET + 1).subquery())) or 0
    if some > FOUND:
        return None, some > MET
    new = select(_words.c.mailbox_id).where(_words.c.id > db.session.scalar(_TAKEN_IN))
    return Mailbox.id.in_(select(_words.c.mailbox_id).where(_words.c.id.in_(found)).union_all(new)), False


def take_in(actor: Actor) -> int:
    """Take what was noted since the last round into the index; return how many addresses."""
    require(actor, "nodes:write", staff=True)
    taken = 0
    while db.engine.dialect.name == "sqlite" and _waits():
        with unit_of_work():
            after = db.session.scalar(_TAKEN_IN)
            taken += db.session.connection().execute(_TAKE_IN, {"after": after, "most": AT_ONCE}).rowcount
    return taken


def _waits() -> bool:
    return (db.session.scalar(select(func.max(_words.c.id))) or 0) > (db.session.scalar(_TAKEN_IN) or 0)


def _match(words: Sequence[str]) -> str:
    """The question to FTS5: all trigrams of what must stand before the @; empty where that says nothing."""
    parts = {part for word in words for part in _trigrams_of(word)}
    return " AND ".join('"' + part.replace('"', '""') + '"' for part in sorted(parts))


def _trigrams_of(word: str) -> list[str]:
    """Three characters each of the part of ``word`` that stands before the @; none where a domain may hold it."""
    local, at, _domain = word.partition("@")
    local += at
    if len(local) < LEAST or (not at and _in_some_domain(word)):
        return []
    return [local[start : start + LEAST] for start in range(len(local) - LEAST + 1)]


def _in_some_domain(word: str) -> bool:
    query = select(MailDomain.id).where(MailDomain.name.contains(word, autoescape=True)).limit(1)
    return db.session.scalar(query) is not None

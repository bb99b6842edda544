"""What words are found in, by kind; exact before what begins with them, and that before the rest."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, or_, select

from panel.contracts.actions import contracts_query
from panel.contracts.models import Contract
from panel.dns.finding import zones_query
from panel.dns.idn import to_unicode
from panel.dns.models import Zone
from panel.identity.models import User
from panel.identity.people import users_query
from panel.kernel.access import Actor, scoped
from panel.kernel.db import db
from panel.kernel.text import fold
from panel.ledger.jobs import Job, jobs_query
from panel.ledger.nodes import Node
from panel.mail.domains import domains_query
from panel.mail.finding import mailboxes_query
from panel.mail.models import Alias, Mailbox, MailDomain
from panel.members.actions import members_query
from panel.members.models import Member

MOST = 50
"""How many of a kind are found; of more it is said that there are more."""

WORDS_MOST, LETTERS_MOST = 8, 200
NEWEST_JOBS = 10_000
"""Among how many jobs a cause is looked for."""

_ID_LEAST = 8


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One thing found: its page is that of ``kind`` and ``id``. ``note`` tells it from others of its name."""

    kind: str
    id: uuid.UUID
    name: str
    note: str
    member_id: uuid.UUID | None


@dataclass(frozen=True, kw_only=True)
class Found:
    """What of one kind was found, best first; ``more``: there is more than these MOST."""

    kind: str
    hits: list[Hit]
    more: bool


def search(actor: Actor, words: str, *, kinds: Sequence[str] = ()) -> list[Found]:
    """Everything in reach that holds all of ``words``, kinds of which nothing is found left out.

    Polish letters may be left out, parts of words do. ``kinds``: only these, of KINDS. Nothing is found by no words.
    """
    asked = fold(words[:LETTERS_MOST]).split()[:WORDS_MOST]
    if not asked:
        return []
    found = [_of(actor, name, asked) for name in KINDS if not kinds or name in kinds]
    return [group for group in found if group.hits]


def _of(actor: Actor, name: str, words: list[str]) -> Found:
    kind = KINDS[name]
    if not (actor.may_everywhere(kind.permission) if kind.staff else actor.may(kind.permission)):
        return Found(kind=name, hits=[], more=False)
    if actor.kinds is not None and kind.collection not in actor.kinds:
        return Found(kind=name, hits=[], more=False)
    rows = kind.rows(actor, words)
    hits = [Hit(kind=name, **kind.shown(row)) for row in rows[:MOST]]
    return Found(kind=name, hits=hits, more=len(rows) > MOST)


def _first(query: Select[Any], key: Any, words: list[str]) -> list[Any]:
    """The rows of ``query`` with those first whose ``key`` is, or begins with, what was typed."""
    typed = " ".join(words)
    rank = case((key == typed, 0), (key.startswith(typed, autoescape=True), 1), else_=2)
    return list(db.session.scalars(query.order_by(None).order_by(rank, key).limit(MOST + 1)).unique())


def _members(actor: Actor, words: list[str]) -> list[Member]:
    return _first(members_query(actor, search=" ".join(words)), Member.folded, words)


def _mailboxes(actor: Actor, words: list[str]) -> list[Mailbox]:
    """First those whose address begins with the word, which an index has in order; then any that holds all words.

    Of the others the database gives those it meets first; they are put in order here, so that all databases show alike.
    """
    found: dict[uuid.UUID, None] = {}
    if len(words) == 1:
        found |= dict.fromkeys(_ids(mailboxes_query(actor).where(_begins(words[0])).order_by(Mailbox.address)))
    best = set(found)
    if len(found) <= MOST:
        found |= dict.fromkeys(_ids(mailboxes_query(actor, search=" ".join(words))))
    rows = db.session.scalars(select(Mailbox).where(Mailbox.id.in_(list(found)[: MOST + 1]))).unique()
    return sorted(rows, key=lambda row: (row.id not in best, row.address))


def _begins(word: str) -> Any:
    """SQL: the address begins with ``word``; SQLite takes its index for a span only, PostgreSQL compares by locale."""
    if db.engine.dialect.name == "sqlite":
        return (Mailbox.address >= word) & (Mailbox.address < word + "\N{DELETE}")
    return Mailbox.address.startswith(word, autoescape=True)


def _ids(query: Select[Any]) -> Sequence[uuid.UUID]:
    return db.session.scalars(query.with_only_columns(Mailbox.id).limit(MOST + 1)).all()


def _aliases(actor: Actor, words: list[str]) -> list[Alias]:
    query = scoped(actor, "mail:read", select(Alias), Alias.member_id).where(Alias.want == "put")
    return _first(query.where(*(Alias.address.contains(word, autoescape=True) for word in words)), Alias.address, words)


def _domains(actor: Actor, words: list[str]) -> list[MailDomain]:
    query = domains_query(actor).where(*(MailDomain.name.contains(word, autoescape=True) for word in words))
    return _first(query, MailDomain.name, words)


def _zones(actor: Actor, words: list[str]) -> list[Zone]:
    return _first(zones_query(actor, search=" ".join(words)), Zone.name, words)


def _people(actor: Actor, words: list[str]) -> list[User]:
    return _first(users_query(actor, search=" ".join(words)), User.folded, words)


def _contracts(actor: Actor, words: list[str]) -> list[Contract]:
    return _first(contracts_query(actor, search=" ".join(words)), func.lower(Contract.number), words)


def _nodes(_actor: Actor, words: list[str]) -> list[Node]:
    holds = (or_(*(of.icontains(word, autoescape=True) for of in (Node.name, Node.hostname, Node.address)))
             for word in words)  # fmt: skip
    return _first(select(Node).where(*holds), Node.name, words)


def _jobs(actor: Actor, words: list[str]) -> list[Job]:
    """By their ids, of which the beginning is enough, else the newest by their cause."""
    between = _ids_beginning("".join(words)) if len(words) == 1 else None
    if between is not None:
        return _newest_jobs(jobs_query(actor).where(Job.id.between(*between)))
    newest = (
        jobs_query(actor).with_only_columns(Job.id, Job.cause).order_by(Job.id.desc()).limit(NEWEST_JOBS).subquery()
    )
    ids = select(newest.c.id).where(*(newest.c.cause.contains(word, autoescape=True) for word in words))
    return _newest_jobs(select(Job).where(Job.id.in_(ids.order_by(newest.c.id.desc()).limit(MOST + 1))))


def _newest_jobs(query: Select[Job]) -> list[Job]:
    return list(db.session.scalars(query.order_by(Job.id.desc()).limit(MOST + 1)).unique())


def _ids_beginning(text: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """The first and the last id that begins with ``text``; None where it is no beginning of an id."""
    digits = text.replace("-", "")
    if not _ID_LEAST <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return None
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))


def _owner(row: Mailbox | Alias | Contract | Zone) -> dict[str, Any]:
    return {"id": row.id, "member_id": row.member_id}


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How one kind is looked through: with what permission, in which collection of the API, and how a row looks."""

    permission: str
    collection: str
    rows: Callable[[Actor, list[str]], list[Any]]
    shown: Callable[[Any], dict[str, Any]]
    staff: bool = False


KINDS: Mapping[str, _Kind] = {
    "member": _Kind(
        permission="members:read",
        collection="members",
        rows=_members,
        shown=lambda row: {"id": row.id, "name": row.name, "note": row.slug, "member_id": row.id},
    ),
    "mailbox": _Kind(
        permission="mail:read",
        collection="mailboxes",
        rows=_mailboxes,
        shown=lambda row: _owner(row) | {"name": row.address, "note": row.member.name if row.member else ""},
    ),
    "alias": _Kind(
        permission="mail:read",
        collection="mailboxes",
        rows=_aliases,
        shown=lambda row: {"id": row.mailbox_id, "name": row.address, "note": row.mailbox.address,
                           "member_id": row.member_id},
    ),
    "mail_domain": _Kind(
        permission="mail:read",
        collection="mail-domains",
        rows=_domains,
        shown=lambda row: {"id": row.id, "name": row.name, "note": "", "member_id": row.member_id},
    ),
    "zone": _Kind(
        permission="dns:read",
        collection="zones",
        rows=_zones,
        shown=lambda row: _owner(row) | {"name": to_unicode(row.name), "note": row.member.name if row.member else ""},
    ),
    "user": _Kind(
        permission="users:read",
        collection="users",
        rows=_people,
        shown=lambda row: {"id": row.id, "name": row.name, "note": row.email, "member_id": None},
    ),
    "contract": _Kind(
        permission="contracts:read",
        collection="contracts",
        rows=_contracts,
        shown=lambda row: _owner(row) | {"name": row.number, "note": row.member.name},
    ),
    "node": _Kind(
        permission="nodes:read",
        collection="nodes",
        rows=_nodes,
        staff=True,
        shown=lambda row: {"id": row.id, "name": row.name, "note": row.address, "member_id": None},
    ),
    "job": _Kind(
        permission="jobs:read",
        collection="jobs",
        rows=_jobs,
        shown=lambda row: {"id": row.id, "name": str(row.id), "note": f"{row.cause} {row.node.name}",
                           "member_id": row.member_id},
    ),
}  # fmt: skip
"""What is looked through, in the order in which it is shown."""

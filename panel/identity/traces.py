"""What the panel holds of one person, with or without an account: rows about nobody else, and values in events."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, func, or_, select

from panel.identity.limits import Attempts, account_key
from panel.identity.mentions import count_mentions, count_staying, mention, says, spellings, take_out
from panel.kernel.db import Base, db
from panel.ledger.erasing import erase_values, names_of
from panel.ledger.events import Event, EventDetail

KEPT = frozenset({"api_tokens", "grants", "imports", "jobs", "staff_looks", "step_ins", "webhooks"})
"""Tables that say by an account's number who did or might do what. Rows of all others go with the person."""

ACCOUNTS = ("user:", "token:")
"""How an account, or a token made by one, is named in events."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whose traces are looked for. ``account_id`` and ``token_ids``: of the account, where there is one."""

    name: str
    addresses: tuple[str, ...]
    account_id: uuid.UUID | None = None
    token_ids: frozenset[uuid.UUID] = frozenset()

    @property
    def ids(self) -> frozenset[uuid.UUID]:
        """What is the person's own among the things that events are about."""
        return self.token_ids if self.account_id is None else self.token_ids | {self.account_id}

    @property
    def refs(self) -> frozenset[str]:
        """How events name the person who acted."""
        of_account = set() if self.account_id is None else {f"user:{self.account_id}"}
        return frozenset(of_account | {f"token:{id_}" for id_ in self.token_ids})


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What erasing a person takes: values from so many events, and so many rows of each table.

    ``mentions``: in so many rows of each table others wrote of the person, and the name is taken out. ``stays``: so
    many rows keep the person's address, by the reason for it (``personal.py``).
    """

    events: int
    values: int
    rows: Mapping[str, int]
    mentions: Mapping[str, int]
    stays: Mapping[str, int]


def traces_of(person: Person) -> Traces:
    """Count what would go, and what would stay."""
    found = list(values_naming(person))
    going = {table.name: of_them for table, of_them in _tables(person)}
    counts = {name: db.session.scalar(select(func.count()).select_from(Base.metadata.tables[name]).where(of_them))
              for name, of_them in going.items()}  # fmt: skip
    return Traces(
        events=len(found),
        values=sum(len(names) for _detail, names in found),
        rows={name: count for name, count in counts.items() if count},
        mentions=count_mentions(person.name, person.addresses, going),
        stays=count_staying(person.name, person.addresses),
    )


def remove_traces(person: Person, *, erasure_id: uuid.UUID) -> None:
    """Take all of it away within the running unit of work; ``erasure_id``: the event that says so."""
    erase_values(erasure_id, values_naming(person))
    for table, of_them in _tables(person):
        db.session.execute(delete(table).where(of_them))
    take_out(person.name, person.addresses)


def values_naming(person: Person) -> Iterator[tuple[EventDetail, list[str]]]:
    """Details of events that name the person, and which of their values do."""
    found = mention(person.name, person.addresses)
    for event, detail in db.session.execute(_candidates(person)).unique():
        here = [name for name in names_of(detail) if _names(person, found, event, detail, name)]
        if here:
            yield detail, here


def _names(person: Person, found: re.Pattern[str], event: Event, detail: EventDetail, name: str) -> bool:
    """Whether the value ``name`` of an event names the person; the name of another account is somebody else's."""
    if name == "actor_name":
        theirs = event.actor.startswith(ACCOUNTS) and event.actor not in person.refs
        named = event.actor in person.refs or (not theirs and _is_in(found, detail.actor_name))
        return named and bool(detail.actor_name)
    if name == "resource_name":
        theirs = event.resource_kind == "user" and event.resource_id not in person.ids
        named = event.resource_id in person.ids or (not theirs and _is_in(found, detail.resource_name))
        return named and bool(detail.resource_name)
    return _is_in(found, detail.data[name.removeprefix("data.")])


def _is_in(found: re.Pattern[str], value: Any) -> bool:
    if isinstance(value, str):
        return found.search(value) is not None
    if isinstance(value, dict):
        return any(_is_in(found, one) for one in [*value, *value.values()])
    return isinstance(value, list) and any(_is_in(found, one) for one in value)


def _candidates(person: Person) -> Select[Event, EventDetail]:
    columns = ((EventDetail.actor_name, False), (EventDetail.resource_name, False), (EventDetail.data, True))
    parts = dict.fromkeys([part for part in (person.name, *spellings(person.name, person.addresses)) if part])
    named = [says(column, part, as_json=as_json) for column, as_json in columns for part in parts]
    return (
        select(Event, EventDetail)
        .join(EventDetail, EventDetail.event_id == Event.id)
        .where(or_(Event.actor.in_(person.refs), Event.resource_id.in_(person.ids), *named))
        .order_by(Event.id)
        .execution_options(populate_existing=True)
    )


def _tables(person: Person) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """The tables whose rows are about nobody but the person, those first that point at others; what is meant of each.

    An account's rows are known by its number too.
    """
    account = [] if person.account_id is None else [person.account_id]
    known = {"user_id": account, "accepted_by_id": account, "email": list(person.addresses)}
    for table in reversed(Base.metadata.sorted_tables):
        if table.name == "users" or table.name in KEPT:
            continue
        of_them = [table.c[name].in_(values) for name, values in known.items() if values and name in table.c]
        if table.name == Attempts.__tablename__:
            of_them.append(table.c.key.in_([account_key(address) for address in person.addresses]))
        if of_them:
            yield table, or_(*of_them)

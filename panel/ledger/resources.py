"""The columns every resource carries, and the state derived from them.

Three facts stand apart: *wanted* (a generation), *applied* (the generation the node confirmed), *seen* (the generation
a probe saw from outside, when and how deep). Nobody sets a state.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, case, inspect, or_, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Mapper, declared_attr, mapped_column

from panel.kernel.db import UTCDateTime, database_now, db, new_id, utcnow
from panel.kernel.errors import Conflict
from panel.ledger.plans import HeldPlan, ids_in

RESOURCE_STATES = ("pending", "applying", "active", "failed", "suspended", "removing", "removed", "drifted")
RETRY_SECONDS_MOST = 4_500
"""No resource waits longer for its next try."""


class ResourceColumns:
    """Mix-in for models of things that nodes have.

    ``want``: *put*, *remove* (serve no more, keep the data) or *purge* (delete the data).
    ``retry_at`` with a problem: when to try again; None with a problem: not before a person changes something.
    ``plan_id``: the plan with which it was set aside until a person approves (``ledger.plans``). ``look_at``: when what
    was seen is looked at again.
    """

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    want: Mapped[str] = mapped_column(default="put")
    wanted_generation: Mapped[int] = mapped_column(default=1)
    sent_generation: Mapped[int] = mapped_column(default=0)
    applied_generation: Mapped[int] = mapped_column(default=0)
    seen_generation: Mapped[int] = mapped_column(default=0)
    seen_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    seen_how: Mapped[str | None]
    problem_code: Mapped[str | None]
    problem_message: Mapped[str | None]
    problem_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    suspended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    plan_id: Mapped[uuid.UUID | None]
    look_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, onupdate=utcnow)

    @declared_attr
    def node_id(cls) -> Mapped[uuid.UUID | None]:  # noqa: N805 - SQLAlchemy hands over the class
        """The node that serves it."""
        return mapped_column(ForeignKey("nodes.id"))

    @declared_attr
    def member_id(cls) -> Mapped[uuid.UUID | None]:  # noqa: N805 - SQLAlchemy hands over the class
        """Whose it is; None: the association's own."""
        return mapped_column(ForeignKey("members.id"))

    @classmethod
    def due_index(cls, table: str) -> Index:
        """The index by which the engine finds work without reading what is settled."""
        unsettled = "seen_generation < wanted_generation"
        return Index(f"ix_{table}_due", "node_id", "id", sqlite_where=text(unsettled), postgresql_where=text(unsettled))

    @classmethod
    def problem_index(cls, table: str) -> Index:
        """The index by which what is wrong is found and counted without reading what is well."""
        troubled = "problem_code IS NOT NULL"
        return Index(f"ix_{table}_problem", "node_id", "problem_code", sqlite_where=text(troubled),
                     postgresql_where=text(troubled))  # fmt: skip

    @classmethod
    def look_index(cls, table: str) -> Index:
        """The index by which the engine finds what was not looked at for the longest time."""
        scheduled = "look_at IS NOT NULL"
        return Index(
            f"ix_{table}_look", "node_id", "look_at", sqlite_where=text(scheduled), postgresql_where=text(scheduled)
        )

    def change(self, **values: Any) -> None:
        """Set ``values`` and want a new generation; an old problem is forgotten, the engine will tell anew."""
        for name, value in values.items():
            setattr(self, name, value)
        self.wanted_generation += 1
        self.problem_code = self.problem_message = self.problem_since = self.retry_at = None
        self.plan_id = None
        self.attempts = 0

    def placed(self) -> uuid.UUID:
        """The node's id. Raises Conflict ``no_node`` for a resource that no node serves."""
        if self.node_id is None:
            raise Conflict("no_node")
        return self.node_id

    @property
    def waits_for_approval(self) -> bool:
        """Whether what is wanted of it was set aside until a person approves it."""
        plan = None if self.plan_id is None else db.session.get(HeldPlan, self.plan_id)
        return plan is not None and plan.state == "waiting"

    @hybrid_property
    def state(self) -> str:
        """One of RESOURCE_STATES."""
        if self.seen_generation == self.wanted_generation:
            if self.want != "put":
                return "removed"
            return "drifted" if self.problem_code else "suspended" if self.suspended_at else "active"
        if self.problem_code:
            return "failed"
        if self.want != "put":
            return "removing"
        return "applying" if self.sent_generation == self.wanted_generation else "pending"

    @state.inplace.expression
    @classmethod
    def _state_expression(cls) -> ColumnElement[str]:
        seen = cls.seen_generation == cls.wanted_generation
        return case(
            (seen & (cls.want != "put"), "removed"),
            (seen & cls.problem_code.is_not(None), "drifted"),
            (seen & cls.suspended_at.is_not(None), "suspended"),
            (seen, "active"),
            (cls.problem_code.is_not(None), "failed"),
            (cls.want != "put", "removing"),
            (cls.sent_generation == cls.wanted_generation, "applying"),
            else_="pending",
        )

    @classmethod
    def in_state(cls, state: str) -> ColumnElement[bool]:
        """SQL: the rows in ``state``. Says first what an index of few rows holds, so that few rows are few."""
        narrow: dict[str, ColumnElement[bool]] = {
            "suspended": cls.suspended_at.is_not(None),
            "drifted": cls.problem_code.is_not(None),
            "removed": cls.want.in_(("remove", "purge")),
        }
        if state == "active":
            return cls.state == state
        return narrow.get(state, cls.seen_generation < cls.wanted_generation) & (cls.state == state)

    @classmethod
    @cache  # it is the same each time, and takes longer to put together than the database to search by it
    def is_due(cls) -> ColumnElement[bool]:
        """SQL: not yet seen as wanted, and waiting neither for a person nor, by the database's clock, for its next try.

        A try further ahead than any is set was set by a clock that went wrong: its time has come.
        """
        again = or_(cls.retry_at <= database_now(), cls.retry_at > database_now(RETRY_SECONDS_MOST))
        unsettled = cls.seen_generation < cls.wanted_generation
        return unsettled & or_(cls.problem_code.is_(None), again) & cls.in_no_plan("waiting")

    @classmethod
    @cache
    def in_no_plan(cls, *states: str) -> ColumnElement[bool]:
        """SQL: the row is in no plan in one of these states; plans that ended hold nothing."""
        return or_(cls.plan_id.is_(None), cls.plan_id.not_in(ids_in(*states)))


def complete_row(row: Any, **same: Any) -> dict[str, Any]:
    """Give a new model object its column defaults and return its values, for inserting many rows in one statement.

    ``same``: instead of a default what all of the rows have.
    """
    held, values = row.__dict__, {}  # past the attributes' own bookkeeping, which costs more than all the rest
    for name, default in _columns_of(inspect(type(row))):
        value = held.get(name)
        if value is None and default is not None:
            value = same[name] if name in same else default()
        values[name] = held[name] = value
    return values


@cache
def _columns_of(mapper: Mapper[Any]) -> list[tuple[str, Callable[[], Any] | None]]:
    return [(attribute.key, _default_of(attribute.columns[0])) for attribute in mapper.column_attrs]


def _default_of(column: Any) -> Callable[[], Any] | None:
    if column.default is None:
        return None
    given = column.default.arg
    return partial(given, None) if column.default.is_callable else lambda: given

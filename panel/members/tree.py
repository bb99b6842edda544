"""Which members lie below which: kept by each process, and looked up anew once anybody changed it.

A mark in the database is another after each change, in the same transaction; whoever asks reads the mark first. So a
member that was moved is reached by others from that moment on, in all processes, and asking costs one small row.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flask import current_app
from sqlalchemy import Connection, event, insert, inspect, select, update
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from panel.kernel.db import Base, db
from panel.members.models import Member

_KEPT = "cis.members.tree"


class MemberTree(Base):
    """One row: a random ``mark`` that is another after each change of who lies below whom."""

    __tablename__ = "member_tree"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    mark: Mapped[str]


@dataclass(frozen=True)
class Tree:
    """The members by their parents, as they were under ``mark``; ``found`` holds what was asked for already."""

    mark: str | None
    children: dict[uuid.UUID | None, list[uuid.UUID]]
    known: frozenset[uuid.UUID]
    found: dict[uuid.UUID, frozenset[uuid.UUID]] = field(default_factory=dict)

    def reach_of(self, member_ids: Iterable[uuid.UUID]) -> frozenset[uuid.UUID]:
        """The members given and all that lie below them."""
        found = [self.from_(member_id) for member_id in member_ids]
        return found[0] if len(found) == 1 else frozenset().union(*found)

    def from_(self, root: uuid.UUID) -> frozenset[uuid.UUID]:
        """``root`` and all below it; nothing where there is no such member."""
        if root not in self.found:
            reached: set[uuid.UUID] = set()
            rest = [root] if root in self.known else []
            while rest:
                one = rest.pop()
                if one not in reached:
                    reached.add(one)
                    rest += self.children.get(one, ())
            self.found[root] = frozenset(reached)
        return self.found[root]


NO_TREE = Tree(None, {}, frozenset())
"""One in which nobody is."""


def reach_of(member_ids: Iterable[uuid.UUID]) -> frozenset[uuid.UUID]:
    """The members given and all that lie below them."""
    return tree_now().reach_of(member_ids)


def note_change(connection: Connection) -> None:
    """Have everybody look the tree up anew; for changes by bulk statements, others are noted by themselves."""
    mark = secrets.token_hex(16)
    if not connection.execute(update(MemberTree).values(mark=mark)).rowcount:
        connection.execute(insert(MemberTree).values(id=1, mark=mark))


def tree_now() -> Tree:
    """The members as they lie now, for whoever asks several times in one moment: each asking reads the mark anew."""
    mark = db.session.execute(select(MemberTree.mark)).scalar_one_or_none()
    kept: Tree | None = current_app.extensions.get(_KEPT)
    if kept is None or mark is None or kept.mark != mark:
        kept = current_app.extensions[_KEPT] = _read(mark)
    return kept


def _read(mark: str | None) -> Tree:
    children: dict[uuid.UUID | None, list[uuid.UUID]] = {}
    rows = db.session.execute(select(Member.id, Member.parent_id)).all()
    for member_id, parent_id in rows:
        children.setdefault(parent_id, []).append(member_id)
    return Tree(mark, children, frozenset(member_id for member_id, _ in rows))


@event.listens_for(Member, "after_insert")
@event.listens_for(Member, "after_delete")
def _came_or_went(_mapper: Mapper[Any], connection: Connection, _member: Member) -> None:
    note_change(connection)


@event.listens_for(Member, "after_update")
def _moved(_mapper: Mapper[Any], connection: Connection, member: Member) -> None:
    if inspect(member).attrs.parent_id.history.has_changes():
        note_change(connection)

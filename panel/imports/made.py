"""What an import made, for what is done with all of it afterwards: activation links of new mailboxes."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, func, select

from panel.imports.actions import get_import
from panel.imports.models import Import, ImportRow
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.mail.choosing import AT_MOST
from panel.mail.models import Mailbox


def mailboxes_made(actor: Actor, import_id: uuid.UUID, *, from_line: int = 1) -> list[uuid.UUID]:
    """The mailboxes that an import made and that are kept still: AT_MOST of them, from a line of its file on.

    Raises NotFound where the import is absent, or another's.
    """
    one = get_import(actor, import_id)
    query = _made(one).with_only_columns(ImportRow.resource_id).where(ImportRow.line >= from_line)
    return [id_ for id_ in db.session.scalars(query.limit(AT_MOST)) if id_ is not None]


def portions_made(one: Import) -> list[tuple[int, int]]:
    """The portions of AT_MOST mailboxes that an import made: with which line each begins, and how many are in it."""
    number = func.row_number().over(order_by=ImportRow.line).label("number")
    numbered = _made(one).with_only_columns(ImportRow.line, number).order_by(None).subquery()
    portion = (numbered.c.number - 1) // AT_MOST
    query = select(func.min(numbered.c.line), func.count()).group_by(portion).order_by(func.min(numbered.c.line))
    return [(line, count) for line, count in db.session.execute(query)]


def _made(one: Import) -> Select[Any]:
    """The rows that made a mailbox which is there, in the order of the file."""
    made = (ImportRow.import_id == one.id, ImportRow.would == "create", ImportRow.state == "done")
    kept = select(ImportRow).join(Mailbox, Mailbox.id == ImportRow.resource_id)
    return kept.where(*made).order_by(ImportRow.line)

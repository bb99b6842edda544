"""Claiming: rows that wait to be told, taken by one worker at a time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, select, update

from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.alarms import Alarm
from panel.ledger.messages import Message


def claim_rows(
    model: type[Alarm | Message], due: ColumnElement[bool], *, by: Any, most: int, seconds: int
) -> Sequence[uuid.UUID]:
    """Take up to ``most`` rows that are ``due``, first those first ``by`` a column; return their ids in no order.

    Nobody else finds them due for ``seconds``; a worker that dies over them leaves them for later. Each counts one more
    attempt.
    """
    with unit_of_work():
        ids = select(model.id).where(due).order_by(by).limit(most)
        return db.session.scalars(
            update(model)
            .where(model.id.in_(ids), due)
            .values(retry_at=database_now(seconds), attempts=model.attempts + 1)
            .returning(model.id),
            execution_options={"synchronize_session": False},
        ).all()

"""Alarms: raised and cleared by what is so, and told by mail over a relay that none of our nodes is part of."""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, update

from panel.engine.conditions import CODES, conditions
from panel.engine.relay import Relay, RelayFailed
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.alarms import Alarm, clear_alarm, raise_alarm
from panel.ledger.claiming import claim_rows

SINGLY_MOST = 3
"""So many alarms get a message each; more of them at once get one that lists all."""
HOURLY_MOST, DIGEST_SECONDS = 20, 900
"""After so many in an hour, one message with all that is new in each quarter of an hour."""
AT_ONCE = 500
CLAIM_SECONDS = 120
RETRY_SECONDS = (30, 60, 300, 900, 1800)

log = logging.getLogger("cis.alarms")


@dataclass(frozen=True, kw_only=True)
class News:
    """One thing to tell: an alarm, and whether it is over."""

    alarm: Alarm
    over: bool


Compose = Callable[[Sequence[News]], tuple[str, str]]
"""Subject and text of one message about some news; words are not the engine's."""


def watch_conditions(actor: Actor) -> None:
    """Raise an alarm for what is so and has none, clear those whose reason is gone; twice changes nothing."""
    require(actor, "nodes:write", staff=True)
    now = {condition.key: condition for condition in conditions()}
    open_keys = set(db.session.scalars(select(Alarm.key).where(Alarm.cleared_at.is_(None), Alarm.code.in_(CODES))))
    if not now and not open_keys:
        return
    with unit_of_work():
        for key, one in now.items():
            node = {} if one.node is None else {"node": one.node.name}
            raise_alarm(key, one.code, one.node.id if one.node else None, **node, **one.params)
        for key in open_keys - now.keys():
            clear_alarm(key)


def teller(relay: Relay, compose: Compose) -> Callable[[Actor], None]:
    """The chore that tells of alarms by mail; does nothing while no relay is set."""

    def tell_alarms(actor: Actor) -> None:
        require(actor, "nodes:write", staff=True)
        if not relay.is_set or not _anything_new() or _must_wait():
            return
        claimed = _claim()
        news = [News(alarm=alarm, over=alarm.cleared_at is not None) for alarm in claimed]
        for some in [[one] for one in news] if len(news) <= SINGLY_MOST else [news]:
            _tell(relay, compose, some)

    return tell_alarms


def _tell(relay: Relay, compose: Compose, news: Sequence[News]) -> None:
    ids = [one.alarm.id for one in news]
    try:
        relay.send(*compose(news))
    except RelayFailed as error:
        log.warning("alarms were not told (%s): %s", error.code, error)
        _put_off(ids, max(one.alarm.attempts for one in news))
    else:
        _note_told(ids)


def _anything_new() -> bool:
    return db.session.scalar(select(Alarm.id).where(_untold()).limit(1)) is not None


def _untold() -> ColumnElement[bool]:
    """SQL: what has not been told and whose time has come. An alarm that ended before it was told is told once."""
    untold = or_(Alarm.told_at.is_(None), Alarm.cleared_at.is_not(None) & Alarm.clear_told_at.is_(None))
    return untold & or_(Alarm.retry_at.is_(None), Alarm.retry_at <= database_now())


def _must_wait() -> bool:
    """Whether so much was told in the last hour that the next message waits for its quarter."""
    told, ended = Alarm.told_at, Alarm.clear_told_at
    lately = [db.session.scalar(select(func.count()).where(at > database_now(-3600))) or 0 for at in (told, ended)]
    if sum(lately) < HOURLY_MOST:
        return False
    just = or_(told > database_now(-DIGEST_SECONDS), ended > database_now(-DIGEST_SECONDS))
    return db.session.scalar(select(Alarm.id).where(just).limit(1)) is not None


def _claim() -> list[Alarm]:
    """Take what is to be told, so that no other worker tells it too; who dies over it leaves it for later."""
    claimed = claim_rows(Alarm, _untold(), by=Alarm.raised_at, most=AT_ONCE, seconds=CLAIM_SECONDS)
    query = select(Alarm).where(Alarm.id.in_(claimed)).order_by(Alarm.raised_at, Alarm.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def _put_off(ids: Sequence[uuid.UUID], attempts: int) -> None:
    seconds = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load
    _set(ids, retry_at=database_now(int(seconds)))


def _note_told(ids: Sequence[uuid.UUID]) -> None:
    with unit_of_work():
        _set(ids, told_at=func.coalesce(Alarm.told_at, database_now()), attempts=0, retry_at=None)
        _set(ids, only_over=True, clear_told_at=database_now())


def _set(ids: Sequence[uuid.UUID], *, only_over: bool = False, **values: object) -> None:
    with unit_of_work():
        statement = update(Alarm).where(Alarm.id.in_(ids))
        if only_over:
            statement = statement.where(Alarm.cleared_at.is_not(None))
        db.session.execute(statement.values(**values), execution_options={"synchronize_session": False})

"""``Idempotency-Key``: a POST sent twice is done once.

The key, the request's digest and the answer are stored in the transaction of the action itself: either all of it
happened, or nothing. Kept answers hold no secrets: those were in the first answer only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import timedelta
from typing import Any

from flask import current_app, request
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from panel.api.models import KeptAnswer
from panel.api.operations import Answer, Ask, Operation
from panel.kernel.access import Actor
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid

KEPT = timedelta(hours=24)
IN_FLIGHT = timedelta(minutes=5)
"""How long what asks servers of others may take, before its key counts as lost with the process that worked on it."""
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_SECRETS = frozenset({"link", "token", "password", "secret"})


def once(operation: Operation, actor: Actor, ask: Ask, headers: dict[str, str]) -> Answer:
    """Do what is asked, or answer as it was answered before, saying so in ``headers``.

    Raises Invalid ``idempotency_key`` for a key that is none, or was used with another request; Conflict
    ``in_flight`` while the same request is still being worked on.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return operation.handler(actor, ask)
    if not _KEY.fullmatch(key):
        raise Invalid("idempotency_key", field="Idempotency-Key")
    digest = _digest()
    new = KeptAnswer(actor=actor.ref, key=key, digest=digest)
    try:
        with unit_of_work():
            kept = _find(actor, key)
            if kept is None:
                db.session.add(new)
                db.session.flush()
                if not operation.outward:
                    return _do(operation, actor, ask, new)
    except IntegrityError as error:
        # Where the database lets two in at once, the primary key keeps the second out.
        if db.session.get(KeptAnswer, (actor.ref, key)) is None:
            raise
        raise Conflict("in_flight", field="Idempotency-Key") from error
    if kept is None:
        return _do_outward(operation, actor, ask, key)
    _require_same(kept, digest)
    headers[REPLAYED] = "true"
    return _again(operation, actor, kept)


def _require_same(kept: KeptAnswer, digest: str) -> None:
    if kept.digest != digest:
        raise Invalid("idempotency_reused", field="Idempotency-Key")
    if kept.status is None:
        raise Conflict("in_flight", field="Idempotency-Key")


def _find(actor: Actor, key: str) -> KeptAnswer | None:
    lost = KeptAnswer.status.is_(None) & (KeptAnswer.created_at < utcnow() - IN_FLIGHT)
    db.session.execute(delete(KeptAnswer).where(or_(KeptAnswer.created_at < utcnow() - KEPT, lost)))
    return db.session.scalar(select(KeptAnswer).where(KeptAnswer.actor == actor.ref, KeptAnswer.key == key))


def _do(operation: Operation, actor: Actor, ask: Ask, kept: KeptAnswer) -> Answer:
    answer = operation.handler(actor, ask)
    told = answer.now()
    kept.status, kept.location, kept.body = told.status, told.location, without_secrets(told.body)
    return answer


def _do_outward(operation: Operation, actor: Actor, ask: Ask, key: str) -> Answer:
    """As ``_do``, but the key is taken first and given back where nothing came of it: nothing is held meanwhile."""
    mine = (KeptAnswer.actor == actor.ref, KeptAnswer.key == key)
    try:
        answer = operation.handler(actor, ask)
        told = answer.now()
    except BaseException:
        db.session.rollback()
        with unit_of_work():
            db.session.execute(delete(KeptAnswer).where(*mine))
        raise
    with unit_of_work():
        values = {"status": told.status, "location": told.location, "body": without_secrets(told.body)}
        db.session.execute(update(KeptAnswer).where(*mine).values(**values))
    return answer


def _again(operation: Operation, actor: Actor, kept: KeptAnswer) -> Answer:
    if operation.replay is not None:
        return operation.replay(actor, kept.body)
    return Answer(body=kept.body, status=kept.status or 200, location=kept.location)


def _digest() -> str:
    """Keyed: a body may hold a password, and a plain digest could be searched by whoever stole the database."""
    parts = (request.method, request.path, request.query_string.decode("latin-1"), request.mimetype)
    told = "\n".join(parts).encode() + b"\n" + (_form() if request.files else request.get_data())
    return hmac.new(str(current_app.config["SECRET_KEY"]).encode(), told, hashlib.sha256).hexdigest()


def _form() -> bytes:
    """A form with files as one text: it was read when it was taken apart, and the next one has other boundaries."""
    told: list[tuple[str, ...]] = list(request.form.items(multi=True))
    for name, file in request.files.items(multi=True):
        told.append((name, file.filename or "", hashlib.sha256(file.stream.read()).hexdigest()))
        file.stream.seek(0)
    return json.dumps(told).encode()


def without_secrets(body: Any) -> Any:
    """``body`` without links that let somebody in, tokens and passwords; that something is one is no secret."""
    if isinstance(body, dict):
        return {
            name: without_secrets(value)
            for name, value in body.items()
            if name not in _SECRETS or isinstance(value, bool)
        }
    return [without_secrets(value) for value in body] if isinstance(body, list) else body

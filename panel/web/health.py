"""What machines ask: is it alive, is it ready. No sign-in, no secrets, no names of members."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, Response, current_app, jsonify
from redis import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from panel.engine import figures
from panel.kernel.db import db
from panel.ledger.closings import list_closings
from panel.ledger.nodes import Node
from panel.ledger.workers import workers_alive
from panel.web.session import public
from panel.wiring import HUEY

area = Blueprint("health", __name__)


@area.get("/healthz")
@public
def alive() -> Response:
    """The process answers; nothing else is asked of."""
    return Response("ok\n", mimetype="text/plain")


@area.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """Database, queue, workers, nodes in brief. 503 where the database does not answer: all else the panel outlives."""
    try:
        known = _known()
    except SQLAlchemyError:
        return jsonify(database="unavailable", queue=_queue()), 503
    return jsonify(database="ok", queue=_queue(), **known), 200


def _known() -> dict[str, object]:
    problems = db.session.scalars(select(Node.problem_code)).all()
    troubled = sum(problem is not None for problem in problems)
    return {
        "jobs_waiting": figures.jobs_open()["queued"],
        "workers": workers_alive(),
        "engine": "closed" if any(closing.node_id is None for closing in list_closings()) else "open",
        "nodes": {"well": len(problems) - troubled, "troubled": troubled},
    }


def _queue() -> str:
    """Whether the doorbell can be rung; without it changes start later, and nothing is lost."""
    try:
        current_app.extensions[HUEY].storage.queue_size()
    except (RedisError, sqlite3.Error, OSError):
        return "unavailable"
    return "ok"

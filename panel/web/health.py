"""What machines ask: is it alive, is it ready. No sign-in, no secrets, no names of members."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from panel.kernel.db import db
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.web.session import public

area = Blueprint("health", __name__)


@area.get("/healthz")
@public
def alive() -> Response:
    """The process answers; nothing else is asked of."""
    return Response("ok\n", mimetype="text/plain")


@area.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """Jobs that wait, and nodes by whether they are well; 503 where the database does not answer."""
    try:
        waiting = db.session.scalar(select(func.count()).select_from(Job).where(Job.state == "queued"))
        problems = db.session.scalars(select(Node.problem_code)).all()
    except SQLAlchemyError:
        return jsonify(database="unavailable"), 503
    troubled = sum(problem is not None for problem in problems)
    return jsonify(
        database="ok", jobs_waiting=waiting, nodes={"well": len(problems) - troubled, "troubled": troubled}
    ), 200

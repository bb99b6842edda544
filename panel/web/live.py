"""Streams by which pages hear of changes (server-sent events, HTML Living Standard 9.2).

A stream says only *that* something looks otherwise; the page then asks for itself anew, so that it shows what a reload
shows, and nothing is lost where a stream breaks. The id of an event is the mark of what was told last: who comes back
with it is told at once if anything changed meanwhile. Who asks for no stream gets the mark as JSON.
"""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from select import POLLIN, poll
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from panel.dns.committing import get_zone
from panel.dns.models import Zone
from panel.kernel.access import require, scoped
from panel.kernel.db import db
from panel.kernel.errors import Invalid, NotFound, PanelError
from panel.ledger import jobs
from panel.ledger.jobs import Job
from panel.mail import actions as mail
from panel.mail import domains
from panel.mail.finding import mailboxes_query
from panel.mail.models import Mailbox
from panel.web.errors import page
from panel.web.session import actor, me, permission
from panel.web.watching import IDS_MOST, Full, Listener, Watch, mark_of
from panel.webhooks.actions import get_delivery

area = Blueprint("live", __name__, url_prefix="/live")

CHECK_SECONDS, STREAM_SECONDS, SEND_SECONDS, GONE_SECONDS = 5.0, 300.0, 10.0, 0.5
"""How often rights are looked at again, how long a stream lasts at most, how long a reader may take nothing, and how
soon it is seen that a reader went away."""
_KEY = "cis.live"
_COPIED = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT",
           "SERVER_PROTOCOL", "REMOTE_ADDR", "wsgi.url_scheme", "wsgi.input", "wsgi.errors")  # fmt: skip


def follow(app: Flask) -> None:
    """Give ``app`` its watch."""
    app.extensions[_KEY] = Watch(app)


@area.get("/jobs/<uuid:job_id>")
@permission("jobs:read")
def job(job_id: uuid.UUID) -> ResponseReturnValue:
    """Follow a job."""
    return _stream("job", [job_id], lambda: jobs.get_job(actor(), job_id))


@area.get("/jobs")
@permission("jobs:read", staff=True)
def job_list() -> ResponseReturnValue:
    """Follow the jobs ``?id=…&id=…``."""
    ids = _asked_ids()
    return _stream("job", ids, lambda: _require_jobs(ids))


@area.get("/mailboxes/<uuid:mailbox_id>")
@permission("mail:read")
def mailbox(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """Follow a mailbox."""
    return _stream("mailbox", [mailbox_id], lambda: mail.get_mailbox(actor(), mailbox_id))


@area.get("/mailboxes")
@permission("mail:read")
def mailbox_list() -> ResponseReturnValue:
    """Follow the mailboxes ``?id=…&id=…``, all of which must be in reach."""
    ids = _asked_ids()
    return _stream("mailbox", ids, lambda: _require_mailboxes(ids))


@area.get("/domains/<uuid:domain_id>")
@permission("mail:read")
def domain(domain_id: uuid.UUID) -> ResponseReturnValue:
    """Follow a mail domain."""
    return _stream("domain", [domain_id], lambda: domains.get_domain(actor(), domain_id))


@area.get("/zones/<uuid:zone_id>")
@permission("dns:read")
def zone(zone_id: uuid.UUID) -> ResponseReturnValue:
    """Follow a zone."""
    return _stream("zone", [zone_id], lambda: get_zone(actor(), zone_id))


@area.get("/zones")
@permission("dns:read")
def zone_list() -> ResponseReturnValue:
    """Follow the zones ``?id=…&id=…``, all of which must be in reach."""
    ids = _asked_ids()
    return _stream("zone", ids, lambda: _require_zones(ids))


@area.get("/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>")
@permission("webhooks:read")
def delivery(webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> ResponseReturnValue:
    """Follow a message of a webhook."""
    return _stream("delivery", [delivery_id], lambda: get_delivery(actor(), webhook_id, delivery_id))


def _asked_ids() -> list[uuid.UUID]:
    texts = request.args.getlist("id")
    if not 1 <= len(texts) <= IDS_MOST:
        raise Invalid("number_range", field="id", least=1, most=IDS_MOST)
    try:
        return [uuid.UUID(text) for text in texts]
    except ValueError:
        raise NotFound("not_found") from None


def _require_jobs(ids: Sequence[uuid.UUID]) -> None:
    require(actor(), "jobs:read", staff=True)
    if set(db.session.scalars(select(Job.id).where(Job.id.in_(ids)))) != set(ids):
        raise NotFound("not_found")


def _require_mailboxes(ids: Sequence[uuid.UUID]) -> None:
    found = mailboxes_query(actor()).where(Mailbox.id.in_(ids)).with_only_columns(Mailbox.id).order_by(None)
    if set(db.session.scalars(found)) != set(ids):
        raise NotFound("not_found")


def _require_zones(ids: Sequence[uuid.UUID]) -> None:
    inside = scoped(actor(), "dns:read", select(Zone.id).where(Zone.id.in_(ids)), Zone.member_id)
    if set(db.session.scalars(inside)) != set(ids):
        raise NotFound("not_found")


def _stream(kind: str, ids: Sequence[uuid.UUID], check: Callable[[], object]) -> ResponseReturnValue:
    """The stream, once ``check`` lets it; it is asked again every CHECK_SECONDS, in a request of its own."""
    check()
    if "text/event-stream" not in request.headers.get("Accept", ""):
        return jsonify({"mark": mark_of(kind, ids)})
    watch: Watch = current_app.extensions[_KEY]
    try:
        listener = watch.open(me().id, kind, ids)
    except Full:
        return page(503, headers={"Retry-After": "5"})
    still = _Doors(watch.app, request.environ, check)
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    _limit_sending(connection)
    lines = _lines(listener, request.headers.get("Last-Event-ID", "")[:64], still, connection)
    answer = Response(lines, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
    answer.call_on_close(lambda: watch.close(listener))
    return answer


class _Doors:
    """Whether the request that began a stream would still be let in: by the same checks, as if it came again."""

    def __init__(self, app: Flask, environ: dict[str, Any], check: Callable[[], object]) -> None:
        self._app, self._check = app, check
        headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
        self._environ = headers | {name: environ[name] for name in _COPIED if name in environ}

    def are_open(self) -> bool:
        """Ask once; where the database is away, what was answered last stays."""
        with self._app.request_context(dict(self._environ)):
            try:
                if self._app.preprocess_request() is not None:
                    return False
                self._check()
            except (PanelError, HTTPException):
                return False
            except SQLAlchemyError:
                return True
            return True


def _lines(listener: Listener, known: str, doors: _Doors, connection: Any) -> Iterator[str]:
    end = time.monotonic() + STREAM_SECONDS
    yield "retry: 2000\n\n"
    while time.monotonic() < end:
        mark = _wait(listener, known, connection)
        if mark is None:
            return
        if not doors.are_open():
            yield "event: over\ndata: {}\n\n"
            return
        if mark in ("", known):
            yield ": still here\n\n"
        else:
            known = mark
            yield f"id: {mark}\nevent: changed\ndata: {{}}\n\n"


def _wait(listener: Listener, known: str, connection: Any) -> str | None:
    """The mark once it is another than ``known``, or after CHECK_SECONDS; None where the reader went away."""
    end = time.monotonic() + CHECK_SECONDS
    while True:
        mark = listener.wait(known, min(GONE_SECONDS, CHECK_SECONDS))
        if _is_gone(connection):
            return None
        if mark not in ("", known) or time.monotonic() >= end:
            return mark


def _is_gone(connection: Any) -> bool:
    """Whether the other end closed the connection: a thread and a place for another stream are free sooner."""
    if not isinstance(connection, socket.socket):
        return False
    try:
        asked = poll()
        asked.register(connection, POLLIN)
        return bool(asked.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _limit_sending(connection: Any) -> None:
    """Give up on a reader that takes nothing: neither a write nor what was sent may wait for ever (RFC 5482)."""
    if isinstance(connection, socket.socket):
        with suppress(OSError):
            connection.settimeout(SEND_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(2 * SEND_SECONDS * 1000))

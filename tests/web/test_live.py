"""Pages hear of changes by a stream: quickly, only what they may see, and never so that others find no thread."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update

from panel.identity.models import User
from panel.identity.sessions import UserSession, end_all
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, new_id, unit_of_work
from panel.ledger.jobs import Job
from panel.mail.actions import create_mailbox
from panel.mail.models import Mailbox
from panel.web import live, watching
from tests.web.site import Site, served

DEADLINE = 30.0


def test_a_stream_tells_of_each_change_and_of_what_changed_while_it_was_broken(site: Site) -> None:
    job = _job(site)
    with served(site) as url, _stream(site, url, f"/live/jobs/{job.id}") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert (stream.headers["X-Accel-Buffering"], stream.headers["Cache-Control"]) == ("no", "no-store")
        first = stream.next()
        _set(job, state="running")
        second = stream.next()
        assert first["id"] != second["id"]
        with _stream(site, url, f"/live/jobs/{job.id}", {"Last-Event-ID": second["id"]}) as again:
            _set(job, counts={"applied": 1})
            assert again.next()["id"] == stream.next()["id"] != second["id"]
        with _stream(site, url, f"/live/jobs?id={job.id}", {"Last-Event-ID": first["id"]}) as behind:
            assert behind.next()["event"] == "changed"


def test_a_stream_ends_with_the_session(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.1)
    box = _mailbox(site)
    with served(site) as url, _stream(site, url, f"/live/mailboxes/{box.id}", user=site.clerk) as stream:
        assert stream.next()["event"] == "changed"
        end_all(site.clerk.id)
        assert stream.next()["event"] == "over"
        assert stream.rest() == b""


def test_nobody_takes_all_threads_and_who_goes_makes_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "GONE_SECONDS", 0.05)
    job = _job(site)
    path = f"/live/jobs/{job.id}"
    with served(site) as url:
        cookie = _cookie(site, site.admin)
        streams = [_Stream(url, path, {"Cookie": cookie}) for _number in range(watching.STREAMS_OF_ONE)]
        refused = _Stream(url, path, {"Cookie": cookie})
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        for stream in (*streams, refused):
            stream.close()
        end = time.monotonic() + DEADLINE
        while (again := _Stream(url, path, {"Cookie": cookie})).status == 503 and time.monotonic() < end:
            again.close()
            time.sleep(0.05)
        assert again.status == 200
        again.close()


def test_who_never_reads_a_stream_keeps_nobody_waiting(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(live, "STREAM_SECONDS", 1.0)
    job = _job(site)
    with served(site) as url:
        cookie = _cookie(site, site.admin)
        place = ("127.0.0.1", urlsplit(url).port or 80)
        asked = f"GET /live/jobs/{job.id} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n\r\n"
        deaf = [socket.create_connection(place) for _number in range(watching.STREAMS_OF_ONE)]
        for one in deaf:
            one.sendall(asked.encode())
        assert site.client(site.admin).get("/jobs").status_code == 200
        end = time.monotonic() + DEADLINE
        while (again := _Stream(url, f"/live/jobs/{job.id}", {"Cookie": cookie})).status == 503:
            assert time.monotonic() < end, "their places are never free"
            again.close()
            time.sleep(0.05)
        again.close()
        for one in deaf:
            one.close()


def test_a_reader_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SEND_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        connection, _address = server.accept()
        with connection:
            live._limit_sending(connection)
            with pytest.raises(TimeoutError):
                connection.sendall(bytes(50_000_000))


def test_only_what_one_may_see_is_followed(site: Site) -> None:
    own, job = _mailbox(site), _job(site)
    for user, path, status in (
        (site.nobody, f"/live/mailboxes/{own.id}", 403),
        (site.clerk, f"/live/jobs/{job.id}", 403),
        (site.clerk, f"/live/mailboxes/{new_id()}", 404),
        (site.clerk, f"/live/mailboxes?id={own.id}&id={new_id()}", 404),
        (site.clerk, "/live/mailboxes", 422),
        (site.clerk, "/live/mailboxes?id=x", 404),
        (site.clerk, f"/live/mailboxes?id={own.id}", 200),
        (None, f"/live/mailboxes/{own.id}", 302),
    ):
        answer = site.client(user).get(path)
        assert answer.status_code == status, path
    shown = site.client(site.clerk).get(f"/live/mailboxes/{own.id}")
    assert shown.json is not None
    assert shown.json["mark"]


def test_a_page_left_open_is_nobody_at_work(site: Site) -> None:
    own, client = _mailbox(site), site.client(site.clerk)
    query = select(UserSession.last_seen_at).where(UserSession.user_id == site.clerk.id)
    for path, seen in ((f"/live/mailboxes/{own.id}", False), (f"/mail/mailboxes/{own.id}", True)):
        with unit_of_work():
            idle = update(UserSession).where(UserSession.user_id == site.clerk.id)
            db.session.execute(idle.values(last_seen_at=database_now(-3600)))
        before = db.session.scalar(query)
        db.session.rollback()  # ends the transaction, which would go on seeing what it saw
        assert client.get(path).status_code == 200
        assert (db.session.scalar(query) != before) is seen


class _Stream:
    """One stream, read event by event."""

    def __init__(self, url: str, path: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=DEADLINE)
        self._connection.request("GET", path, headers={"Accept": "text/event-stream", **headers})
        self._answer = self._connection.getresponse()
        self.status, self.headers = self._answer.status, self._answer.headers

    def next(self) -> dict[str, str]:
        """The next event; what only keeps the stream open is passed over."""
        fields: dict[str, str] = {}
        while line := self._answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(":")
            if line == b"\n" and "event" in fields:
                assert json.loads(fields["data"]) == {}
                return fields
            fields[name] = value.strip()
        raise AssertionError("the stream ended")

    def rest(self) -> bytes:
        """What comes until the stream ends."""
        return self._answer.read()

    def close(self) -> None:
        """Go away."""
        self._answer.close()
        self._connection.close()


@contextmanager
def _stream(
    site: Site, url: str, path: str, headers: dict[str, str] | None = None, *, user: User | None = None
) -> Iterator[_Stream]:
    with closing(_Stream(url, path, {"Cookie": _cookie(site, user or site.admin), **(headers or {})})) as stream:
        assert stream.status == 200
        yield stream


def _cookie(site: Site, user: User) -> str:
    client = site.client(user)
    found = client.get_cookie(site.world.app.config["SESSION_COOKIE_NAME"])
    assert found is not None
    return f"{found.key}={found.value}"


def _job(site: Site) -> Job:
    job = Job(id=new_id(), node_id=site.world.node.id, cause="mail:mailbox:create", actor="user:x")
    with unit_of_work():
        db.session.add(job)
    return job


def _set(job: Job, **values: object) -> None:
    with unit_of_work():
        for name, value in values.items():
            setattr(job, name, value)


def _mailbox(site: Site) -> Mailbox:
    return create_mailbox(SYSTEM, member_id=site.world.koscian.id, address="ala@info.wokiss.pl").mailbox

"""HTTP's own manners: errors as problem documents, languages, methods, media types."""

from __future__ import annotations

from io import BytesIO

import pytest

from panel.identity.actions import actor_for_user
from panel.identity.models import User
from panel.kernel.db import db
from tests.api.program import Program, rows

MAILBOXES = "/mailboxes"


def test_an_unknown_address_is_a_problem_with_or_without_a_token(standing: Program) -> None:
    for path in ("/nothing", "/mailboxes/none", "/mailboxes/", "/../v1/mailboxes/x"):
        for token in ("admin", None):
            answer = standing.send("GET", path, token=token)
            assert answer.status_code == 404
            assert answer.content_type == "application/problem+json"
            assert answer.json["status"] == 404
            assert answer.json["code"] == "not_found"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_a_wrong_method_is_told_which_are_right(standing: Program, method: str) -> None:
    answer = standing.send(method, MAILBOXES)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"address": "a@info.wokiss.pl", "address": "b@info.wokiss.pl"}',
        b'{"quota_mb": NaN}',
        b'{"quota_mb": Infinity}',
        b'{"quota_mb": -Infinity}',
        b'{"address": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"[" * 100_000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b'{"quota_mb": ' + b"9" * 5000 + b"}",
        b'{"quota_mb": 1,}',
    ],
)
def test_what_is_no_json_is_not_understood(standing: Program, content: bytes) -> None:
    before = rows()
    answer = standing.send("POST", MAILBOXES, data=content, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["code"] == "bad_request"
    assert rows() == before


@pytest.mark.parametrize("content", [b"[]", b"1", b"null", b'"text"', b"true"])
def test_what_is_no_object_is_invalid(standing: Program, content: bytes) -> None:
    assert standing.send("POST", MAILBOXES, data=content, content_type="application/json").status_code == 422


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_media_type_is_refused(standing: Program, kind: str) -> None:
    answer = standing.send("POST", MAILBOXES, data=b"{}", content_type=kind)
    assert answer.status_code == 415
    assert answer.json["code"] == "unsupported_media_type"


def test_a_body_that_is_too_large_is_refused_unread(program: Program) -> None:
    program.world.app.config["MAX_CONTENT_LENGTH"] = 1000
    told = {"data": b" " * 2000}
    chunked = {"input_stream": BytesIO(b"{}" + b" " * 2000), "environ_overrides": {"wsgi.input_terminated": True}}
    for body in (told, chunked):
        answer = program.send("POST", MAILBOXES, content_type="application/json", **body)
        assert (answer.status_code, answer.content_type) == (413, "application/problem+json")


def test_texts_follow_the_language_asked_for(standing: Program) -> None:
    said = {
        language: standing.send("GET", "/nothing", headers={"Accept-Language": language}).json["title"]
        for language in ("pl", "en", "en-GB,en;q=0.9", "de")
    }
    assert said == {"pl": "Nie znaleziono", "en": "Not found", "en-GB,en;q=0.9": "Not found", "de": "Nie znaleziono"}


def test_a_session_of_the_pages_opens_nothing(program: Program) -> None:
    user = db.session.query(User).filter_by(email="admin@example.test").one()
    assert actor_for_user(user).reaches_all
    client = program.world.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = user.fs_uniquifier, True
    assert client.get("/api/v1/members").status_code == 401


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer a b", "Token x", "Bearer \u00e9", "bearer ", "Bearer " + "x" * 5000]
)
def test_other_ways_to_sign_in_open_nothing(standing: Program, header: str) -> None:
    assert standing.send("GET", "/members", token=None, headers={"Authorization": header}).status_code == 401


def test_head_answers_as_get_does_without_a_body(standing: Program) -> None:
    answer = standing.world.app.test_client().head(
        "/api/v1/members", headers={"Authorization": f"Bearer {standing.tokens['admin']}"}
    )
    assert (answer.status_code, answer.get_data()) == (200, b"")


def test_a_program_that_runs_wild_is_told_when_to_come_back(program: Program) -> None:
    settings = program.world.app.config["CIS"]
    object.__setattr__(settings, "api_rate", 0)
    answer = program.send("GET", "/members")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60

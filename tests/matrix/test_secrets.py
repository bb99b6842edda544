"""What people type into a secret field comes back on no page and in no answer, and is written into no log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from panel.api import operations
from panel.api.fields import Field, ListOf, Shape
from tests.matrix.asking import Answer, Pages, Programs, Request
from tests.matrix.families import NOBODY, Asker, Families
from tests.matrix.needs import OPERATIONS, PAGES
from tests.matrix.ways import Way, pages_of, way_of
from tests.worlds import SHARED

MARK = "Kanarek-7c1f4be2"
SECRET = re.compile(r"passw|secret|token|totp|^code$|^key$|^answer$", re.IGNORECASE)
_INPUT = re.compile(r"<(?:input|textarea)\b[^>]*>")
_NAME, _TYPE = re.compile(r'\bname="([^"]*)"'), re.compile(r'\btype="([^"]*)"')


def test_no_page_gives_back_what_was_typed_into_a_secret_field(
    both: Families, pages: Pages, caplog: pytest.LogCaptureFixture
) -> None:
    """Sent as it is and with everything else missing, so that forms are accepted, refused and shown again."""
    asked, faults = 0, []
    with caplog.at_level(logging.DEBUG):
        for way, who in _forms(both):
            here = way.request(both, "own")
            page = pages.ask(who, Request("GET", here.path, here.query))
            secret = dict.fromkeys(_secret_fields(page), MARK)
            for others in (here.body or {}, _plain_fields(page)) if secret else ():
                answer = pages.ask(who, Request(way.method, here.path, here.query, {**others, **secret}))
                faults += [f"{way}: {sorted(secret)}"] if MARK in answer.text + answer.location else []
                assert answer.status < 500, way
                asked += 1
    assert asked > 10, "there are such forms"
    assert not faults, "\n".join(faults)
    assert MARK not in caplog.text


def test_no_answer_of_the_api_gives_back_a_secret_that_it_refuses(
    both: Families, programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    """In fields for secrets, of wrong type and of any; in fields that nobody knows; in an address and in a header."""
    admin, asked = _admin(both), 0
    with caplog.at_level(logging.DEBUG):
        for operation in operations.OPERATIONS:
            if operation.name not in OPERATIONS or operation.body is None:
                continue
            way = way_of(operation)
            here = way.request(both, "own")
            for value in (MARK, [MARK], {MARK: MARK}):
                body = {**(here.body or {}), **_with_secrets(operation.body, value), "password_again": value}
                answer = programs.ask(admin, Request(way.method, here.path, {"token": MARK}, body))
                assert MARK not in answer.text + answer.location, f"{way}: {answer.text}"
                assert answer.status < 500, way
                asked += 1
    assert asked > 60
    assert MARK not in caplog.text


def test_what_breaks_is_written_down_without_what_was_sent(
    both: Families, pages: Pages, programs: Programs, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_named: object) -> None:
        password = f"{MARK}-local"
        raise RuntimeError(f"broken with a secret of {len(password)} characters at hand")

    monkeypatch.setattr("panel.mail.actions.create_mailboxes", broken)
    monkeypatch.setitem(both.world.app.config, "TESTING", False)
    monkeypatch.setitem(both.world.app.config, "PROPAGATE_EXCEPTIONS", False)
    way = way_of(next(one for one in operations.OPERATIONS if one.name == "create_mailbox"))
    body = {**(way.request(both, "own").body or {}), "password": MARK}
    (form,) = [way for way in pages_of(both.world.app, "mail.create") if not way.is_safe]
    query = {"member": str(both.id_of("member", "own"))}
    answers = [
        programs.ask(_admin(both), Request("POST", way.rule, {}, body)),
        pages.ask(
            _admin(both),
            Request(
                "POST",
                form.rule,
                query,
                {
                    "address": "nowa.brzoza",
                    "domain": SHARED,
                    "quota_mb": "10",
                    "sure": "y",
                    "password": MARK,
                    "reason": "test",
                },
            ),
        ),
    ]
    assert MARK not in "".join(answer.text for answer in answers)
    assert [answer.status for answer in answers] == [500, 500]
    assert "broken with a secret" in caplog.text
    assert MARK not in caplog.text


def _forms(families: Families) -> Iterator[tuple[Way, Asker]]:
    """Every form, as the administrator sends it, and as nobody does where all may."""
    for endpoint, need in PAGES.items():
        for way in pages_of(families.world.app, endpoint):
            if not way.is_safe and not need.holder and not need.inside:
                yield way, NOBODY if need.public else _admin(families)


def _secret_fields(page: Answer) -> list[str]:
    """The names of fields on ``page`` into which secrets are typed."""
    found = []
    for tag in _INPUT.findall(page.text):
        name, kind = _NAME.search(tag), _TYPE.search(tag)
        if name and name[1] != "csrf_token" and ((kind and kind[1] == "password") or SECRET.search(name[1])):
            found.append(name[1])
    return found


def _plain_fields(page: Answer) -> dict[str, str]:
    """All other fields, each with something in it."""
    names = [found[1] for tag in _INPUT.findall(page.text) if (found := _NAME.search(tag))]
    return {name: "x" for name in names if name != "csrf_token"}


def _with_secrets(shape: Field, value: Any) -> dict[str, Any]:
    """The fields of ``shape`` that are named like secrets, those in rows too, each with ``value`` in it."""
    found: dict[str, Any] = {}
    for name, one in shape.fields.items() if isinstance(shape, Shape) else ():
        inner = one.of if isinstance(one, ListOf) else one
        below = _with_secrets(inner, value)
        if below:
            found[name] = [below] if isinstance(one, ListOf) else below
        elif SECRET.search(name):
            found[name] = value
    return found


def _admin(families: Families) -> Asker:
    return next(one for one in families.askers if one.name == "association_admin of all")

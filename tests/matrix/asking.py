"""Asking: one request by one person about one place, and what may be told from the answer."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flask import Response
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from panel.api.fields import Amount, Boolean, Day, Field, Id, Integer, ListOf, Shape, Text
from panel.kernel.db import db
from panel.mail.models import Mailbox
from panel.web import holding
from panel.web.session import _SECRET
from tests.matrix.families import NOBODY, WORDS, Asker, Families
from tests.matrix.needs import Need
from tests.matrix.rows import KINDS, OF_NOBODY

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ARGUMENT = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_CSRF = "of tests"
_DOORS = ("/login", "/mailbox/sign-in")
_MARKS = re.compile(r'(name="csrf_token"[^>]*value|<meta name="csrf-token" content|nonce)="[^"]*"|[?&]v=[0-9a-f]+')


@dataclass(frozen=True)
class Request:
    """A request about ``place`` with everything in it that says so."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    upload: bool = False

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids it names by itself."""
        return frozenset(_ID.findall(f"{self.path} {self.query} {self.body}"))


@dataclass(frozen=True)
class Answer:
    """What came back: its status, its text, where it leads, and whether anything was written meanwhile."""

    status: int
    text: str
    location: str
    wrote: bool
    request: Request

    @property
    def outcome(self) -> str:
        """In one word: sign_in, refused, absent, broken, or ok."""
        if self.status == 401 or (self.status == 302 and self.location.startswith(_DOORS)):
            return "sign_in"
        return {403: "refused", 404: "absent"}.get(self.status, "ok" if self.status < 500 else "broken")

    @property
    def plain(self) -> str:
        """The text without what belongs to this one request: its ids, marks of forms and files."""
        text = self.text
        for one in self.request.ids:
            text = text.replace(one, "ID")
        return _MARKS.sub("", text)

    def tells_of(self, families: Families) -> set[str]:
        """The places whose words or ids are in it, but for ids that the request named."""
        text = self.text.lower()
        told = {place for place, word in WORDS.items() if word in text}
        found = {uuid.UUID(one) for one in set(_ID.findall(text)) - self.request.ids}
        kinds = [rows for kind, rows in families.rows.items() if kind not in OF_NOBODY]
        return told | {place for rows in kinds for place, one in rows.items() if one in found}

    def listed(self, families: Families, kind: str) -> set[str]:
        """The places of which it shows the row of ``kind``."""
        return {place for place, one in families.rows[kind].items() if str(one) in self.text}


class Pages:
    """Browsers of everybody, signed in and with their forms' token; what one answer told them to keep is forgotten."""

    def __init__(self, families: Families) -> None:
        self.families = families
        self._cookies: dict[str, str] = {}
        key = families.world.app.config["SECRET_KEY"]
        self._mark = str(URLSafeTimedSerializer(key, salt="wtf-csrf-token").dumps(_CSRF))

    def ask(self, who: Asker, request: Request, *, token: bool = True) -> Answer:
        """Send ``request`` as ``who``; with ``token`` False a form goes without its mark."""
        data = None
        if request.method != "GET":
            data = {**(request.body or {}), **({"csrf_token": self._mark} if token else {})}
        return _send(self.families, request, headers={"Cookie": self._cookie(who)}, data=data)

    def ask_as_holder(self, request: Request) -> Answer:
        """Send ``request`` as the holder of the own member's mailbox, who is nobody else."""
        app = self.families.world.app
        with app.test_request_context():
            mailbox = db.session.get_one(Mailbox, self.families.id_of("mailbox", "own"))
            cookie = holding.begin(Response(), mailbox).headers["Set-Cookie"].partition(";")[0]
            db.session.remove()
        session = _signed_in(self.families, NOBODY)
        data = None if request.method == "GET" else {**(request.body or {}), "csrf_token": self._mark}
        return _send(self.families, request, headers={"Cookie": f"{session}; {cookie}"}, data=data)

    def _cookie(self, who: Asker) -> str:
        if who.name not in self._cookies:
            self._cookies[who.name] = _signed_in(self.families, who)
        return self._cookies[who.name]


class Programs:
    """Programs of everybody, each with a token that takes nothing away."""

    def __init__(self, families: Families) -> None:
        self.families = families

    def ask(self, who: Asker, request: Request) -> Answer:
        """Send ``request`` as ``who``."""
        headers = {} if who.secret is None else {"Authorization": f"Bearer {who.secret}"}
        given: dict[str, Any] = {"headers": headers}
        if request.upload:
            given["data"] = {"file": (io.BytesIO(b"%PDF-1.4"), "skan.pdf")}
        elif request.body is not None:
            given["json"] = request.body
        return _send(self.families, request, **given)


def request_of(
    families: Families, need: Need, method: str, rule: str, place: str, *, shape: Field | None = None,
    upload: bool = False, places: Mapping[str, str] | None = None,
) -> Request:  # fmt: skip
    """The request on ``rule`` about ``place``; ``places`` sends single arguments elsewhere.

    ``shape``: what the body must be like; what the table does not give of it is made up.
    """

    def part(found: re.Match[str]) -> str:
        name = found[2]
        text = need.args[name] if name in need.args else "{" + _kind_of(name, rule) + "}" if found[1] == "uuid" else "x"
        return str(_filled(families, text, (places or {}).get(name, place)))

    query = {name: _filled(families, text, place) for name, text in need.query.items()}
    body = None if shape is None and not need.body else {**_made_up(families, shape, place), **need.body}
    return Request(method, _ARGUMENT.sub(part, rule), query, _filled(families, body, place), upload)


def arguments_of(rule: str) -> list[str]:
    """The names of the ids in an address."""
    return [name for converter, name in _ARGUMENT.findall(rule) if converter == "uuid"]


def kinds_of(need: Need, rule: str) -> set[str]:
    """The kinds of rows that a request on ``rule`` is about: those in its address, query and body."""
    named = re.findall(r"\{(\w+)\}", f"{need.query} {need.body} {need.args}")
    return {*named, *(_kind_of(name, rule) for name in arguments_of(rule) if name not in need.args)}


def _kind_of(name: str, rule: str) -> str:
    collection = rule.strip("/").removeprefix("api/v1/").partition("/")[0]
    known = KINDS.get(collection if name == "id" else name.removesuffix("_id"))
    assert known is not None, (
        f"tests/matrix/rows.py does not know what <{name}> in {rule} is: name its kind in KINDS and make rows of"
        " it in MAKERS, or fill it by args=… in tests/matrix/needs.py"
    )
    return known


def _filled(families: Families, value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(families, one, place) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(families, one, place) for one in value]
    if isinstance(value, str) and value.startswith("{"):
        return str(families.id_of(value.strip("{}"), place))
    return value


def _made_up(families: Families, shape: Field | None, place: str) -> dict[str, Any]:
    if not isinstance(shape, Shape):
        return {}
    return {name: _value(families, name, one, place) for name, one in shape.fields.items() if one.required}


_VALUES: dict[str, Any] = {"address": "nowa@info.wokiss.pl", "digest": "0" * 64, "email": "nowy@asker.test"}


def _value(families: Families, name: str, one: Field, place: str) -> Any:
    if isinstance(one, Id):
        kind = KINDS.get(name.removesuffix("_id"), "member")
        return str(families.id_of(kind, place))
    if isinstance(one, ListOf):
        return [_value(families, name, one.of, place)]
    if isinstance(one, Shape):
        return _made_up(families, one, place)
    if isinstance(one, Text):
        return one.choices[0] if one.choices else _VALUES.get(name, "x")
    return {Integer: 1, Boolean: True, Day: "2027-01-01", Amount: "1.00"}[type(one)]


def _signed_in(families: Families, who: Asker) -> str:
    """The cookie of a browser in which ``who`` signed in."""
    client = families.world.app.test_client()
    with client.session_transaction() as session:
        session.update({"cis_language": "pl", "csrf_token": _CSRF, **_signs(who)})
    cookie = client.get_cookie(families.world.app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return f"{cookie.key}={cookie.value}"


def _signs(who: Asker) -> dict[str, Any]:
    """What a browser holds in which ``who`` signed in, a second factor a moment ago."""
    return {} if who.uniquifier is None else {_SECRET: who.cookie, "_user_id": who.uniquifier, "_fresh": True}


def _send(families: Families, request: Request, **given: Any) -> Answer:
    """Send it, and note whether anything was written; what was is put back."""
    client = families.world.app.test_client(use_cookies=False)
    before = families.version()
    found: TestResponse = client.open(request.path, method=request.method, query_string=dict(request.query), **given)
    wrote = families.version() != before
    if wrote:
        wrote = families.counts() != families.counts_at_first() or (request.method != "GET" and found.status_code < 400)
        families.put_back()
    return Answer(found.status_code, found.get_data(as_text=True), found.headers.get("Location", ""), wrote, request)

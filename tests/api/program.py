"""A program that uses the API of a small world. Every answer it gets is compared with the API's description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from panel import api, web
from panel.api.documentation import openapi
from panel.identity.actions import actor_for_user, create_token, create_user, ensure_roles
from panel.identity.models import User
from panel.kernel.access import SYSTEM
from panel.kernel.db import Base, db
from panel.members.models import Member
from tests.api.described import answer_schema, faults
from tests.worlds import World, small_world

NEVER_WRITTEN = {"api_tokens", "attempts"}
"""That a token was used, and that a bad one was tried, is noted whatever comes of it."""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status_code: int
    headers: Headers
    content: bytes
    json: Any

    @property
    def content_type(self) -> str:
        """The media type, with its parameters."""
        return str(self.headers.get("Content-Type", ""))


@dataclass
class Program:
    """Speaks to the API of ``world``; ``tokens`` holds secrets by name: admin, clerk (of Kościan), auditor, foreign."""

    world: World
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def send(self, method: str, path: str, *, token: str | None = "admin", **given: Any) -> Reply:
        """Send one request, in a context of its own as in production, with the token of that name or none."""
        headers = dict(given.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {self.tokens.get(token, token)}"
        client = self.world.app.test_client(use_cookies=False)
        answer: TestResponse = Context().run(
            client.open, f"/api/v1{path}", method=method, headers=headers, buffered=True, **given
        )
        reply = Reply(answer.status_code, answer.headers, answer.get_data(), answer.get_json(silent=True))
        _require_described(method, path, reply)
        return reply

    def get(self, path: str, *, token: str = "admin") -> Any:
        """Read what must be there."""
        answer = self.send("GET", path, token=token)
        assert answer.status_code == 200, answer.content.decode()
        return answer.json

    def post(self, path: str, body: Any = None, *, token: str = "admin", **headers: str) -> Any:
        """Write what must be taken."""
        answer = self.send("POST", path, token=token, json=body, headers=headers)
        assert answer.status_code in {200, 201, 202}, answer.content.decode()
        return answer.json

    def mailbox(self, address: str = "ala@info.wokiss.pl", **more: Any) -> dict[str, Any]:
        """Ask for a mailbox of Kościan."""
        made = self.post("/mailboxes", {"member_id": str(self.world.koscian.id), "address": address} | more)
        return dict(made)


def rows() -> dict[str, int]:
    """Count the rows of every table that a refused request must leave alone."""
    db.session.rollback()
    tables = [table for name, table in Base.metadata.tables.items() if name not in NEVER_WRITTEN]
    return {table.name: db.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


@contextmanager
def small_program(folder: Path, *, database_url: str = "") -> Iterator[Program]:
    """Open the API over a world in ``folder``, with the pages beside it as in production."""
    with small_world(folder, database_url=database_url) as world:
        web.register(world.app)
        api.register(world.app)
        world.app.testing = True
        ensure_roles()
        program = Program(world)
        admin = _user("admin", "association_admin", None)
        program.tokens["admin"] = token_of(admin, "association_admin")
        program.tokens["auditor"] = token_of(admin, "auditor")
        for name, member in (("clerk", world.koscian), ("foreign", world.smigiel)):
            program.tokens[name] = token_of(_user(name, "member_admin", member), "member_admin", member)
        db.session.commit()
        yield program


def token_of(user: User, role: str, member: Member | None = None, **narrowed: Any) -> str:
    """Make a token for ``user``."""
    member_id = None if member is None else member.id
    _, secret = create_token(actor_for_user(user, fresh=True), role=role, member_id=member_id, **narrowed)
    return secret


def _user(name: str, role: str, member: Member | None) -> User:
    return create_user(
        SYSTEM,
        email=f"{name}@example.test",
        name=name,
        password_hash=None,
        role=role,
        member_id=None if member is None else member.id,
    )


def _require_described(method: str, path: str, answer: Reply) -> None:
    described = described_path(path.partition("?")[0])
    try:
        schema = answer_schema(method, described, answer.status_code)
    except KeyError:
        # Only addresses and methods that the description does not know may be answered otherwise.
        assert answer.status_code in {404, 405}, f"{method} {described}: {answer.status_code} is not described"
        return
    if schema is not None and not answer.content_type.startswith("text/dns"):
        assert faults(answer.json, schema) == []


def described_path(path: str) -> str:
    """The address by which the description knows ``path``: the one with the fewest parts that may be anything."""
    found = [known for known, pattern in _patterns().items() if pattern.fullmatch(path)]
    return min(found, key=lambda known: known.count("{"), default=path)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    known = openapi()["paths"]
    return {path: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))) for path in known}

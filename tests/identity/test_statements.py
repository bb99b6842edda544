"""What finding out who asks costs: so many statements at each request, however many roles somebody holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import event

from panel.identity.actions import actor_for_token, actor_for_user, create_token, create_user, ensure_roles
from panel.identity.grants import grant_role
from panel.identity.models import User
from panel.identity.sessions import find_session, open_session
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from tests.worlds import World

pytestmark = pytest.mark.one_database


def test_a_program_costs_its_token_the_grants_and_a_look_whether_members_moved(world: World) -> None:
    clerk = _person(world, "member_admin")
    _, secret = create_token(actor_for_user(clerk, fresh=True), role="member_editor", member_id=world.koscian.id)
    assert _statements(lambda: actor_for_token(secret, address="192.0.2.1")) == 3
    staff = _person(world, "association_admin")
    _, secret = create_token(actor_for_user(staff, fresh=True), role="auditor")
    assert _statements(lambda: actor_for_token(secret, address="192.0.2.1")) == 2, "who reaches all asks of no member"


def test_a_browser_costs_its_session_with_the_user_the_grants_and_the_same_look(world: World) -> None:
    secret = open_session(_person(world, "member_admin"), address="192.0.2.1", agent="x", factors=["password"]).secret

    def ask() -> None:
        found = find_session(secret)
        assert found is not None
        assert len(actor_for_user(found.row.user).grants) == 2

    assert _statements(ask) == 3


def _person(world: World, role: str) -> User:
    """Somebody with a role, and with another one where it is on a member."""
    ensure_roles()
    one = role == "member_admin"
    user = create_user(
        SYSTEM, email=f"{role}@x.pl", name=role, password_hash=None, role=role,
        member_id=world.koscian.id if one else None,
    )  # fmt: skip
    return grant_role(SYSTEM, user.id, role="member_editor", member_id=world.smigiel.id) if one else user


def _statements(call: Callable[[], object]) -> int:
    """How many statements the second call of its kind takes, with nothing at hand from before."""
    call()
    db.session.remove()
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        call()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len([one for one in seen if not one.startswith("BEGIN")])

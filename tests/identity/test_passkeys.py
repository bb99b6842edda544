"""Passkeys, by an authenticator that tells the truth about everything but one thing."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.factors import add_key, has_factor, remove_key, remove_totp, rename_key
from panel.identity.models import User
from panel.identity.passkeys import (
    Passkey,
    check_passkey,
    creation_options,
    new_challenge,
    passkeys_of,
    request_options,
)
from panel.identity.second_factor import new_totp
from panel.identity.sessions import open_session
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotFound, PanelError
from panel.ledger.notices import Notice
from tests.identity.authenticator import Authenticator
from tests.worlds import World
from tests.writers import at_once

_NONSENSE: tuple[Any, ...] = ("", "!", "AA", "_" * 50, 7, None, {}, "A" * 5000)


@pytest.fixture
def anna(world: World) -> User:
    return _person(world, "anna@example.test")


def test_a_key_is_kept_named_used_and_removed(world: World, anna: User) -> None:
    device = Authenticator(handle=anna.id.bytes)
    key = _add(anna, device)
    assert (key.name, key.transports, has_factor(anna)) == ("Biuro", ["internal"], True)
    challenge = new_challenge()
    assert request_options(challenge, anna)["allowCredentials"][0]["id"] == key.credential_id
    assert request_options(challenge, None)["userVerification"] == "required"
    assert creation_options(anna, challenge)["excludeCredentials"][0]["id"] == key.credential_id
    assert creation_options(anna, challenge)["rp"]["id"] == "localhost"
    assert check_passkey(challenge=challenge, answer=device.get(challenge), user=None)[0].user_id == anna.id
    rename_key(actor_for_user(anna), anna, key.id, name=" Klucz  zapasowy ")
    with pytest.raises(Invalid):
        rename_key(actor_for_user(anna), anna, key.id, name="a\u202eb")
    other = _person(world, "other@example.test")
    with pytest.raises(NotFound):
        remove_key(actor_for_user(other), other, key.id, session_id=_session_of(other))
    assert [one.name for one in passkeys_of(anna.id)] == ["Klucz zapasowy"]
    assert db.session.scalar(select(Passkey.sign_count)) == 1
    told = list(db.session.scalars(select(Notice.code)))
    assert told == ["account:factor_added"]


def test_an_answer_is_refused_that_lies_about_anything(world: World, anna: User) -> None:
    device = Authenticator(handle=anna.id.bytes, count=7)
    _add(anna, device)
    eve = _person(world, "eve@example.test")
    foreign = Authenticator(handle=eve.id.bytes)
    _add(eve, foreign)
    copy = Authenticator(handle=anna.id.bytes, key=device.key, credential_id=device.credential_id, count=3)
    lies = {
        "origin of a neighbour": Authenticator(origin="http://localhost:8081", **_same(device)),
        "host that begins alike": Authenticator(origin="http://localhost:8080.evil.example", **_same(device)),
        "another relying party": Authenticator(rp_id="evil.example", **_same(device)),
        "a counter that went back": copy,
        "a key nobody set up": Authenticator(handle=anna.id.bytes, count=9),
        "another signature": Authenticator(handle=anna.id.bytes, credential_id=device.credential_id, count=9),
        "somebody else's handle": Authenticator(**_same(device) | {"handle": eve.id.bytes}),
    }
    for lie, teller in lies.items():
        challenge = new_challenge()
        answer = teller.get(challenge)
        with pytest.raises(Invalid, match="passkey_bad"):
            pytest.fail(f"{lie}: {check_passkey(challenge=challenge, answer=answer, user=anna)}")
    challenge = new_challenge()
    for answer, user in ((foreign.get(challenge), anna), (device.get(new_challenge()), anna), (device.get(""), anna)):
        with pytest.raises(Invalid, match="passkey_bad"):
            check_passkey(challenge=challenge, answer=answer, user=user)
    with pytest.raises(Invalid, match="passkey_bad"):
        check_passkey(challenge="", answer=device.get(""), user=anna)
    unverified = Authenticator(**_same(device) | {"count": 20}, verified=False)
    with pytest.raises(Invalid, match="passkey_bad"):
        check_passkey(challenge=challenge, answer=unverified.get(challenge), user=None)
    assert check_passkey(challenge=challenge, answer=unverified.get(challenge), user=anna)[1] is False


@pytest.mark.one_database
def test_what_is_no_answer_is_refused_like_any_other(anna: User) -> None:
    device = Authenticator(handle=anna.id.bytes)
    _add(anna, device)
    challenge = new_challenge()
    good = json.loads(device.get(challenge))
    for name in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        for value in _NONSENSE:
            answer = json.dumps(good | {"response": good["response"] | {name: value}})
            if (name, value) == ("userHandle", None) or (name, value) == ("userHandle", ""):
                continue
            with pytest.raises(Invalid, match="passkey_bad"):
                check_passkey(challenge=challenge, answer=answer, user=anna)
    for answer in ("", "{}", "[]", "null", "7", '"x"', "{", json.dumps({**good, "id": "AA"}), "\x00", "[" * 2000):
        with pytest.raises(Invalid):
            check_passkey(challenge=challenge, answer=answer, user=anna)
        with pytest.raises(Invalid):
            add_key(
                actor_for_user(anna), anna, challenge=challenge, answer=answer, name="x", session_id=_session_of(anna)
            )


def test_a_challenge_is_answered_once_however_many_send_it_at_once(world: World, anna: User) -> None:
    device = Authenticator(handle=anna.id.bytes)
    _add(anna, device)
    challenge = new_challenge()
    answer = device.get(challenge)

    def check() -> Passkey:
        return check_passkey(challenge=challenge, answer=answer, user=None)[0]

    made = at_once(world.app, [partial(check)] * 4)
    assert Counter(type(one).__name__ for one in made) == {"Passkey": 1, "Invalid": 3}


def test_a_key_is_one_users_and_the_last_factor_stays_where_a_role_asks_for_one(world: World, anna: User) -> None:
    device = Authenticator(handle=anna.id.bytes)
    key = _add(anna, device)
    with pytest.raises(Conflict, match="passkey_known"):
        _add(_person(world, "eve@example.test"), device)
    with pytest.raises(Conflict, match="last_factor"):
        remove_key(actor_for_user(anna), anna, key.id, session_id=_session_of(anna))
    with unit_of_work():
        anna.tf_totp_secret = new_totp(world.app.config["CIS"]).stored
    remove_key(actor_for_user(anna), anna, key.id, session_id=_session_of(anna))
    with pytest.raises(Conflict, match="last_factor"):
        remove_totp(actor_for_user(anna), anna, session_id=_session_of(anna))
    editor = _person(world, "editor@example.test", role="member_editor")
    free = _add(editor, Authenticator(handle=editor.id.bytes))
    remove_key(actor_for_user(editor), editor, free.id, session_id=_session_of(editor))
    assert not has_factor(editor)


def test_nobody_sets_up_a_factor_of_somebody_else(world: World, anna: User) -> None:
    eve = _person(world, "eve@example.test", role="association_admin", member=False)
    challenge = new_challenge()
    with pytest.raises(PanelError, match="not_allowed"):
        add_key(actor_for_user(eve, fresh=True), anna, challenge=challenge, answer=Authenticator().create(challenge),
                name="x", session_id=_session_of(eve))  # fmt: skip
    assert passkeys_of(anna.id) == []


def _person(world: World, email: str, *, role: str = "member_admin", member: bool = True) -> User:
    ensure_roles()
    return create_user(SYSTEM, email=email, name=email, password_hash=None, role=role,
                       member_id=world.koscian.id if member else None)  # fmt: skip


def _add(user: User, device: Authenticator) -> Passkey:
    challenge = new_challenge()
    return add_key(actor_for_user(user), user, challenge=challenge, answer=device.create(challenge), name="Biuro",
                   session_id=_session_of(user))  # fmt: skip


def _session_of(user: User) -> uuid.UUID:
    """A session in which ``user`` gave all they have just now."""
    return open_session(user, address="", agent="", factors=["password", "passkey"]).row.id


def _same(device: Authenticator) -> dict[str, Any]:
    return {"handle": device.handle, "key": device.key, "credential_id": device.credential_id, "count": 9}

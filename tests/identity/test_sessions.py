"""Sessions as rows, codes that are taken once, recovery codes, and who must have a second factor."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.factors import change_password, has_factor, remove_all_factors, remove_totp, set_up_totp
from panel.identity.limits import address_key, note_failure
from panel.identity.models import User
from panel.identity.policy import demand_on, rule_of_role
from panel.identity.proving import prove_by_code, prove_by_recovery_code
from panel.identity.recovery_codes import NUMBER, RecoveryCode, codes_left, make_codes, take_recovery_code
from panel.identity.second_factor import new_totp, take_code
from panel.identity.sessions import (
    Opened,
    UserSession,
    end_all,
    end_session,
    find_session,
    open_session,
    renew_session,
    sessions_of,
)
from panel.identity.sign_ins import SignIn, forget_old_sign_ins, note_refusal, recent_sign_ins, sign_in
from panel.kernel.access import ROLES, SYSTEM
from panel.kernel.db import database_now, db, unit_of_work, utcnow
from panel.kernel.errors import Invalid, NotAllowed, NotFound, TooMany
from panel.kernel.passwords import hash_user_password, is_user_password
from panel.ledger.notices import Notice
from tests.web.test_sign_in import code_at, code_now, step_now
from tests.worlds import World
from tests.writers import at_once

HERE = {"address": "192.0.2.7", "agent": "Firefox, Linux"}


@pytest.fixture
def anna(world: World) -> User:
    return _person(world, "anna@example.test")


def test_a_session_opens_by_its_secret_until_it_is_ended(world: World, anna: User) -> None:
    here, there = _open(anna), _open(anna)
    found = find_session(here.secret)
    assert found is not None
    assert (found.row.id, found.row.user.id, found.fresh, found.proven) == (here.row.id, anna.id, False, True)
    assert find_session("") is None
    assert find_session(here.row.digest) is None, "what the database holds opens nothing"
    assert {one.id for one in sessions_of(anna.id)} == {here.row.id, there.row.id}
    eve = actor_for_user(_person(world, "eve@example.test"))
    with pytest.raises(NotFound):
        end_session(eve, here.row.id)
    end_session(actor_for_user(anna), there.row.id)
    assert (find_session(there.secret), [one.id for one in sessions_of(anna.id)]) == (None, [here.row.id])
    later = _open(anna)
    assert end_all(anna.id, but=later.row.id) == 1
    assert find_session(here.secret) is None
    assert find_session(later.secret) is not None
    with unit_of_work():
        anna.active = False
    assert find_session(later.secret) is None


@pytest.mark.parametrize(
    ("column", "seconds"), [("last_seen_at", 8 * 3600), ("opened_at", 24 * 3600)], ids=["idle", "whole"]
)
def test_a_session_does_not_outlive_its_time(anna: User, column: str, seconds: int) -> None:
    opened = _open(anna)
    _turn_back(opened, column, seconds - 60)
    assert find_session(opened.secret) is not None
    _turn_back(opened, column, seconds + 1)
    assert find_session(opened.secret) is None
    assert sessions_of(anna.id) == []


@pytest.mark.one_database
def test_being_seen_is_written_once_a_minute(anna: User) -> None:
    opened = _open(anna)
    _turn_back(opened, "last_seen_at", 50)
    assert _seen_again(opened) is False
    _turn_back(opened, "last_seen_at", 70)
    assert _seen_again(opened) is True


def test_a_renewed_session_has_another_secret_and_the_old_one_is_never_fresh(anna: User) -> None:
    opened = _open(anna)
    renewed = renew_session(opened.row.id, factor="totp")
    found, former = find_session(renewed.secret), find_session(opened.secret)
    assert found is not None
    assert former is not None, "requests that were under way are not signed out"
    assert ((found.fresh, found.proven), (former.fresh, former.proven)) == ((True, True), (False, False))
    assert found.row.factors == ["password", "totp"]
    _turn_back(opened, "renewed_at", 31)
    assert find_session(opened.secret) is None
    _turn_back(opened, "factor_at", 15 * 60 + 1)
    found = find_session(renewed.secret)
    assert found is not None
    assert (found.fresh, found.proven) == (False, True)


def test_a_code_is_taken_once_and_none_older_after_it(world: World, anna: User) -> None:
    secret = _with_totp(world, anna)
    step = step_now()
    assert not take_code(anna, code_at(secret, step - 3))
    assert take_code(anna, code_at(secret, step - 1))
    assert take_code(anna, f" {code_at(secret, step)[:3]} {code_at(secret, step)[3:]} ")
    for used in (step, step - 1):
        assert not take_code(anna, code_at(secret, used)), used
    for wrong in ("", "000000", "abc", "１２３４５６", "1" * 500):
        assert not take_code(anna, wrong)
    made = at_once(world.app, [partial(_take, anna, code_at(secret, step + 1))] * 4)
    assert Counter(made) == {True: 1, False: 3}


def test_codes_are_limited_and_what_was_wrong_is_shown(world: World, anna: User) -> None:
    secret = _with_totp(world, anna)
    with pytest.raises(Invalid):
        prove_by_code(anna, "000000", **HERE)
    prove_by_code(anna, code_now(secret), **HERE)
    for _ in range(6):
        with pytest.raises(Invalid):
            prove_by_code(anna, "000000", **HERE)
    with pytest.raises(TooMany):
        prove_by_code(anna, code_now(secret), **HERE)
    with pytest.raises(TooMany):
        prove_by_recovery_code(anna, "0000", **HERE)
    assert [(one.refused, one.factors) for one in recent_sign_ins(anna.id)] == [(True, ["totp"])] * 7


def test_an_address_that_tries_many_accounts_has_to_wait_and_keeps_nobody_out_who_works_there(
    world: World, anna: User
) -> None:
    secret = _with_totp(world, anna)
    for _ in range(31):
        note_failure("second_factor", address_key(HERE["address"]))
    with pytest.raises(TooMany):
        prove_by_code(anna, code_now(secret), **HERE)
    prove_by_code(anna, code_now(secret), address="203.0.113.9", agent="x")
    with unit_of_work():
        anna.current_login_ip, anna.totp_step = HERE["address"], None
    assert prove_by_code(anna, code_now(secret), **HERE) == "totp"


def test_recovery_codes_are_ten_each_good_once_as_people_type_them(world: World, anna: User) -> None:
    _with_totp(world, anna)
    with pytest.raises(NotAllowed, match="fresh_factor_needed"):
        make_codes(actor_for_user(anna), anna)
    first = make_codes(actor_for_user(anna, fresh=True), anna)
    codes = make_codes(actor_for_user(anna, fresh=True), anna)
    assert (len(set(codes)), codes_left(anna.id)) == (NUMBER, NUMBER)
    kept = {row.digest for row in db.session.scalars(select(RecoveryCode))}
    assert not any(code in digest or code.replace("-", "") in digest for code in codes for digest in kept)
    assert not take_recovery_code(anna, first[0], address="x"), "earlier ones are void"
    assert not take_recovery_code(_person(world, "eve@example.test"), codes[0], address="x")
    assert not take_recovery_code(anna, "", address="x")
    assert take_recovery_code(anna, codes[0].lower().replace("-", " ").replace("0", "o").replace("1", "l"), address="x")
    assert not take_recovery_code(anna, codes[0], address="x")
    made = at_once(world.app, [partial(_take_recovery, anna, codes[1])] * 4)
    assert Counter(made) == {True: 1, False: 3}
    told = [(one.code, one.params.get("left")) for one in db.session.scalars(select(Notice).order_by(Notice.id))]
    assert told[-2:] == [("sign_in:recovery_code_used", NUMBER - 1), ("sign_in:recovery_code_used", NUMBER - 2)]


def test_what_sessions_rest_on_ends_the_others_when_it_changes(world: World, anna: User) -> None:
    here, there = _open(anna), _open(anna)
    stored = new_totp(world.app.config["CIS"])
    me = actor_for_user(anna)
    with pytest.raises(Invalid, match="code_wrong"):
        set_up_totp(me, anna, stored=stored.stored, code="000000", session_id=here.row.id)
    code = code_now(stored.base32)
    set_up_totp(me, anna, stored=stored.stored, code=code, session_id=here.row.id)
    assert not take_code(anna, code), "the code that set it up is used"
    assert find_session(there.secret) is None
    there = _open(anna)
    for stale in (there, here):
        with pytest.raises(NotAllowed, match="fresh_factor_needed"):
            change_password(me, anna, password="żółta łódź na jeziorze", session_id=stale.row.id)
    renew_session(here.row.id, factor="totp")
    change_password(me, anna, password="żółta łódź na jeziorze", session_id=here.row.id)
    assert find_session(there.secret) is None
    there = _open(anna)
    make_codes(actor_for_user(anna, fresh=True), anna)
    remove_all_factors(SYSTEM, anna, reason="zgubiony telefon")
    db.session.refresh(anna)
    assert (has_factor(anna), codes_left(anna.id), sessions_of(anna.id)) == (False, 0, [])
    codes = set(db.session.scalars(select(Notice.code)))
    assert codes == {"account:factor_added", "account:password_changed", "account:recovery_codes_made",
                     "account:factors_removed"}  # fmt: skip


@pytest.mark.one_database
def test_a_place_not_seen_before_is_told_of(anna: User) -> None:
    for agent, address in (
        ("Firefox, Linux", "192.0.2.7"),
        ("Firefox, Linux", "192.0.2.7"),
        ("Edge, Windows", "192.0.2.7"),
        ("Edge, Windows", "2001:db8::1"),
        ("Edge, Windows", "2001:db8::2"),
    ):
        sign_in(anna, address=address, agent=agent, factors=["password"])
    told = list(db.session.scalars(select(Notice).order_by(Notice.id)))
    assert [(one.code, one.params["agent"], one.params["address"]) for one in told] == [
        ("sign_in:new_place", "Edge, Windows", "192.0.2.7"),
        ("sign_in:new_place", "Edge, Windows", "2001:db8::1"),
    ]
    assert (anna.login_count, anna.current_login_ip, anna.last_login_ip) == (5, "2001:db8::2", "2001:db8::1")


def test_old_tries_and_sessions_are_forgotten(anna: User) -> None:
    old, kept = _open(anna), _open(anna)
    note_refusal(anna.id, factor="password", **HERE)
    note_refusal(None, factor="password", **HERE)
    with unit_of_work():
        db.session.execute(update(SignIn).values(at=database_now(-8 * 86400)))
    _turn_back(old, "last_seen_at", 91 * 86400)
    assert forget_old_sign_ins(SYSTEM) == 2
    assert [one.user_id for one in db.session.scalars(select(SignIn))] == [anna.id]
    assert [one.id for one in db.session.scalars(select(UserSession)).unique()] == [kept.row.id]


@pytest.mark.one_database
def test_who_must_have_a_second_factor_follows_one_table(world: World, anna: User) -> None:
    assert {role: rule_of_role(role) for role in ROLES} | {"unheard-of": rule_of_role("unheard-of")} == {
        "association_admin": "must", "provisioner": "must", "support": "must", "auditor": "must",
        "member_admin": "grace", "member_editor": "may", "school_coordinator": "may", "unheard-of": "must",
    }  # fmt: skip
    editor = _person(world, "editor@example.test", role="member_editor")
    staff = create_user(SYSTEM, email="s@example.test", name="", password_hash=None, role="support")
    assert (demand_on(anna).rule, demand_on(anna).is_due) == ("grace", False)
    assert [demand_on(one).is_due for one in (editor, staff)] == [False, True]
    sign_in(anna, factors=["password"], **HERE)
    until = demand_on(anna).until
    assert until is not None
    assert timedelta(days=13, hours=23) < until - utcnow() <= timedelta(days=14)
    sign_in(anna, factors=["password"], **HERE)
    assert demand_on(anna).until == until, "the grace begins once"
    with unit_of_work():
        anna.factor_due_at = utcnow() - timedelta(seconds=1)
    assert demand_on(anna).is_due
    totp = _with_totp(world, staff)
    with pytest.raises(Exception, match="last_factor"):
        remove_totp(actor_for_user(staff), staff, session_id=_open(staff, "totp").row.id)
    assert totp


@pytest.mark.one_database
def test_a_password_is_the_same_however_its_accents_are_composed(anna: User) -> None:
    composed, decomposed = (
        "za\u017c\u00f3\u0142\u0107 g\u0119\u015bl\u0105",
        "zaz\u0307o\u0301\u0142c\u0301 ge\u0328s\u0301la\u0328",
    )
    assert composed != decomposed
    for set_as in (composed, decomposed):
        hashed = hash_user_password(set_as)
        assert all(is_user_password(typed, hashed) for typed in (composed, decomposed))
        assert not is_user_password("zazolc gesla", hashed)


def _person(world: World, email: str, *, role: str = "member_admin") -> User:
    ensure_roles()
    return create_user(SYSTEM, email=email, name="", password_hash=None, role=role, member_id=world.koscian.id)


def _open(user: User, *more: str) -> Opened:
    return open_session(user, factors=["password", *more], **HERE)


def _turn_back(opened: Opened, column: str, seconds: int) -> None:
    with unit_of_work():
        query = update(UserSession).where(UserSession.id == opened.row.id)
        db.session.execute(query.values({column: database_now(-seconds)}), {"synchronize_session": False})
    db.session.expire_all()


def _seen_again(opened: Opened) -> bool:
    before = db.session.scalar(select(UserSession.last_seen_at).where(UserSession.id == opened.row.id))
    assert find_session(opened.secret) is not None
    after = db.session.scalar(select(UserSession.last_seen_at).where(UserSession.id == opened.row.id))
    return before != after


def _with_totp(world: World, user: User) -> str:
    totp = new_totp(world.app.config["CIS"])
    with unit_of_work():
        user.tf_totp_secret = totp.stored
    return totp.base32


def _take(user: User, code: str) -> bool:
    return take_code(db.session.get_one(User, user.id), code)


def _take_recovery(user: User, code: str) -> bool:
    return take_recovery_code(db.session.get_one(User, user.id), code, address="x")

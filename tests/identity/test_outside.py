"""Signing in by an outside provider: who somebody is, is its issuer and their subject, by a whole, fresh answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import current_app
from sqlalchemy import select

from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.invitations import PURPOSE, invite
from panel.identity.models import User
from panel.identity.outside import Pending, Somebody, come_back, leave
from panel.identity.outside_accounts import account_of, join, link_account, links_of, unlink_account
from panel.identity.providers import OutsideProvider, add_provider, change_provider, providers_for
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.kernel.links import link_token
from panel.kernel.outgoing import CannotFetch, fetch, is_allowed
from panel.ledger.notices import Notice
from panel.members.models import Member
from tests.identity.provider import CLIENT, SECRET, Provider, running_provider
from tests.worlds import World, actor, small_world


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with small_world(tmp_path, database_url=database_url) as world:
        settings = world.app.config["CIS"]
        world.app.config["CIS"] = replace(settings, outgoing_allowed="127.0.0.0/8")
        ensure_roles()
        yield world


@pytest.mark.one_database
def test_somebody_links_and_signs_in_by_each_kind_of_key(world: World, provider: Provider) -> None:
    row, anna = set_up(world, provider), person(world.koscian)
    with pytest.raises(Conflict) as unknown:
        account_of(went(row, provider))
    assert unknown.value.code == "outside_unknown"
    link_account(actor_for_user(anna, fresh=True), went(row, provider, "link", str(anna.id)))
    for algorithm in ("ES256", "RS256"):
        provider.algorithm = algorithm
        assert account_of(went(row, provider)).id == anna.id
    assert [link.subject for link in links_of(anna.id)] == ["anna-at-the-provider"]
    assert db.session.scalars(select(Notice.code)).all() == ["account:outside_add"]
    assert SECRET not in row.client_secret
    assert SECRET not in repr(vars(row))


@pytest.mark.one_database
def test_an_answer_that_is_not_whole_is_nobody(world: World, provider: Provider) -> None:
    row = set_up(world, provider)
    lies = "nonce no_nonce iss aud azp expired no_sub at_hash alg_none alg_hs256 other_key discovery"
    for lie in lies.split():
        provider.lies = ""
        url, pending = leave(row, purpose="sign_in")
        answer = back(provider.authorize(url))
        provider.lies = lie
        with pytest.raises(Conflict) as refused:
            come_back(pending.kept(), answer)
        assert refused.value.code == ("provider_away" if lie == "discovery" else "outside_bad"), lie


@pytest.mark.one_database
def test_codes_and_states_are_good_once_in_one_browser_and_from_one_provider(world: World, provider: Provider) -> None:
    row = set_up(world, provider)
    url, pending = leave(row, purpose="sign_in")
    answer = back(provider.authorize(url))
    others = leave(row, purpose="sign_in")[1]
    no_code = {"state": answer["state"], "iss": provider.issuer}
    bad: list[tuple[object, dict[str, str], str]] = [
        (None, answer, "outside_over"),
        ({"state": "x"}, answer, "outside_over"),
        (others.kept(), answer, "outside_over"),
        (replace(pending, at=pending.at - 601).kept(), answer, "outside_over"),
        (pending.kept(), answer | {"iss": "https://other.example"}, "outside_bad"),
        (pending.kept(), {name: answer[name] for name in ("code", "state")}, "outside_bad"),
        (pending.kept(), no_code | {"error": "access_denied"}, "outside_refused"),
        (pending.kept(), no_code, "outside_bad"),
        (replace(pending, verifier="x" * 64).kept(), answer, "outside_bad"),
    ]
    for kept, given, code in bad:
        with pytest.raises(Conflict) as refused:
            come_back(kept, given)
        assert refused.value.code == code
    url, pending = leave(row, purpose="sign_in")
    answer = back(provider.authorize(url))
    assert come_back(pending.kept(), answer).subject == "anna-at-the-provider"
    with pytest.raises(Conflict):
        come_back(pending.kept(), answer)


@pytest.mark.one_database
def test_of_two_providers_neither_answers_for_the_other(world: World, provider: Provider) -> None:
    with running_provider() as evil:
        honest, other = set_up(world, provider), set_up(world, evil)
        url, pending = leave(honest, purpose="sign_in")
        stolen = back(provider.authorize(url))
        for says in (True, False):
            evil.says_issuer = provider.says_issuer = says
            mixed = leave(other, purpose="sign_in")[1]
            with pytest.raises(Conflict):
                come_back(mixed.kept(), stolen | {"state": mixed.state})
        assert "/token" not in evil.asked, "the code never reaches the other"
        anna = person(world.koscian)
        link_account(actor_for_user(anna, fresh=True), went(honest, provider, "link", str(anna.id)))
        with pytest.raises(Conflict) as unknown:
            account_of(went(other, evil))
        assert unknown.value.code == "outside_unknown", "the same subject elsewhere is somebody else"
        assert pending.provider_id == str(honest.id)


@pytest.mark.one_database
def test_an_equal_e_mail_links_nothing(world: World, provider: Provider) -> None:
    row, anna = set_up(world, provider), person(world.koscian)
    provider.person |= {"email": anna.email, "email_verified": True, "preferred_username": anna.email}
    with pytest.raises(Conflict):
        account_of(went(row, provider))
    assert links_of(anna.id) == []


def test_links_are_made_by_whoever_left_and_is_fresh_and_belong_to_one(world: World, provider: Provider) -> None:
    row, anna, ewa = set_up(world, provider), person(world.koscian), person(world.koscian, "ewa")
    left = went(row, provider, "link", str(anna.id))
    refusals: list[tuple[Actor, Somebody, type[Exception]]] = [
        (actor_for_user(anna), left, NotAllowed),
        (actor_for_user(ewa, fresh=True), left, Conflict),
        (actor_for_user(anna, fresh=True), went(row, provider), Conflict),
    ]
    for who, somebody, error in refusals:
        with pytest.raises(error):
            link_account(who, somebody)
    link = link_account(actor_for_user(anna, fresh=True), left)
    with pytest.raises(Conflict) as taken:
        link_account(actor_for_user(ewa, fresh=True), went(row, provider, "link", str(ewa.id)))
    assert taken.value.code == "outside_taken"
    with pytest.raises(NotFound):
        unlink_account(actor_for_user(ewa, fresh=True), link.id)
    unlink_account(actor_for_user(anna, fresh=True), link.id)
    with pytest.raises(Conflict):
        account_of(went(row, provider))


@pytest.mark.one_database
def test_a_provider_speaks_for_people_of_its_members_only(world: World, provider: Provider) -> None:
    row, anna, foreign = set_up(world, provider), person(world.koscian), person(world.smigiel, "ewa")
    assert [one.id for one in providers_for(anna)] == [row.id]
    assert providers_for(foreign) == []
    with pytest.raises(Conflict) as refused:
        link_account(actor_for_user(foreign, fresh=True), went(row, provider, "link", str(foreign.id)))
    assert refused.value.code == "outside_not_allowed"
    link_account(actor_for_user(anna, fresh=True), went(row, provider, "link", str(anna.id)))
    change(row, member_ids=[world.smigiel.id])
    assert code_of(lambda: account_of(went(row, provider))) == "outside_not_allowed"
    change(row, member_ids=[world.koscian.id])
    with unit_of_work():
        db.session.get_one(User, anna.id).active = False
    assert code_of(lambda: account_of(went(row, provider))) == "outside_unknown"
    change(row, member_ids=[world.koscian.id], active=False)
    assert code_of(lambda: went(row, provider)) == "outside_over"


@pytest.mark.one_database
def test_staff_need_a_factor_of_ours_besides(world: World, provider: Provider) -> None:
    row = set_up(world, provider)
    change(row, member_ids=[], for_staff=True)
    boss = create_user(SYSTEM, email="boss@example.test", name="Boss", password_hash=None, role="auditor")
    link_account(actor_for_user(boss, fresh=True), went(row, provider, "link", str(boss.id)))
    assert code_of(lambda: account_of(went(row, provider))) == "outside_needs_factor"
    with unit_of_work():
        boss.tf_totp_secret = "kept"
    assert account_of(went(row, provider)).id == boss.id
    change(row, member_ids=[], for_staff=False)
    assert code_of(lambda: account_of(went(row, provider))) == "outside_not_allowed"


@pytest.mark.one_database
def test_an_invitation_is_accepted_without_a_password(world: World, provider: Provider) -> None:
    row = set_up(world, provider)
    offered = invite(SYSTEM, email="jan@example.test", role="member_editor", member_id=world.koscian.id)
    token = link_token(current_app.config["CIS"], PURPOSE, offered.link_id)
    jan = join(went(row, provider, "join", token), name="Jan Nowak")
    assert (jan.password, account_of(went(row, provider)).id) == (None, jan.id)
    with pytest.raises(Conflict) as last:
        unlink_account(actor_for_user(jan, fresh=True), links_of(jan.id)[0].id)
    assert last.value.code == "last_way_in"
    foreign = invite(SYSTEM, email="ewa@example.test", role="member_editor", member_id=world.smigiel.id)
    token = link_token(current_app.config["CIS"], PURPOSE, foreign.link_id)
    provider.person = {"sub": "ewa-at-the-provider"}
    assert code_of(lambda: join(went(row, provider, "join", token), name="Ewa")) == "outside_not_allowed"


@pytest.mark.one_database
def test_a_provider_that_is_away_is_said_to_be(world: World) -> None:
    with running_provider() as gone:
        row = set_up(world, gone)
    assert code_of(lambda: leave(row, purpose="sign_in")) == "provider_away"


@pytest.mark.one_database
def test_providers_are_set_up_by_staff_a_moment_after_their_factor(world: World) -> None:
    good: dict[str, Any] = {"name": "Urząd", "issuer": "https://id.example/realms/x", "client_id": CLIENT}
    stale = replace(actor("association_admin"), fresh=False)
    for who in (actor("member_admin", world.koscian), actor("auditor"), stale):
        with pytest.raises(NotAllowed):
            add_provider(who, **good)
    for name, value in (("issuer", "ftp://id.example"), ("issuer", "https://id.example?x=1"), ("issuer", "https://"),
                        ("issuer", "https://a@id.example"), ("name", ""), ("client_id", "a\nb")):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            add_provider(SYSTEM, **(good | {name: value}))
        assert refused.value.field == name
    row = add_provider(SYSTEM, **good, client_secret=SECRET)
    change_provider(SYSTEM, row.id, name="Inny", client_id=CLIENT, member_ids=[], for_staff=False)
    assert (row.name, row.secret) == ("Inny", SECRET)
    with pytest.raises(Conflict):
        add_provider(SYSTEM, **good)


@pytest.mark.one_database
def test_the_way_out_leads_to_public_addresses_only(world: World, provider: Provider) -> None:
    strict = replace(current_app.config["CIS"], outgoing_allowed="")
    inside = "127.0.0.1 10.0.0.1 192.168.1.1 172.16.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1"
    for address in (*inside.split(), *"::1 fe80::1 fd00::1 ::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: ::".split()):
        assert not is_allowed(strict, address), address
    assert is_allowed(strict, "198.41.0.4")
    assert is_allowed(strict, "2001:500:2::c")
    assert not is_allowed(strict, "198.41.0.4", refused={"198.41.0.4"})
    production = replace(current_app.config["CIS"], env="production")
    for settings, url in (
        (strict, provider.issuer), (strict, "http://localhost:1/"), (strict, "file:///etc/passwd"),
        (strict, "https://u@198.41.0.4/"), (strict, "https://[::1]/"), (strict, "https://2130706433/"),
        (production, provider.issuer),
    ):  # fmt: skip
        with pytest.raises(CannotFetch) as refused:
            fetch(settings, url)
        assert refused.value.why == "refused", url
    assert fetch(current_app.config["CIS"], f"{provider.issuer}/keys").status == 200


def set_up(world: World, provider: Provider) -> OutsideProvider:
    return add_provider(SYSTEM, name="Urząd", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET,
                        member_ids=[world.koscian.id])  # fmt: skip


def change(row: OutsideProvider, **values: object) -> None:
    same = {"name": row.name, "client_id": row.client_id, "for_staff": row.for_staff}
    change_provider(SYSTEM, row.id, **(same | values))  # type: ignore[arg-type]  # each test gives what fits


def person(member: Member, name: str = "anna") -> User:
    return create_user(SYSTEM, email=f"{name}@example.test", name=name, password_hash="x", role="member_editor",
                       member_id=member.id)  # fmt: skip


def went(row: OutsideProvider, provider: Provider, purpose: str = "sign_in", subject_of: str = "") -> Somebody:
    """Leave for ``provider`` and come back from it, as a browser does."""
    url, pending = leave(row, purpose=purpose, subject_of=subject_of)
    assert isinstance(pending, Pending)
    return come_back(pending.kept(), back(provider.authorize(url)))


def back(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(Conflict) as refused:
        action()
    return refused.value.code

"""Whose names are: nobody's above or below another's, none that everybody registers under, no stranger's unproven."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from panel.dns import proving
from panel.dns.actions import NewZone, create_zone, create_zones, purge_zone, remove_zone, zone_content
from panel.dns.asking import Seen
from panel.dns.models import Zone
from panel.dns.owning import name_faults, zone_name
from panel.dns.proofs import FINDINGS, NameProof
from panel.dns.proving import ask_now, ask_proofs, get_proof, vouch
from panel.kernel import i18n
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, PanelError, TooMany
from panel.ledger.events import Event
from panel.ledger.names import ReleasedName
from panel.mail.domains import create_domain
from panel.members.models import Member
from panel.wording.domain_names import finding_words
from tests.worlds import SHARED, World, actor, grant

MISSING = Seen(text="missing", delegated="elsewhere")
RIGHT = Seen(text="right", delegated="elsewhere")
OURS = Seen(text="missing", delegated="ours")


def test_nobody_gets_a_name_at_above_or_below_anothers_whoever_asks(world: World) -> None:
    grant(world.smigiel, zones=10)
    create_zone(SYSTEM, member_id=world.koscian.id, name="bip.koscian.pl")
    create_domain(SYSTEM, name="smigiel.pl", member_id=world.smigiel.id)
    for name in ("bip.koscian.pl", "koscian.pl", "x.y.bip.koscian.pl", "Koscian.PL."):
        for who in (world.member_admin(world.smigiel), actor("provisioner"), SYSTEM):
            assert _refused(who, world.smigiel, name) in {"name_others", "taken"}, name
    assert _refused(SYSTEM, world.koscian, "www.smigiel.pl") == "name_others"
    for free in ("bip2.koscian.pl", "xbip.koscian.pl", "ip.koscian.pl", "pl.koscian.bip.pl"):
        assert _refused(SYSTEM, world.smigiel, free) == "", free
    assert _refused(SYSTEM, world.koscian, "koscian.pl") == ""
    assert _refused(SYSTEM, world.smigiel, "smigiel.pl") == ""
    with pytest.raises(Conflict, match="name_others"):
        create_domain(SYSTEM, name="poczta.bip.koscian.pl", member_id=world.smigiel.id)
    batch = [
        NewZone(member_id=world.koscian.id, name="gmina.test"),
        NewZone(member_id=world.smigiel.id, name="x.gmina.test"),
    ]
    with pytest.raises(Conflict, match="name_others"):
        create_zones(SYSTEM, zones=batch)


@pytest.mark.one_database
def test_names_below_the_associations_are_its_staffs_to_give_but_those_of_its_mail_nobodys(world: World) -> None:
    create_zone(SYSTEM, member_id=None, name="strony.wokiss.pl")
    own = world.member_admin(world.koscian)
    assert _refused(own, world.koscian, "koscian.strony.wokiss.pl") == "name_others"
    assert _refused(actor("provisioner"), world.koscian, "koscian.strony.wokiss.pl") == ""
    for name in (SHARED, f"koscian.{SHARED}"):
        for who in (own, SYSTEM):
            assert _refused(who, world.koscian, name) == "name_others", name
    assert name_faults(SYSTEM, [(world.koscian.id, "wokiss.pl")])[0].code == "name_others"
    assert _refused(SYSTEM, None, SHARED) == ""


@pytest.mark.one_database
def test_public_suffixes_and_what_is_no_name_are_refused(world: World) -> None:
    for name in (
        "pl",
        "gov.pl",
        "com.pl",
        "co.uk",
        "github.io",
        "in-addr.arpa",
        "test",
        "-a.pl",
        "a..pl",
        "",
        "*.pl",
        "192.0.2.1",
    ):
        with pytest.raises(Invalid) as refused:
            zone_name(name)
        assert refused.value.field == "name"
    assert zone_name("Gmina-Kościan.pl.") == "xn--gmina-kocian-ulc.pl"
    assert zone_name("0/25.2.0.192.in-addr.arpa") == "0/25.2.0.192.in-addr.arpa"
    with pytest.raises(Invalid, match="name_public_suffix"):
        create_zone(SYSTEM, member_id=world.koscian.id, name="gov.pl")


def test_a_name_from_outside_waits_for_its_text_and_then_goes_to_its_node(world: World) -> None:
    own = world.member_admin(world.koscian)
    world.rings.clear()
    zone = create_zone(own, member_id=world.koscian.id, name="koscian.pl").zone
    below = create_zone(own, member_id=world.koscian.id, name="bip.koscian.pl").zone
    assert (zone.problem_code, zone.held, world.rings) == ("unproven", "unproven", [])
    proof = _proof(own, zone)
    assert (proof.record_name, len(proof.token), proof.state) == ("_cis-proof.koscian.pl", 32, "waiting")
    ask_now(own, zone_id=zone.id, look=lambda *asked: MISSING if asked == ("koscian.pl", proof.token) else RIGHT)
    assert _proof(own, zone).finding == "txt_missing"
    with pytest.raises(TooMany):
        ask_now(own, zone_id=zone.id, look=lambda *_: RIGHT)
    _let_pass(zone)
    ask_now(own, zone_id=zone.id, look=lambda *_: RIGHT)
    assert [_proof(own, one).how for one in (zone, below)] == ["txt", "txt"]
    for one in (zone, below):
        db.session.refresh(one)
        assert (one.held, one.problem_code, one.state) == ("", None, "pending")
    assert world.rings == [zone.node_id]
    assert create_zone(own, member_id=world.koscian.id, name="www.koscian.pl").zone.held == ""
    tags = db.session.scalars(select(Event.tag).where(Event.resource_id == zone.id)).all()
    assert tags == ["dns:zone:create", "dns:name:prove"]
    with pytest.raises(Conflict, match="proven_already"):
        ask_now(own, zone_id=zone.id, look=lambda *_: RIGHT)


@pytest.mark.one_database
def test_a_delegation_proves_a_name_only_if_it_was_turned_to_us_after_it_was_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = world.member_admin(world.koscian)
    before, after = (create_zone(own, member_id=world.koscian.id, name=name).zone for name in ("a.test", "b.test"))
    seen = {"a.test": OURS, "b.test": MISSING}
    monkeypatch.setattr(proving, "world", lambda: type("World", (), {"look": staticmethod(lambda name, _: seen[name])}))
    assert ask_proofs(SYSTEM) == 2
    assert ask_proofs(SYSTEM) == 0
    assert [_proof(own, zone).finding for zone in (before, after)] == ["ns_before", "txt_missing"]
    seen["b.test"] = OURS
    for zone in (before, after):
        _let_pass(zone)
    assert ask_proofs(SYSTEM) == 2
    assert [_proof(own, zone).state for zone in (before, after)] == ["waiting", "proven"]
    assert _proof(own, after).how == "ns"


def test_who_may_vouch_does_with_a_reason_and_a_name_nobody_proves_becomes_free(world: World) -> None:
    grant(world.smigiel, zones=10)
    own, other = world.member_admin(world.koscian), world.member_admin(world.smigiel)
    zone = create_zone(own, member_id=world.koscian.id, name="powiat.test").zone
    assert _refused(other, world.smigiel, "powiat.test") == "name_others"
    with pytest.raises(NotAllowed):
        vouch(own, zone_id=zone.id, reason="It is ours, believe me")
    with pytest.raises(NotFound):
        get_proof(other, zone.id)
    with pytest.raises(Invalid, match="reason_short"):
        vouch(actor("provisioner"), zone_id=zone.id, reason="ok")
    with unit_of_work():
        db.session.execute(update(NameProof).values(expires_at=utcnow() - timedelta(days=1)))
    assert ask_proofs(SYSTEM) == 0
    assert _proof(own, zone).state == "expired"
    theirs = create_zone(other, member_id=world.smigiel.id, name="powiat.test").zone
    with pytest.raises(Conflict):
        ask_now(own, zone_id=zone.id, look=lambda *_: RIGHT)
    create_domain(SYSTEM, name="powiat.test", member_id=world.smigiel.id)
    assert [len(zone_content(one).sets) for one in (zone, theirs)] == [1, 6]
    vouch(actor("provisioner"), zone_id=theirs.id, reason="Paper of 3 November")
    vouched = _proof(other, theirs)
    assert (vouched.state, vouched.settled_by) == ("vouched", "provisioner")
    i18n.connect(world.app)
    assert len({finding_words(code) for code in FINDINGS}) == len(FINDINGS)
    told = db.session.scalars(select(Event).where(Event.tag == "dns:name:vouch")).one()
    assert told.detail is not None
    assert (told.resource_id, told.detail.data) == (theirs.id, {"reason": "Paper of 3 November"})


def test_a_name_that_was_given_up_waits_for_its_member_for_years(world: World) -> None:
    grant(world.smigiel, zones=10)
    own = world.member_admin(world.koscian)
    never = create_zone(own, member_id=world.koscian.id, name="never.test").zone
    for zone in (never, create_zone(SYSTEM, member_id=world.koscian.id, name="had.test").zone):
        remove_zone(SYSTEM, zone_id=zone.id)
        purge_zone(SYSTEM, zone_id=zone.id)
    assert _refused(world.member_admin(world.smigiel), world.smigiel, "never.test") == ""
    for name in ("had.test", "www.had.test"):
        assert _refused(world.member_admin(world.smigiel), world.smigiel, name) == "name_released"
        assert _refused(SYSTEM, world.smigiel, name) == "name_released"
        assert not name_faults(SYSTEM, [(world.smigiel.id, name)], reasons=["It moved to them"])
    assert _refused(own, world.koscian, "had.test") == ""
    with unit_of_work():
        db.session.execute(update(ReleasedName).values(released_at=utcnow() - timedelta(days=6 * 366)))
    assert _refused(SYSTEM, world.smigiel, "www.had.test") == ""


def _refused(who: Actor, member: Member | None, name: str) -> str:
    """The code with which a name is refused; what was made is taken away again."""
    try:
        with suppress(_Undone), unit_of_work():
            create_zone(who, member_id=None if member is None else member.id, name=name)
            _undo()
    except PanelError as error:
        return error.code
    return ""


class _Undone(Exception):
    pass


def _undo() -> None:
    raise _Undone


def _proof(who: Actor, zone: Zone) -> NameProof:
    found = get_proof(who, zone.id)
    assert found is not None
    return found


def _let_pass(zone: Zone) -> None:
    """As if a minute had gone by since the zone's name was looked for."""
    ago = utcnow() - timedelta(minutes=1)
    with unit_of_work():
        db.session.execute(update(NameProof).where(NameProof.holder_id == zone.id).values(asked_at=ago, next_at=ago))
